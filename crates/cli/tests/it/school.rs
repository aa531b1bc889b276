//! The school of `examples/school`: three files, a learning management system and a directory, through
//! a year. Every second run is empty. The nightly run does it with 5,000 people
//! (`SYNCLINE_SCHOOL_STUDENTS=4700`), the others with 500.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;
use syncline_testkit::{Service, services};

use crate::datastores::{Branch, Database, System};
use crate::desk::{Desk, Ran};
use crate::flows_trouble::ended;

pub(crate) const SCHOOL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/school");
/// What has to be lifted when everybody goes to the next grade.
const ALLOWED: &str = "delete-share,delete-count,update-share";

/// How many students there are, unless the nightly run asks for more.
#[expect(clippy::disallowed_methods, reason = "how much is tried")]
pub(crate) fn students() -> u64 {
    let asked = std::env::var("SYNCLINE_SCHOOL_STUDENTS").ok();
    asked.map_or(470, |asked| asked.parse().unwrap())
}

/// What happens in a school of so many students.
pub(crate) struct Size {
    pub(crate) students: u64,
    pub(crate) staff: u64,
    pub(crate) renamed: u64,
    pub(crate) moved: u64,
    pub(crate) left: u64,
    pub(crate) come: u64,
    pub(crate) back: u64,
}

impl Size {
    pub(crate) fn of(students: u64) -> Self {
        let left = students / 470;
        Self {
            students,
            staff: (students * 3 / 47).max(6),
            renamed: students / 235,
            moved: students / 117,
            left,
            come: students / 313,
            back: (left / 5).max(1),
        }
    }
}

/// What the information system exports on a day.
pub(crate) fn export(desk: &Desk, day: &str) {
    let mut generate = Command::new("python3");
    generate.arg(format!("{SCHOOL}/generate.py"));
    let size = students().to_string();
    generate.args(["sis", day, &size]).current_dir(desk.home());
    assert!(generate.status().unwrap().success());
}

struct School {
    desk: Desk,
    flow: &'static str,
    variables: Vec<(&'static str, String)>,
}

impl School {
    fn new(desk: Desk, flow: &'static str, variables: &[(&'static str, &str)]) -> Self {
        let yaml = std::fs::read_to_string(format!("{SCHOOL}/syncline.yaml")).unwrap();
        desk.write("syncline.yaml", yaml);
        let mut all: Vec<(&str, String)> = [
            ("LMS_URL", "sqlite:none.db"),
            ("LDAP_URL", "ldap://127.0.0.1:1"),
            ("LDAP_DN", "cn=nobody"),
            ("LDAP_PASSWORD", "none"),
            ("LDAP_BASE", "dc=example,dc=org"),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .to_vec();
        for (name, value) in variables {
            all.retain(|(other, _)| other != name);
            all.push((name, (*value).to_owned()));
        }
        Self {
            desk,
            flow,
            variables: all,
        }
    }

    fn export(&self, day: &str) {
        export(&self.desk, day);
    }

    /// Of the file of students, two fifths are left.
    fn cut_off(&self) {
        let export = self.desk.read("sis/students.csv");
        let some = export.lines().count() * 2 / 5;
        let cut: Vec<&str> = export.lines().take(some).collect();
        self.desk.write("sis/students.csv", cut.join("\n") + "\n");
    }

    /// A plan is held, and says why and what can be done.
    #[track_caller]
    fn told_as_cut_off(&self) {
        let held = self.run(&["plan", self.flow]);
        ended(&held, 4);
        for told in ["shrunken-source", "delete-share", "--allow"] {
            assert!(held.stdout.contains(told), "{told}: {}", held.stdout);
        }
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = self.desk.command(arguments);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        self.desk.ended(command.output().unwrap())
    }

    /// How many different values stand in a column of an exported file.
    fn distinct(&self, file: &str, column: usize) -> u64 {
        let text = self.desk.read(file);
        let values = text
            .lines()
            .skip(1)
            .filter_map(|row| row.split(',').nth(column));
        values.collect::<BTreeSet<&str>>().len() as u64
    }

    /// What a plan would do to a collection: created, updated, re-keyed, left, deleted, held.
    #[track_caller]
    fn plan(&self, status: i32) -> Plan {
        let ran = self.run(&["plan", self.flow, "--json"]);
        ended(&ran, status);
        Plan(serde_json::from_str(&ran.stdout).unwrap())
    }

    #[track_caller]
    fn sync(&self, more: &[&str], status: i32) -> Ran {
        let ran = self.run(&[&["sync", self.flow], more].concat());
        ended(&ran, status);
        ran
    }

    /// Nothing differs, and a run does nothing.
    #[track_caller]
    fn is_in_step(&self) {
        let drift = self.run(&["drift", self.flow]);
        ended(&drift, 0);
        assert!(drift.stdout.contains("Nothing differs"), "{}", drift.stdout);
        let again = self.sync(&[], 0);
        for line in again
            .stderr
            .lines()
            .filter(|line| line.contains("created,"))
        {
            let does_nothing = line.contains(": 0 created, 0 updated, 0 deleted, ");
            assert!(does_nothing && line.ends_with(", 0 failed"), "{line}");
        }
    }
}

