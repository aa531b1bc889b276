//! `watch --full-every`: rounds that read only what changed, and what has to wait for one that reads all.

use std::fs::File;
use std::process::Stdio;

use crate::datastores::Branch;
use crate::desk::Desk;
use crate::watching::{PATIENCE, Running, health, until_health};

/// A program whose rows have versions, by which it tells what changed; it notes each reading.
const SOURCE: &str = r#"import json, os, sys
HELLO = {"syncline": 1, "can": ["since"], "collections": [
    {"name": "l", "key": ["id"], "fields": ["id", "name"]}]}
for line in sys.stdin:
    asked = json.loads(line)
    if asked["do"] != "read":
        print(json.dumps(HELLO), flush=True)
        continue
    since = asked.get("since")
    with open("reads.log", "a") as log:
        print(since or "all", file=log)
    if since and os.path.exists("expired"):
        os.remove("expired")
        print('{"error": {"message": "the mark is too old"}}', flush=True)
        continue
    with open("rows.json") as file:
        rows = json.load(file)
    told = [{"id": key, "name": name} for key, (name, version) in rows.items()
            if since is None or version > int(since)]
    print(json.dumps({"records": told}))
    mark = str(max(version for _, version in rows.values()))
    print(json.dumps({"end": {"complete": True, "records": len(told), "mark": mark}}), flush=True)
"#;

const PART: &str = "{from: l, key: {id: id}, map: {name: name}, baseline: ledger, delete: {style: \
    delete}, limits: {small_set: 20, update_share: 100 %}}";

const OFTEN: [&str; 7] = [
    "--every",
    "1ms",
    "--longest-wait",
    "2ms",
    "--health",
    "health.json",
    "--full-every",
];

fn desk(source: &str, more: &str, part: &str) -> Desk {
    let desk = Desk::new();
    desk.write("right/r.csv", "id,name\n");
    desk.write(
        "syncline.yaml",
        format!(
            "stores:\n  left: {source}\n  right: {{kind: files, path: right}}\nflows:\n  f:\n    \
             from: left\n    to: right\n{more}    collections:\n      r: {part}\n"
        ),
    );
    desk
}

