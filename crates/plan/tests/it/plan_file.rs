//! Plan files: what is written is read, and what is not as it was written is refused.

use std::collections::BTreeMap;
use std::path::Path;

use syncline_model::{
    ChangeKind, Collection, CollectionName, Digest, Handle, Key, Mark, StoreIdentity,
};
use syncline_plan::plan_file::PlanVerdicts;
use syncline_plan::{
    GuardPolicy, Payload, PlanError, PlanHeader, PlanReader, PlanSide, PlanSummary, PlanWriter,
    PlannedChange, PlannedKey, PlannedPlace, PlannedSides, Tally, judge,
};

fn side(identity: &str) -> PlanSide {
    let marks = [(CollectionName::new("ed-fi/students"), Mark("17".to_owned()))];
    PlanSide {
        identity: StoreIdentity(identity.to_owned()),
        marks: marks.into(),
    }
}

fn header() -> PlanHeader {
    PlanHeader {
        id: "p-1".to_owned(),
        created: "2026-11-21T08:00:00Z".to_owned(),
        source: side("folder"),
        target: side("https://api.example/2026"),
        mapping: Digest::of(b"map"),
        flow: "school".to_owned(),
        collections: vec![Collection::named(CollectionName::new("ed-fi/students"))],
        is_part: false,
    }
}

fn text_key(text: &str) -> PlannedKey {
    PlannedKey::Text(Key::from_canonical(text))
}

fn changes() -> Vec<PlannedChange> {
    let students = CollectionName::new("ed-fi/students");
    let place = |line| PlannedPlace {
        unit: "students.jsonl".to_owned(),
        line,
        offset: line * 100,
        length: 99,
    };
    vec![
        PlannedChange {
            collection: students.clone(),
            kind: ChangeKind::Rekey,
            key: text_key("[\"604\"]"),
            new_key: Some(text_key("[\"605\"]")),
            content: Some(Digest::of(b"0")),
            place: Some(place(1)),
            sides: None,
        },
        PlannedChange {
            collection: students.clone(),
            kind: ChangeKind::Create,
            key: PlannedKey::Digest(Digest::of(b"[\"7\"]")),
            new_key: None,
            content: Some(Digest::of(b"1")),
            place: Some(place(2)),
            sides: Some(Box::new(PlannedSides {
                before: None,
                after: Some(Payload::new(r#"{"n":1.00,"t":"é"}"#.into())),
                handle: Some(Handle("cn=7".into())),
                held: Some("protected".to_owned()),
                leaves: true,
            })),
        },
        PlannedChange {
            collection: students,
            kind: ChangeKind::Delete,
            key: text_key("[\"8 \\\"quoted\\\" é\"]"),
            new_key: None,
            content: None,
            place: None,
            sides: None,
        },
    ]
}

fn verdicts() -> PlanVerdicts {
    let tally = Tally {
        deletes: 1,
        unchanged: 2,
        baseline_size: 3,
        ..Tally::default()
    };
    let verdicts = judge(&GuardPolicy::default(), &tally);
    assert_eq!(
        verdicts.len(),
        1,
        "the plan of these tests has a verdict to carry"
    );
    BTreeMap::from([(CollectionName::new("ed-fi/students"), verdicts)])
}

fn write(path: &Path) -> PlanSummary {
    let mut writer = PlanWriter::create(path, &header()).unwrap();
    for change in changes() {
        writer.append(&change).unwrap();
    }
    writer.finish(verdicts()).unwrap()
}

fn refusal(path: &Path, bytes: &[u8]) -> PlanError {
    std::fs::write(path, bytes).unwrap();
    PlanReader::open(path).unwrap_err()
}

#[test]
fn a_plan_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.jsonl");
    let summary = write(&path);
    let mut reader = PlanReader::open(&path).unwrap();
    assert_eq!(reader.header(), &header());
    assert_eq!(reader.summary(), &summary);
    assert_eq!(summary.changes(), 3);
    assert_eq!(summary.verdicts, verdicts());
    for _ in 0..2 {
        let read: Vec<_> = reader.changes().unwrap().collect::<Result<_, _>>().unwrap();
        assert_eq!(read, changes());
    }
}

#[test]
fn a_plan_without_changes_is_a_plan() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.jsonl");
    PlanWriter::create(&path, &header())
        .unwrap()
        .finish(PlanVerdicts::new())
        .unwrap();
    let mut reader = PlanReader::open(&path).unwrap();
    assert_eq!(reader.changes().unwrap().count(), 0);
}

