//! What a publication asks of a source of 350 resources in which nothing happened, or one thing.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::ours::Publishing;
use crate::bench::data::{Size, student};
use crate::bench::program::Workshop;
use crate::bench::report::{Target, say, table};
use crate::bench::send::Sending;
use crate::bench::server::Server;

/// Resources that the model of the server is completed to.
const RESOURCES: usize = 350;
/// Stages: what went, what changed its key, what was written.
const STAGES: usize = 3;
/// Requests that do not depend on the number of resources: login, metadata, change versions.
const CONSTANT: usize = 25;

/// Requests that the source was asked in one publication.
#[derive(Debug)]
pub(super) struct Quiet {
    first: usize,
    nothing: usize,
    one: usize,
    resources: usize,
}

impl Quiet {
    pub(super) fn targets(&self) -> [Target; 2] {
        let most = self.resources * STAGES + CONSTANT;
        let target = |after: &str, requests: usize| {
            let name = format!("requests to a live source after {after}, at most {most}");
            Target::new(name, requests.to_string(), requests <= most)
        };
        [
            target("no change", self.nothing),
            target("one change", self.one),
        ]
    }

    pub(super) fn document(&self) -> Value {
        json!({
            "resources": self.resources,
            "first": self.first,
            "nothing_changed": self.nothing,
            "one_changed": self.one,
        })
    }
}

/// Publishes everything, then nothing, then one change.
pub(super) fn measure(workshop: &Workshop) -> Result<Quiet> {
    let folder = workshop.fresh("quiet")?;
    let extension = folder.join("extension.json");
    let log = folder.join("requests.jsonl");
    let (extra, known) = completed(workshop, &extension)?;
    let model = ["--extension", &text(&extension)].map(str::to_owned);
    let record = ["--record", &text(&log)].map(str::to_owned);
    let of = |options: &[String]| -> Result<Server> {
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        Server::start_with(workshop, &options)
    };
    let source = of(&[model.clone(), record].concat())?;
    let target = of(&model)?;
    send(workshop, &source, &folder, 0)?;
    let publishing = Publishing::prepare(workshop, (&source, &target), 8)?;
    let live = ["--ignore-isolation"];
    let asked = |written: u64| -> Result<usize> {
        let before = requests(&log)?;
        publishing.publish(&live, written)?;
        Ok(requests(&log)? - before)
    };
    let first = asked(1)?;
    let nothing = asked(0)?;
    send(workshop, &source, &folder, 1)?;
    let one = asked(1)?;
    let quiet = Quiet {
        first,
        nothing,
        one,
        resources: extra + known,
    };
    let rows = [
        ("first publication", quiet.first),
        ("after no change", quiet.nothing),
        ("after one change", quiet.one),
    ];
    say(&format!("quiet: a source of {} resources", quiet.resources));
    table(
        &["", "requests"],
        &rows.map(|(name, number)| vec![name.to_owned(), number.to_string()]),
    );
    Ok(quiet)
}

/// Writes an extension that brings the model to 350 resources; how many it adds, and how many the
/// model has by itself.
fn completed(workshop: &Workshop, file: &Path) -> Result<(usize, usize)> {
    let plain = Server::start(workshop)?;
    let known = plain.resources()?;
    ensure!(known < RESOURCES, "the model has {known} resources already");
    let extra = RESOURCES - known;
    let mut paths = serde_json::Map::new();
    let mut schemas = serde_json::Map::new();
    for number in 0..extra {
        let name = format!("bench_item{number:03}");
        let reference = json!({"$ref": format!("#/components/schemas/{name}")});
        let content = |schema: Value| json!({"application/json": {"schema": schema}});
        paths.insert(
            format!("/bench/item{number:03}s"),
            json!({
                "get": {"parameters": [], "responses": {"200": {
                    "content": content(json!({"type": "array", "items": reference}))}}},
                "post": {"requestBody": {"content": content(reference.clone())}},
            }),
        );
        schemas.insert(
            name,
            json!({"type": "object", "required": ["itemNumber"], "properties": {
                "id": {"type": "string"},
                "itemNumber": {"type": "integer", "format": "int32", "x-Ed-Fi-isIdentity": true},
            }}),
        );
    }
    let document = json!({
        "openapi": "3.0.1",
        "info": {"title": "Bench", "version": "3"},
        "paths": paths,
        "components": {"schemas": schemas},
    });
    fs_err::write(file, document.to_string())?;
    Ok((extra, known))
}

/// Sends one student into the source.
fn send(workshop: &Workshop, source: &Server, folder: &Path, number: u64) -> Result<()> {
    let data: PathBuf = folder.join("data");
    fs_err::create_dir_all(&data)?;
    // Descriptor values of the records that are only measured are not known to this server.
    let mut record: Value = serde_json::from_str(&student(Size::Small, number))?;
    if let Some(members) = record.as_object_mut() {
        members.retain(|name, _| !name.ends_with("Descriptor"));
    }
    fs_err::write(data.join("students.jsonl"), format!("{record}\n"))?;
    Sending::prepare(workshop, source, &data, 1)?.send()?;
    Ok(())
}

/// Lines of the log of requests.
fn requests(log: &Path) -> Result<usize> {
    Ok(fs_err::read_to_string(log)?.lines().count())
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
