//! What is kept: taken over from lightbeam, looked at while it is written, given up.

use std::path::{Path, PathBuf};

use md5::{Digest as _, Md5};
use syncline::state::{self, ExportFormat, ForgetArgs, ImportArgs, Part, ToForget};
use syncline::{Config, Failure, Holder, Selection};
use syncline_ledger::Ledger;
use syncline_sandbox::Sandbox;

use crate::site::{Site, plain_arguments, posts, report, sandbox, sandbox_with, student, students};

fn holder() -> Holder {
    plain_arguments().holder
}

/// A pickle of protocol 4: each line with a time and a status, as lightbeam writes it.
fn pickle(lines: &[(&str, i32, u16)]) -> Vec<u8> {
    let mut pickle = b"\x80\x04}\x94(".to_vec();
    for (line, at, status) in lines {
        pickle.extend([b'C', 16]);
        pickle.extend(Md5::digest(line.trim()));
        pickle.extend([0x94, b'J']);
        pickle.extend(at.to_le_bytes());
        pickle.push(b'M');
        pickle.extend(status.to_le_bytes());
        pickle.extend([0x86, 0x94]);
    }
    pickle.extend(b"u.");
    pickle
}

/// A `state_dir` of lightbeam in the folder of a site.
fn state_dir(site: &Site, files: &[(&str, Vec<u8>)]) -> PathBuf {
    let folder = site.folder.path().join("lightbeam");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
    folder
}

async fn import(config: &Config, folder: &Path) -> Result<state::StateImport, Failure> {
    let arguments = ImportArgs {
        folder: folder.to_owned(),
        selection: Selection::default(),
        holder: holder(),
    };
    state::import(config, arguments).await
}

