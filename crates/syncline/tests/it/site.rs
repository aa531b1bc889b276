//! A sandbox, a folder of files, and a configuration that sends one into the other.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use syncline::{
    CollectionReport, Config, ConfigArgs, EdfiConfig, Event, Failure, Holder, Observer, Resend,
    Selection, SendArgs, SendSummary, StoreConfig,
};
use syncline_sandbox::schema::{ApiModel, embedded};
use syncline_sandbox::{FaultAction, FaultMatch, FaultPlan, FaultRule, RequestLog};
use syncline_sandbox::{Sandbox, SandboxConfig};
use syncline_store::layers::RetryPolicy;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// Longest time that anything in these tests is waited for.
const PATIENCE: Duration = Duration::from_secs(20);
/// Collection that most tests send.
pub(crate) const STUDENTS: &str = "ed-fi/students";
/// Path of it in a fault plan.
pub(crate) const STUDENTS_PATH: &str = "/ed-fi/students";

/// A folder with `data` and `syncline.yaml`.
pub(crate) struct Site {
    pub(crate) folder: TempDir,
    /// Lines of the API's section beyond the usual ones.
    pub(crate) settings: Vec<String>,
    /// How failures are tried again: fast, so that tests are.
    pub(crate) retry: RetryPolicy,
}

