//! Every failure a person will meet: the whole of what is shown, and the exit status by our
//! customs, by lightbeam's, and by lightbeam's with `--strict-exit`.

use insta::assert_snapshot;

use crate::desk::{Desk, Ran, lightbeam, students};
use crate::servers::{closed_port, constant, sandbox, self_signed};

/// Runs `send` with our configuration and with a `lightbeam.yaml` that says the same, side by
/// side; the latter has to end with lightbeam's status, and with ours where that is asked for.
#[track_caller]
fn fails_alike(desk: &Desk, lightbeam_yaml: &str, more: &[&str]) -> Ran {
    desk.write("lightbeam.yaml", lightbeam_yaml);
    let theirs = ["send", "-c", "lightbeam.yaml", "--set", "state_dir", "one"];
    let strict = [
        "send",
        "-c",
        "lightbeam.yaml",
        "--strict-exit",
        "--set",
        "state_dir",
        "other",
    ];
    let run = |start: &[&str]| desk.run(&[start, more].concat());
    let (native, theirs, strict) = std::thread::scope(|scope| {
        let theirs = scope.spawn(|| run(&theirs));
        let strict = scope.spawn(|| run(&strict));
        (
            run(&["send"]),
            theirs.join().unwrap(),
            strict.join().unwrap(),
        )
    });
    assert_eq!(theirs.status, 255, "{theirs}");
    assert_eq!(strict.status, native.status, "{strict}");
    native
}

