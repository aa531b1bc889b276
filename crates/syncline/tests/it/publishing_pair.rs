//! Two sandboxes, a configuration that publishes one to the other, and hands to change the source.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use syncline::{
    Config, ConfigArgs, Failure, Holder, PublishArgs, PublishSettings, PublishStart,
    PublishSummary, StoreConfig, VerifyArgs, VerifySummary,
};
use syncline_model::{Catalog, Change, Key, Outcome, Record};
use syncline_plan::GuardPolicy;
use syncline_sandbox::generate::GenerateConfig;
use syncline_sandbox::schema::embedded;
use syncline_sandbox::{ApiVersion, Sandbox, SandboxConfig, seed_district};
use syncline_store::layers::RetryPolicy;
use syncline_store::{Batch, Query, Store as _, WriteContext};
use syncline_store_edfi::{EdfiSettings, EdfiStore};
use syncline_testkit::fixtures;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::site::quiet;

/// Longest time that a publication of a few records takes.
const PATIENCE: Duration = Duration::from_mins(2);
/// How much longer it takes for each student of a district, whose records are some fifteen.
const PATIENCE_FOR_A_STUDENT: Duration = Duration::from_millis(250);

/// Records of a page; many pages of a large district would take long.
const PAGE: u32 = 50;
const LARGE_PAGE: u32 = 500;
const MANY_STUDENTS: u32 = 1000;

/// The client who may do everything.
const OWNER: (&str, &str) = ("populated", "populatedSecret");

/// A source, a target, and what lies between.
pub(crate) struct Pair {
    pub(crate) folder: TempDir,
    pub(crate) source: Sandbox,
    pub(crate) target: Sandbox,
    /// How failures are tried again: fast, so that tests are.
    pub(crate) retry: RetryPolicy,
    /// Longest time that a publication takes.
    pub(crate) patience: Duration,
    /// Records in a page.
    pub(crate) page_size: u32,
    /// As whom the target is written.
    pub(crate) target_client: (&'static str, &'static str),
    /// Further lines of either store's section.
    pub(crate) settings: [Vec<String>; 2],
}

impl Pair {
    /// Two servers without data.
    pub(crate) async fn empty(source: ApiVersion, target: ApiVersion) -> Self {
        Self::with(source, target, |_| {}).await
    }

    /// Two servers; the source holds a made-up district.
    pub(crate) async fn district(source: ApiVersion, target: ApiVersion, students: u64) -> Self {
        let district = GenerateConfig {
            students,
            seed: 5,
            out: std::path::PathBuf::new(),
            defects: None,
            school_year: 2026,
        };
        let pair = Self::with(source, target, |config| {
            seed_district(config.clone(), &district).unwrap();
        });
        let students = u32::try_from(students).unwrap();
        Self {
            patience: PATIENCE + PATIENCE_FOR_A_STUDENT * students,
            page_size: if students < MANY_STUDENTS {
                PAGE
            } else {
                LARGE_PAGE
            },
            ..pair.await
        }
    }

    async fn with(
        source: ApiVersion,
        target: ApiVersion,
        seed: impl FnOnce(&SandboxConfig),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = SandboxConfig {
            api: source,
            data: Some(folder.path().join("source.db")),
            ..SandboxConfig::new(embedded().unwrap())
        };
        seed(&config);
        Self {
            source: Sandbox::start(config).await.unwrap(),
            target: server(target).await,
            folder,
            retry: RetryPolicy {
                attempts_max: 8,
                wait_first: Duration::from_millis(2),
                wait_factor: 2.0,
                wait_max: Duration::from_millis(40),
                total_max: PATIENCE,
            },
            patience: PATIENCE,
            page_size: PAGE,
            target_client: OWNER,
            settings: [vec![], vec![]],
        }
    }

    pub(crate) fn config(&self) -> Config {
        let mut text = "publish:\n  from: district\n  to: state\nstores:\n".to_owned();
        let stores = [
            ("district", &self.source, OWNER),
            ("state", &self.target, self.target_client),
        ];
        for ((name, sandbox, (client, secret)), further) in stores.into_iter().zip(&self.settings) {
            let store = format!(
                "  {name}:\n    kind: edfi\n    base_url: {}\n    client_id: {client}\n    \
                 client_secret: {secret}\n    pool_size: 4\n    page_size: {}\n",
                sandbox.url(),
                self.page_size
            );
            text.push_str(&store);
            for line in further {
                text.extend(["    ", line, "\n"]);
            }
        }
        let file = self.folder.path().join("syncline.yaml");
        std::fs::write(&file, text).unwrap();
        let mut config = Config::load(&ConfigArgs {
            file: Some(file),
            ..ConfigArgs::default()
        })
        .unwrap();
        for store in config.stores.values_mut() {
            if let StoreConfig::Edfi(api) = store {
                api.retry = self.retry;
                api.settings.reading.retry = self.retry;
            }
        }
        config
    }

