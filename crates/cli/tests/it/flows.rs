//! Flows, at the command line: what a person sees and what is in the files afterwards.

use crate::desk::{Desk, Ran};

/// A flow `f` of one collection `r`, from `left/l.csv` to `right/r.csv`, with further lines.
pub(crate) fn desk(left: &str, right: &str, more: &str) -> Desk {
    let desk = Desk::new();
    desk.write("left/l.csv", left);
    desk.write("right/r.csv", right);
    configure(&desk, more);
    desk
}

pub(crate) fn configure(desk: &Desk, more: &str) {
    let lines = more.lines().map(|line| format!("        {line}"));
    let more = lines.collect::<Vec<_>>().join("\n") + "\n";
    desk.write(
        "syncline.yaml",
        format!(
            "stores:\n  left: {{kind: files, path: left}}\n  right: {{kind: files, path: right}}\n\
             flows:\n  f:\n    from: left\n    to: right\n    collections:\n      r:\n        \
             from: l\n        key: {{id: id}}\n{more}"
        ),
    );
}

pub(crate) const NAME: &str = "map: {name: name}\n";
pub(crate) const DELETES: &str =
    "map: {name: name}\ndelete: {style: delete}\nlimits: {small_set: 20}\n";

pub(crate) fn right(desk: &Desk) -> String {
    desk.read("right/r.csv")
}

#[track_caller]
fn ended(ran: &Ran, status: i32) {
    assert_eq!(ran.status, status, "{}\n{}", ran.stdout, ran.stderr);
}

/// The lines of a plan that say what becomes of records.
pub(crate) fn changes(ran: &Ran) -> Vec<&str> {
    let words = ["create ", "update ", "delete ", "re-key ", "leave "];
    let is_change = |line: &&str| words.iter().any(|word| line.starts_with(word));
    ran.stdout.lines().filter(is_change).collect()
}

/// A flow is planned, applied and planned again: the second plan is empty.
#[track_caller]
fn check(desk: &Desk, expected_changes: &[&str], expected: &str) {
    let plan = desk.run(&["plan", "f"]);
    ended(&plan, 0);
    assert_eq!(changes(&plan), expected_changes, "{}", plan.stdout);
    ended(&desk.run(&["apply", ".syncline/plans/f.jsonl"]), 0);
    assert_eq!(right(desk), expected);
    let again = desk.run(&["drift", "f"]);
    ended(&again, 0);
    assert!(again.stdout.contains("Nothing differs"), "{}", again.stdout);
}

// The acceptance scenarios, by their numbers.

#[test]
fn s01_new_changed_and_gone_come_in_a_fixed_order_with_both_sides() {
    let desk = desk("id,name\n1,a\n2,b\n", "id,name\n1,z\n3,c\n", DELETES);
    let shown = desk.run(&["plan", "f", "--show-values"]);
    assert!(
        shown.stdout.contains("    name: \"z\" -> \"a\""),
        "{}",
        shown.stdout
    );
    let hidden = desk.run(&["plan", "f"]);
    assert!(!hidden.stdout.contains("\"z\""), "{}", hidden.stdout);
    let changes = ["create r [\"2\"]", "update r [\"1\"]", "delete r [\"3\"]"];
    assert_eq!(self::changes(&hidden), changes);
    assert_eq!(self::changes(&shown), changes);
    assert_eq!(self::changes(&desk.run(&["plan", "f"])), changes);
    ended(&desk.run(&["apply", ".syncline/plans/f.jsonl"]), 0);
    assert_eq!(right(&desk), "id,name\n1,a\n2,b\n");
    ended(&desk.run(&["verify", "f"]), 0);
}

#[test]
fn s02_what_is_the_same_is_no_change() {
    check(
        &desk("id,name\n1,a\n", "id,name\n1,a\n", NAME),
        &[],
        "id,name\n1,a\n",
    );
}