#[test]
fn no_configuration_file() {
    assert_snapshot!(Desk::new().run(&["send"]), @"
    status 2
    --- stderr
    error: no configuration file: none of syncline.yaml, syncline.yml, lightbeam.yaml, lightbeam.yml is here
      hint: give one with `-c FILE`, or run `syncline demo` to get a working example
    ");
}

#[test]
fn a_configuration_file_that_is_not_there() {
    assert_snapshot!(Desk::new().run(&["send", "-c", "other.yaml"]), @"
    status 2
    --- stderr
    error: failed to open file `other.yaml`: No such file or directory (os error)
      hint: give the configuration file with `-c FILE`
    ");
}

#[test]
fn an_unknown_key() {
    let desk = Desk::with_students("http://localhost");
    desk.configure("http://localhost", "    pool_sise: 4\n");
    assert_snapshot!(desk.run(&["send"]), @"
    status 2
    --- stderr
    error: syncline.yaml:11:5: unknown key `stores.api.pool_sise`
      hint: did you mean `pool_size`?
    ");
}

#[test]
fn an_unset_variable() {
    let desk = Desk::new();
    let with_variable = |text: String| text.replace("populatedSecret", "${EDFI_SECRET}");
    desk.write("data/students.jsonl", students(1..=1));
    let url = "http://localhost";
    desk.write("syncline.yaml", with_variable(crate::desk::native(url)));
    assert_snapshot!(fails_alike(&desk, &with_variable(lightbeam(url)), &[]), @r#"
    status 2
    --- stderr
    error: syncline.yaml:9:20: `stores.api.client_secret` needs the variable EDFI_SECRET, which is not set
      hint: set it in the environment (`export EDFI_SECRET=...`) or give it with --params '{"EDFI_SECRET": "..."}'
    "#);
}

#[test]
fn broken_yaml() {
    let desk = Desk::new();
    let broken = "stores:\n  api:\n    kind: [edfi\n  x: 1\n";
    desk.write("syncline.yaml", broken);
    assert_snapshot!(fails_alike(&desk, broken, &[]), @"
    status 2
    --- stderr
    error: syncline.yaml:4:4: illegal placement of ':' indicator
    ");
}

#[test]
fn a_value_of_the_wrong_kind() {
    let desk = Desk::new();
    desk.configure("localhost:8080", "");
    assert_snapshot!(desk.run(&["config", "check"]), @"
    status 2
    --- stderr
    error: syncline.yaml:7:15: `stores.api.base_url` must begin with https:// or http://
    ");
    desk.configure("http://localhost", "    timeout: soon\n");
    assert_snapshot!(desk.run(&["config", "check"]), @"
    status 2
    --- stderr
    error: syncline.yaml:11:14: `stores.api.timeout` must be a number of seconds
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials() {
    let sandbox = sandbox().await;
    let desk = Desk::with_students(sandbox.url());
    let wrong = |text: String| text.replace("populatedSecret", "anotherSecret");
    desk.write("syncline.yaml", wrong(desk.read("syncline.yaml")));
    let ran = fails_alike(&desk, &wrong(lightbeam(sandbox.url())), &[]);
    assert_snapshot!(ran, @"
    status 2
    --- stderr

    Nothing was sent.
    error: http://[address]/oauth/token refuses the credentials (status 401): invalid_client
      hint: check `client_id` and `client_secret`
    ");
    assert!(!ran.stderr.contains("anotherSecret"));
    assert_eq!(sandbox.count("ed-fi/students").unwrap(), 0);
}

#[test]
fn an_unreachable_server() {
    let url = closed_port();
    let desk = Desk::with_students(&url);
    assert_snapshot!(fails_alike(&desk, &lightbeam(&url), &[]), @"
    status 3
    --- stderr
    error: http://[address]/ cannot be reached: Connection refused (os error)
      hint: check that the server runs and that host and port are right
    ");
}

#[test]
fn an_unknown_host() {
    let url = "https://edfi.district.invalid/api";
    let desk = Desk::with_students(url);
    assert_snapshot!(fails_alike(&desk, &lightbeam(url), &[]), @"
    status 2
    --- stderr
    error: https://edfi.district.invalid/api has a host name that cannot be found
      hint: check the host name in the configured URL
    ");
}

#[test]
fn a_certificate_that_nobody_knows() {
    let (url, _) = self_signed();
    let desk = Desk::with_students(&url);
    assert_snapshot!(fails_alike(&desk, &lightbeam(&url), &[]), @"
    status 2
    --- stderr
    error: https://[address]/ has no certificate that is trusted: invalid peer certificate: UnknownIssuer
      hint: give the certificate of your own authority as `ca_file`, or for a test server set `verify_tls: false` (`verify_ssl: false` in a lightbeam.yaml)
    ");
}

#[test]
fn a_certificate_of_ones_own_authority() {
    let (url, certificate) = self_signed();
    let desk = Desk::with_students(&url);
    desk.write("authority.pem", certificate);
    for more in ["    ca_file: authority.pem\n", "    verify_tls: false\n"] {
        desk.configure(&url, more);
        let ran = desk.run(&["send"]);
        assert!(ran.stderr.contains("is not an Ed-Fi API"), "{more}{ran}");
    }
    desk.write("empty.pem", "");
    desk.configure(&url, "    ca_file: empty.pem\n");
    assert_snapshot!(desk.run(&["send"]), @"
    status 2
    --- stderr
    error: [home]/empty.pem holds no PEM certificates
    ");
}

#[test]
fn something_else_than_an_ed_fi_api() {
    let empty = constant("application/json", "{}");
    let desk = Desk::with_students(&empty);
    assert_snapshot!(fails_alike(&desk, &lightbeam(&empty), &[]), @"
    status 2
    --- stderr
    error: http://[address]/ is not an Ed-Fi API: its document names no token endpoint
      hint: the base URL is the one a browser shows a JSON document with `dataManagementApi` at; for an API without one, configure its URLs one by one
    ");
    let page = constant("text/html", "<html><title>Welcome</title></html>");
    let desk = Desk::with_students(&page);
    assert_snapshot!(fails_alike(&desk, &lightbeam(&page), &[]), @"
    status 2
    --- stderr
    error: http://[address]/ is not an Ed-Fi API: what it answers is not a discovery document
      hint: the base URL is the one a browser shows a JSON document with `dataManagementApi` at; for an API without one, configure its URLs one by one
    ");
}

#[test]
fn a_data_folder_without_data() {
    let url = "http://localhost";
    let desk = Desk::new();
    desk.write("data/notes.txt", "x");
    desk.configure(url, "");
    assert_snapshot!(fails_alike(&desk, &lightbeam(url), &[]), @"
    status 2
    --- stderr
    error: [home]/data has no *.jsonl files: it holds notes.txt
      hint: put one file per collection there, for example students.jsonl
    ");
    std::fs::remove_file(desk.path("data/notes.txt")).unwrap();
    assert_snapshot!(fails_alike(&desk, &lightbeam(url), &[]), @"
    status 2
    --- stderr
    error: [home]/data has no *.jsonl files: it is empty
      hint: put one file per collection there, for example students.jsonl
    ");
}

#[test]
fn a_data_folder_that_is_not_there() {
    let url = "http://localhost";
    let desk = Desk::new();
    desk.configure(url, "");
    assert_snapshot!(fails_alike(&desk, &lightbeam(url), &[]), @"
    status 2
    --- stderr
    error: failed to read directory `[home]/data`: No such file or directory (os error)
      hint: give the folder that holds the *.jsonl files
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_no_endpoint() {
    let sandbox = sandbox().await;
    let desk = Desk::with_students(sandbox.url());
    desk.write("data/studnets.jsonl", students(4..=4));
    assert_snapshot!(desk.run(&["send"]), @"
    status 2
    --- stderr
    error: studnets.jsonl: the API has no endpoint `studnets`
      hint: did you mean `students`? rename the file accordingly
    ");
    // lightbeam passes over such files, and so does its configuration here.
    desk.write("lightbeam.yaml", lightbeam(sandbox.url()));
    let ran = desk.run(&["send", "-c", "lightbeam.yaml"]);
    assert_eq!(ran.status, 0, "{ran}");
    assert!(
        ran.stderr
            .contains("studnets.jsonl: the API has no endpoint `studnets`: not sent"),
        "{ran}"
    );
    assert_eq!(sandbox.count("ed-fi/students").unwrap(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_selector() {
    let sandbox = sandbox().await;
    let desk = Desk::with_students(sandbox.url());
    let yaml = lightbeam(sandbox.url());
    assert_snapshot!(fails_alike(&desk, &yaml, &["-s", "studnets"]), @"
    status 2
    --- stderr
    error: `studnets` matches no collection here
      hint: did you mean `students`?
    ");
    assert_snapshot!(fails_alike(&desk, &yaml, &["-e", "students"]), @"
    status 2
    --- stderr
    error: the selection leaves nothing to do
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_lines_and_refused_records() {
    let sandbox = sandbox().await;
    let desk = Desk::with_students(sandbox.url());
    let text = students(1..=2)
        + "{\"studentUniqueId\": \"3\", \"lastSurname\": \"Byron\", \"birthDate\": \"2014-05-01\"}\n"
        + "{\"studentUniqueId\": \"4\",\n";
    desk.write("data/students.jsonl", text);
    let ran = desk.run(&["send"]);
    assert_snapshot!("refused", ran);
    assert_eq!(sandbox.count("ed-fi/students").unwrap(), 2);

    // The same with lightbeam's customs: some failed is no failure, all failed is.
    desk.write("lightbeam.yaml", lightbeam(sandbox.url()));
    let ran = desk.run(&["send", "-c", "lightbeam.yaml"]);
    assert_eq!(ran.status, 0, "{ran}");
    let ran = desk.run(&["send", "-c", "lightbeam.yaml", "--strict-exit"]);
    assert_eq!(ran.status, 1, "{ran}");
    // The command that is shown can be used as it stands.
    let shown = ran.stderr.lines().last().unwrap();
    let mut words = shown.split_whitespace();
    assert_eq!(words.next(), Some("syncline"), "{shown}");
    let mut again: Vec<&str> = words.collect();
    assert_eq!(again[..3], ["send", "-c", "lightbeam.yaml"], "{shown}");
    again.push("--strict-exit");
    let ran = desk.run(&again);
    assert_eq!(ran.status, 1, "{ran}");
    assert!(ran.stderr.contains("2 records in"), "{ran}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_results_file_that_cannot_be_written() {
    let sandbox = sandbox().await;
    let desk = Desk::with_students(sandbox.url());
    let ran = desk.run(&["send", "--results-file", "data"]);
    assert_eq!(ran.status, 3, "{ran}");
    assert!(ran.stderr.contains("3 created"), "{ran}");
    assert!(
        ran.stderr.contains("cannot write data: Is a directory"),
        "{ran}"
    );
    assert_eq!(sandbox.count("ed-fi/students").unwrap(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reject_file_can_be_corrected_and_sent() {
    let sandbox = sandbox().await;
    let desk = Desk::with_students(sandbox.url());
    let bad =
        "{\"studentUniqueId\": \"4\", \"lastSurname\": \"Byron\", \"birthDate\": \"2014-05-01\"}\n";
    desk.write("data/students.jsonl", students(1..=3) + bad);
    assert_eq!(desk.run(&["send"]).status, 1);
    let rejects = desk.rejects();
    let [file] = rejects.as_slice() else {
        panic!("{rejects:?}");
    };
    // As it is, it is refused again.
    let name = file.to_str().unwrap();
    assert_eq!(desk.run(&["send", "--rejects", name]).status, 1);

    let text = std::fs::read_to_string(file).unwrap();
    let corrected = text.replace("\"lastSurname\"", "\"firstName\": \"Ada\", \"lastSurname\"");
    std::fs::write(file, corrected).unwrap();
    assert_snapshot!(desk.run(&["send", "--rejects", name]), @"
    status 0
    --- stderr
    students: 1 created (final status counts: {201: 1})

    collection       read    created    updated  unchanged  refused
    students            1          1          0          0        0

    1 record in [duration]: 1 created, 0 updated, 0 unchanged, 0 refused.
    1 request sent.
    ");
    assert_eq!(sandbox.count("ed-fi/students").unwrap(), 4);
}

#[test]
fn a_reject_file_that_is_none() {
    let desk = Desk::with_students("http://localhost");
    assert_snapshot!(desk.run(&["send", "--rejects", "data/students.jsonl"]), @"
    status 2
    --- stderr
    error: data/students.jsonl:1 is not a line of a reject file
      hint: each line is an object with `collection` and `body`
    ");
    assert_snapshot!(desk.run(&["send", "--rejects", "rejects.jsonl"]), @"
    status 2
    --- stderr
    error: failed to open file `rejects.jsonl`: No such file or directory (os error)
    ");
}

#[test]
fn options_that_cannot_be_understood() {
    let desk = Desk::with_students("http://localhost");
    let shown = |arguments: &[&str]| format!("{:?}\n{}", arguments, desk.run(arguments));
    let cases = [
        shown(&["send", "-p", "[1]"]),
        shown(&["send", "-p", "{\"A\": {}}"]),
        shown(&["send", "--set", "a", "b", "c"]),
        shown(&["send", "-o", "sometime"]),
        shown(&["send", "-r", "4o9"]),
        shown(&["send", "--sellector", "x"]),
        shown(&["sned"]),
        shown(&["sandbox", "edfi", "--api", "9.9"]),
        shown(&["generate", "--students", "some", "--out", "x"]),
        shown(&[
            "generate",
            "--students",
            "3",
            "--out",
            "x",
            "--school-year",
            "12",
        ]),
    ];
    assert_snapshot!("options", cases.join("\n"));
}
