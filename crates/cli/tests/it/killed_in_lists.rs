//! Publications that are killed while they read what went and which keys changed: the next one goes
//! on where the one before it was, with what that one was told.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};
use syncline_sandbox::{ApiVersion, FaultAction, FaultMatch, FaultPlan, FaultRule, Sandbox};

use crate::desk::Desk;
use crate::killed_at_random::{PAGE, kept, random, repeated, seeds, store};

/// Longest time until a run is killed.
const PATIENCE: Duration = Duration::from_mins(1);
/// Kills of one seed.
const KILLS: u64 = 3;
/// Changes that are made, never answered and so not on record: two under way at each kill.
const UNANSWERED_MAX: usize = 6;
/// Records that change, of more than those.
const CHANGING: usize = 18;
const ALL: usize = 22;

const SCHOOLS: &str = "ed-fi/schools";
const STUDENTS: &str = "ed-fi/students";
const PERIODS: &str = "ed-fi/classPeriods";
const SECTIONS: &str = "ed-fi/sections";
const SCHOOL: &str = "schoolReference";

/// One of an API's clients, who does as it is told.
struct Client {
    address: SocketAddr,
    /// A line of the head of a request.
    authorization: String,
}

impl Client {
    fn of(sandbox: &Sandbox) -> Self {
        let mut client = Self {
            address: sandbox.address(),
            authorization: String::new(),
        };
        let login = "grant_type=client_credentials&client_id=populated\
                     &client_secret=populatedSecret";
        let form = "application/x-www-form-urlencoded";
        let (_, answer) = client.send("POST /oauth/token", (form, login));
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let token = answer["access_token"].as_str().unwrap();
        client.authorization = format!("Authorization: Bearer {token}\r\n");
        client
    }

    /// The status of an answer, and its body.
    fn ask(&self, method: &str, path: &str, body: &Value) -> (u16, String) {
        let body = body.to_string();
        self.send(&format!("{method} {path}"), ("application/json", &body))
    }

    fn send(&self, what: &str, (media_type, body): (&str, &str)) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let request = format!(
            "{what} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{}\
             Content-Type: {media_type}\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            self.authorization,
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    fn put(&self, name: &str, record: &Value) {
        let (status, answer) = self.ask("POST", &format!("/data/v3/{name}"), record);
        assert!((200..300).contains(&status), "{name}: {status} {answer}");
    }

    /// The records of a collection, in the order in which they were made.
    fn list(&self, name: &str) -> Vec<Value> {
        let path = format!("/data/v3/{name}?limit=100");
        let (_, answer) = self.ask("GET", &path, &Value::Null);
        serde_json::from_str(&answer).unwrap()
    }

    /// Does something to a record that a server gave.
    fn change(&self, method: &str, name: &str, record: &Value) {
        let path = format!("/data/v3/{name}/{}", record["id"].as_str().unwrap());
        let (status, answer) = self.ask(method, &path, record);
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
    }
}

/// Two servers, and a desk that publishes one to the other.
struct Case {
    source: Sandbox,
    target: Sandbox,
    desk: Desk,
}

impl Case {
    async fn of(api: ApiVersion, isolated: bool) -> Self {
        let desk = Desk::new();
        let source = kept(&desk, api, "source");
        let source = Sandbox::start(source).await.unwrap();
        let target = kept(&desk, ApiVersion::V7_3, "target");
        let target = Sandbox::start(target).await.unwrap();
        let config = format!(
            "stores:\n  district:\n{}  state:\n{}publish:\n  from: district\n  to: state\n  \
             guards: {{ delete_share_max: 1.0 }}\n  ignore_isolation: {}\n",
            store(source.url()),
            store(target.url()),
            !isolated,
        );
        desk.write("syncline.yaml", config);
        Self {
            source,
            target,
            desk,
        }
    }

    /// Requests for pages of the lists that are long, so far.
    fn list_pages(&self) -> u64 {
        let log = self.source.requests();
        log.count("GET", "/ed-fi/students/deletes")
            + log.count("GET", "/ed-fi/classPeriods/keyChanges")
    }