#[test]
fn a_plan_can_be_read_by_people_and_programs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.jsonl");
    write(&path);
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["format"], "syncline-plan/1");
    assert_eq!(lines[0]["source"]["marks"]["ed-fi/students"], "17");
    assert_eq!(lines[2]["kind"], "create");
    assert_eq!(
        lines[2]["key"]["digest"],
        Digest::of(b"[\"7\"]").to_string()
    );
    assert_eq!(lines[3].get("content"), None);
    assert_eq!(lines[4]["end"]["counts"]["ed-fi/students"]["delete"], 1);
}

#[test]
fn nothing_is_in_place_before_the_plan_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.jsonl");
    let mut writer = PlanWriter::create(&path, &header()).unwrap();
    writer.append(&changes()[0]).unwrap();
    // What is not there cannot be left behind, however the process ends.
    let entries = || std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(entries(), 0);
    drop(writer);
    assert_eq!(entries(), 0);
}

#[test]
fn a_plan_cut_anywhere_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.jsonl");
    write(&path);
    let whole = std::fs::read(&path).unwrap();
    for length in 0..whole.len() {
        let error = refusal(&path, &whole[..length]);
        assert!(
            matches!(error, PlanError::Truncated { .. }),
            "cut at {length}: {error}"
        );
    }
    let error = refusal(&path, &whole[..whole.len() - 10]).to_string();
    assert!(error.contains("plan.jsonl breaks off at line 5"), "{error}");
}

#[test]
fn a_plan_altered_anywhere_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.jsonl");
    write(&path);
    let whole = std::fs::read(&path).unwrap();
    for index in 0..whole.len() {
        let mut altered = whole.clone();
        altered[index] ^= 1;
        let error = refusal(&path, &altered);
        assert!(
            error.to_string().contains("plan.jsonl"),
            "byte {index}: {error}"
        );
    }
}

#[test]
fn an_edited_plan_is_refused_with_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.jsonl");
    write(&path);
    let whole = std::fs::read_to_string(&path).unwrap();
    let check = |edited: &str, expected: &str| {
        let error = refusal(&path, edited.as_bytes()).to_string();
        assert!(error.contains(expected), "{error}");
    };
    // Another change than was approved, a verdict taken away, a line less, a line more.
    check(
        &whole.replace("\"kind\":\"create\"", "\"kind\":\"update\""),
        "was altered",
    );
    check(
        &whole.replace("\"incomplete-coverage\"", "\"delete-share\""),
        "was altered",
    );
    let without_third: Vec<&str> = whole
        .split_inclusive('\n')
        .enumerate()
        .filter(|(at, _)| *at != 2)
        .map(|(_, line)| line)
        .collect();
    check(&without_third.concat(), "was altered");
    check(
        &format!("{whole}{whole}"),
        "something follows its last line (line 5)",
    );
    check(
        &whole.replace("\"kind\":\"create\"", "\"kind\":\"creates\""),
        "plan.jsonl:3 is not a line of a plan",
    );
    check(&whole.replace("plan/1", "plan/2"), "\"syncline-plan/2\"");
}

#[test]
fn a_broken_line_is_not_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.jsonl");
    write(&path);
    let whole = std::fs::read_to_string(&path).unwrap();
    let error = refusal(
        &path,
        whole
            .replace("{\"text\":\"[\\\"604", "{\"texts\":\"[\\\"604")
            .as_bytes(),
    );
    assert!(
        matches!(error, PlanError::Malformed { line: 2, .. }),
        "{error}"
    );
    assert!(!error.to_string().contains("604"));
}
