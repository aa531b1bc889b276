//! A flow whose source is an Ed-Fi API, read in rounds: everything now and then, and what changed in
//! between.

use jiff::Timestamp;
use serde_json::Value;
use syncline::{
    ApplyArgs, ApplySummary, CollectionPlan, Config, ConfigArgs, FlowArgs, Following, sync_flow,
};
use syncline_model::Change;
use syncline_sandbox::schema::embedded;
use syncline_sandbox::{
    ApiVersion, FaultAction, FaultMatch, FaultPlan, FaultRule, RecordedRequest, Sandbox,
    SandboxConfig,
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::publishing_pair::{ENROLMENTS, Hand, STUDENTS, enrolment, holder, student};
use crate::site::quiet;

const PARTS: &str = "      people:
        from: students
        key: {id: studentUniqueId}
        map: {name: firstName}
        baseline: ledger
        delete: {style: delete}
        limits: {delete_share: 100 %, update_share: 100 %}
      stays:
        from: studentSchoolAssociations
        key:
          student: studentReference.studentUniqueId
          school: schoolReference.schoolId
          day: entryDate
        map: {grade: \"entryGradeLevelDescriptor | split('#') | last\"}
        baseline: ledger
        delete: {style: delete}
        limits: {delete_share: 100 %, update_share: 100 %}
";

struct Rounds {
    folder: TempDir,
    sandbox: Sandbox,
    config: Config,
    hand: Hand,
    following: Following,
    /// The time of the next round, in seconds.
    now: i64,
}

impl Rounds {
    /// Twelve students, who are enrolled.
    async fn of(api: ApiVersion) -> Self {
        let sandbox = Sandbox::start(SandboxConfig {
            api,
            record: true,
            ..SandboxConfig::new(embedded().unwrap())
        });
        let sandbox = sandbox.await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let right = folder.path().join("right");
        std::fs::create_dir(&right).unwrap();
        std::fs::write(right.join("people.csv"), "id,name\n").unwrap();
        std::fs::write(right.join("stays.csv"), "student,school,day,grade\n").unwrap();
        let text = format!(
            "stores:\n  api:\n    kind: edfi\n    base_url: {}\n    client_id: populated\n    \
             client_secret: populatedSecret\n    page_size: 5\n  right: {{kind: files, path: {}}}\n\
             flows:\n  f:\n    from: api\n    to: right\n    collections:\n{PARTS}",
            sandbox.url(),
            right.display(),
        );
        let file = folder.path().join("syncline.yaml");
        std::fs::write(&file, text).unwrap();
        let config = Config::load(&ConfigArgs {
            file: Some(file),
            ..ConfigArgs::default()
        });
        let config = config.unwrap();
        let hand = Hand::of(&config, "api").await;
        hand.enrol(12).await;
        Self {
            folder,
            sandbox,
            config,
            hand,
            following: Following::new(std::time::Duration::from_secs(100)),
            now: 1_000,
        }
    }

    /// A round, and what was asked of the two collections meanwhile.
    async fn round(&mut self) -> (ApplySummary, Vec<RecordedRequest>) {
        let before = self.sandbox.requests().requests.len();
        let now = Timestamp::from_second(self.now).unwrap();
        self.now += 1;
        let wanted = FlowArgs {
            flow: "f".to_owned(),
            since: Some(self.following.begins(now)),
            ..FlowArgs::default()
        };
        let arguments = ApplyArgs {
            only: wanted.only.clone(),
            allowed: [].into(),
            holder: holder(),
        };
        let stop = CancellationToken::new();
        let running = Box::pin(sync_flow(&self.config, (wanted, arguments), quiet(), stop));
        let done = running.await.unwrap();
        let went_well = Some(&done).filter(|done| done.exit_status() == 0);
        self.following.ended(went_well);
        let asked = self.sandbox.requests().requests.split_off(before);
        let is_read = |one: &RecordedRequest| {
            let path = one.path.to_ascii_lowercase();
            one.method == "GET"
                && (path.contains("/students") || path.contains("/studentschoolassociations"))
        };
        (done, asked.into_iter().filter(is_read).collect())
    }

    /// A round that reads only what changed: how many records that were.
    async fn follows(&mut self) -> (u64, Vec<String>) {
        let (done, asked) = self.round().await;
        let plan = done.planned.as_ref().unwrap();
        assert_eq!(done.exit_status(), 0, "{plan:#?}");
        for one in &plan.collections {
            assert!(one.only_changes && one.tells_gone, "{one:#?}");
            assert!(
                one.problems.is_empty() && one.incomplete.is_none(),
                "{one:#?}"
            );
        }
        let paths: Vec<String> = asked.into_iter().map(|one| one.path).collect();
        (plan.collections.iter().map(|one| one.source).sum(), paths)
    }

    /// The rows of a table of the target, in order.
    fn rows(&self, file: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.path().join("right").join(file)).unwrap();
        let mut rows: Vec<String> = text.lines().skip(1).map(str::to_owned).collect();
        rows.sort();
        rows
    }

    async fn change_something(&self) {
        self.hand.put(STUDENTS, &student(1, "Bea")).await;
        self.hand.put(STUDENTS, &student(20, "Cy")).await;
        self.must_go(ENROLMENTS, &enrolment(2, 0, 20)).await;
        self.must_go(STUDENTS, &student(2, "Ada")).await;
        let (old, new) = (enrolment(3, 0, 20), enrolment(3, 0, 25));
        let rekeyed = self.hand.rekey(ENROLMENTS, &old, &new).await;
        assert!(is_done(&rekeyed), "{rekeyed:?}");
    }

    async fn must_go(&self, name: &str, payload: &Value) {
        let change = Change::delete(self.hand.record(name, payload));
        let outcome = self.hand.apply(name, change).await;
        assert!(is_done(&outcome), "{name}: {outcome:?}");
    }
}

const fn is_done(outcome: &syncline_model::Outcome) -> bool {
    matches!(outcome, syncline_model::Outcome::Done { .. })
}

fn has(rows: &[String], row: &str) -> bool {
    rows.iter().any(|one| one == row)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_deleted_and_rekeyed_is_applied_and_nothing_else_is_read() {
    for api in [ApiVersion::V6_2, ApiVersion::V7_3, ApiVersion::V8_0] {
        let mut rounds = Rounds::of(api).await;
        let (first, _) = rounds.round().await;
        assert_eq!(first.exit_status(), 0, "{api:?} {:#?}", first.planned);
        assert_eq!(
            (
                rounds.rows("people.csv").len(),
                rounds.rows("stays.csv").len()
            ),
            (12, 12)
        );

        rounds.change_something().await;
        let (read, asked) = rounds.follows().await;
        assert_eq!(read, 3, "{api:?}: two students and one stay: {asked:#?}");
        let people = rounds.rows("people.csv");
        assert!(
            has(&people, "S1,Bea") && has(&people, "S20,Cy"),
            "{people:?}"
        );
        assert!(
            !people.iter().any(|row| row.starts_with("S2,")),
            "{people:?}"
        );
        let stays = rounds.rows("stays.csv");
        assert!(has(&stays, "S3,1000,2025-08-25,Ninth grade"), "{stays:?}");
        assert!(!has(&stays, "S3,1000,2025-08-20,Ninth grade"), "{stays:?}");
        assert!(!stays.iter().any(|row| row.starts_with("S2,")), "{stays:?}");
        assert_eq!((people.len(), stays.len()), (12, 11));
        // Lists and pages are of the window, and what is looked for has one key.
        let is_narrow = |path: &String| {
            path.contains("inChangeVersion=") || path.to_ascii_lowercase().contains("uniqueid=")
        };
        assert!(asked.iter().all(is_narrow), "{api:?} {asked:#?}");

        // The window of the round before is read once more, and then nothing is.
        assert_eq!(rounds.follows().await.0, 3);
        let (read, asked) = rounds.follows().await;
        assert_eq!(read, 0, "{asked:#?}");
        assert_eq!(rounds.rows("people.csv"), people);
        assert_eq!(rounds.rows("stays.csv"), stays);
        assert!(asked.len() <= 8, "{asked:#?}");
    }
}

/// Faults of the requests whose path holds a text: that many of them, after others.
fn answers(
    path: &str,
    (after, first): (u64, Option<u64>),
    (status, body): (u16, &str),
) -> FaultPlan {
    let rule = FaultRule {
        on: FaultMatch {
            method: Some("GET".to_owned()),
            path: Some(path.to_owned()),
            after,
            first,
            ..FaultMatch::default()
        },
        action: FaultAction::Status {
            status,
            body: body.to_owned(),
            headers: [].into(),
        },
        ..FaultRule::default()
    };
    FaultPlan {
        seed: 1,
        rules: vec![rule],
    }
}

const MOMENT: &str = "availableChangeVersions";

#[tokio::test(flavor = "multi_thread")]
async fn what_came_back_and_what_cannot_be_looked_for_is_not_deleted() {
    let mut rounds = Rounds::of(ApiVersion::V7_3).await;
    rounds.round().await;
    rounds.must_go(ENROLMENTS, &enrolment(4, 0, 20)).await;
    rounds.hand.put(ENROLMENTS, &enrolment(4, 0, 20)).await;
    assert_eq!(rounds.follows().await.0, 1);
    assert_eq!(rounds.rows("stays.csv").len(), 12);

    rounds.must_go(ENROLMENTS, &enrolment(5, 0, 20)).await;
    // A page and the list of deletes are given, and neither of two look-ups is.
    let refused = answers("/studentSchoolAssociations", (2, Some(2)), (403, "{}"));
    rounds.sandbox.set_faults(refused);
    let (done, _) = rounds.round().await;
    let plan = done.planned.as_ref().unwrap();
    let mut parts = plan.collections.iter();
    let stays = parts.find(|one| one.name.as_str() == "stays").unwrap();
    assert!(stays.only_changes && !stays.tells_gone, "{stays:#?}");
    let told = &stays.problems[0].reason;
    assert!(told.contains("could be looked for"), "{stays:#?}");
    assert_eq!(rounds.rows("stays.csv").len(), 12);
    rounds.sandbox.set_faults(FaultPlan::default());
    rounds.now += 1_000;
    let (done, _) = rounds.round().await;
    assert_eq!(done.exit_status(), 0);
    let left = rounds.rows("stays.csv");
    assert_eq!(left.len(), 11, "{left:?}");
    assert!(has(&left, "S4,1000,2025-08-20,Ninth grade"), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_without_change_queries_or_with_another_database_is_read_as_a_whole() {
    let mut rounds = Rounds::of(ApiVersion::V7_3).await;
    for (status, body) in [(404, "{}"), (403, "{}")] {
        let faults = answers(MOMENT, (0, None), (status, body));
        rounds.sandbox.set_faults(faults);
        let (done, _) = rounds.round().await;
        let plan = done.planned.as_ref().unwrap();
        assert_eq!(done.exit_status(), 0, "{plan:#?}");
        assert!(plan.positions.is_empty(), "{plan:#?}");
        let is_whole = |one: &CollectionPlan| !one.only_changes && one.source == 12;
        assert!(plan.collections.iter().all(is_whole), "{plan:#?}");
    }
    rounds.sandbox.set_faults(FaultPlan::default());
    rounds.round().await;
    // Its newest change is an old one.
    let older = r#"{"oldestChangeVersion": 0, "newestChangeVersion": 3}"#;
    let faults = answers(MOMENT, (0, None), (200, older));
    rounds.sandbox.set_faults(faults);
    let (done, _) = rounds.round().await;
    let plan = done.planned.as_ref().unwrap();
    let is_whole = |one: &CollectionPlan| !one.only_changes && one.source == 12;
    assert!(plan.collections.iter().all(is_whole), "{plan:#?}");
}
