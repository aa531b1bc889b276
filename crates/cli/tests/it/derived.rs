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

/// From CSV into a new Parquet file, from there into CSV again, and back with a change.
#[cfg(feature = "parquet")]
#[test]
fn parquet_files_are_source_and_target() {
    let desk = Desk::new();
    desk.write(
        "sis/students.csv",
        "id,born,grade,fee\n007,2014-05-01,7,1.50\n8,,,\n",
    );
    desk.write("out/students.csv", "id,born,grade\n");
    let flow = |from: &str, to: &str| {
        format!(
            "    from: {from}\n    to: {to}\n    collections:\n      students:\n        \
             key: [id]\n        map: {{born: born, grade: grade}}\n        types: TYPES\n        \
             delete: {{style: delete}}\n        limits: {{small_set: 20}}\n"
        )
    };
    desk.write(
        "syncline.yaml",
        format!(
            "stores:\n  sis: {{kind: files, path: sis}}\n  lake:\n    kind: files\n    path: lake\n    \
             tables: {{students: {{file: students.parquet}}}}\n  out: {{kind: files, path: out}}\n\
             flows:\n  in:\n{}  out:\n{}",
            flow("sis", "lake").replace("TYPES", "{id: text, born: date, grade: integer}"),
            flow("lake", "out").replace("TYPES", "{}"),
        ),
    );
    let run = |arguments: &[&str], status: i32| {
        let ran = desk.run(arguments);
        assert_eq!(
            ran.status, status,
            "{arguments:?}: {}{}",
            ran.stdout, ran.stderr
        );
        ran
    };
    run(&["sync", "in"], 0);
    run(&["drift", "in"], 0);
    run(&["sync", "out"], 0);
    run(&["drift", "out"], 0);
    let mut rows: Vec<String> = desk
        .read("out/students.csv")
        .lines()
        .map(str::to_owned)
        .collect();
    rows.sort();
    assert_eq!(rows, ["007,2014-05-01,7", "8,,", "id,born,grade"]);
    desk.write(
        "sis/students.csv",
        "id,born,grade,fee\n007,2014-05-01,8,1.50\n9,2013-01-31,6,\n",
    );
    let plan = run(&["plan", "in", "--show-values"], 0);
    assert!(plan.stdout.contains("    grade: 7 -> 8"), "{}", plan.stdout);
    run(&["apply", ".syncline/plans/in.jsonl"], 0);
    run(&["drift", "in"], 0);
    desk.write("sis/students.csv", "id,born,grade,fee\n007,1.5.2014,8,\n");
    let plan = run(&["plan", "in"], 1);
    assert!(
        plan.stdout.contains("`born`: a date was expected"),
        "{}",
        plan.stdout
    );
}
