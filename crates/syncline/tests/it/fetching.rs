//! Whole fetches: what is in the files afterwards, whatever happens meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use syncline::{
    CollectionReport, Config, ConfigArgs, Event, Failure, FetchArgs, FetchFiles, FetchSummary,
    FileFormat, KeyFilter, Observer, Selection,
};
use syncline_model::{Canonicaliser, CollectionName, Digest};
use syncline_sandbox::generate::{self, GenerateConfig};
use syncline_sandbox::{ApiVersion, FaultAction, FaultMatch, FaultRule, Sandbox};
use syncline_store_edfi::unknown_collection;
use tokio_util::sync::CancellationToken;

use crate::site::{
    STUDENTS, Site, Telling, api, plan, quiet, sandbox, sandbox_with, students, until,
};

fn arguments(selector: &str) -> FetchArgs {
    FetchArgs {
        selection: Selection::from_lists(selector, ""),
        query: vec![],
        keys: KeyFilter::default(),
        files: FetchFiles {
            format: FileFormat::Jsonl,
            folder: None,
            overwrite: false,
            empty: false,
        },
        with_references: false,
        fresh: false,
    }
}

async fn fetch(site: &Site, url: &str, arguments: FetchArgs) -> Result<FetchSummary, Failure> {
    fetch_with(&config(site, url), arguments, quiet()).await
}

async fn fetch_with(
    config: &Config,
    arguments: FetchArgs,
    observer: Arc<dyn Observer>,
) -> Result<FetchSummary, Failure> {
    syncline::fetch(config, arguments, observer, CancellationToken::new()).await
}

/// The configuration of a site, failing fast when reading, too.
fn config(site: &Site, url: &str) -> Config {
    let mut config = site.config(url);
    api(&mut config).settings.reading.retry = site.retry;
    config
}

impl Site {
    fn fetched(&self) -> PathBuf {
        self.folder.path().join("fetched")
    }

    fn elsewhere(&self, selector: &str) -> FetchArgs {
        let mut arguments = arguments(selector);
        arguments.files.folder = Some(self.fetched());
        arguments
    }

    fn fetched_text(&self, file: &str) -> String {
        std::fs::read_to_string(self.fetched().join(file)).unwrap()
    }
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// Digests of the canonical forms of a file's lines: what it holds, whatever its spelling.
fn digests(file: &Path) -> BTreeSet<Digest> {
    let collection = unknown_collection(&CollectionName::new("ed-fi/any"));
    let mut reader = Canonicaliser::new(&collection);
    let text = std::fs::read_to_string(file).unwrap();
    let digest = |line: &str| reader.read(line.as_bytes()).unwrap().1;
    text.lines().map(digest).collect()
}

fn of<'a>(summary: &'a FetchSummary, collection: &str) -> &'a CollectionReport {
    &summary.outcome.report.collections[collection]
}

/// A sandbox with the students of a site.
async fn filled(site: &Site) -> Sandbox {
    let sandbox = sandbox().await;
    site.send(sandbox.url()).await;
    sandbox
}

/// A rule about reading a collection.
fn reading(path: &str, on: &FaultMatch, action: FaultAction) -> FaultRule {
    FaultRule {
        on: FaultMatch {
            method: Some("GET".to_owned()),
            path: Some(path.to_owned()),
            ..on.clone()
        },
        action,
        ..FaultRule::default()
    }
}

