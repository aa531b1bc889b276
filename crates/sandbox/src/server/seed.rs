//! Filling a database without a server: from files of records, or with a made-up district.
//!
//! Records go the way of a POST and pass the same checks; only HTTP and login are left out. Many
//! of them share a transaction, so a process that dies leaves whole records, but not all that it
//! had read.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use bytes::Bytes;
use fs_err::File;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, Uri};

use super::access::Caller;
use super::service::{Call, Service};
use super::{SandboxConfig, SandboxError, items};
use crate::generate::{self, GenerateConfig};
use crate::schema::render;

const BATCH: u64 = 1_000;
const REFUSALS_KEPT: usize = 20;

/// What became of the records that were offered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeedReport {
    /// Records that are there now.
    pub accepted: u64,
    /// Records that broke a rule.
    pub refused: u64,
    /// The first of those.
    pub first_refusals: Vec<SeedRefusal>,
    /// Files whose names are those of no resource.
    pub unknown_files: Vec<String>,
}

/// A record that broke a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedRefusal {
    /// Resource and position, `students:12`.
    pub place: String,
    /// Status a server would have answered.
    pub status: u16,
    /// Why.
    pub reason: String,
}

/// Offers every `NAME.jsonl` of a folder, in the load order of the model.
///
/// # Errors
/// A folder or file that cannot be read, or a database that cannot be written.
pub fn seed_folder(config: SandboxConfig, folder: &Path) -> Result<SeedReport, SandboxError> {
    let mut seeder = Seeder::open(config)?;
    let mut files = jsonl_files(folder)?;
    for (namespace, name) in seeder.load_order() {
        let Some(path) = files.remove(&name) else {
            continue;
        };
        let lines = BufReader::new(File::open(path)?).split(b'\n');
        for (number, line) in (1..).zip(lines) {
            let line = line?;
            if !line.trim_ascii().is_empty() {
                seeder.offer((&namespace, &name), number, line.into())?;
            }
        }
    }
    seeder.report.unknown_files = files.into_keys().collect();
    seeder.finish()
}

/// Offers a made-up district of so many students; the same seed gives the same records.
///
/// # Errors
/// A school year out of range, or a database that cannot be written.
pub fn seed_district(
    config: SandboxConfig,
    district: &GenerateConfig,
) -> Result<SeedReport, SandboxError> {
    let mut seeder = Seeder::open(config)?;
    let mut number = 0;
    generate::each(district, &mut |collection, record| {
        number += 1;
        seeder.offer(("ed-fi", collection), number, record.to_string().into())
    })?;
    seeder.finish()
}

struct Seeder {
    service: Service,
    caller: Caller,
    call: Call,
    report: SeedReport,
}

impl Seeder {
    fn open(config: SandboxConfig) -> Result<Self, SandboxError> {
        let own = config.client_id.clone();
        let open = SandboxConfig {
            clients: Vec::new(),
            ..config
        };
        let service = Service::open(open, "http://localhost")?;
        let caller = service.caller(&own);
        service.storage().begin_batch()?;
        let json = HeaderValue::from_static("application/json");
        Ok(Self {
            service,
            caller,
            call: Call {
                method: Method::POST,
                uri: Uri::default(),
                headers: HeaderMap::from_iter([(CONTENT_TYPE, json)]),
                body: Bytes::new(),
                query: Vec::new(),
            },
            report: SeedReport::default(),
        })
    }

    /// Namespace and name of every endpoint; what refers to others comes after them.
    fn load_order(&self) -> Vec<(String, String)> {
        let dependencies = render::dependencies(&self.service.metadata.config.model);
        let entries = dependencies.as_array().into_iter().flatten();
        let paths = entries.filter_map(|entry| entry["resource"].as_str());
        let split = |path: &str| {
            let (namespace, name) = path.trim_start_matches('/').split_once('/')?;
            Some((namespace.to_owned(), name.to_owned()))
        };
        ["/ed-fi/schoolYearTypes"]
            .into_iter()
            .chain(paths)
            .filter_map(split)
            .collect()
    }

    fn offer(
        &mut self,
        (namespace, name): (&str, &str),
        number: u64,
        body: Bytes,
    ) -> Result<(), SandboxError> {
        let endpoint = self.service.catalog.by_path(namespace, name);
        let endpoint = endpoint.ok_or_else(|| SandboxError::UnknownResource {
            path: format!("{namespace}/{name}"),
        })?;
        self.call.body = body;
        let request = (&self.call, &self.caller);
        match items::dispatch(&self.service, endpoint, request, None) {
            Ok(_) => self.report.accepted += 1,
            Err(problem) => {
                self.report.refused += 1;
                if self.report.first_refusals.len() < REFUSALS_KEPT {
                    let (status, reason) = problem.summary();
                    self.report.first_refusals.push(SeedRefusal {
                        place: format!("{name}:{number}"),
                        status,
                        reason,
                    });
                }
            }
        }
        if (self.report.accepted + self.report.refused).is_multiple_of(BATCH) {
            let mut storage = self.service.storage();
            storage.end_batch()?;
            storage.begin_batch()?;
        }
        Ok(())
    }

    fn finish(self) -> Result<SeedReport, SandboxError> {
        self.service.storage().end_batch()?;
        Ok(self.report)
    }
}

/// The files of records in a folder, by the resource they are named for.
pub(crate) fn jsonl_files(folder: &Path) -> std::io::Result<BTreeMap<String, std::path::PathBuf>> {
    let mut files = BTreeMap::new();
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        let named = path
            .extension()
            .is_some_and(|extension| extension == "jsonl");
        if let Some(stem) = path.file_stem().filter(|_| named) {
            files.insert(stem.to_string_lossy().into_owned(), path);
        }
    }
    Ok(files)
}

/// Removes a data file and its snapshots, so that the next server on it is a fresh one.
///
/// # Errors
/// A file that a server has open, or that holds no records of a sandbox.
pub fn reset_data(data: &Path) -> Result<(), SandboxError> {
    crate::storage::Storage::verify(data)?;
    let _claim = crate::storage::claim(data)?;
    for (_, file) in super::snapshots::beside(data) {
        super::snapshots::remove_database(&file);
    }
    super::snapshots::remove_database(data);
    Ok(())
}
