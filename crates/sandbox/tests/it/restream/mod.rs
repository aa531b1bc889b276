//! The simulated service of time series over real sockets.

mod changes;
mod data;
mod faults;
mod hostile;
mod lists;
mod login;
mod page;
mod shapes;
mod sockets;
mod stages;

use std::io::Read as _;

use serde_json::Value;
use syncline_sandbox::restream::{Behaviour, Restream, RestreamConfig};

use crate::client::{Answer, exchange};

const REST: &str = "/external/thirdparty/v1";
/// A second at which much has been measured.
const AT: i64 = 1_735_689_600 + 30 * 3_600;

/// A server whose clock stands, and the token of its client.
struct Fixture {
    restream: Restream,
    token: String,
}

impl Fixture {
    async fn new() -> Self {
        Self::with(RestreamConfig::default()).await
    }

    async fn behaving(behaviour: Behaviour) -> Self {
        let config = RestreamConfig {
            behaviour,
            ..RestreamConfig::default()
        };
        Self::with(config).await
    }

    async fn with(config: RestreamConfig) -> Self {
        let restream = Restream::start(RestreamConfig { speed: 0, ..config }).await;
        let mut fixture = Self {
            restream: restream.unwrap(),
            token: String::new(),
        };
        let answer = fixture.log_in("restreamSecret");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        fixture.token = format!("Bearer {token}");
        fixture
    }

    fn log_in(&self, secret: &str) -> Answer {
        let form =
            format!("client_id=restream&client_secret={secret}&grant_type=client_credentials");
        let headers = [("Content-Type", "application/x-www-form-urlencoded")];
        self.ask("POST", "/o/token/", &headers, &form)
    }

    /// A request without a token.
    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let address = self.restream.address();
        exchange(address, method, path, headers, body.as_bytes()).unwrap()
    }

    fn try_get(&self, path: &str, more: &[(&str, &str)]) -> std::io::Result<Answer> {
        let headers = [&[("Authorization", self.token.as_str())], more].concat();
        let path = format!("{REST}{path}");
        exchange(self.restream.address(), "GET", &path, &headers, b"")
    }

    fn get(&self, path: &str) -> Answer {
        self.try_get(path, &[]).unwrap()
    }

    /// What is at a path that is there.
    fn json(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    fn list(&self, path: &str) -> Vec<Value> {
        self.json(path).as_array().unwrap().clone()
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        let json = ("Content-Type", "application/json");
        let headers = [("Authorization", self.token.as_str()), json];
        self.ask(
            method,
            &format!("{REST}{path}"),
            &headers,
            &body.to_string(),
        )
    }

    /// A request below `/sandbox/`.
    fn admin(&self, method: &str, path: &str, body: &Value) -> Answer {
        let headers = [("Content-Type", "application/json")];
        self.ask(
            method,
            &format!("/sandbox/{path}"),
            &headers,
            &body.to_string(),
        )
    }

    fn arm(&self, rules: &Value) {
        let armed = self.admin("PUT", "faults", &serde_json::json!({"rules": rules}));
        assert_eq!(armed.status, 204, "{}", armed.text());
    }
}

/// A range as the client writes it, both ends included.
fn range(from: i64, to: i64) -> String {
    let text = |second: i64| {
        let stamp = jiff::Timestamp::from_second(second).unwrap();
        stamp.strftime("%Y-%m-%d+%H:%M:%S").to_string()
    };
    format!("start_datetime={}&end_datetime={}", text(from), text(to))
}

fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    let mut decoder = flate2::read::GzDecoder::new(bytes);
    decoder.read_to_end(&mut all).unwrap();
    all
}

fn ids(list: &[Value]) -> Vec<u64> {
    list.iter().map(|one| one["id"].as_u64().unwrap()).collect()
}