fn of_program() -> Desk {
    let desk = desk("{kind: exec, command: [python3, source.py]}", "", PART);
    desk.write("source.py", SOURCE);
    rows_become(&desk, r#"{"1": ["a", 1], "2": ["b", 1]}"#);
    desk
}

/// The rows of the source, at once.
fn rows_become(desk: &Desk, rows: &str) {
    desk.write("rows.new", rows);
    std::fs::rename(desk.path("rows.new"), desk.path("rows.json")).unwrap();
}

/// A watch whose rounds are told in a file, since nobody reads a pipe meanwhile.
fn watching(desk: &Desk) -> Running {
    let mut command = desk.command(&[&["watch", "f"][..], &OFTEN, &["1h"]].concat());
    let told = File::create(desk.path("told")).unwrap();
    command.stdout(Stdio::null()).stderr(told);
    Running::of(command)
}

/// Comes back when the target has these rows.
async fn until_rows(desk: &Desk, file: &str, wanted: &[&str]) {
    let waiting = async {
        loop {
            let text = desk.read(file);
            let mut rows: Vec<&str> = text.lines().skip(1).collect();
            rows.sort_unstable();
            if rows == wanted {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, waiting).await.is_ok();
    let found = || format!("{} {}", desk.read(file), desk.read("told"));
    assert!(in_time, "{wanted:?}: {}", found());
}

/// Comes back after some more rounds that did all that they should.
async fn some_rounds(desk: &Desk) {
    let runs = health(desk).map_or(0, |health| health["runs"].as_u64().unwrap());
    until_health(desk, |health| {
        health["runs"].as_u64() > Some(runs + 3) && health["last_outcome"]["exit_status"] == 0
    })
    .await;
}

fn whole_readings(desk: &Desk) -> usize {
    desk.read("reads.log").matches("all").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_changed_is_read_and_nothing_is_deleted_for_it() {
    let desk = of_program();
    let watch = watching(&desk);
    until_rows(&desk, "right/r.csv", &["1,a", "2,b"]).await;
    some_rounds(&desk).await;
    rows_become(
        &desk,
        r#"{"1": ["changed", 2], "3": ["new", 2], "4": ["old", 1]}"#,
    );
    // What went stays, and what came without a new version is not seen.
    let followed = ["1,changed", "2,b", "3,new"];
    until_rows(&desk, "right/r.csv", &followed).await;
    some_rounds(&desk).await;
    until_rows(&desk, "right/r.csv", &followed).await;
    assert_eq!(whole_readings(&desk), 1, "{}", desk.read("reads.log"));
    assert!(desk.read("reads.log").ends_with("2\n"));
    let told = desk.read("told");
    assert!(told.contains("r: only what changed was read"), "{told}");
    assert!(!told.contains("guard"), "{told}");
    watch.told_to_end(&desk);

    // Whoever begins anew reads everything, and the sizes of before are those of whole readings.
    let ran = desk.run(&[&["watch", "f", "--times", "1"][..], &OFTEN, &["1h"]].concat());
    assert_eq!(ran.status, 0, "{ran}");
    until_rows(&desk, "right/r.csv", &["1,changed", "3,new", "4,old"]).await;
    assert_eq!(whole_readings(&desk), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_round_that_failed_and_when_it_is_time_everything_is_read() {
    let desk = of_program();
    let watch = watching(&desk);
    some_rounds(&desk).await;
    rows_become(&desk, r#"{"1": ["a", 1]}"#);
    desk.write("expired", "");
    until_rows(&desk, "right/r.csv", &["1,a"]).await;
    assert_eq!(whole_readings(&desk), 2, "{}", desk.read("reads.log"));
    assert!(
        desk.read("told").contains("the mark is too old"),
        "{}",
        desk.read("told")
    );
    watch.told_to_end(&desk);
    let always = [&["watch", "f", "--times", "3"][..], &OFTEN, &["1ms"]].concat();
    let ran = desk.run(&always);
    assert_eq!(ran.status, 0, "{ran}");
    assert_eq!(whole_readings(&desk), 5, "{}", desk.read("reads.log"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_in_a_directory_is_followed_and_members_are_read_as_a_whole() {
    let Some(mut branch) = Branch::new().await else {
        return;
    };
    let base = branch.base.clone();
    let source = Branch::store(&format!(
        "people: {{base: \"ou=people,{base}\", object_classes: [inetOrgPerson], rdn: uid, \
         attributes: [uid, cn, sn, title]}}, groups: {{base: \"ou=groups,{base}\", object_classes: \
         [groupOfNames], rdn: cn, attributes: [cn]}}, memberships: {{members_of: groups, who: people}}"
    ));
    let part = "{from: people, key: {uid: uid}, map: {name: cn}, baseline: ledger, delete: {style: \
        delete}, limits: {small_set: 20, update_share: 100 %}}";
    let members = part.replace("from: people", "from: memberships").replace(
        "{uid: uid}, map: {name: cn}",
        "{group: group, member: member}",
    );
    let parts = format!("{part}\n      m: {members}");
    let desk = desk(&source, "", &parts);
    desk.write("right/r.csv", "uid,name\n");
    desk.write("right/m.csv", "group,member\n");
    for (uid, name) in [("1", "Ada"), ("2", "Bea")] {
        branch.person(uid, name).await;
    }
    branch.group("g", &["1", "2"]).await;
    let watch = watching(&desk);
    until_rows(&desk, "right/r.csv", &["1,Ada", "2,Bea"]).await;
    until_rows(&desk, "right/m.csv", &["g,1", "g,2"]).await;
    some_rounds(&desk).await;
    branch.leaves("g", "2").await;
    until_rows(&desk, "right/m.csv", &["g,1"]).await;
    branch.take(&format!("uid=2,ou=people,{base}")).await;
    branch.person("3", "Cy").await;
    branch.rename_person("1", "Ada King").await;
    let followed = ["1,Ada King", "2,Bea", "3,Cy"];
    until_rows(&desk, "right/r.csv", &followed).await;
    some_rounds(&desk).await;
    until_rows(&desk, "right/r.csv", &followed).await;
    let told = desk.read("told");
    assert!(told.contains("r: only what changed was read"), "{told}");
    assert!(!told.contains("m: only what changed was read"), "{told}");
    watch.told_to_end(&desk);
    let ran = desk.run(&[&["watch", "f", "--times", "1"][..], &OFTEN, &["1h"]].concat());
    assert_eq!(ran.status, 0, "{ran}");
    until_rows(&desk, "right/r.csv", &["1,Ada King", "3,Cy"]).await;
    branch.remove().await;
}

#[test]
fn what_cannot_be_followed_is_told_before_anything_is_done() {
    let lookup = "    lookups: {names: {from: source.l, key: id, value: name}}\n";
    for (more, from, to, why) in [
        (
            "",
            "baseline: ledger, ",
            "",
            "r: it is compared with the target; `baseline: ledger`",
        ),
        (
            "",
            "key: {id: id}",
            "key: {id: \"id | lower\"}",
            "r: its key is not that of the source",
        ),
        (
            "",
            "from: l",
            "from: l, rename_by: [name]",
            "r: who took another key",
        ),
        (
            "",
            "from: l",
            "from: l, each: {in: name, as: one}",
            "r: a row of it is several records",
        ),
        (lookup, "", "", "r: what lookups find in other collections"),
    ] {
        let desk = desk(
            "{kind: exec, command: [python3, source.py]}",
            more,
            &PART.replacen(from, to, 1),
        );
        desk.write("source.py", SOURCE);
        rows_become(&desk, r#"{"1": ["a", 1]}"#);
        let ran = desk.run(&[&["watch", "f"][..], &OFTEN, &["1h"]].concat());
        assert_eq!(ran.status, 2, "{ran}");
        let message = "no collection of the flow can be read from a mark on";
        assert!(
            ran.stderr.contains(message) && ran.stderr.contains(why),
            "{why}: {ran}"
        );
        assert_eq!(desk.read("right/r.csv"), "id,name\n");
    }
    let ran = of_program().run(&["watch", "--every", "1h", "--full-every", "1h"]);
    assert_eq!(ran.status, 2, "{ran}");
}

#[test]
fn a_source_that_tells_no_marks_is_read_as_a_whole_and_that_is_told() {
    let source = "{kind: files, path: left, tables: {l: {key: [id]}}}";
    let desk = desk(source, "", PART);
    desk.write("left/l.csv", "id,name\n1,a\n");
    let ran = desk.run(&[&["watch", "f", "--times", "2"][..], &OFTEN, &["1h"]].concat());
    assert_eq!(ran.status, 0, "{ran}");
    assert!(
        ran.stderr.contains("the source does not tell what changes"),
        "{ran}"
    );
    assert_eq!(desk.read("right/r.csv"), "id,name\n1,a\n");
}