#[test]
fn s03_the_declared_type_decides_whether_seven_is_seven() {
    let desk = desk(
        "id,g\n",
        "id,g\n1,007\n",
        "map: {g: g}\ntypes: {g: integer}\n",
    );
    std::fs::remove_file(desk.path("left/l.csv")).unwrap();
    desk.write("left/l.jsonl", "{\"id\":\"1\",\"g\":7}\n");
    check(&desk, &[], "id,g\n1,007\n");
    desk.write("left/l.jsonl", "{\"id\":\"1\",\"g\":\"seven\"}\n");
    let plan = desk.run(&["plan", "f"]);
    ended(&plan, 1);
    assert!(
        plan.stdout
            .contains("l.jsonl:1: `g`: a whole number was expected"),
        "{}",
        plan.stdout
    );
    assert!(!plan.stdout.contains("seven"), "{}", plan.stdout);
}

/// Members of a list are records of their own: owner and element.
const MEMBERS: &str = "each: {in: \"m | split(';')\", as: element}\ndelete: {style: delete}\n";

fn members(left: &str, right: &str) -> Desk {
    let desk = desk(left, right, MEMBERS);
    let text = desk.read("syncline.yaml");
    desk.write(
        "syncline.yaml",
        text.replace("key: {id: id}", "key: {id: id, m: element}"),
    );
    desk
}

#[test]
fn s04_and_s06_elements_of_a_set_come_and_go_one_by_one() {
    let desk = members("id,m\n1,a\n1,b\n", "id,m\n1,b\n1,c\n");
    check(
        &desk,
        &["create r [\"1\",\"a\"]", "delete r [\"1\",\"c\"]"],
        "id,m\n1,b\n1,a\n",
    );
    let desk = members("id,m\n1,a\n", "id,m\n1,b\n");
    check(
        &desk,
        &["create r [\"1\",\"a\"]", "delete r [\"1\",\"b\"]"],
        "id,m\n1,a\n",
    );
}

#[test]
fn s05_a_set_has_no_order_and_a_list_that_is_declared_has() {
    let desk = members("id,m\n1,a;a;b\n", "id,m\n1,b\n1,a\n");
    check(&desk, &[], "id,m\n1,b\n1,a\n");
    let ordered = self::desk(
        "id,m\n1,a;b\n",
        "id,at,m\n1,1,b\n1,2,a\n",
        "each: {in: \"m | split(';')\", as: element}\nmap: {m: element}\n",
    );
    let text = ordered.read("syncline.yaml");
    ordered.write(
        "syncline.yaml",
        text.replace("key: {id: id}", "key: {id: id, at: position}"),
    );
    ended(&ordered.run(&["drift", "f"]), 6);
}

#[test]
fn s07_and_s12_a_field_without_a_value_clears_or_keeps_as_declared() {
    let (left, held) = ("id,name\n1,\n", "id,name\n1,x\n");
    check(
        &desk(left, held, NAME),
        &["update r [\"1\"]"],
        "id,name\n1,\n",
    );
    let kept = format!("{NAME}nulls: keep\n");
    check(&desk(left, held, &kept), &[], held);
    let desk = desk("id,name\n", "id,name\n1,\n", NAME);
    std::fs::remove_file(desk.path("left/l.csv")).unwrap();
    desk.write("left/l.jsonl", "{\"id\":\"1\",\"name\":null}\n");
    check(&desk, &[], "id,name\n1,\n");
}

#[test]
fn s08_a_field_that_the_target_does_not_have_is_a_mistake_of_the_flow() {
    let desk = desk("id,name\n1,a\n", "id,nam\n1,x\n", NAME);
    let plan = desk.run(&["plan", "f"]);
    ended(&plan, 2);
    assert!(
        plan.stderr.contains("`r` has no field `name`"),
        "{}",
        plan.stderr
    );
    assert!(
        plan.stderr.contains("did you mean `nam`?"),
        "{}",
        plan.stderr
    );
    assert!(plan.stderr.contains("syncline.yaml:10:"), "{}", plan.stderr);
}