    /// How the target is reached, with nothing kept from before.
    pub(crate) fn target_settings(&self) -> EdfiSettings {
        let config = self.config();
        let Some(StoreConfig::Edfi(api)) = config.stores.get("state") else {
            panic!("no target");
        };
        EdfiSettings {
            cache: None,
            ..api.settings.clone()
        }
    }

    /// Publishes the live data with everything else as configured.
    pub(crate) async fn publish(&self) -> PublishSummary {
        self.publish_with(|_| {}).await.unwrap()
    }

    pub(crate) async fn publish_with(
        &self,
        change: impl FnOnce(&mut PublishArgs),
    ) -> Result<PublishSummary, Failure> {
        self.publish_until(CancellationToken::new(), change).await
    }

    pub(crate) async fn publish_until(
        &self,
        stop: CancellationToken,
        change: impl FnOnce(&mut PublishArgs),
    ) -> Result<PublishSummary, Failure> {
        self.settle().await;
        let config = self.config();
        let mut arguments = arguments(&config);
        change(&mut arguments);
        let publishing = Box::pin(syncline::publish(&config, arguments, quiet(), stop));
        tokio::time::timeout(self.patience, publishing)
            .await
            .expect("an end within the time a test has")
    }

    /// Compares both sides.
    pub(crate) async fn verify(&self) -> VerifySummary {
        self.compare(|_| {}).await
    }

    pub(crate) async fn compare(&self, change: impl FnOnce(&mut VerifyArgs)) -> VerifySummary {
        let config = self.config();
        let mut arguments = VerifyArgs {
            settings: config.publish.clone().unwrap(),
            counts_only: false,
            reasons: false,
        };
        change(&mut arguments);
        syncline::verify(&config, arguments, quiet(), CancellationToken::new())
            .await
            .unwrap()
    }

    /// Fails the test unless both sides hold the same.
    pub(crate) async fn must_be_equal(&self, when: &str) {
        let summary = self.verify().await;
        let wrong: Vec<_> = summary
            .collections
            .iter()
            .filter(|(_, verified)| !verified.is_equal())
            .collect();
        assert!(wrong.is_empty(), "{when}: {wrong:#?}");
    }

    /// Hands to change the source as one of its clients.
    pub(crate) async fn hand(&self) -> Hand {
        Hand::of(&self.config(), "district").await
    }

    /// Hands to change the target, as whoever publishes to it.
    pub(crate) async fn target_hand(&self) -> Hand {
        Hand::of(&self.config(), "state").await
    }

    /// The mark of a collection that is proved, as the ledger has it.
    pub(crate) fn publish_mark(&self, name: &str) -> Option<String> {
        let state = self.folder.path().join(".syncline");
        let ledger = syncline_ledger::LedgerView::open(&state).unwrap();
        let scopes = ledger.scopes().unwrap();
        let name = syncline_model::CollectionName::new(name);
        let mark = scopes
            .iter()
            .find_map(|scope| ledger.mark(scope.0, &name).unwrap())?;
        // With the moments of runs that came to no proof, or alone.
        match serde_json::from_str::<Value>(&mark.0) {
            Ok(Value::Object(memory)) => memory["proved"].as_str().map(str::to_owned),
            _ => Some(mark.0),
        }
    }

    /// Waits until nothing of a run that was cut off is left: its last write has its end.
    pub(crate) async fn settle(&self) {
        let state = self.folder.path().join(".syncline");
        let holder = holder();
        let waiting = async {
            while syncline_ledger::Ledger::open(&state, &holder).is_err() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(self.patience, waiting).await.unwrap();
    }
}

pub(crate) async fn server(api: ApiVersion) -> Sandbox {
    let config = SandboxConfig {
        api,
        ..SandboxConfig::new(embedded().unwrap())
    };
    Sandbox::start(config).await.unwrap()
}

pub(crate) fn arguments(config: &Config) -> PublishArgs {
    PublishArgs {
        settings: PublishSettings {
            ignore_isolation: true,
            // A test that deletes a few of a few records is about something else.
            guards: GuardPolicy {
                delete_share_max: 1.0,
                ..GuardPolicy::default()
            },
            ..config.publish.clone().unwrap()
        },
        start: PublishStart::Marks,
        force: false,
        owed_only: false,
        reject_file: None,
        holder: holder(),
    }
}

pub(crate) fn holder() -> Holder {
    Holder {
        command: "a test".to_owned(),
        process_id: std::process::id(),
        host: String::new(),
        started: syncline::now_text(),
    }
}

/// Changes one of the servers.
pub(crate) struct Hand {
    store: EdfiStore,
    catalog: Catalog,
}

impl Hand {
    pub(crate) async fn of(config: &Config, name: &str) -> Self {
        let Some(StoreConfig::Edfi(api)) = config.stores.get(name) else {
            panic!("no store {name}");
        };
        let store = EdfiStore::open(api.settings.clone()).await.unwrap();
        let catalog = store.describe().await.unwrap();
        Self { store, catalog }
    }

