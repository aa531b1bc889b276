//! Derived collections of flows, at the command line.

use crate::desk::Desk;

const STUDENTS: &str = "id,grade,family,clubs\n1,7,0010,chess;go\n2,7,0010,\n3,8,0020,go\n";

/// A flow from students to parents, cohorts and members of cohorts.
fn desk(collections: &str) -> Desk {
    let desk = Desk::new();
    desk.write("sis/students.csv", STUDENTS);
    desk.write("lms/parents.csv", "username,students\n0010P,2\n");
    desk.write("lms/cohorts.csv", "idnumber,name\n");
    desk.write("lms/members.csv", "cohort,username\nold,1\n");
    configure(&desk, collections);
    desk
}

fn configure(desk: &Desk, collections: &str) {
    let indented: Vec<String> = collections
        .lines()
        .map(|line| format!("    {line}"))
        .collect();
    desk.write(
        "syncline.yaml",
        format!(
            "stores:\n  sis: {{kind: files, path: sis}}\n  lms: {{kind: files, path: lms}}\n\
             flows:\n  f:\n    from: sis\n    to: lms\n{}\n",
            indented.join("\n")
        ),
    );
}

const FLOW: &str = "\
lookups:
  classes: {from: source.cohorts_of_students, key: idnumber, value: name}
derived:
  cohorts_of_students:
    sql: |
      select distinct 'students' || grade as idnumber, 'Grade ' || grade as name
      from students
collections:
  parents:
    sql: \"select family || 'P' as username, count(*) as students from students group by 1\"
    key: [username]
  cohorts:
    from: cohorts_of_students
    key: {idnumber: idnumber}
    map: {name: \"idnumber | lookup('classes')\"}
  members:
    sql: |
      select c.idnumber as cohort, s.id as username
      from students s join cohorts_of_students c on c.idnumber = 'students' || s.grade
    key: [cohort, username]
    delete: {style: delete}
";

#[test]
fn parents_cohorts_and_members_are_derived_and_the_second_plan_is_empty() {
    let desk = desk(FLOW);
    let sync = desk.run(&["sync", "f"]);
    assert_eq!(sync.status, 0, "{}", sync.stderr);
    assert_eq!(
        desk.read("lms/parents.csv"),
        "username,students\n0010P,2\n0020P,1\n"
    );
    let mut cohorts: Vec<String> = desk
        .read("lms/cohorts.csv")
        .lines()
        .map(str::to_owned)
        .collect();
    cohorts.sort();
    assert_eq!(
        cohorts,
        ["idnumber,name", "students7,Grade 7", "students8,Grade 8"]
    );
    let members = desk.read("lms/members.csv");
    assert_eq!(members.lines().count(), 4, "{members}");
    assert!(!members.contains("old"), "{members}");
    assert_eq!(desk.run(&["drift", "f"]).status, 0);
    let kept = std::fs::read_dir(desk.path(".syncline")).unwrap();
    let kept: Vec<String> = kept
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(
        kept.iter().all(|name| !name.starts_with(".tmp")),
        "{kept:?}"
    );
}

fn without_lookups() -> String {
    let (_, rest) = FLOW.split_once("derived:").unwrap();
    format!("derived:{rest}").replace("\"idnumber | lookup('classes')\"", "name")
}

#[test]
fn nothing_is_deleted_where_a_row_of_the_table_was_not_read() {
    let desk = desk(FLOW);
    desk.write("sis/students.csv", format!("{STUDENTS}4,8\n"));
    let lookup = desk.run(&["plan", "f"]);
    assert_eq!(lookup.status, 2, "{}", lookup.stdout);
    let told = "the lookup `classes`: students.csv:5 it has 2 cells";
    assert!(lookup.stderr.contains(told), "{}", lookup.stderr);

    let flow = without_lookups();
    configure(&desk, &flow);
    let refused = desk.run(&["plan", "f"]);
    assert_eq!(refused.status, 1, "{}", refused.stdout);
    let told = "members: source: students.csv:5: it has 2 cells, and there are 4 columns";
    assert!(refused.stdout.contains(told), "{}", refused.stdout);

    configure(
        &desk,
        &flow.replace("    delete:", "    rows: skip\n    delete:"),
    );
    let plan = desk.run(&["plan", "f", "--only-collection", "members"]);
    assert!(
        plan.stdout.contains("nothing of it is deleted"),
        "{}",
        plan.stdout
    );
    let sync = desk.run(&["sync", "f", "--only-collection", "members"]);
    assert_eq!(sync.status, 4, "{}{}", sync.stdout, sync.stderr);
    assert!(desk.read("lms/members.csv").contains("old,1"));
}

#[test]
fn mistakes_of_a_query_name_file_collection_line_and_column() {
    let desk = desk(&FLOW.replace("s.id as username", "s.idd as username"));
    let plan = desk.run(&["plan", "f"]);
    assert_eq!(plan.status, 2, "{}", plan.stderr);
    let told = "the query of `members.sql`, line 1, column 30: no such column: s.idd";
    assert!(plan.stderr.contains(told), "{}", plan.stderr);
    assert!(plan.stderr.contains("syncline.yaml:"), "{}", plan.stderr);

    configure(&desk, &FLOW.replace("from students\n", "from student\n"));
    let plan = desk.run(&["plan", "f"]);
    assert_eq!(plan.status, 2, "{}", plan.stderr);
    assert!(
        plan.stderr.contains("did you mean `students`?"),
        "{}",
        plan.stderr
    );
}

#[test]
fn a_column_that_the_target_does_not_have_is_a_mistake_of_the_flow() {
    let desk = desk(&FLOW.replace("count(*) as students", "count(*) as student"));
    let plan = desk.run(&["plan", "f"]);
    assert_eq!(plan.status, 2, "{}", plan.stderr);
    assert!(
        plan.stderr.contains("`parents` has no field `student`"),
        "{}",
        plan.stderr
    );
    let both = FLOW.replace(
        "    key: [username]",
        "    from: students\n    key: [username]",
    );
    configure(&desk, &both);
    let plan = desk.run(&["plan", "f"]);
    assert!(
        plan.stderr.contains("and `sql` exclude each other"),
        "{}",
        plan.stderr
    );
}