struct Plan(Value);

impl Plan {
    fn of(&self, collection: &str) -> [u64; 6] {
        let all = self.0["collections"].as_array().unwrap();
        let one = all.iter().find(|one| one["name"] == collection).unwrap();
        let kinds = ["creates", "updates", "rekeys", "leaves", "deletes"];
        let [creates, updates, rekeys, leaves, deletes] =
            kinds.map(|kind| one[kind].as_u64().unwrap());
        let held = one["held"].as_object().unwrap().values();
        let held = held.map(|count| count.as_u64().unwrap()).sum();
        [creates, updates, rekeys, leaves, deletes, held]
    }
}

/// How many rows a query counts.
pub(crate) async fn count(database: &Database, what: &str) -> u64 {
    let text = database.system.pick("TEXT", "text", "CHAR");
    let sql = format!("SELECT CAST(count(*) AS {text}) FROM {what}");
    database.texts(&sql).await[0].parse().unwrap()
}

async fn lms(system: System) {
    let desk = Desk::new();
    let Some(database) = Database::new(system, &desk).await else {
        return;
    };
    let schema = system.pick("", "lms.postgresql.sql", "lms.mariadb.sql");
    let schema = std::fs::read_to_string(format!("{SCHOOL}/{schema}")).unwrap();
    database.run(&schema).await;
    let school = School::new(desk, "lms", &[("LMS_URL", &database.url)]);

    let size = Size::of(students());
    let year = (&school, &database, &size);
    term_start(year).await;
    a_week_of_changes(year).await;
    an_export_that_is_cut_off(year).await;
    some_are_back(year).await;
    the_next_school_year(year).await;
}

type Year<'year> = (&'year School, &'year Database, &'year Size);

/// Term start: all are new, and the administrator is none of them.
async fn term_start((school, database, size): Year<'_>) {
    let people = size.students + size.staff;
    school.export("start");
    school.sync(&[], 0);
    let sections = school.distinct("sis/schedule.csv", 0);
    for (table, expected) in [
        ("users", people + 1),
        ("cohorts", 12 + school.distinct("sis/students.csv", 5) + 1),
        ("cohort_members", 2 * size.students + size.staff),
        ("courses", 72),
        ("course_groups", sections),
        ("enrolments", 6 * size.students + sections),
    ] {
        assert_eq!(count(database, table).await, expected, "{table}");
    }
    school.is_in_step();
}

/// A week of changes; those who left may stay for two runs.
async fn a_week_of_changes((school, database, size): Year<'_>) {
    let people = size.students + size.staff;
    school.export("week");
    let plan = school.plan(0);
    let users = [size.come, size.renamed, 0, 0, 0, 1 + size.left];
    assert_eq!(plan.of("users"), users, "the administrator is kept, too");
    let members = [
        2 * size.come + size.moved,
        0,
        0,
        0,
        2 * size.left + size.moved,
        0,
    ];
    assert_eq!(plan.of("cohort_members"), members);
    for _ in 0..2 {
        school.sync(&[], 0);
        assert_eq!(count(database, "users WHERE suspended").await, 0);
    }
    assert_eq!(school.plan(0).of("users"), [0, 0, 0, size.left, 0, 1]);
    school.sync(&[], 0);
    assert_eq!(count(database, "users WHERE suspended").await, size.left);
    assert_eq!(count(database, "users").await, people + 1 + size.come);
    school.is_in_step();
}

/// An export that was cut off: what is missing is held, and why is said.
async fn an_export_that_is_cut_off((school, database, size): Year<'_>) {
    school.cut_off();
    school.told_as_cut_off();
    let before = count(database, "cohort_members").await;
    school.sync(&[], 4);
    assert_eq!(count(database, "users WHERE suspended").await, size.left);
    assert_eq!(count(database, "cohort_members").await, before);
}

