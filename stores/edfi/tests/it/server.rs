//! A server with the built-in data model, stores that reach it, and a district to put into it.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use syncline_http::{ClientSettings, Credentials};
use syncline_sandbox::generate::{self, GenerateConfig, Manifest};
use syncline_sandbox::{ApiVersion, Sandbox, SandboxConfig, schema};
use syncline_store_edfi::{EdfiSettings, EdfiStore, Mode, ReadSettings, Urls};

pub(crate) async fn start(api: ApiVersion) -> Sandbox {
    let model = schema::embedded().unwrap();
    let config = SandboxConfig {
        api,
        ..SandboxConfig::new(model)
    };
    Sandbox::start(config).await.unwrap()
}

pub(crate) async fn open(sandbox: &Sandbox) -> EdfiStore {
    open_with(sandbox, ReadSettings::default()).await
}

pub(crate) async fn open_with(sandbox: &Sandbox, reading: ReadSettings) -> EdfiStore {
    EdfiStore::open(settings(sandbox, reading)).await.unwrap()
}

pub(crate) fn settings(sandbox: &Sandbox, reading: ReadSettings) -> EdfiSettings {
    EdfiSettings {
        base_url: sandbox.url().parse().unwrap(),
        urls: Urls::default(),
        mode: Mode::Shared,
        route: BTreeMap::new(),
        credentials: Credentials {
            client_id: "populated".to_owned(),
            client_secret: "populatedSecret".into(),
        },
        scope: None,
        profile: None,
        namespace: "ed-fi".to_owned(),
        namespace_overrides: BTreeMap::new(),
        client: ClientSettings::default(),
        reading,
        cache: None,
        wipe: false,
    }
}

/// A district on disk; its files can be loaded in the order of the manifest.
pub(crate) fn district(folder: &Path, students: u64) -> Manifest {
    let config = GenerateConfig {
        students,
        seed: 11,
        out: folder.to_owned(),
        defects: None,
        school_year: 2026,
    };
    generate::write(&config).unwrap()
}

/// The first lines of a file.
pub(crate) fn lines(folder: &Path, file: &str, most: usize) -> Vec<Bytes> {
    let text = fs_err::read_to_string(folder.join(file)).unwrap();
    let lines = text.lines().take(most);
    lines.map(|line| line.to_owned().into()).collect()
}
