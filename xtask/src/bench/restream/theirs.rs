//! The client that the vendor publishes, as `scripts/interop/restream` installs it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::{SITE, START};
use crate::bench::options::Options;
use crate::bench::program::root;
use crate::bench::report::say;
use crate::bench::server::Server;

pub(super) const NAME: &str = "restreamsolutions";

/// What it is told to do.
const SAVE: &str = "
import datetime, sys
from restreamsolutions import Site
utc = lambda second: datetime.datetime.fromtimestamp(int(second), datetime.timezone.utc)
site, start, end, path = sys.argv[1:]
Site(int(site)).get_data(start_datetime=utc(start), end_datetime=utc(end)).save(path)
";

/// Its interpreter, if it is wanted and can be had.
pub(super) fn find(options: &Options) -> Option<PathBuf> {
    if !options.takes(NAME) {
        return None;
    }
    let found = install();
    if let Err(reason) = &found {
        say(&format!("without {NAME}: {reason:#}"));
    }
    found.ok()
}

fn install() -> Result<PathBuf> {
    let target = root().join("target");
    let script = root().join("scripts/interop/restream");
    let installed = Command::new(&script)
        .arg("--install")
        .env("CARGO_TARGET_DIR", &target)
        .status()
        .with_context(|| format!("start {}", script.display()))?;
    let python = target.join("interop/restream/venv/bin/python");
    ensure!(
        installed.success() && python.is_file(),
        "it cannot be installed"
    );
    Ok(python)
}

/// The command that saves so many records.
pub(super) fn save(python: &Path, service: &Server, (records, out): (u64, &Path)) -> Command {
    let end = (START - 1).saturating_add_unsigned(records);
    let mut command = Command::new(python);
    command
        .args([
            "-c",
            SAVE,
            &SITE.to_string(),
            &START.to_string(),
            &end.to_string(),
        ])
        .arg(out);
    environment(&mut command, service);
    command
}

/// Where the service is, and who asks.
pub(super) fn environment(command: &mut Command, service: &Server) {
    command
        .env("RESTREAM_HOST", service.url.trim_end_matches('/'))
        .env("RESTREAM_CLIENT_ID", "restream")
        .env("RESTREAM_CLIENT_SECRET", "restreamSecret");
}