    pub(crate) fn record(&self, name: &str, payload: &Value) -> Record {
        fixtures::record(&self.catalog.collections[name], payload.to_string())
    }

    /// Makes a change, again and again if the server fails; a refusal is an outcome.
    pub(crate) async fn apply(&self, name: &str, change: Change) -> Outcome {
        let collection = Arc::new(self.catalog.collections[name].clone());
        let context = WriteContext { collection };
        loop {
            let changes = std::slice::from_ref(&change);
            let mut outcomes = self.store.write(changes, &context).await.unwrap();
            if !matches!(outcomes.first(), Some(Outcome::Failed(_))) {
                return outcomes.remove(0);
            }
        }
    }

    /// What a collection holds now.
    pub(crate) async fn list(&self, name: &str) -> Vec<Record> {
        let collection = Arc::new(self.catalog.collections[name].clone());
        let mut stream = self.store.read(Query::records(collection)).await.unwrap();
        let mut records = Vec::new();
        while let Some(batch) = stream.next().await {
            if let Batch::Put(more) = batch.unwrap() {
                records.extend(more);
            }
        }
        records
    }

    /// The place of a field in the keys of a collection.
    pub(crate) fn key_index(&self, name: &str, field: &str) -> usize {
        let key = &self.catalog.collections[name].key;
        key.iter().position(|one| one.name == field).unwrap()
    }

    /// Writes what must be accepted.
    pub(crate) async fn put(&self, name: &str, payload: &Value) {
        let change = Change::create(self.record(name, payload));
        let outcome = self.apply(name, change).await;
        assert!(
            matches!(outcome, Outcome::Done { .. }),
            "{name}: {outcome:?}"
        );
    }

    /// A school, and students who are enrolled there on the 20th.
    pub(crate) async fn enrol(&self, students: usize) {
        self.put(SCHOOLS, &school(0)).await;
        for number in 0..students {
            self.put(STUDENTS, &student(number, "Ada")).await;
            self.put(ENROLMENTS, &enrolment(number, 0, 20)).await;
        }
    }

    pub(crate) async fn delete(&self, name: &str, payload: &Value) -> Outcome {
        let change = Change::delete(self.record(name, payload));
        self.apply(name, change).await
    }

    /// Gives the first record of a collection another value in its key.
    pub(crate) async fn rename(&self, name: &str, (field, value): (&str, &str)) {
        let record = self.list(name).await.remove(0);
        let mut values: Vec<Value> = serde_json::from_str(record.key.as_str()).unwrap();
        values[self.key_index(name, field)] = json!(value);
        let to = Key::from_canonical(serde_json::to_string(&values).unwrap());
        let outcome = self.apply(name, Change::rekey(record.key, to)).await;
        assert!(
            matches!(outcome, Outcome::Done { .. }),
            "{name}: {outcome:?}"
        );
    }

    pub(crate) async fn rekey(&self, name: &str, payload: &Value, new: &Value) -> Outcome {
        let to = self.record(name, new).key;
        let from: Key = self.record(name, payload).key;
        self.apply(name, Change::rekey(from, to)).await
    }
}

pub(crate) fn student(number: usize, name: &str) -> Value {
    json!({"studentUniqueId": format!("S{number}"), "firstName": name, "lastSurname": "Byron",
        "birthDate": "2010-01-31"})
}

pub(crate) fn school(number: usize) -> Value {
    json!({"schoolId": 1000 + number, "nameOfInstitution": "North",
        "educationOrganizationCategories": [{"educationOrganizationCategoryDescriptor":
            "uri://ed-fi.org/EducationOrganizationCategoryDescriptor#School"}],
        "gradeLevels": [{"gradeLevelDescriptor": "uri://ed-fi.org/GradeLevelDescriptor#Ninth grade"}]})
}

pub(crate) fn enrolment(student: usize, school: usize, day: u32) -> Value {
    json!({"studentReference": {"studentUniqueId": format!("S{student}")},
        "schoolReference": {"schoolId": 1000 + school},
        "entryDate": format!("2025-08-{day:02}"),
        "entryGradeLevelDescriptor": "uri://ed-fi.org/GradeLevelDescriptor#Ninth grade"})
}

pub(crate) const STUDENTS: &str = "ed-fi/students";
pub(crate) const SCHOOLS: &str = "ed-fi/schools";
pub(crate) const ENROLMENTS: &str = "ed-fi/studentSchoolAssociations";
