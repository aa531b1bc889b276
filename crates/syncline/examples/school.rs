//! The school of `examples/school`, by a program of its own: three files of its information system,
//! kept in step with a learning management system (a database) and a directory.
//!
//! ```sh
//! python3 examples/school/generate.py sis start
//! sqlite3 lms.db < examples/school/lms.postgresql.sql
//! cargo run -p syncline --example school -- sis state sqlite:lms.db
//! ```
//!
//! The database may be one of PostgreSQL or MariaDB. With `ldap://host`, a name to bind with and the
//! entry below which `ou=people` and `ou=groups` are, the directory is kept in step, too; the password
//! is read from standard input.
#![expect(clippy::print_stdout, reason = "it shows what it does")]

use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use syncline::store::{
    LdapEntries, LdapMembers, LdapSettings, LdapStore, SqlSettings, SqlStore, Store, TableSettings,
    TablesStore, ValueRules, Whitespace,
};
use syncline::{AppliedFlow, ChangeKind, DeleteStyle, Failure, Flow, Grace, Part};

const USAGE: &str = "usage: school SIS_FOLDER STATE_FOLDER DATABASE_URL [LDAP_URL BIND_DN BASE_DN]";

/// Students and staff, as one collection.
const PEOPLE: &str = "
    SELECT student_id AS id, given_name, family_name, email, 'student' AS role FROM students
    UNION ALL
    SELECT staff_id, given_name, family_name, email, 'teacher' FROM staff";

/// What is looked at of a user before anything is done.
#[derive(Debug, Deserialize)]
struct User {
    firstname: String,
    lastname: String,
}

impl User {
    fn name(&self) -> String {
        format!("{} {}", self.firstname, self.lastname)
    }
}

/// What the learning management system is to hold.
pub(crate) fn lms(state: &Path) -> Flow {
    let suspended = DeleteStyle::Set(vec![("suspended".to_owned(), "true".to_owned())]);
    let trimmed = ValueRules {
        whitespace: Whitespace::Trim,
        ..ValueRules::default()
    };
    let users = Part::new("users")
        .sql(PEOPLE)
        .key("idnumber", "id")
        .map("username", "email | lower")
        .map("firstname", "given_name")
        .map("lastname", "family_name")
        .map("email", "email | lower")
        .map("role", "role")
        .map("suspended", "false") // whoever is back may log in again
        .values(trimmed)
        .rename_by(&["email"]) // another number, the same person
        .delete(suspended, Grace::Runs(2))
        .protect("idnumber", "admin");
    let cohorts = Part::new("cohorts").key("idnumber", "id").sql(
        "SELECT DISTINCT 'grade-' || grade AS id, 'Grade ' || grade AS name FROM students
         UNION SELECT 'room-' || homeroom, 'Homeroom ' || homeroom FROM students
         UNION ALL SELECT 'staff', 'Staff'",
    );
    let members = Part::new("cohort_members")
        .key("cohort", "cohort")
        .key("member", "member")
        .sql(
            "SELECT 'grade-' || grade AS cohort, student_id AS member FROM students
             UNION ALL SELECT 'room-' || homeroom, student_id FROM students
             UNION ALL SELECT 'staff', staff_id FROM staff",
        );
    let courses = Part::new("courses")
        .key("shortname", "code")
        .map("fullname", "title")
        .sql("SELECT DISTINCT course_code AS code, course_title AS title FROM schedule");
    let groups = Part::new("course_groups")
        .key("name", "name")
        .sql("SELECT DISTINCT section_id AS name, course_code AS course FROM schedule");
    let enrolments = Part::new("enrolments")
        .key("class", "class")
        .key("member", "member")
        .sql(
            "SELECT section_id AS class, student_id AS member, 'student' AS role FROM schedule
             UNION SELECT section_id, teacher_id, 'teacher' FROM schedule",
        );
    let others = [cohorts, members, courses, groups, enrolments];
    let flow = Flow::new("lms").state(state).part(users);
    others.into_iter().fold(flow, |flow, part| {
        flow.part(part.delete(DeleteStyle::Delete, Grace::None))
    })
}