/// Some are back, and one has another number: the same row, with what the system knows of it.
async fn some_are_back((school, database, size): Year<'_>) {
    let seen = "UPDATE users SET last_login = '2026-08-20 12:00:00' WHERE idnumber = 'S0'";
    database.run(seen).await;
    school.export("back");
    assert_eq!(school.plan(0).of("users"), [0, size.back, 1, 0, 0, 1]);
    school.sync(&[], 0);
    let suspended = count(database, "users WHERE suspended").await;
    assert_eq!(suspended, size.left - size.back);
    for (rows, expected) in [
        (
            "users WHERE idnumber = 'S-NEW-1' AND last_login IS NOT NULL",
            1,
        ),
        ("cohort_members WHERE member = 'S-NEW-1'", 2),
        ("cohort_members WHERE member = 'S0'", 0),
        ("enrolments WHERE member = 'S-NEW-1'", 6),
    ] {
        assert_eq!(count(database, rows).await, expected, "{rows}");
    }
    school.is_in_step();
}

/// The next school year: too much at once for the guards, until somebody says that it is meant.
async fn the_next_school_year((school, database, size): Year<'_>) {
    school.export("rollover");
    let held = school.run(&["plan", "lms"]);
    ended(&held, 4);
    let told = "cohort_members: held by a guard: delete-share";
    assert!(held.stdout.contains(told), "{}", held.stdout);
    for _ in 0..3 {
        school.sync(&["--allow", ALLOWED], 0);
    }
    let rows = school.desk.read("sis/students.csv").lines().count() as u64 - 1;
    let members = count(database, "cohort_members").await;
    assert_eq!(members, 2 * rows + size.staff);
    let active = count(database, "users WHERE NOT suspended").await;
    assert_eq!(active, rows + size.staff + 1);
    school.is_in_step();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_learning_management_system_on_postgresql_through_a_year() {
    lms(System::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_learning_management_system_on_mariadb_through_a_year() {
    lms(System::MariaDb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_through_a_year() {
    let Some(mut branch) = Branch::new().await else {
        return;
    };
    let setting = |name: &str| services::setting(name).unwrap();
    let school = School::new(
        Desk::new(),
        "directory",
        &[
            ("LDAP_URL", &Service::Ldap.address().unwrap()),
            ("LDAP_DN", &setting("SYNCLINE_TEST_LDAP_DN")),
            ("LDAP_PASSWORD", &setting("SYNCLINE_TEST_LDAP_PASSWORD")),
            ("LDAP_BASE", &branch.base),
        ],
    );
    let size = Size::of(students());
    let people = usize::try_from(size.students + size.staff).unwrap();
    school.export("start");
    school.sync(&[], 0);
    assert_eq!(branch.look("uid").await.len(), people);
    let members = branch.look("member").await;
    // Everybody, and in each group the one who is nobody.
    assert_eq!(members.values().map(Vec::len).sum::<usize>(), people + 13);
    school.is_in_step();

    school.export("week");
    let plan = school.plan(0);
    assert_eq!(
        plan.of("people"),
        [size.come, size.renamed, 0, 0, 0, size.left]
    );
    assert_eq!(plan.of("memberships"), [size.come, 0, 0, 0, size.left, 0]);
    let gone = |types: &BTreeMap<String, Vec<String>>| {
        types.values().filter(|values| values[0] == "left").count() as u64
    };
    for left in [0, 0, size.left] {
        school.sync(&[], 0);
        assert_eq!(gone(&branch.look("employeeType").await), left);
    }
    school.is_in_step();

    // An export that was cut off takes nobody away.
    school.cut_off();
    school.told_as_cut_off();
    let members = branch.look("member").await;
    school.sync(&[], 4);
    assert_eq!(gone(&branch.look("employeeType").await), size.left);
    assert_eq!(branch.look("member").await, members);

    school.export("back");
    assert_eq!(school.plan(0).of("people"), [0, size.back, 1, 0, 0, 0]);
    school.sync(&[], 0);
    let types = branch.look("employeeType").await;
    assert_eq!(gone(&types), size.left - size.back);
    assert!(types.contains_key("uid=S-NEW-1") && !types.contains_key("uid=S0"));
    school.is_in_step();

    school.export("rollover");
    ended(&school.run(&["plan", "directory"]), 4);
    for _ in 0..3 {
        school.sync(&["--allow", ALLOWED], 0);
    }
    school.is_in_step();
    branch.remove().await;
}