#[test]
fn s09_two_rows_of_one_key_are_both_told_and_nothing_is_planned() {
    let desk = desk("id,name\n1,a\n2,x\n1,b\n", "id,name\n", NAME);
    let plan = desk.run(&["plan", "f"]);
    ended(&plan, 1);
    let told = "l.csv:2: its key comes again at l.csv:4, which says something else";
    assert!(plan.stdout.contains(told), "{}", plan.stdout);
    ended(&desk.run(&["sync", "f"]), 1);
    assert_eq!(right(&desk), "id,name\n");
    for (policy, name) in [("first", "a"), ("last", "b")] {
        configure(&desk, &format!("{NAME}duplicates: {policy}\n"));
        ended(&desk.run(&["sync", "f", "--only-key", "1"]), 0);
        assert!(
            right(&desk).contains(&format!("1,{name}")),
            "{}",
            right(&desk)
        );
    }
}

#[test]
fn s10_what_is_carried_is_kept_apart_and_makes_no_difference() {
    let more = "map: {name: name}\nroles: {dbid: carry}\n";
    let desk = desk("id,dbid,name\n1,1,a\n", "id,dbid,name\n1,2,a\n", more);
    check(&desk, &[], "id,dbid,name\n1,2,a\n");
    desk.write("left/l.csv", "id,dbid,name\n1,1,b\n");
    check(&desk, &["update r [\"1\"]"], "id,dbid,name\n1,2,b\n");
}

#[test]
fn s11_records_of_two_collections_are_two_records() {
    let desk = desk("id,name\n1,a\n", "id,name\n", NAME);
    desk.write("left/c.csv", "id,name\n1,a\n");
    desk.write("right/d.csv", "id,name\n");
    let text = desk.read("syncline.yaml");
    desk.write(
        "syncline.yaml",
        text + "      d: {from: c, key: {id: id}, map: {name: name}}\n",
    );
    ended(&desk.run(&["sync", "f"]), 0);
    assert_eq!(
        (right(&desk).as_str(), desk.read("right/d.csv").as_str()),
        ("id,name\n1,a\n", "id,name\n1,a\n")
    );
}

fn rows(count: usize) -> String {
    let row = |id: usize| format!("{id},n{id}");
    let rows: Vec<String> = (0..count).map(row).collect();
    format!("id,name\n{}\n", rows.join("\n"))
}

#[test]
fn s13_an_empty_file_is_refused_and_nothing_is_written() {
    for empty in ["id,name\n", ""] {
        let desk = desk(empty, &rows(500), DELETES);
        let sync = desk.run(&["sync", "f"]);
        ended(&sync, 4);
        assert!(sync.stderr.contains("empty-source"), "{}", sync.stderr);
        assert_eq!(right(&desk), rows(500));
    }
}

#[test]
fn s13_a_cut_off_file_is_held_by_a_guard_that_explains_itself() {
    let desk = desk(&rows(500), &rows(500), DELETES);
    ended(&desk.run(&["sync", "f"]), 0);
    let cut = rows(300) + "300,new\n";
    desk.write("left/l.csv", &cut);
    let plan = desk.run(&["plan", "f"]);
    ended(&plan, 4);
    assert!(
        plan.stdout
            .contains("held by a guard: delete-share: 39.8 %"),
        "{}",
        plan.stdout
    );
    assert!(plan.stdout.contains("shrunken-source"), "{}", plan.stdout);
    assert!(
        plan.stdout.contains("--allow shrunken-source,delete-share"),
        "{}",
        plan.stdout
    );
    ended(&desk.run(&["apply", ".syncline/plans/f.jsonl"]), 4);
    assert_eq!(
        right(&desk),
        rows(500).replace("300,n300", "300,new"),
        "the rest goes on"
    );
    ended(&desk.run(&["plan", "f"]), 4);
    let allowed = [
        "apply",
        ".syncline/plans/f.jsonl",
        "--allow",
        "shrunken-source,delete-share",
    ];
    ended(&desk.run(&allowed), 0);
    assert_eq!(right(&desk), cut);
}

