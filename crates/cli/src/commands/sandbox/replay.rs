//! `sandbox replay`: a scenario against any server.

use syncline::Failure;
use syncline_sandbox::replay::{ReplayClient, ReplayReport, ReplayTarget, replay};
use syncline_sandbox::{Client, read_clients};

use super::local;
use crate::args::SandboxReplayArgs;
use crate::output;
use crate::summary::count;

/// Exit status when the server answers otherwise, as for any differences found.
const DIFFERENT: u8 = 6;

pub(super) async fn run(arguments: &SandboxReplayArgs) -> Result<u8, Failure> {
    let claims = arguments.claims.as_deref();
    let clients = claims.map_or_else(|| Ok(Vec::new()), read_clients);
    let clients = clients.map_err(|error| local(&error))?;
    let target = ReplayTarget {
        clients: clients.into_iter().map(named).collect(),
        url: arguments.target.clone(),
        client_id: arguments.client_id.clone(),
        client_secret: arguments.client_secret.clone(),
        run: arguments.run.to_string(),
    };
    let file = arguments.file.clone();
    let replayed = tokio::task::spawn_blocking(move || replay(&target, &file)).await;
    let report = replayed
        .map_err(|error| local(&error))?
        .map_err(|error| local(&error))?;
    tell(&report);
    Ok(if report.differences.is_empty() {
        0
    } else {
        DIFFERENT
    })
}

/// A client under the name that steps have for it.
fn named(client: Client) -> (String, ReplayClient) {
    let name = if client.name.is_empty() {
        client.client_id.clone()
    } else {
        client.name
    };
    let client = ReplayClient {
        client_id: client.client_id,
        client_secret: client.client_secret,
    };
    (name, client)
}

fn tell(report: &ReplayReport) {
    for difference in &report.differences {
        let (line, name, request) = (difference.line, &difference.name, &difference.request);
        output::data(&format!("line {line}: {name}\n  {request}\n"));
        for reason in &difference.reasons {
            output::data(&format!("    {reason}\n"));
        }
    }
    let different = u64::try_from(report.differences.len()).unwrap_or(u64::MAX);
    output::note(&format!(
        "version {}: {} as expected, {different} otherwise, {} for other versions or clients",
        report.version,
        count(report.passed, "answer"),
        report.skipped
    ));
}