impl Site {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        Self {
            folder,
            settings: vec!["pool_size: 4".to_owned()],
            retry: RetryPolicy {
                attempts_max: 8,
                wait_first: Duration::from_millis(2),
                wait_factor: 2.0,
                wait_max: Duration::from_millis(40),
                total_max: PATIENCE,
            },
        }
    }

    /// A site whose data is a number of students.
    pub(crate) fn with_students(number: usize) -> Self {
        let site = Self::new();
        site.write("students.jsonl", students(1..=number));
        site
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn write(&self, file: &str, text: impl AsRef<[u8]>) {
        let path = self.data().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The configuration for an API, as read from a file.
    pub(crate) fn config(&self, url: &str) -> Config {
        let lines = self.settings.iter();
        let settings: String = lines.flat_map(|line| ["    ", line, "\n"]).collect();
        let text = format!(
            "stores:\n  files:\n    kind: files\n    path: data\n  api:\n    kind: edfi\n    \
             base_url: {url}\n    client_id: populated\n    client_secret: populatedSecret\n\
             {settings}"
        );
        let file = self.folder.path().join("syncline.yaml");
        std::fs::write(&file, text).unwrap();
        let mut config = Config::load(&ConfigArgs {
            file: Some(file),
            ..ConfigArgs::default()
        })
        .unwrap();
        api(&mut config).retry = self.retry;
        config
    }

    /// Sends everything; the run itself may have failed.
    pub(crate) async fn send(&self, url: &str) -> SendSummary {
        self.try_send(url).await.unwrap()
    }

    pub(crate) async fn try_send(&self, url: &str) -> Result<SendSummary, Failure> {
        send(&self.config(url), quiet()).await
    }
}

/// The API of a configuration.
pub(crate) fn api(config: &mut Config) -> &mut EdfiConfig {
    match config.stores.get_mut("api") {
        Some(StoreConfig::Edfi(api)) => api,
        other => panic!("no API: {other:?}"),
    }
}

/// What is sent without options.
pub(crate) fn plain_arguments() -> SendArgs {
    SendArgs {
        selection: Selection::default(),
        force: false,
        resend: Resend::default(),
        rejects: None,
        dry_run: false,
        prune: None,
        reject_file: None,
        holder: Holder {
            command: "a test".to_owned(),
            process_id: std::process::id(),
            host: String::new(),
            started: syncline::now_text(),
        },
    }
}

pub(crate) async fn send(
    config: &Config,
    observer: Arc<dyn Observer>,
) -> Result<SendSummary, Failure> {
    let stop = CancellationToken::new();
    let sending = syncline::send(config, plain_arguments(), observer, stop);
    tokio::time::timeout(PATIENCE, sending)
        .await
        .expect("an end within the time a test has")
}

/// An observer that calls a function.
pub(crate) struct Telling<F>(pub(crate) F);

impl<F: Fn(&Event) + Send + Sync> Observer for Telling<F> {
    fn on(&self, event: &Event) {
        (self.0)(event);
    }
}

pub(crate) fn quiet() -> Arc<dyn Observer> {
    Arc::new(Telling(|_: &Event| {}))
}

/// A sandbox of the built-in model.
pub(crate) async fn sandbox() -> Sandbox {
    sandbox_with(|_| {}).await
}

/// A sandbox of the built-in model with other settings.
pub(crate) async fn sandbox_with(change: impl FnOnce(&mut SandboxConfig)) -> Sandbox {
    sandbox_of(embedded().unwrap(), change).await
}

pub(crate) async fn sandbox_of(
    model: ApiModel,
    change: impl FnOnce(&mut SandboxConfig),
) -> Sandbox {
    let mut config = SandboxConfig::new(model);
    change(&mut config);
    Sandbox::start(config).await.unwrap()
}

/// A sandbox that misbehaves when students are posted.
pub(crate) async fn faulty_sandbox(on: FaultMatch, action: FaultAction) -> Sandbox {
    let sandbox = sandbox().await;
    sandbox.set_faults(plan([rule(on, action)]));
    sandbox
}

/// A sandbox that keeps its data, on a fixed address.
pub(crate) async fn durable(address: SocketAddr, data: &Path) -> Sandbox {
    sandbox_with(|config| {
        config.listen = address;
        config.data = Some(data.to_owned());
    })
    .await
}

pub(crate) fn plan(rules: impl IntoIterator<Item = FaultRule>) -> FaultPlan {
    FaultPlan {
        seed: 11,
        rules: rules.into_iter().collect(),
    }
}

/// A rule about posting students.
pub(crate) fn rule(on: FaultMatch, action: FaultAction) -> FaultRule {
    let mut rule = FaultRule {
        on,
        action,
        ..FaultRule::default()
    };
    rule.on.method = Some("POST".to_owned());
    rule.on.path = Some(STUDENTS_PATH.to_owned());
    rule
}

/// Every n-th request.
pub(crate) fn every(every: u64) -> FaultMatch {
    FaultMatch {
        every: Some(every),
        ..FaultMatch::default()
    }
}

/// An answer with a status and headers.
pub(crate) fn status(status: u16, headers: &[(&str, &str)]) -> FaultAction {
    let text = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    FaultAction::Status {
        status,
        body: String::new(),
        headers: headers.iter().map(text).collect(),
    }
}

/// Comes back when the log of a sandbox is as wanted.
pub(crate) async fn until(sandbox: &Sandbox, wanted: impl Fn(&RequestLog) -> bool) {
    let waiting = async {
        while !wanted(&sandbox.requests()) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .expect("what is waited for");
}

/// POSTs of students that were answered or broken off.
pub(crate) fn posts(sandbox: &Sandbox) -> u64 {
    sandbox.requests().count("POST", STUDENTS_PATH)
}

/// Requests for a token.
pub(crate) fn token_requests(sandbox: &Sandbox) -> u64 {
    sandbox.requests().count("POST", "/oauth/token")
}

/// A student.
pub(crate) fn student(id: usize, name: &str) -> String {
    format!(
        "{{\"studentUniqueId\":\"{id}\",\"firstName\":\"{name}\",\"lastSurname\":\"Byron\",\
         \"birthDate\":\"2014-05-01\"}}"
    )
}

/// Lines of students.
pub(crate) fn students(ids: impl IntoIterator<Item = usize>) -> String {
    ids.into_iter()
        .map(|id| student(id, "Ada") + "\n")
        .collect()
}

/// What became of the students.
pub(crate) fn report(summary: &SendSummary) -> &CollectionReport {
    &summary.report.collections[STUDENTS]
}

/// The reject file as file, line, status and reason.
pub(crate) fn rejects(summary: &SendSummary) -> Vec<(String, u64, u64, String)> {
    let path = summary.reject_file.as_ref().expect("a reject file");
    let text = std::fs::read_to_string(path).unwrap();
    let mut rejects: Vec<_> = text
        .lines()
        .map(|line| {
            let reject: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| reject[name].as_str().unwrap().to_owned();
            let number = |name: &str| reject[name].as_u64().unwrap();
            (
                text("file"),
                number("line"),
                number("status"),
                text("reason"),
            )
        })
        .collect();
    rejects.sort();
    rejects
}

/// How large a test is: as the environment says, for the nightly run, or as is fit for every day.
pub(crate) fn size(variable: &str, usual: u64) -> u64 {
    std::env::var_os(variable).map_or(usual, |text| {
        let number = text.to_str().and_then(|text| text.parse().ok());
        number.unwrap_or_else(|| panic!("{variable} is no number"))
    })
}