#[test]
fn s15_only_a_key_a_kind_or_a_collection_is_only_that() {
    let desk = desk(
        "id,name\n1,a\n2,b\n4,d\n",
        "id,name\n1,z\n2,z\n3,c\n",
        DELETES,
    );
    ended(&desk.run(&["sync", "f", "--only-key", "1"]), 0);
    assert_eq!(right(&desk), "id,name\n1,a\n2,z\n3,c\n");
    ended(&desk.run(&["sync", "f", "--only-kind", "create"]), 0);
    assert_eq!(right(&desk), "id,name\n1,a\n2,z\n3,c\n4,d\n");
    // One that does not exist is a mistake, and not nothing.
    ended(&desk.run(&["plan", "f", "--only-collection", "r"]), 0);
    for command in [
        &["sync", "f"][..],
        &["drift", "f"],
        &["apply", ".syncline/plans/f.jsonl"],
    ] {
        let other = desk.run(&[command, &["--only-collection", "other"]].concat());
        ended(&other, 2);
        assert!(
            other.stderr.contains("fills no collection `other`"),
            "{other}"
        );
    }
    assert_eq!(right(&desk), "id,name\n1,a\n2,z\n3,c\n4,d\n");
    ended(&desk.run(&["plan", "f"]), 0);
    ended(
        &desk.run(&["apply", ".syncline/plans/f.jsonl", "--only-kind", "delete"]),
        0,
    );
    assert_eq!(right(&desk), "id,name\n1,a\n2,z\n4,d\n");
}

#[test]
fn s16_a_mark_before_the_header_is_no_part_of_it() {
    check(
        &desk("\u{feff}id,name\n1,a\n", "id,name\n", NAME),
        &["create r [\"1\"]"],
        "id,name\n1,a\n",
    );
}

#[test]
fn s17_short_and_long_rows_are_told_with_their_line_and_the_policy_decides() {
    let desk = desk("id,name\n1,a\n2\n3,c,d\n", "id,name\n9,gone\n", DELETES);
    let plan = desk.run(&["plan", "f"]);
    ended(&plan, 1);
    assert!(
        plan.stdout
            .contains("l.csv:3: it has 1 cell, and there are 2 columns"),
        "{}",
        plan.stdout
    );
    assert!(
        plan.stdout
            .contains("l.csv:4: it has 3 cells, and there are 2 columns"),
        "{}",
        plan.stdout
    );
    configure(&desk, &format!("{DELETES}rows: skip\n"));
    let plan = desk.run(&["plan", "f"]);
    ended(&plan, 4);
    let told = "cannot be allowed: put right what could not be read";
    assert!(plan.stdout.contains(told), "{}", plan.stdout);
    assert!(
        !plan.stdout.contains("--allow incomplete"),
        "{}",
        plan.stdout
    );
    ended(&desk.run(&["sync", "f"]), 4);
    assert_eq!(
        right(&desk),
        "id,name\n9,gone\n1,a\n",
        "nothing is deleted after an incomplete reading"
    );
}

#[test]
fn s18_a_second_run_has_nothing_to_do() {
    let desk = desk(&rows(300), "id,name\n", NAME);
    ended(&desk.run(&["sync", "f"]), 0);
    let again = desk.run(&["sync", "f"]);
    ended(&again, 0);
    assert!(
        again.stderr.contains("r: 0 created, 0 updated, 0 deleted"),
        "{}",
        again.stderr
    );
}

#[test]
fn a_plan_that_is_done_has_nothing_to_do_and_nothing_that_waits() {
    let desk = desk("id,name\n1,a\n", "id,name\n", NAME);
    ended(&desk.run(&["plan", "f"]), 0);
    ended(&desk.run(&["apply", ".syncline/plans/f.jsonl"]), 0);
    let again = desk.run(&["apply", ".syncline/plans/f.jsonl"]);
    ended(&again, 0);
    assert!(
        again.stderr.contains("r: nothing to do"),
        "{}",
        again.stderr
    );
}

// What belongs to plans.

#[test]
fn a_plan_is_refused_when_either_side_has_moved() {
    let desk = desk("id,name\n1,a\n2,b\n", "id,name\n1,z\n", NAME);
    for (file, content) in [
        ("left/l.csv", "id,name\n1,a\n2,c\n"),
        ("right/r.csv", "id,name\n1,y\n"),
    ] {
        ended(&desk.run(&["plan", "f"]), 0);
        desk.write(file, content);
        let apply = desk.run(&["apply", ".syncline/plans/f.jsonl"]);
        ended(&apply, 2);
        assert!(
            apply
                .stderr
                .contains("something has moved since the plan was made"),
            "{}",
            apply.stderr
        );
        assert!(!right(&desk).contains(",a"), "nothing was applied");
    }
}

