//! How fast payloads are checked: `throughput FILE.jsonl [COLLECTION]`, against the built-in
//! model of the sandbox. The collection is `ed-fi/` and the name of the file if it is not given.

use std::path::Path;
use std::time::{Duration, Instant};

use syncline_check::{Schemas, Verdict};
use syncline_model::CollectionName;
use syncline_sandbox::schema::embedded;
use syncline_sandbox::schema::render::{self, Part, Style};

/// Shortest time that is measured.
const LEAST: Duration = Duration::from_secs(2);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("name a file of payloads")?;
    let stem = Path::new(&file).file_stem().unwrap_or_default();
    let short = format!("ed-fi/{}", stem.to_string_lossy());
    let collection = CollectionName::new(arguments.next().unwrap_or(short));
    let model = embedded()?;
    let document = |part| render::openapi(&model, part, Style::OpenApi3, "", "");
    let documents = [Part::Resources, Part::Descriptors].map(document);
    let checker = Schemas::read(&documents)?
        .checker(&collection)
        .ok_or_else(|| format!("there is no collection {collection}"))?;
    let data = fs_err::read(&file)?;
    let lines: Vec<&[u8]> = data.split(|&byte| byte == b'\n').collect();
    let lines: Vec<&[u8]> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    measure(&lines, |line| {
        checker.verdict(line, &mut ()) == Verdict::Clean
    });
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the time it takes is what this is for"
)]
#[expect(clippy::print_stdout, reason = "the figure is what this is for")]
#[expect(clippy::cast_precision_loss, reason = "a rate needs no more digits")]
fn measure(lines: &[&[u8]], is_clean: impl Fn(&[u8]) -> bool) {
    let bytes: usize = lines.iter().map(|line| line.len()).sum();
    let (mut best, mut clean) = (Duration::MAX, 0);
    let start = Instant::now();
    while start.elapsed() < LEAST {
        let round = Instant::now();
        clean = lines.iter().filter(|line| is_clean(line)).count();
        best = best.min(round.elapsed());
    }
    println!(
        "{:.0} MB/s, {:.0} records/s, {clean} of {} clean, {} bytes each",
        bytes as f64 / best.as_secs_f64() / 1e6,
        lines.len() as f64 / best.as_secs_f64(),
        lines.len(),
        bytes / lines.len().max(1),
    );
}