fn answer(status: u16, body: &str) -> FaultAction {
    FaultAction::Status {
        status,
        body: body.to_owned(),
        headers: BTreeMap::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_comes_back_from_every_version() {
    let district = tempfile::tempdir().unwrap();
    let manifest = generate::write(&GenerateConfig {
        students: 12,
        seed: 5,
        out: district.path().to_owned(),
        defects: None,
        school_year: 2026,
    })
    .unwrap();
    for version in [ApiVersion::V5_4, ApiVersion::V7_3, ApiVersion::V8_0] {
        let mut site = Site::new();
        site.settings.push("page_size: 7".to_owned());
        for file in &manifest.files {
            site.write(
                &file.file,
                std::fs::read(district.path().join(&file.file)).unwrap(),
            );
        }
        let sandbox = sandbox_with(|config| config.api = version).await;
        let sent = site.send(sandbox.url()).await;
        assert_eq!(sent.exit_status(true), 0, "{version:?}");
        let fetched = fetch(&site, sandbox.url(), site.elsewhere(""))
            .await
            .unwrap();
        assert_eq!(fetched.exit_status(true), 0, "{version:?}: {fetched:?}");
        for file in &manifest.files {
            let there = digests(&site.data().join(&file.file));
            if there.is_empty() {
                continue;
            }
            let back = digests(&site.fetched().join(&file.file));
            // Descriptors and years may have been there before.
            assert!(there.is_subset(&back), "{version:?}: {}", file.file);
            let only = !file.file.contains("escriptors") && !file.file.contains("schoolYear");
            assert!(
                !only || there.len() == back.len(),
                "{version:?}: {}",
                file.file
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn members_that_the_first_record_lacks_survive_a_choice_of_members() {
    let site = Site::new();
    let second = r#"{"studentUniqueId":"2","firstName":"Bea","middleName":"M","lastSurname":"B","birthDate":"2014-05-01"}"#;
    site.write("students.jsonl", students(1..=1) + second + "\n");
    let sandbox = filled(&site).await;
    for (keep, leave) in [("*", "_*"), ("*Name,student*", "")] {
        let list = |text: &str| {
            text.split(',')
                .filter(|one| !one.is_empty())
                .map(str::to_owned)
                .collect()
        };
        let mut arguments = site.elsewhere("students");
        arguments.keys = KeyFilter {
            keep: list(keep),
            leave: list(leave),
        };
        fetch(&site, sandbox.url(), arguments).await.unwrap();
        let text = site.fetched_text("students.jsonl");
        assert!(text.contains("\"middleName\":\"M\""), "{text}");
        assert!(!text.contains("_etag") && !text.contains("null"), "{text}");
    }
    let mut arguments = site.elsewhere("students");
    arguments.files.format = FileFormat::Csv;
    fetch(&site, sandbox.url(), arguments).await.unwrap();
    let text = site.fetched_text("students.csv");
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    let column = lines[0].iter().position(|name| *name == "middleName");
    let mut cells: Vec<&str> = lines[1..].iter().map(|row| row[column.unwrap()]).collect();
    cells.sort_unstable();
    assert_eq!(cells, ["", "M"], "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_that_fails_leaves_the_files_of_the_one_before() {
    let site = Site::with_students(30);
    let sandbox = filled(&site).await;
    fetch(&site, sandbox.url(), site.elsewhere("students"))
        .await
        .unwrap();
    let before = site.fetched_text("students.jsonl");
    let mut config = config(&site, sandbox.url());
    api(&mut config).settings.reading.page_records = 10;
    for action in [
        answer(500, ""),
        answer(404, ""),
        FaultAction::NonJson,
        FaultAction::Truncate,
    ] {
        let later = FaultMatch {
            after: 1,
            ..FaultMatch::default()
        };
        sandbox.set_faults(plan([reading("/students", &later, action.clone())]));
        let summary = fetch_with(&config, site.elsewhere("students"), quiet())
            .await
            .unwrap();
        assert_ne!(summary.exit_status(true), 0, "{action:?}");
        assert_eq!(site.fetched_text("students.jsonl"), before, "{action:?}");
        assert_eq!(names(&site.fetched()).len(), 1, "no part is left");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_that_may_not_be_read_is_reported_and_the_rest_goes_on() {
    let site = Site::with_students(3);
    let sandbox = filled(&site).await;
    for status in [400, 403, 404] {
        let refused = answer(status, "{\"detail\":\"not yours\"}");
        sandbox.set_faults(plan([reading(
            "/students",
            &FaultMatch::default(),
            refused,
        )]));
        let selector = "students,gradeLevelDescriptors";
        let summary = fetch(&site, sandbox.url(), site.elsewhere(selector))
            .await
            .unwrap();
        assert_eq!(summary.exit_status(true), 1, "{status}");
        let report = of(&summary, STUDENTS);
        let error = report.error.as_deref().unwrap();
        assert!(error.contains(&format!("{status}: not yours")), "{error}");
        assert!(!report.finished);
        assert!(of(&summary, "ed-fi/gradeLevelDescriptors").finished);
        assert!(
            sandbox.requests().count("GET", "/students") < 20,
            "it never loops"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_became_empty_since_it_was_counted_is_no_crash() {
    let site = Site::with_students(30);
    let sandbox = sandbox_with(|config| config.api = ApiVersion::V6_2).await;
    site.send(sandbox.url()).await;
    let mut config = config(&site, sandbox.url());
    api(&mut config).settings.reading.page_records = 10;
    let second = FaultMatch {
        between: Some((2, 2)),
        ..FaultMatch::default()
    };
    sandbox.set_faults(plan([reading("/students", &second, answer(200, "[]"))]));
    let summary = fetch_with(&config, site.elsewhere("students"), quiet())
        .await
        .unwrap();
    assert_eq!(summary.exit_status(true), 1);
    let reason = of(&summary, STUDENTS).incomplete_reason().unwrap();
    assert!(reason.contains("changed or moved"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_is_away_ends_the_run_once_and_for_all() {
    let site = Site::with_students(3);
    let sandbox = filled(&site).await;
    let away = reading("/ed-fi/", &FaultMatch::default(), FaultAction::Reset);
    sandbox.set_faults(plan([away]));
    let summary = fetch(&site, sandbox.url(), site.elsewhere(""))
        .await
        .unwrap();
    assert_eq!(summary.exit_status(true), 3);
    let pages = sandbox.requests().count("GET", "/ed-fi/");
    assert!(pages < 8 * 20, "{pages} pages were asked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_send_reads_is_replaced_only_if_that_is_wanted() {
    let site = Site::with_students(3);
    let sandbox = filled(&site).await;
    let before = std::fs::read(site.data().join("students.jsonl")).unwrap();
    let failure = fetch(&site, sandbox.url(), arguments("students"))
        .await
        .unwrap_err();
    assert!(failure.message.contains("students.jsonl"), "{failure}");
    assert!(failure.hints[0].contains("--overwrite"), "{failure:?}");
    assert_eq!(
        std::fs::read(site.data().join("students.jsonl")).unwrap(),
        before
    );
    // Other collections have no files there, and what a fetch wrote it may replace.
    for _ in 0..2 {
        let summary = fetch(&site, sandbox.url(), arguments("gradeLevelDescriptors"))
            .await
            .unwrap();
        assert_eq!(summary.exit_status(true), 0);
    }
    site.write("gradeLevelDescriptors.jsonl", "{}\n");
    fetch(&site, sandbox.url(), arguments("gradeLevelDescriptors"))
        .await
        .unwrap_err();
    let mut wanted = arguments("students");
    wanted.files.overwrite = true;
    fetch(&site, sandbox.url(), wanted).await.unwrap();
    assert_ne!(
        std::fs::read(site.data().join("students.jsonl")).unwrap(),
        before
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_run_is_gone_on_with_unless_it_is_to_be_fresh() {
    let site = Site::with_students(3);
    let sandbox = filled(&site).await;
    let config = config(&site, sandbox.url());
    let stop = CancellationToken::new();
    let observer = {
        let stop = stop.clone();
        Arc::new(Telling(move |event: &Event| {
            if matches!(event, Event::CollectionFinished(..)) {
                stop.cancel();
            }
        }))
    };
    let selector = "students,*TypeDescriptors";
    let first = syncline::fetch(&config, site.elsewhere(selector), observer, stop)
        .await
        .unwrap();
    assert_eq!(first.exit_status(true), 5);
    let done = names(&site.fetched()).len();
    assert!(done > 0, "something was complete");

    let second = fetch_with(&config, site.elsewhere(selector), quiet())
        .await
        .unwrap();
    assert_eq!(second.exit_status(true), 0);
    assert!(second.earlier > 0, "{} of {done}", second.earlier);
    // A run that came to its end is not gone on with.
    let third = fetch_with(&config, site.elsewhere(selector), quiet())
        .await
        .unwrap();
    assert_eq!(third.earlier, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_run_that_was_about_something_else_is_not_gone_on_with() {
    let site = Site::with_students(3);
    let sandbox = filled(&site).await;
    let config = config(&site, sandbox.url());
    let interrupted = || async {
        let stop = CancellationToken::new();
        let cancelling = stop.clone();
        let observer = Arc::new(Telling(move |event: &Event| {
            if matches!(event, Event::CollectionFinished(..)) {
                cancelling.cancel();
            }
        }));
        syncline::fetch(&config, site.elsewhere("*TypeDescriptors"), observer, stop)
            .await
            .unwrap()
    };
    for change in [
        (|arguments| arguments.fresh = true) as fn(&mut FetchArgs),
        |arguments| arguments.keys.leave = vec!["_etag".to_owned()],
    ] {
        interrupted().await;
        let mut arguments = site.elsewhere("*TypeDescriptors");
        change(&mut arguments);
        let summary = fetch_with(&config, arguments, quiet()).await.unwrap();
        assert_eq!((summary.earlier, summary.exit_status(true)), (0, 0));
    }
    interrupted().await;
    for name in names(&site.fetched()) {
        std::fs::write(site.fetched().join(name), "changed").unwrap();
    }
    let summary = fetch_with(&config, site.elsewhere("*TypeDescriptors"), quiet())
        .await
        .unwrap();
    let replaced = names(&site.fetched());
    let changed = replaced
        .iter()
        .filter(|name| site.fetched_text(name) == "changed");
    assert_eq!(
        changed.count(),
        0,
        "{} were taken for done",
        summary.earlier
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_one_enrolment_refers_to_is_fetched_once() {
    let site = Site::new();
    generate::write(&GenerateConfig {
        students: 20,
        seed: 5,
        out: site.data(),
        defects: None,
        school_year: 2026,
    })
    .unwrap();
    let sandbox = filled(&site).await;
    let student = {
        let text =
            std::fs::read_to_string(site.data().join("studentSectionAssociations.jsonl")).unwrap();
        let first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        first["studentReference"]["studentUniqueId"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let mut arguments =
        site.elsewhere("studentSectionAssociations,studentEducationOrganizationAssociations");
    arguments.query = vec![("studentUniqueId".to_owned(), student.clone())];
    arguments.with_references = true;
    arguments.keys.leave = vec!["id".to_owned(), "_*".to_owned()];
    let summary = fetch(&site, sandbox.url(), arguments).await.unwrap();
    assert_eq!(summary.exit_status(true), 0, "{summary:?}");
    let there = names(&site.fetched());
    for wanted in [
        "students",
        "sections",
        "courseOfferings",
        "sessions",
        "courses",
        "schools",
        "localEducationAgencies",
        "gradeLevelDescriptors",
        "termDescriptors",
    ] {
        assert!(
            there.contains(&format!("{wanted}.jsonl")),
            "{wanted} not in {there:?}"
        );
    }
    for file in &there {
        let lines = site.fetched_text(file).lines().count();
        assert_eq!(
            digests(&site.fetched().join(file)).len(),
            lines,
            "{file}: once each"
        );
    }
    assert_eq!(site.fetched_text("students.jsonl").lines().count(), 1);
    assert!(site.fetched_text("students.jsonl").contains(&student));
    // All of it can be sent to an empty API.
    let other = Site::new();
    for file in &there {
        other.write(file, site.fetched_text(file));
    }
    let empty = sandbox_with(|_| {}).await;
    let sent = other.send(empty.url()).await;
    assert_eq!(sent.exit_status(true), 0, "{sent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_selects_and_one_that_nothing_understands_is_refused() {
    let site = Site::with_students(5);
    let sandbox = filled(&site).await;
    let mut arguments = site.elsewhere("students,schools");
    arguments.query = vec![("studentUniqueId".to_owned(), "4".to_owned())];
    let summary = fetch(&site, sandbox.url(), arguments.clone())
        .await
        .unwrap();
    assert_eq!(of(&summary, STUDENTS).copied, 1);
    assert!(
        summary.outcome.ignored[0].ends_with(": schools"),
        "{:?}",
        summary.outcome.ignored
    );
    arguments.query[0].0 = "studentUniqeId".to_owned();
    let failure = fetch(&site, sandbox.url(), arguments).await.unwrap_err();
    assert_eq!(failure.hints, ["did you mean `studentUniqueId`?"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_size_above_the_servers_is_reduced_and_said_once() {
    let mut site = Site::with_students(3);
    site.settings.push("page_size: 9000".to_owned());
    let sandbox = filled(&site).await;
    let summary = fetch(&site, sandbox.url(), site.elsewhere(""))
        .await
        .unwrap();
    assert_eq!(summary.exit_status(true), 0);
    let expected = "the API gives at most 500 records in a page: page_size 9000 was reduced";
    assert_eq!(summary.outcome.ignored, [expected]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lightbeam_configuration_fetches_into_its_data_folder_with_its_page_size() {
    let site = Site::with_students(23);
    let sandbox = filled(&site).await;
    let text = format!(
        "state_dir: state\ndata_dir: from-api/\nfetch:\n  page_size: 10\nedfi_api:\n  base_url: {}\n  \
         mode: sandbox\n  client_id: populated\n  client_secret: populatedSecret\n",
        sandbox.url()
    );
    let file = site.folder.path().join("lightbeam.yaml");
    std::fs::write(&file, text).unwrap();
    let config = Config::load(&ConfigArgs {
        file: Some(file),
        current_folder: site.folder.path().to_owned(),
        ..ConfigArgs::default()
    })
    .unwrap();
    let before = sandbox.requests().count("GET", "/students");
    let summary = fetch_with(&config, arguments("students"), quiet())
        .await
        .unwrap();
    assert_eq!(
        (summary.exit_status(false), of(&summary, STUDENTS).copied),
        (0, 23)
    );
    let file = site.folder.path().join("from-api/students.jsonl");
    assert_eq!(std::fs::read_to_string(file).unwrap().lines().count(), 23);
    assert!(sandbox.requests().count("GET", "/students") - before >= 3);
    sandbox.set_faults(plan([reading(
        "/students",
        &FaultMatch::default(),
        answer(403, ""),
    )]));
    let refused = fetch_with(&config, arguments("students"), quiet())
        .await
        .unwrap();
    assert_eq!(
        (refused.exit_status(false), refused.exit_status(true)),
        (255, 2)
    );
}

/// A site with a sandbox that holds a small district, and one of its students.
async fn district() -> (Site, Sandbox, String) {
    let site = Site::new();
    generate::write(&GenerateConfig {
        students: 20,
        seed: 5,
        out: site.data(),
        defects: None,
        school_year: 2026,
    })
    .unwrap();
    let sandbox = filled(&site).await;
    let text = site.data().join("studentSectionAssociations.jsonl");
    let text = std::fs::read_to_string(text).unwrap();
    let first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let student = first["studentReference"]["studentUniqueId"]
        .as_str()
        .unwrap();
    let student = student.to_owned();
    (site, sandbox, student)
}

/// What is in a folder of fetched files: the records of each, whatever their order.
fn records(folder: &Path) -> BTreeMap<String, BTreeSet<Digest>> {
    let names = names(folder).into_iter();
    names
        .map(|name| {
            let digests = digests(&folder.join(&name));
            (name, digests)
        })
        .collect()
}

/// Requests of each collection so far.
fn reads(sandbox: &Sandbox, collection: &str) -> u64 {
    sandbox
        .requests()
        .count("GET", &format!("/ed-fi/{collection}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_stopped_among_its_look_ups_goes_on_without_asking_again() {
    let (site, sandbox, student) = district().await;
    let enrolments = |query: bool| {
        let mut arguments = site.elsewhere("studentSectionAssociations");
        if query {
            arguments.query = vec![("studentUniqueId".to_owned(), student.clone())];
        }
        arguments.with_references = true;
        arguments
    };
    let config = config(&site, sandbox.url());
    for query in [true, false] {
        let mut whole = enrolments(query);
        whole.files.folder = Some(site.folder.path().join(format!("whole-{query}")));
        let summary = fetch_with(&config, whole.clone(), quiet()).await.unwrap();
        assert_eq!(summary.exit_status(true), 0, "{summary:?}");
        let expected = records(whole.files.folder.as_ref().unwrap());
        assert!(expected.len() > 8, "{:?}", expected.keys());

        // All sections have been found when offerings are looked for; then come courses.
        let mut slow = reading("/ed-fi/courses", &FaultMatch::default(), FaultAction::Delay);
        slow.delay_ms = 400;
        sandbox.set_faults(plan([slow]));
        let (sections, stop) = (reads(&sandbox, "sections"), CancellationToken::new());
        let offerings = reads(&sandbox, "courseOfferings");
        let arguments = enrolments(query);
        let fetching = syncline::fetch(&config, arguments, quiet(), stop.clone());
        let stopping = async {
            until(&sandbox, |log| {
                log.count("GET", "/ed-fi/courseOfferings") > offerings
            })
            .await;
            stop.cancel();
        };
        let (summary, ()) = tokio::join!(fetching, stopping);
        assert_eq!(summary.unwrap().exit_status(true), 5);
        let (asked, enrolled) = (
            reads(&sandbox, "sections"),
            reads(&sandbox, "studentSectionAssociations"),
        );
        sandbox.set_faults(plan([]));

        let summary = fetch_with(&config, enrolments(query), quiet())
            .await
            .unwrap();
        assert_eq!(summary.exit_status(true), 0, "{summary:?}");
        assert_eq!(records(&site.fetched()), expected);
        assert!(asked > sections);
        assert_eq!(
            reads(&sandbox, "sections"),
            asked,
            "found once, with {query}"
        );
        let again = reads(&sandbox, "studentSectionAssociations") - enrolled;
        // What is copied whole was done; what a query selects is selected again.
        assert_eq!((summary.earlier, again > 0), (usize::from(!query), query));
        // What was remembered is of no use any more.
        let kept = names(&site.folder.path().join(".syncline/fetch"));
        assert!(
            kept.iter().all(|name| !name.contains("related")),
            "{kept:?}"
        );
        std::fs::remove_dir_all(site.fetched()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_found_for_another_selection_is_not_gone_on_with() {
    let (site, sandbox, _) = district().await;
    let config = config(&site, sandbox.url());
    let arguments = |selector: &str| {
        let mut arguments = site.elsewhere(selector);
        arguments.with_references = true;
        arguments
    };
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    let observer = Telling(move |event: &Event| {
        if matches!(event, Event::CollectionFinished(..)) {
            stopping.cancel();
        }
    });
    let first = arguments("studentSectionAssociations");
    let summary = syncline::fetch(&config, first, Arc::new(observer), stop).await;
    assert_eq!(summary.unwrap().exit_status(true), 5);
    let summary = fetch_with(&config, arguments("schools"), quiet())
        .await
        .unwrap();
    assert_eq!((summary.exit_status(true), summary.earlier), (0, 0));
    assert!(!names(&site.fetched()).contains("students.jsonl"));
    assert!(names(&site.fetched()).contains("gradeLevelDescriptors.jsonl"));
}