#[test]
fn an_altered_plan_and_another_flow_are_refused() {
    let desk = desk("id,name\n1,a\n", "id,name\n", NAME);
    ended(&desk.run(&["plan", "f", "--out", "p.jsonl"]), 0);
    let plan = desk.read("p.jsonl");
    desk.write(
        "altered.jsonl",
        plan.replace("\"name\":\"a\"", "\"name\":\"b\""),
    );
    let altered = desk.run(&["apply", "altered.jsonl"]);
    ended(&altered, 2);
    assert!(altered.stderr.contains("was altered"), "{}", altered.stderr);
    desk.write("cut.jsonl", plan.lines().next().unwrap());
    ended(&desk.run(&["apply", "cut.jsonl"]), 2);
    ended(&desk.run(&["apply", "nowhere.jsonl"]), 2);
    configure(&desk, "map: {name: \"name | upper\"}\n");
    let other = desk.run(&["apply", "p.jsonl"]);
    ended(&other, 2);
    assert!(
        other
            .stderr
            .contains("is not as it was when the plan was made"),
        "{}",
        other.stderr
    );
    assert_eq!(right(&desk), "id,name\n");
}

#[test]
fn what_is_gone_is_marked_or_disabled_after_its_grace_and_comes_back() {
    for style in ["mark", "disable"] {
        let more = format!(
            "map: {{name: name, off: \"0\"}}\n\
             delete: {{style: {style}, set: {{off: 1}}, grace: 2 runs}}\n"
        );
        let before = "id,name,off\n1,a,0\n2,b,0\n";
        let desk = desk("id,name\n1,a\n2,b\n", before, &more);
        desk.write("left/l.csv", "id,name\n1,a\n");
        for _ in 0..2 {
            ended(&desk.run(&["sync", "f"]), 0);
            // What else is done of the flow meanwhile does not count, and takes nothing back.
            ended(&desk.run(&["sync", "f", "--only-key", "1"]), 0);
            let ran = desk.run(&["sync", "f", "--only-kind", "create"]);
            ended(&ran, 0);
            assert!(ran.stderr.contains("r: nothing to do"), "{}", ran.stderr);
            assert_eq!(right(&desk), before, "it waits");
        }
        let plan = desk.run(&["plan", "f", "--show-values"]);
        assert_eq!(changes(&plan), ["leave r [\"2\"]"], "{style}");
        assert!(plan.stdout.contains("    off: \"0\" -> \"1\""), "{plan}");
        ended(&desk.run(&["sync", "f"]), 0);
        assert_eq!(right(&desk), "id,name,off\n1,a,0\n2,b,1\n");
        ended(&desk.run(&["drift", "f"]), 0);
        desk.write("left/l.csv", "id,name\n1,a\n2,b\n");
        ended(&desk.run(&["sync", "f"]), 0);
        assert_eq!(right(&desk), before);
    }
}

#[test]
fn grace_of_hours_and_days_goes_by_the_clock_and_not_by_runs() {
    for (grace, seconds) in [("12 hours", 43_200_i64), ("7 days", 604_800)] {
        let more = format!("{NAME}delete: {{style: delete, grace: {grace}}}\n");
        let held = "id,name\n1,a\n2,b\n";
        let desk = desk(
            "id,name\n1,a\n",
            held,
            &(more + "limits: {small_set: 20}\n"),
        );
        let waits = |desk: &Desk| {
            let ran = desk.run(&["sync", "f"]);
            ended(&ran, 0);
            assert_eq!(right(desk), held, "{grace}: it waits");
        };
        (0..3).for_each(|_| waits(&desk));
        later(&desk, seconds - 120);
        waits(&desk);
        later(&desk, 120);
        ended(&desk.run(&["sync", "f"]), 0);
        assert_eq!(right(&desk), "id,name\n1,a\n", "{grace}");
    }
}

/// What was missed was missed so much earlier.
fn later(desk: &Desk, seconds: i64) {
    let ledger = rusqlite::Connection::open(desk.path(".syncline/ledger.sqlite")).unwrap();
    let sql = "UPDATE owed SET first_at = first_at - ?1";
    assert_eq!(ledger.execute(sql, [seconds]).unwrap(), 1);
}