    /// A run that is killed as soon as something holds, and a little later.
    async fn killed(&self, later: u64, holds: impl Fn() -> bool) {
        let mut child = self.desk.command(&["publish"]).spawn().unwrap();
        let waiting = async {
            while !holds() && child.try_wait().unwrap().is_none() {
                tokio::task::yield_now().await;
            }
            for _ in 0..later {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    fn must_end_well(&self, when: &str) {
        for command in ["publish", "verify"] {
            let ran = self.desk.run(&[command]);
            assert_eq!(ran.status, 0, "{when}: {command}: {ran}");
        }
    }
}

fn school() -> Value {
    json!({"schoolId": 1, "nameOfInstitution": "North",
        "educationOrganizationCategories": [{"educationOrganizationCategoryDescriptor":
            "uri://ed-fi.org/EducationOrganizationCategoryDescriptor#School"}],
        "gradeLevels": [{"gradeLevelDescriptor": "uri://ed-fi.org/GradeLevelDescriptor#Ninth grade"}]})
}

/// Every request of a kind takes its time.
fn slow(sandbox: &Sandbox, method: &str, path: Option<&str>, delay_ms: u64) {
    let rule = FaultRule {
        on: FaultMatch {
            method: Some(method.to_owned()),
            path: path.map(str::to_owned),
            ..FaultMatch::default()
        },
        action: FaultAction::Delay,
        delay_ms,
        ..FaultRule::default()
    };
    sandbox.set_faults(FaultPlan {
        seed: 1,
        rules: vec![rule],
    });
}

/// A page of a list, without those of which nothing is told.
fn list_page(request: &Value) -> Option<String> {
    let path = request["path"].as_str()?;
    let is_list = path.contains("/deletes?") || path.contains("/keyChanges?");
    (request["method"] == "GET" && is_list).then(|| path.to_owned())
}

fn key_change(request: &Value) -> Option<String> {
    let path = request["path"].as_str()?;
    (request["method"] == "PUT").then(|| format!("{path} {}", request["body"]))
}

/// Kills runs of every second seed while they read lists, and looks at what was asked for twice.
async fn killed_in_lists(first: u64, (api, isolated): (ApiVersion, bool)) {
    for seed in (first..seeds()).step_by(2) {
        let case = Case::of(api, isolated).await;
        let client = Client::of(&case.source);
        client.put(SCHOOLS, &school());
        for number in 0..ALL {
            let student = json!({"studentUniqueId": number.to_string(), "firstName": "Ada",
                "lastSurname": "Byron", "birthDate": "2010-01-31"});
            client.put(STUDENTS, &student);
            let name = format!("Period {number}");
            client.put(
                PERIODS,
                &json!({"classPeriodName": name, SCHOOL: {"schoolId": 1}}),
            );
        }
        if isolated {
            case.source.take_snapshot("first").unwrap();
        }
        case.must_end_well("at first");
        for student in client.list(STUDENTS).iter().take(CHANGING) {
            client.change("DELETE", STUDENTS, student);
        }
        for mut period in client.list(PERIODS).into_iter().take(CHANGING) {
            let name = period["classPeriodName"].as_str().unwrap();
            period["classPeriodName"] = format!("{name} of old").into();
            client.change("PUT", PERIODS, &period);
        }
        if isolated {
            case.source.take_snapshot("second").unwrap();
        }

        slow(&case.source, "GET", Some("/ed-fi/"), 2);
        slow(&case.target, "PUT", None, 3);
        for kill in 0..KILLS {
            let pages = case.list_pages() + 1 + random(seed, kill, 2);
            let later = random(seed, kill + KILLS, 300);
            case.killed(later, || case.list_pages() >= pages).await;
        }
        case.source.set_faults(FaultPlan::default());
        case.target.set_faults(FaultPlan::default());
        case.must_end_well(&format!("seed {seed} of {api:?}"));
        assert_eq!(
            case.target.count(STUDENTS).unwrap(),
            (ALL - CHANGING) as u64
        );

        let mut again = BTreeMap::<String, u64>::new();
        for (path, asked) in repeated(&case.desk.path("source.jsonl"), list_page) {
            // Pages of one list differ in where they begin.
            let list = path.split("&offset=").next().unwrap_or_default().to_owned();
            *again.entry(list).or_default() += asked - 1;
        }
        for (list, pages) in &again {
            assert!(
                *pages <= KILLS,
                "seed {seed} of {api:?}: {pages} pages of {list} twice"
            );
        }
        assert!(
            again.values().sum::<u64>() > 0,
            "seed {seed} of {api:?}: a kill between two pages hits nothing"
        );
        let puts = repeated(&case.desk.path("target.jsonl"), key_change);
        assert!(puts.len() + UNANSWERED_MAX >= CHANGING, "{puts:?}");
        let again: u64 = puts.values().map(|times| times - 1).sum();
        assert!(
            again <= KILLS * PAGE,
            "seed {seed} of {api:?}: {again} keys changed twice"
        );
        case.source.stop().await;
        case.target.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_the_live_data_go_on_where_they_were_killed() {
    killed_in_lists(0, (ApiVersion::V7_3, false)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_a_snapshot_go_on_where_they_were_killed() {
    killed_in_lists(1, (ApiVersion::V6_2, true)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_went_is_found_by_the_key_that_it_took_before_the_run_was_killed() {
    let case = Case::of(ApiVersion::V7_3, false).await;
    let client = Client::of(&case.source);
    let term = "uri://ed-fi.org/TermDescriptor#Fall Semester";
    let system = "uri://ed-fi.org/CourseIdentificationSystemDescriptor#LEA course code";
    let session = json!({"schoolId": 1, "schoolYear": 2026, "sessionName": "Fall"});
    client.put(SCHOOLS, &school());
    client.put(
        "ed-fi/courses",
        &json!({"courseCode": "ALG", "courseTitle": "Algebra", "numberOfParts": 1,
            "educationOrganizationReference": {"educationOrganizationId": 1},
            "identificationCodes": [{"courseIdentificationSystemDescriptor": system,
                "identificationCode": "ALG"}]}),
    );
    client.put(
        "ed-fi/sessions",
        &json!({"sessionName": "Fall", SCHOOL: {"schoolId": 1},
            "schoolYearTypeReference": {"schoolYear": 2026}, "beginDate": "2025-08-01",
            "endDate": "2025-12-20", "totalInstructionalDays": 80, "termDescriptor": term}),
    );
    client.put(
        "ed-fi/courseOfferings",
        &json!({"localCourseCode": "ALG", SCHOOL: {"schoolId": 1}, "sessionReference": session,
            "courseReference": {"courseCode": "ALG", "educationOrganizationId": 1}}),
    );
    for number in 0..ALL {
        client.put(
            SECTIONS,
            &json!({"sectionIdentifier": number.to_string(),
                "courseOfferingReference": {"localCourseCode": "ALG", "schoolId": 1,
                    "schoolYear": 2026, "sessionName": "Fall"}}),
        );
    }
    case.must_end_well("at first");
    for section in client.list(SECTIONS).iter().take(CHANGING) {
        client.change("DELETE", SECTIONS, section);
    }
    let mut session = client.list("ed-fi/sessions").remove(0);
    session["sessionName"] = "Autumn".into();
    client.change("PUT", "ed-fi/sessions", &session);

    // The source tells keys of sections with the old name, the target has them under the new one.
    slow(&case.target, "DELETE", None, 20);
    let deletes = || case.target.requests().count("DELETE", "/ed-fi/sections");
    case.killed(0, || deletes() >= 2).await;
    let left = case.target.count(SECTIONS).unwrap();
    assert!(left > (ALL - CHANGING) as u64, "it was killed midway");
    case.target.set_faults(FaultPlan::default());
    let changes = || {
        let log = case.source.requests();
        log.count("GET", "/keyChanges")
    };
    let before = changes();
    case.must_end_well("afterwards");
    assert_eq!(
        case.target.count(SECTIONS).unwrap(),
        (ALL - CHANGING) as u64
    );
    assert_eq!(changes(), before, "all lists had been read to their ends");
}