/// Students 1 to 5, of which lightbeam sent the first four; the API refused the fourth.
fn four_of_five() -> (Site, PathBuf) {
    let site = Site::with_students(5);
    let lines: Vec<String> = (1..=4).map(|id| student(id, "Ada")).collect();
    let lines: Vec<(&str, i32, u16)> = lines
        .iter()
        .zip([201, 200, 201, 409])
        .map(|(line, status)| (line.as_str(), 1_700_000_000, status))
        .collect();
    let files = [
        ("students.dat", pickle(&lines)),
        ("unheardOf.dat", pickle(&[])),
        ("notes.txt", b"nothing".to_vec()),
    ];
    let folder = state_dir(&site, &files);
    (site, folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lightbeam_sent_is_not_sent_again() {
    let sandbox = sandbox().await;
    let (site, folder) = four_of_five();
    let config = site.config(sandbox.url());
    let imported = import(&config, &folder).await.unwrap();
    let students = &imported.collections[0];
    assert_eq!(students.collection, "ed-fi/students");
    assert_eq!((students.accepted, students.declined), (3, 1));
    assert_eq!(imported.collections.len(), 1);
    assert_eq!(imported.ignored.len(), 1, "{:?}", imported.ignored);
    assert!(imported.ignored[0].contains("unheardOf"));
    assert!(
        imported
            .target
            .contains(sandbox.url().trim_end_matches('/'))
    );

    let summary = site.send(sandbox.url()).await;
    assert_eq!(
        (report(&summary).created, report(&summary).unchanged),
        (2, 3)
    );
    assert_eq!(posts(&sandbox), 2);
    let again = site.send(sandbox.url()).await;
    assert_eq!(report(&again).unchanged, 5);
    assert_eq!(posts(&sandbox), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_order_mark_that_lightbeam_sent_along_makes_no_other_line() {
    const MARK: &str = "\u{feff}";
    let sandbox = sandbox().await;
    let site = Site::new();
    let lines = [1, 2].map(|id| student(id, "Ada"));
    // lightbeam sends the mark as part of the first line; a mark elsewhere belongs to no line.
    let marked = [MARK, &lines[0]].concat();
    let sent = [
        (marked.as_str(), 1_700_000_000, 201),
        (lines[1].as_str(), 1_700_000_000, 201),
    ];
    let folder = state_dir(&site, &[("students.dat", pickle(&sent))]);
    site.write(
        "students.jsonl",
        format!("{MARK}{}\n{}\n", lines[0], lines[1]),
    );
    let config = site.config(sandbox.url());
    import(&config, &folder).await.unwrap();
    let summary = site.send(sandbox.url()).await;
    assert_eq!((report(&summary).unchanged, posts(&sandbox)), (2, 0));

    // Without the mark in the file it is another line, which was never sent.
    let other = Site::new();
    other.write("students.jsonl", format!("{}\n{}\n", lines[0], lines[1]));
    import(&other.config(sandbox.url()), &folder).await.unwrap();
    let summary = other.send(sandbox.url()).await;
    assert_eq!((report(&summary).unchanged, posts(&sandbox)), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn importing_twice_is_the_same_as_once_and_importing_late_changes_nothing() {
    let sandbox = sandbox().await;
    let (site, folder) = four_of_five();
    let config = site.config(sandbox.url());
    site.send(sandbox.url()).await;
    assert_eq!(posts(&sandbox), 5);
    for _ in 0..2 {
        import(&config, &folder).await.unwrap();
    }
    let scope = state::show(&config, &Part::default()).unwrap().remove(0);
    assert_eq!(
        (scope.collections[0].held, scope.collections[0].imported),
        (5, 3)
    );
    // A record that changes is sent, though an earlier line of it was imported.
    site.write("students.jsonl", student(1, "Grace"));
    assert_eq!(report(&site.send(sandbox.url()).await).updated, 1);
    site.write("students.jsonl", student(1, "Ada"));
    assert_eq!(report(&site.send(sandbox.url()).await).updated, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_imported_counts_for_one_api_only() {
    let (one, other) = (sandbox().await, sandbox().await);
    let (site, folder) = four_of_five();
    import(&site.config(one.url()), &folder).await.unwrap();
    site.send(other.url()).await;
    assert_eq!(posts(&other), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_would_run_code_is_refused_and_nothing_of_it_is_kept() {
    let sandbox = sandbox().await;
    let site = Site::with_students(1);
    let line = student(1, "Ada");
    let mut attack = pickle(&[(&line, 1_700_000_000, 201)]);
    let end = attack.len() - 1;
    attack.truncate(end);
    attack.extend(b"cos\nsystem\n.");
    let folder = state_dir(&site, &[("students.dat", attack)]);
    let config = site.config(sandbox.url());
    let failure = import(&config, &folder).await.unwrap_err();
    let expected = format!("students.dat is no saved state: byte {end}: the operation GLOBAL");
    assert!(failure.message.contains(&expected), "{failure:?}");
    assert_eq!(failure.kind.exit_status(), 2);
    let run = state::runs(&config, 1).unwrap().remove(0);
    assert_eq!(run.outcome.as_deref(), Some("failed"));
    site.send(sandbox.url()).await;
    assert_eq!(posts(&sandbox), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_without_state_are_told_from_those_with_it() {
    let sandbox = sandbox().await;
    let site = Site::with_students(1);
    let config = site.config(sandbox.url());
    let failure = state::show(&config, &Part::default()).unwrap_err();
    assert!(
        failure.message.contains("holds no ledger yet"),
        "{failure:?}"
    );
    let empty = state_dir(&site, &[]);
    let failure = import(&config, &empty).await.unwrap_err();
    assert!(
        failure.message.contains("holds no .dat files"),
        "{failure:?}"
    );
    let missing = site.folder.path().join("missing");
    let failure = import(&config, &missing).await.unwrap_err();
    assert!(failure.message.contains("missing"), "{failure:?}");
    let unknown = state_dir(&site, &[("unheardOf.dat", pickle(&[]))]);
    let failure = import(&config, &unknown).await.unwrap_err();
    assert!(failure.hints[0].contains("unheardOf"), "{failure:?}");
    assert!(state::show(&config, &Part::default()).unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn state_is_looked_at_while_another_process_holds_it() {
    let sandbox = sandbox().await;
    let site = Site::new();
    let bad = "{\"studentUniqueId\":\"9\",\"lastSurname\":\"Byron\"}\n";
    site.write("students.jsonl", students(1..=3) + bad);
    site.send(sandbox.url()).await;
    let config = site.config(sandbox.url());
    let held = Ledger::open(config.state_folder.as_deref().unwrap(), &holder()).unwrap();

    let scope = state::show(&config, &Part::default()).unwrap().remove(0);
    let students = &scope.collections[0];
    assert_eq!((students.held, students.owed_total()), (3, 1));
    assert_eq!(students.owed["content"], 1);
    assert_eq!(
        scope.last_run.unwrap().outcome.as_deref(),
        Some("completed")
    );
    assert_eq!(state::runs(&config, 9).unwrap().len(), 1);

    let mut owed = Vec::new();
    state::owed(&config, &Part::default(), false, |one| owed.push(one)).unwrap();
    assert_eq!(owed.len(), 1);
    assert_eq!(
        (owed[0].file.as_str(), owed[0].line),
        ("students.jsonl", Some(4))
    );
    assert_eq!((owed[0].status, owed[0].attempts), (400, 1));
    let told = serde_json::to_string(&owed[0]).unwrap();
    assert!(!told.contains("Byron") && !told.contains("body"), "{told}");
    state::owed(&config, &Part::default(), true, |one| {
        let values = one.values.unwrap();
        assert_eq!(values.body.get(), bad.trim());
        assert_eq!(values.key, "[\"9\"]");
    })
    .unwrap();

    let out = site.folder.path().join("known.jsonl");
    let rows = state::export(&config, &Part::default(), ExportFormat::Jsonl, &out).unwrap();
    assert_eq!(rows, 4);
    let failure = state::forget(&config, &everything(), |_| true).unwrap_err();
    assert!(failure.message.contains("in use"), "{failure:?}");
    drop(held);
}

fn everything() -> ForgetArgs {
    ForgetArgs {
        part: Part::default(),
        what: ToForget::Everything,
        holder: holder(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_hold_a_row_for_each_key_and_are_read_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = sandbox().await;
    // More than one page of reading.
    let site = Site::with_students(4_500);
    site.send(sandbox.url()).await;
    let config = site.config(sandbox.url());
    let out = site.folder.path().join("deep/known.csv");
    let rows = state::export(&config, &Part::default(), ExportFormat::Csv, &out).unwrap();
    assert_eq!(rows, 4_500);
    let text = std::fs::read_to_string(&out).unwrap();
    let mut lines = text.lines();
    let heading = "target,flow,collection,key_digest,digest,status,outcome,at,handle";
    assert_eq!(lines.next(), Some(heading));
    let mut keys = std::collections::BTreeSet::new();
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells.len(), 9, "{line}");
        assert_eq!(
            (cells[1], cells[2], cells[5], cells[6]),
            ("send", "ed-fi/students", "201", "created")
        );
        assert!(!cells[8].is_empty(), "the API told a name: {line}");
        keys.insert(cells[3].to_owned());
    }
    assert_eq!(keys.len(), 4_500);
    assert_eq!(out.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let failure = state::export(&config, &Part::default(), ExportFormat::Csv, &out).unwrap_err();
    assert!(failure.message.contains("is there already"), "{failure:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_forgotten_is_sent_again() {
    let sandbox = sandbox().await;
    let site = Site::with_students(3);
    site.send(sandbox.url()).await;
    let config = site.config(sandbox.url());

    assert!(!state::forget(&config, &everything(), |_| false).unwrap());
    assert_eq!(report(&site.send(sandbox.url()).await).unchanged, 3);

    let out = site.folder.path().join("known.csv");
    state::export(&config, &Part::default(), ExportFormat::Csv, &out).unwrap();
    let text = std::fs::read_to_string(&out).unwrap();
    let digest = text.lines().nth(2).unwrap().split(',').nth(3).unwrap();
    let one = ForgetArgs {
        what: ToForget::Key(digest.to_owned()),
        ..everything()
    };
    let forgotten = state::forget(&config, &one, |plan| {
        assert_eq!(plan.len(), 1);
        assert_eq!((plan[0].held, plan[0].owed), (1, 0));
        true
    });
    assert!(forgotten.unwrap());
    let sent = site.send(sandbox.url()).await;
    assert_eq!((report(&sent).unchanged, report(&sent).accepted()), (2, 1));
    for wrong in ["12", "00000000000000000000000000000000"] {
        let wrong = ForgetArgs {
            what: ToForget::Key(wrong.to_owned()),
            ..everything()
        };
        let failure = state::forget(&config, &wrong, |_| panic!("nothing to confirm")).unwrap_err();
        assert!(failure.message.starts_with("--key-digest"), "{failure:?}");
    }

    assert!(state::forget(&config, &everything(), |_| true).unwrap());
    assert!(!state::forget(&config, &everything(), |_| panic!("nothing")).unwrap());
    assert_eq!(report(&site.send(sandbox.url()).await).accepted(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_targets_are_not_forgotten_at_once() {
    let (one, other) = (sandbox().await, sandbox().await);
    let site = Site::with_students(2);
    site.send(one.url()).await;
    site.send(other.url()).await;
    let config = site.config(one.url());
    assert_eq!(state::show(&config, &Part::default()).unwrap().len(), 2);
    let failure = state::forget(&config, &everything(), |_| true).unwrap_err();
    assert!(failure.hints[0].contains("--target"), "{failure:?}");
    let named = |target: &str| ForgetArgs {
        part: Part {
            target: Some(target.to_owned()),
            ..Part::default()
        },
        ..everything()
    };
    let failure = state::forget(&config, &named("nowhere"), |_| true).unwrap_err();
    assert!(
        failure.hints[0].contains(one.url().trim_end_matches('/')),
        "{failure:?}"
    );
    assert!(state::forget(&config, &named(one.url().trim_end_matches('/')), |_| true).unwrap());
    assert_eq!(report(&site.send(one.url()).await).accepted(), 2);
    assert_eq!(report(&site.send(other.url()).await).unchanged, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_owed_can_be_given_up() {
    let sandbox = sandbox().await;
    let site = Site::with_students(2);
    site.write("staffs.jsonl", "{\"staffUniqueId\":\"1\"}\n");
    site.send(sandbox.url()).await;
    let config = site.config(sandbox.url());
    let owed = ForgetArgs {
        what: ToForget::Owed,
        ..everything()
    };
    let forgotten = state::forget(&config, &owed, |plan| {
        assert_eq!(plan.len(), 1, "only where something is owed");
        assert_eq!(
            (plan[0].collection.as_str(), plan[0].owed),
            ("ed-fi/staffs", 1)
        );
        true
    });
    assert!(forgotten.unwrap());
    let scope = state::show(&config, &Part::default()).unwrap().remove(0);
    assert!(scope.collections.iter().all(|one| one.owed.is_empty()));
    assert!(!state::forget(&config, &owed, |_| panic!("nothing")).unwrap());
    assert_eq!(report(&site.send(sandbox.url()).await).unchanged, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_and_left_the_files_stays_owed_until_it_is_given_up() {
    let sandbox = sandbox().await;
    let site = Site::with_students(3);
    let nameless = "{\"studentUniqueId\":\"9\",\"birthDate\":\"2014-05-01\"}\n";
    site.write("students.jsonl", students(1..=3) + nameless);
    assert_eq!(site.send(sandbox.url()).await.report.owed, 1);
    site.write("students.jsonl", students(1..=3));
    let sent = posts(&sandbox);
    let summary = site.send(sandbox.url()).await;
    assert_eq!((summary.report.owed, report(&summary).absent), (1, 1));
    assert_eq!((summary.exit_status(true), posts(&sandbox)), (0, sent));

    let config = site.config(sandbox.url());
    let mut owed = Vec::new();
    state::owed(&config, &Part::default(), false, |one| owed.push(one)).unwrap();
    assert_eq!((owed.len(), owed[0].class.as_str()), (1, "content"));
    let what = ToForget::Owed;
    let forgotten = state::forget(
        &config,
        &ForgetArgs {
            what,
            ..everything()
        },
        |_| true,
    );
    assert!(forgotten.unwrap());
    let summary = site.send(sandbox.url()).await;
    assert_eq!((summary.report.owed, report(&summary).absent), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_lightbeam_state_is_taken_over_where_python_is() {
    const SCRIPT: &str = "
import hashlib, pickle, sys, time
entries = {}
for line in open(sys.argv[1], encoding='utf-8'):
    key = hashlib.md5(line.strip().encode('utf-8')).digest()
    entries[key] = (round(time.time()), 201)
pickle.dump(entries, open(sys.argv[2], 'wb'))
";
    let sandbox: Sandbox = sandbox_with(|_| {}).await;
    let site = Site::new();
    let lines: Vec<String> = (1..=30).map(|id| student(id, "Zoë")).collect();
    let lines = format!("  {}\t\r\n", lines.join("\t\r\n  "));
    site.write("students.jsonl", lines);
    let folder = state_dir(&site, &[]);
    let python = std::process::Command::new("python3")
        .args(["-c", SCRIPT])
        .arg(site.data().join("students.jsonl"))
        .arg(folder.join("students.dat"))
        .status();
    let Ok(status) = python else {
        println!("skipped: there is no python3");
        return;
    };
    assert!(status.success());
    let imported = import(&site.config(sandbox.url()), &folder).await.unwrap();
    assert_eq!(imported.collections[0].accepted, 30);
    let summary = site.send(sandbox.url()).await;
    assert_eq!(report(&summary).unchanged, 30);
    assert_eq!(posts(&sandbox), 0);
}
