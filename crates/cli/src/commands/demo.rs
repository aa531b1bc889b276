//! `demo`: everything in one go, on a small made-up district and a sandbox of its own.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use syncline::{
    Config, ConfigArgs, Failure, Observer, Resend, Selection, SendArgs, SendSummary, count_table,
};
use syncline_sandbox::generate::{GenerateConfig, change, write};
use syncline_sandbox::schema::embedded;
use syncline_sandbox::{Sandbox, SandboxConfig};

use super::local;
use crate::args::DemoArgs;
use crate::summary::{count, number};
use crate::{environment, output, progress, signals, summary};

/// The district follows from this number.
const SEED: u64 = 7;
/// Records that are changed for the third run.
const CHANGES: usize = 12;
/// Marks a folder as made by the demo, which may therefore make it anew.
const CONFIG: &str = "syncline.yaml";
const FIRST_LINE: &str = "# Made by `syncline demo`.";

pub(crate) async fn run(arguments: &DemoArgs) -> Result<u8, Failure> {
    let folder = &arguments.dir;
    prepare(folder)?;
    let sandbox = start(folder).await?;
    say(&format!(
        "An Ed-Fi API runs at {} and holds nothing yet.",
        sandbox.url()
    ));

    let manifest = write(&GenerateConfig {
        students: arguments.students,
        seed: SEED,
        out: folder.join("data"),
        defects: None,
        school_year: 2026,
    })
    .map_err(|error| local(&error))?;
    say(&format!(
        "A made-up district of {} is in {}: {} in {} collections.",
        count(arguments.students, "student"),
        folder.join("data").display(),
        count(manifest.lines(), "record"),
        manifest.files.len()
    ));
    let config = configuration(folder, sandbox.url())?;
    check(&config).await?;

    say("\nSending it, each collection as soon as those it refers to are there:");
    let first = send(&config, progress::observer(None)).await?;
    output::note("");
    output::data(&summary::of_send(&first, Some(&config.file)));
    if first.exit_status(true) != 0 {
        return Ok(first.exit_status(true));
    }
    let second = again(
        &config,
        &sandbox,
        "\nSending it again, nothing has changed:",
    )
    .await?;
    let changed = change(&folder.join("data"), SEED, CHANGES).map_err(|error| local(&error))?;
    let heading = format!(
        "\nChanging {} and sending again:",
        count(changed.len() as u64, "record")
    );
    let third = again(&config, &sandbox, &heading).await?;

    let held = syncline::count(
        &config,
        &Selection::from_lists("students,staffs,schools", ""),
    )
    .await?;
    say("\nWhat the API holds now, in part:");
    output::data(&count_table(&held, "  ", false));
    say(&by_hand(folder, &sandbox));
    sandbox.stop().await;
    Ok(second.max(third))
}

fn say(text: &str) {
    output::data(&format!("{text}\n"));
}

/// Makes the folder; one that an earlier demo made is made anew, any other is left alone.
fn prepare(folder: &Path) -> Result<(), Failure> {
    let config = folder.join(CONFIG);
    let ours = fs_err::read_to_string(&config).is_ok_and(|text| text.starts_with(FIRST_LINE));
    if ours {
        fs_err::remove_dir_all(folder)?;
    } else if folder.exists() && fs_err::read_dir(folder)?.next().is_some() {
        return Err(
            Failure::configuration(format!("{} is not empty", folder.display()))
                .with_hint("give another folder with --dir"),
        );
    }
    fs_err::create_dir_all(folder.join("data"))?;
    Ok(())
}

async fn start(folder: &Path) -> Result<Sandbox, Failure> {
    let mut config = SandboxConfig::new(embedded().map_err(|error| local(&error))?);
    config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.data = Some(folder.join("sandbox.sqlite"));
    Sandbox::start(config).await.map_err(|error| local(&error))
}

/// Writes the configuration and reads it back.
fn configuration(folder: &Path, url: &str) -> Result<Config, Failure> {
    let mut text = format!("{FIRST_LINE}\n");
    let lines = [
        "stores:",
        "  district:",
        "    kind: files",
        "    path: data",
        "  api:",
        "    kind: edfi",
        &format!("    base_url: {url}"),
        "    client_id: populated",
        "    client_secret: populatedSecret",
        "    pool_size: 16",
    ];
    for line in lines {
        // Writing into a text cannot fail.
        let _written = writeln!(text, "{line}");
    }
    let file = folder.join(CONFIG);
    fs_err::write(&file, text)?;
    Config::load(&ConfigArgs {
        file: Some(file),
        current_folder: environment::current_folder()?,
        environment: environment::variables(),
        ..ConfigArgs::default()
    })
}

/// Looks at the configuration, the folder and the API.
async fn check(config: &Config) -> Result<(), Failure> {
    say("\nChecking the configuration:");
    for found in syncline::check(config, true).await {
        if let Some(failure) = found.failure {
            return Err(failure);
        }
        say(&format!("  {}: {}", found.name, found.facts.join("; ")));
    }
    Ok(())
}

async fn send(config: &Config, observer: Arc<dyn Observer>) -> Result<SendSummary, Failure> {
    let arguments = SendArgs {
        selection: Selection::default(),
        force: false,
        resend: Resend::default(),
        rejects: None,
        dry_run: false,
        prune: None,
        reject_file: None,
        holder: environment::holder("demo"),
    };
    syncline::send(config, arguments, observer, signals::stop_token()).await
}

/// Sends once more and says in two lines what that took; the exit status.
async fn again(config: &Config, sandbox: &Sandbox, heading: &str) -> Result<u8, Failure> {
    say(heading);
    let before = sandbox.requests().count("POST", "/ed-fi/");
    let sent = send(config, progress::silent()).await?;
    let posted = sandbox.requests().count("POST", "/ed-fi/") - before;
    let report = &sent.report;
    let sum = |value: fn(&syncline::CollectionReport) -> u64| {
        report.collections.values().map(value).sum::<u64>()
    };
    say(&format!(
        "  {} read in {:.2} s, {} unchanged, {} updated; the API saw {}.",
        count(sum(|report| report.read), "record"),
        report.ended - report.started,
        number(sum(|report| report.unchanged)),
        number(sum(|report| report.updated)),
        count(posted, "POST"),
    ));
    Ok(sent.exit_status(true))
}

/// How to go on without the demo.
fn by_hand(folder: &Path, sandbox: &Sandbox) -> String {
    let shown = folder.display();
    format!(
        "\nGo on by hand. Start the API again with what it holds:\n  \
         syncline sandbox edfi --listen {} --data {shown}/sandbox.sqlite\n\
         and in another terminal:\n  \
         syncline config check --connect -c {shown}/{CONFIG}\n  \
         syncline send -c {shown}/{CONFIG}\n  \
         syncline count -c {shown}/{CONFIG}\n\
         The records are in {shown}/data, what is known of the API in {shown}/.syncline/ledger.sqlite.",
        sandbox.address()
    )
}