#[test]
fn protected_records_are_never_touched() {
    let more = format!("{DELETES}protect: {{id: [\"admin*\"]}}\n");
    let desk = desk(
        "id,name\n1,a\nadmin2,x\n",
        "id,name\nadmin1,x\nadmin2,y\n",
        &more,
    );
    ended(&desk.run(&["sync", "f"]), 0);
    assert_eq!(right(&desk), "id,name\nadmin1,x\nadmin2,y\n1,a\n");
    ended(&desk.run(&["drift", "f"]), 0);
}

#[test]
fn a_record_that_took_another_key_is_known_again() {
    let more = "map: {mail: mail, name: name}\nrename_by: [mail]\ndelete: {style: delete}\n";
    let desk = desk(
        "id,mail,name\nN1,a@x,Ann\n",
        "id,mail,name,own\nP1,a@x,An,keep\n",
        more,
    );
    let plan = desk.run(&["plan", "f"]);
    ended(&plan, 0);
    assert!(
        plan.stdout.contains("re-key r [\"P1\"] -> [\"N1\"]"),
        "{}",
        plan.stdout
    );
    ended(&desk.run(&["sync", "f"]), 0);
    assert_eq!(right(&desk), "id,mail,name,own\nN1,a@x,Ann,keep\n");
    ended(&desk.run(&["drift", "f"]), 0);
}

#[test]
fn the_ledger_as_baseline_leaves_alone_what_others_wrote() {
    let more = format!("{NAME}baseline: ledger\n");
    let desk = desk("id,name\n1,a\n", "id,name\n", &more);
    ended(&desk.run(&["sync", "f"]), 0);
    desk.write("right/r.csv", "id,name\n1,other\n");
    ended(&desk.run(&["sync", "f"]), 0);
    assert_eq!(right(&desk), "id,name\n1,other\n");
    desk.write("left/l.csv", "id,name\n1,b\n");
    ended(&desk.run(&["sync", "f"]), 0);
    assert_eq!(right(&desk), "id,name\n1,b\n");
}

#[test]
fn a_key_that_nobody_has_is_a_mistake_and_not_nothing() {
    let desk = desk(
        "id,name\n1,a\n2,b\n3,c\n",
        "id,name\n1,a\n2,z\n4,d\n",
        DELETES,
    );
    let is_mistyped = |arguments: &[&str], message: &str| {
        let ran = desk.run(arguments);
        ended(&ran, 2);
        assert!(ran.stderr.contains(message), "{ran}");
        assert!(ran.stderr.contains("r by id"), "{ran}");
        assert!(!ran.stdout.contains("Nothing differs"), "{ran}");
    };
    let nobody = "neither side has a record with the key `7`";
    for verb in ["plan", "drift", "verify", "sync"] {
        is_mistyped(&[verb, "f", "--only-key", "7"], nobody);
        // One of several is one too many: what was meant is not known.
        is_mistyped(&[verb, "f", "--only-key", "2", "--only-key", "7"], nobody);
    }
    is_mistyped(&["plan", "f", "--only-key", "1,a"], "with the key `1,a`");
    let kinds = ["plan", "f", "--only-key", "7", "--only-kind", "create"];
    is_mistyped(&kinds, nobody);
    is_mistyped(&["explain", "r", "7", "--flow", "f"], nobody);
    assert_eq!(right(&desk), "id,name\n1,a\n2,z\n4,d\n");

    // Equal, or on one side only, is known to somebody.
    for (key, status, told) in [
        ("1", 0, "Nothing differs."),
        ("[\"1\"]", 0, "Nothing differs."),
        ("2", 6, "update r [\"2\"]"),
        ("3", 6, "create r [\"3\"]"),
        ("4", 6, "delete r [\"4\"]"),
    ] {
        let drift = desk.run(&["drift", "f", "--only-key", key]);
        ended(&drift, status);
        assert!(drift.stdout.contains(told), "{drift}");
    }
    let kinds = ["drift", "f", "--only-key", "3", "--only-kind", "delete"];
    let drift = desk.run(&kinds);
    ended(&drift, 0);
    assert!(
        drift
            .stdout
            .contains("Nothing of the kinds that were asked for"),
        "{drift}"
    );

    // A plan that says nothing of a key is not applied for it.
    ended(&desk.run(&["plan", "f"]), 0);
    let apply = ["apply", ".syncline/plans/f.jsonl", "--only-key"];
    is_mistyped(
        &[&apply[..], &["1"]].concat(),
        "the plan has no change of the key `1`",
    );
    ended(&desk.run(&[&apply[..], &["2"]].concat()), 0);
    assert_eq!(right(&desk), "id,name\n1,a\n2,b\n4,d\n");

    // Rows that are no records may be those that are meant.
    configure(
        &desk,
        &format!("{DELETES}types: {{id: integer}}\nrows: skip\n"),
    );
    desk.write("left/l.csv", "id,name\nseven,a\n");
    let skipped = ["plan", "f", "--only-key", "7"];
    is_mistyped(
        &skipped,
        "among what could be read of both sides is no record with the key `7`",
    );
}