/// What the directory is to hold.
pub(crate) fn directory(state: &Path) -> Flow {
    let left = DeleteStyle::Set(vec![("employeeType".to_owned(), "\"left\"".to_owned())]);
    let people = Part::new("people")
        .sql(PEOPLE)
        .key("uid", "id")
        .map("cn", "{{ given_name }} {{ family_name }}")
        .map("sn", "family_name")
        .map("givenName", "given_name")
        .map("mail", "[email]")
        .map("employeeType", "role")
        .rename_by(&["mail"])
        .delete(left, Grace::Runs(2));
    let groups = Part::new("groups")
        .key("cn", "id")
        .map("description", "name")
        .sql(
            "SELECT DISTINCT 'grade-' || grade AS id, 'Grade ' || grade AS name FROM students
             UNION ALL SELECT 'staff', 'Staff'",
        )
        .delete(DeleteStyle::Delete, Grace::None);
    let memberships = Part::new("memberships")
        .key("group", "grade")
        .key("member", "person")
        .sql(
            "SELECT 'grade-' || grade AS grade, student_id AS person FROM students
             UNION ALL SELECT 'staff', staff_id FROM staff",
        )
        .delete(DeleteStyle::Delete, Grace::None);
    Flow::new("directory")
        .state(state)
        .part(people)
        .part(groups)
        .part(memberships)
}

/// The files of the information system.
pub(crate) fn sis(folder: &Path) -> Result<Arc<TablesStore>, Failure> {
    let usual = TableSettings::default();
    let store = TablesStore::open(folder, &usual, &BTreeMap::new())?;
    Ok(Arc::new(store))
}

/// The tables of a database.
pub(crate) async fn database(url: &str) -> Result<SqlStore, Failure> {
    Ok(SqlStore::open(SqlSettings::at(url)?).await?)
}

/// People and groups of a directory, below an entry.
pub(crate) async fn people_and_groups(
    url: &str,
    (name, password): (&str, &str),
    base: &str,
) -> Result<LdapStore, Failure> {
    let people = LdapEntries::below(&format!("ou=people,{base}"), "uid")
        .class("inetOrgPerson")
        .attributes(&["cn", "sn", "givenName", "employeeType"])
        .list("mail");
    let groups = LdapEntries::below(&format!("ou=groups,{base}"), "cn")
        .class("groupOfNames")
        .attributes(&["description"]);
    let nobody = format!("cn=nobody,{base}");
    let settings = LdapSettings::at(url)?
        .bound(name, password)?
        .with("people", people)
        .with("groups", groups)
        .with(
            "memberships",
            LdapMembers::of("groups").who("people", Some(&nobody)),
        );
    Ok(LdapStore::open(settings).await?)
}

/// Brings a target in step with the files: what would be done is shown, and then done.
pub(crate) async fn in_step<T: Store + Clone + 'static>(
    flow: &Flow,
    source: &Arc<TablesStore>,
    target: &T,
) -> Result<AppliedFlow, Failure> {
    let plan = flow.plan(source, target).await?;
    for one in &plan.summary().collections {
        let (name, creates, updates, gone) = (
            &one.name,
            one.creates,
            one.updates,
            one.deletes + one.leaves,
        );
        println!("{name}: {creates} new, {updates} to change, {gone} gone");
        for verdict in &one.verdicts {
            println!("{name}: held by a guard: {verdict}");
        }
    }
    for change in plan.changes()? {
        let change = change?;
        if let (ChangeKind::Update, Some(was), Some(is)) = (
            change.kind(),
            change.before::<User>(),
            change.after::<User>(),
        ) {
            println!("{}: {} -> {}", change.key(), was.name(), is.name());
        }
    }
    plan.apply().await
}

/// What is typed: folders, addresses, and where the password of the directory comes from.
pub(crate) async fn run(arguments: &[&str], mut password: impl BufRead) -> Result<(), Failure> {
    let [folder, state, url, directory_of @ ..] = arguments else {
        return Err(Failure::configuration(USAGE));
    };
    let (sis, state) = (sis(Path::new(folder))?, Path::new(state));
    tell(&in_step(&lms(state), &sis, &database(url).await?).await?)?;
    match directory_of {
        [] => {}
        [url, name, base] => {
            let mut line = String::new();
            password.read_line(&mut line)?;
            let target = people_and_groups(url, (name, line.trim_end()), base).await?;
            tell(&in_step(&directory(state), &sis, &target).await?)?;
        }
        _ => return Err(Failure::configuration(USAGE)),
    }
    Ok(())
}

/// What was done, and each change that was not.
fn tell(applied: &AppliedFlow) -> Result<(), Failure> {
    for (name, one) in &applied.report.collections {
        let (done, held, failed) = (one.accepted(), one.held, one.failed);
        println!("{name}: {done} done, {held} held, {failed} failed");
    }
    for outcome in applied.outcomes()? {
        let one = outcome?;
        if one.outcome.is_failure() {
            println!("{} {}: {}", one.collection, one.key, one.reason);
        }
    }
    Ok(())
}

#[tokio::main]
pub(crate) async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    run(&arguments, std::io::stdin().lock()).await
}
