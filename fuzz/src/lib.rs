//! Servers that fuzz targets ask, and what every answer must hold.
//!
//! One server of each version, in memory and without sockets, with the embedded model; they live
//! as long as the process. An answer outside the statuses of the API ends the process, as does a
//! panic, so that libFuzzer keeps the input that caused it.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use serde_json::Value;
use syncline_sandbox::schema::embedded;
use syncline_sandbox::{ApiVersion, Sandbox, SandboxConfig};
use tokio::runtime::Runtime;

const VERSIONS: [ApiVersion; 5] = [
    ApiVersion::V5_4,
    ApiVersion::V6_2,
    ApiVersion::V7_1,
    ApiVersion::V7_3,
    ApiVersion::V8_0,
];
/// Longer than anyone lets a target run.
const LONG: Duration = Duration::from_hours(24 * 365);
/// Everything that may answer a caller who is logged in; 413 is for bodies too costly to read.
const STATUSES: [u16; 8] = [200, 201, 400, 403, 404, 405, 409, 413];

struct Server {
    sandbox: Sandbox,
    token: String,
    data: &'static str,
}

/// A server of each version, with the names of its collections.
pub struct Servers {
    runtime: Runtime,
    versions: Vec<Server>,
    /// Paths of all collections below the data root.
    collections: Vec<String>,
}

impl fmt::Debug for Servers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Servers").finish_non_exhaustive()
    }
}

/// The servers of this process, started by the first who asks.
///
/// # Panics
/// When they cannot be started.
pub fn servers() -> &'static Servers {
    static SERVERS: OnceLock<Servers> = OnceLock::new();
    SERVERS.get_or_init(start)
}

fn start() -> Servers {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let model = embedded().expect("the embedded model");
    let resources = model.resources.keys().cloned();
    let collections = resources.chain(model.descriptors.keys().cloned()).collect();
    let begin = |api: ApiVersion| {
        let config = SandboxConfig {
            api,
            token_lifetime: LONG,
            ..SandboxConfig::new(model.clone())
        };
        let sandbox = runtime.block_on(Sandbox::start(config)).expect("a sandbox");
        let token = runtime.block_on(log_in(&sandbox));
        let data = if api == ApiVersion::V8_0 {
            "/data"
        } else {
            "/data/v3"
        };
        Server {
            sandbox,
            token,
            data,
        }
    };
    let versions = VERSIONS.map(begin).into();
    Servers {
        runtime,
        versions,
        collections,
    }
}

async fn log_in(sandbox: &Sandbox) -> String {
    let request = Request::post("/oauth/token")
        .header(
            "authorization",
            "Basic cG9wdWxhdGVkOnBvcHVsYXRlZFNlY3JldA==",
        )
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from_static(b"grant_type=client_credentials"))
        .expect("a request");
    let answer = sandbox.ask(request).await;
    let answer: Value = serde_json::from_slice(answer.body()).expect("JSON");
    format!(
        "Bearer {}",
        answer["access_token"].as_str().expect("a token")
    )
}

impl Servers {
    /// Asks the server that the first number chooses about the collection that the second one
    /// does. `rest` follows the collection; what makes no URL is not sent.
    ///
    /// # Panics
    /// When the answer is not one of the API.
    pub fn ask(&self, (version, collection): (u8, u8), method: &Method, rest: &str, body: &[u8]) {
        let server = &self.versions[usize::from(version) % self.versions.len()];
        let collection = &self.collections[usize::from(collection) % self.collections.len()];
        let request = Request::builder()
            .method(method)
            .uri(format!("{}/{collection}{rest}", server.data))
            .header("authorization", &server.token)
            .header("content-type", "application/json")
            .body(Bytes::copy_from_slice(body));
        let Ok(request) = request else {
            return;
        };
        let answer = self.runtime.block_on(server.sandbox.ask(request));
        let status = answer.status().as_u16();
        assert!(
            STATUSES.contains(&status),
            "{status} from {}",
            server.sandbox.url()
        );
    }
}