#[test]
fn a_key_is_known_by_the_ledger_where_the_flow_goes_by_it() {
    let more =
        "map: {name: name}\nbaseline: ledger\ndelete: {style: delete}\nlimits: {small_set: 20}\n";
    let desk = desk("id,name\n1,a\n2,b\n", "id,name\n", more);
    ended(&desk.run(&["sync", "f"]), 0);
    desk.write("left/l.csv", "id,name\n1,a\n");
    ended(&desk.run(&["drift", "f", "--only-key", "1"]), 0);
    ended(&desk.run(&["drift", "f", "--only-key", "2"]), 6);
    ended(&desk.run(&["drift", "f", "--only-key", "3"]), 2);
}

#[test]
fn large_and_decimal_numbers_are_keys_as_the_plan_shows_them_and_as_people_write_them() {
    let large = "12345678901234567890123";
    let left = format!("id,name\n{large},a\n1.50,b\n");
    let desk = desk(
        &left,
        "id,name\n",
        &format!("{NAME}types: {{id: decimal}}\n"),
    );
    let shown = format!("[{large}]");
    for (key, created) in [
        (large, &*shown),
        (&shown, &shown),
        ("1.5", "[15e-1]"),
        ("1.50", "[15e-1]"),
        ("15e-1", "[15e-1]"),
        ("[15e-1]", "[15e-1]"),
        ("[1.50]", "[15e-1]"),
    ] {
        let plan = desk.run(&["plan", "f", "--only-key", key]);
        ended(&plan, 0);
        assert_eq!(changes(&plan), [format!("create r {created}")], "{key}");
        let explained = desk.run(&["explain", "r", key, "--flow", "f"]);
        ended(&explained, 6);
        assert!(explained.stdout.contains(created), "{explained}");
    }
    ended(&desk.run(&["plan", "f"]), 0);
    ended(
        &desk.run(&["apply", ".syncline/plans/f.jsonl", "--only-key", "1.5"]),
        0,
    );
    assert!(
        !right(&desk).contains(large) && right(&desk).contains(",b"),
        "{}",
        right(&desk)
    );
}

#[test]
fn explain_finds_the_flow_and_takes_keys_by_the_names_of_their_fields() {
    let desk = desk("id,name\n1,a\n", "id,name\n", NAME);
    let ran = desk.run(&["explain", "r", "1"]);
    ended(&ran, 6);
    assert!(ran.stdout.starts_with("r [\"1\"]\n"), "{ran}");
    let ran = desk.run(&["explain", "q", "1"]);
    ended(&ran, 2);
    assert!(
        ran.stderr.contains("no flow fills a collection `q`"),
        "{ran}"
    );
    let flow = "from: left, to: right, collections: {r: {from: l, key: {id: id, name: name}}}";
    let stores =
        "stores:\n  left: {kind: files, path: left}\n  right: {kind: files, path: right}\n";
    desk.write(
        "syncline.yaml",
        format!("{stores}flows:\n  f: {{{flow}}}\n  g: {{{flow}}}\n"),
    );
    let ran = desk.run(&["explain", "r", "1", "a"]);
    ended(&ran, 2);
    assert!(ran.stderr.contains("--flow f or --flow g"), "{ran}");
    for key in [
        &["name=a", "id=1"][..],
        &["1", "a"],
        &["1,a"],
        &["[\"1\",\"a\"]"],
    ] {
        let ran = desk.run(&[&["explain", "r", "--flow", "g"], key].concat());
        ended(&ran, 6);
        assert!(ran.stdout.starts_with("r [\"1\",\"a\"]\n"), "{ran}");
    }
    let ran = desk.run(&["explain", "r", "id=1", "--flow", "g"]);
    ended(&ran, 2);
    assert!(ran.stderr.contains("lacks a field"), "{ran}");
}

#[test]
fn nothing_is_offered_or_told_that_a_command_cannot_do() {
    let more = format!("{DELETES}types: {{id: integer}}\nrows: skip\n");
    let desk = desk("id,name\n1,a\nx,b\n", "id,name\n1,z\n2,b\n", &more);
    let drift = desk.run(&["drift", "f"]);
    assert!(
        drift.stdout.contains("`plan` with --show-values"),
        "{drift}"
    );
    let sync = desk.run(&["sync", "f"]);
    assert_eq!(right(&desk), "id,name\n1,a\n2,b\n", "{sync}");
    let told = format!("{}{}", sync.stdout, sync.stderr);
    assert!(
        told.contains("a run that can read everything does it"),
        "{sync}"
    );
    assert!(!told.contains("--allow"), "{sync}");
    // Files answer without codes.
    assert!(told.contains("1 updated"), "{sync}");
    assert!(!told.contains("final status counts"), "{sync}");
}

#[test]
fn parts_can_be_meant_of_flows_only() {
    let desk = desk("id,name\n", "id,name\n", NAME);
    for verb in ["drift", "verify"] {
        let ran = desk.run(&[verb, "left", "right", "--only-key", "1"]);
        ended(&ran, 2);
        assert!(ran.stderr.contains("narrow a flow"), "{ran}");
    }
}

#[test]
fn one_record_is_explained_from_all_sides() {
    let desk = desk("id,name\n1,a\n2,b\n", "id,name\n1,z\n", NAME);
    let ran = desk.run(&["explain", "r", "1", "--flow", "f"]);
    ended(&ran, 6);
    let expected = "r [\"1\"]\nsource: there (l.csv:2)\ntarget: there (r.csv:2)\n    name: (1 letter) -> (1 letter)\n";
    assert_eq!(ran.stdout, expected);
    let ran = desk.run(&["explain", "r", "1", "--flow", "f", "--show-values"]);
    assert!(
        ran.stdout.contains("name: \"z\" -> \"a\""),
        "{}",
        ran.stdout
    );
    ended(&desk.run(&["sync", "f"]), 0);
    let ran = desk.run(&["explain", "r", "1", "--flow", "f"]);
    ended(&ran, 0);
    assert!(
        ran.stdout.contains("ledger: last outcome"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("Both say the same."), "{}", ran.stdout);
}

#[test]
fn mistakes_in_a_flow_are_all_told_with_their_place() {
    let desk = desk(
        "id,given_name\n1,a\n",
        "id,name\n",
        "map: {name: \"given_nam | lowr\"}\n",
    );
    let plan = desk.run(&["plan", "f"]);
    ended(&plan, 2);
    assert!(plan.stderr.contains("syncline.yaml:10:"), "{}", plan.stderr);
    configure(&desk, "map: {name: given_nam}\n");
    let plan = desk.run(&["plan", "f"]);
    assert!(
        plan.stderr.contains("there is no field `given_nam`"),
        "{}",
        plan.stderr
    );
    assert!(
        plan.stderr.contains("did you mean `given_name`?"),
        "{}",
        plan.stderr
    );
    configure(&desk, "map: {name: given_name}\npolcy: {}\n");
    let plan = desk.run(&["plan", "f"]);
    ended(&plan, 2);
    assert!(plan.stderr.contains("unknown key"), "{}", plan.stderr);
    let plan = desk.run(&["plan", "g"]);
    ended(&plan, 2);
    assert!(
        plan.stderr.contains("unknown key") || plan.stderr.contains("no flow named `g`"),
        "{}",
        plan.stderr
    );
}
