//! Checking files against a sandbox's documents: every check, all problems, one line for each
//! kind, and what becomes of odd input.

use std::sync::Arc;

use syncline::{
    CheckedCollection, Config, Failure, FindingGroup, Method, Selection, Severity, ValidateArgs,
    ValidateEnding, ValidateSummary,
};
use syncline_sandbox::schema::{embedded, render};
use syncline_sandbox::{FaultAction, FaultMatch, FaultRule, Sandbox};
use tokio_util::sync::CancellationToken;

use crate::site::{Site, plan, quiet, sandbox, student, students};

const GRADE: &str = "uri://ed-fi.org/GradeLevelDescriptor";

async fn validate(config: &Config, arguments: ValidateArgs) -> Result<ValidateSummary, Failure> {
    syncline::validate(config, arguments, quiet(), CancellationToken::new()).await
}

/// What is found in a site by the checks of the configuration.
async fn checked(site: &Site, sandbox: &Sandbox) -> ValidateSummary {
    let config = site.config(sandbox.url());
    validate(&config, ValidateArgs::default()).await.unwrap()
}

/// What is found by these checks.
async fn checked_by(methods: &str, site: &Site, sandbox: &Sandbox) -> ValidateSummary {
    let arguments = ValidateArgs {
        methods: Some(methods.to_owned()),
        ..ValidateArgs::default()
    };
    validate(&site.config(sandbox.url()), arguments)
        .await
        .unwrap()
}

fn of<'a>(summary: &'a ValidateSummary, short: &str) -> &'a CheckedCollection {
    let mut collections = summary.collections.iter();
    collections.find(|one| one.name.short() == short).unwrap()
}

/// Groups as `method: message x count lines`, warnings with a `?`.
fn told(groups: &[FindingGroup]) -> Vec<String> {
    let mark = |group: &FindingGroup| match group.severity {
        Severity::Error => "",
        Severity::Warning => "? ",
    };
    let text = |group: &FindingGroup| {
        format!(
            "{}{}: {} x{} {:?}",
            mark(group),
            group.method,
            group.message,
            group.count,
            group.lines
        )
    };
    groups.iter().map(text).collect()
}

/// A student with further members, or with others in their place.
fn student_with(id: usize, members: &str) -> String {
    student(id, "Ada").replace('}', &format!(",{members}}}\n"))
}

#[tokio::test]
async fn files_that_are_right_have_no_problems() {
    let sandbox = sandbox().await;
    let summary = checked(&Site::with_students(500), &sandbox).await;
    let found = of(&summary, "students");
    assert_eq!(
        (found.records, found.failed, found.errors, found.warnings),
        (500, 0, 0, 0)
    );
    assert_eq!(summary.ending, ValidateEnding::Completed);
    assert_eq!((summary.exit_status(false), summary.notes.len()), (0, 0));
}

#[tokio::test]
async fn all_problems_of_a_record_are_told_and_not_only_the_first() {
    let sandbox = sandbox().await;
    let site = Site::new();
    let line = "{\"studentUniqueId\":\"1\",\"firstName\":7,\"lastSurname\":null,\
                \"birthDate\":\"2020-13-99\",\"birthSexDescriptor\":\"uri://ed-fi.org/SexDescriptor#No\",\
                \"citizenshipStatusDescriptor\":\"Citizen\",\"fistName\":\"Ada\"}\n";
    site.write("students.jsonl", line);
    let summary = checked(&site, &sandbox).await;
    let found = of(&summary, "students");
    let mut told = told(&found.groups);
    told.sort();
    assert_eq!(
        told,
        [
            "? schema: the schema has no member fistName, and servers ignore it at $.fistName x1 [1]",
            "descriptors: a descriptor value has no # between namespace and code value at \
             $.citizenshipStatusDescriptor x1 [1]",
            "descriptors: there is no sexDescriptor `uri://ed-fi.org/SexDescriptor#No` at \
             $.birthSexDescriptor x1 [1]",
            "schema: a required member is null at $.lastSurname x1 [1]",
            "schema: a text belongs here, but this is a number at $.firstName x1 [1]",
            "schema: the text is a date that does not exist at $.birthDate x1 [1]",
        ]
    );
    assert_eq!((found.failed, found.errors, found.warnings), (1, 5, 1));
}

#[tokio::test]
async fn ten_thousand_equal_errors_are_one_line_with_their_count() {
    let sandbox = sandbox().await;
    let site = Site::new();
    let lines = |id| student(id, "Ada").replace("2014-05-01", "2014-02-30") + "\n";
    site.write(
        "students.jsonl",
        (1..=10_000).map(lines).collect::<String>(),
    );
    let summary = checked(&site, &sandbox).await;
    let found = of(&summary, "students");
    assert_eq!((found.records, found.failed), (10_000, 10_000));
    let [group] = found.groups.as_slice() else {
        panic!("{:?}", told(&found.groups));
    };
    assert_eq!(group.count, 10_000);
    assert_eq!(group.lines, (1..=1000).collect::<Vec<u64>>());
    assert_eq!(group.within.as_deref(), Some("$.birthDate, column 76"));
}

#[tokio::test]
async fn unknown_members_are_warnings_that_suggest_the_right_name() {
    let sandbox = sandbox().await;
    let site = Site::new();
    site.write("students.jsonl", student_with(1, "\"middelName\":\"B\""));
    let summary = checked(&site, &sandbox).await;
    let found = of(&summary, "students");
    assert_eq!((found.failed, found.warnings), (0, 1));
    assert_eq!(
        found.groups[0].hint.as_deref(),
        Some("did you mean middleName?")
    );
    assert_eq!(summary.exit_status(false), 0);
}

#[tokio::test]
async fn nulls_of_optional_members_are_taken_and_those_of_required_ones_are_not() {
    let sandbox = sandbox().await;
    let site = Site::new();
    let lines = student_with(1, "\"middleName\":null,\"visas\":null")
        + &student(2, "Ada").replace("\"Byron\"", "null");
    site.write("students.jsonl", lines);
    let summary = checked(&site, &sandbox).await;
    let found = of(&summary, "students");
    assert_eq!(
        told(&found.groups),
        ["schema: a required member is null at $.lastSurname x1 [2]"]
    );
}

#[tokio::test]
async fn a_list_where_an_object_belongs_is_told_with_what_to_do() {
    let sandbox = sandbox().await;
    let site = Site::new();
    site.write(
        "students.jsonl",
        student_with(1, "\"personReference\":[{\"personId\":\"1\"}]"),
    );
    site.write("schools.jsonl", "[{\"schoolId\":1}]\n");
    let summary = checked(&site, &sandbox).await;
    let found = &of(&summary, "students").groups;
    assert_eq!(
        told(found),
        ["schema: an object belongs here, but this is a list at $.personReference x1 [1]"]
    );
    assert!(
        found[0]
            .hint
            .as_ref()
            .unwrap()
            .contains("without square brackets")
    );
    assert_eq!(
        told(&of(&summary, "schools").groups),
        ["json: a record is an object, but this is a list x1 [1]"]
    );
}

#[tokio::test]
async fn a_broken_line_is_told_with_its_column_and_the_others_are_checked() {
    let sandbox = sandbox().await;
    let site = Site::new();
    let text = students([1]) + "{\"studentUniqueId\":\"2\",\n\n" + &students([3, 3]);
    site.write("students.jsonl", text);
    let summary = checked(&site, &sandbox).await;
    let found = of(&summary, "students");
    // Blank lines are no records.
    assert_eq!((found.records, found.failed), (4, 2));
    let json = found
        .groups
        .iter()
        .find(|group| group.method == Method::Json)
        .unwrap();
    assert_eq!(
        (json.lines.as_slice(), json.within.as_deref()),
        (&[2][..], Some("column 24"))
    );
    let twice = found
        .groups
        .iter()
        .find(|group| group.method == Method::Uniqueness)
        .unwrap();
    assert_eq!(
        (twice.lines.as_slice(), twice.within.as_deref()),
        (&[5][..], Some("as students.jsonl:4"))
    );
}

#[tokio::test]
async fn a_match_with_a_local_descriptor_does_not_end_the_checking_of_the_record() {
    let sandbox = sandbox().await;
    let site = Site::new();
    site.write(
        "sexDescriptors.jsonl",
        "{\"namespace\":\"uri://ed-fi.org/SexDescriptor\",\"codeValue\":\"Local\",\
         \"shortDescription\":\"Local\"}\n",
    );
    let members = "\"birthSexDescriptor\":\"uri://ed-fi.org/SexDescriptor#Local\",\
                   \"birthCountryDescriptor\":\"uri://ed-fi.org/CountryDescriptor#Nowhere\"";
    site.write("students.jsonl", student_with(1, members));
    let config = site.config(sandbox.url());
    // Local values count whichever collections are selected.
    let arguments = ValidateArgs {
        selection: Selection::from_lists("students", ""),
        ..ValidateArgs::default()
    };
    let summary = validate(&config, arguments).await.unwrap();
    assert_eq!(
        told(&of(&summary, "students").groups),
        [
            "descriptors: there is no countryDescriptor `uri://ed-fi.org/CountryDescriptor#Nowhere` \
          at $.birthCountryDescriptor x1 [1]"
        ]
    );
}

#[tokio::test]
async fn values_of_the_api_are_asked_for_once_and_a_near_one_is_suggested() {
    let sandbox = sandbox().await;
    let site = Site::new();
    site.write(
        "students.jsonl",
        student_with(
            1,
            "\"birthSexDescriptor\":\"uri://ed-fi.org/SexDescriptor#female\"",
        ),
    );
    let first = checked(&site, &sandbox).await;
    let hint = of(&first, "students").groups[0].hint.clone();
    assert_eq!(
        hint.as_deref(),
        Some("did you mean `uri://ed-fi.org/SexDescriptor#Female`?")
    );
    let asked = |sandbox: &Sandbox| sandbox.requests().count("GET", "/ed-fi/sexDescriptors");
    let before = asked(&sandbox);
    assert!(before > 0);
    checked(&site, &sandbox).await;
    assert_eq!(
        asked(&sandbox),
        before,
        "kept values are not asked for again"
    );
}

/// GET of whatever has this in its path is answered so.
fn answered(path: &str, status: u16, body: String) -> FaultRule {
    FaultRule {
        on: FaultMatch {
            method: Some("GET".to_owned()),
            path: Some(path.to_owned()),
            ..FaultMatch::default()
        },
        action: FaultAction::Status {
            status,
            body,
            headers: [("content-type".to_owned(), "application/json".to_owned())].into(),
        },
        ..FaultRule::default()
    }
}

#[tokio::test]
async fn values_that_may_not_be_read_are_not_checked_and_the_others_are() {
    let sandbox = sandbox().await;
    let forbidden = answered("/ed-fi/sexDescriptors", 403, "{}".to_owned());
    sandbox.set_faults(plan([forbidden]));
    let site = Site::new();
    let members = "\"birthSexDescriptor\":\"uri://ed-fi.org/SexDescriptor#No\",\
                   \"birthCountryDescriptor\":\"uri://ed-fi.org/CountryDescriptor#Nowhere\"";
    site.write("students.jsonl", student_with(1, members));
    // As read, and as kept for the next run.
    for _ in 0..2 {
        let summary = checked(&site, &sandbox).await;
        let [group] = of(&summary, "students").groups.as_slice() else {
            panic!("{summary:?}");
        };
        assert!(group.message.contains("CountryDescriptor#Nowhere"));
        assert_eq!(
            summary.notes,
            ["values are not checked, as the API does not show them: sexDescriptors"]
        );
    }
}

#[tokio::test]
async fn where_the_api_does_not_tell_keys_nothing_is_a_duplicate_and_that_is_said() {
    let sandbox = sandbox().await;
    let (model, style) = (embedded().unwrap(), render::Style::OpenApi3);
    let document = render::openapi(&model, render::Part::Resources, style, sandbox.url(), "");
    let document = document
        .to_string()
        .replace("x-Ed-Fi-isIdentity", "x-other");
    sandbox.set_faults(plan([answered("/resources/swagger.json", 200, document)]));
    let site = Site::new();
    site.write("students.jsonl", students([1, 1, 2]));
    let summary = checked(&site, &sandbox).await;
    let found = of(&summary, "students");
    assert_eq!((found.records, found.failed), (3, 0), "{summary:?}");
    assert_eq!(
        summary.notes,
        ["uniqueness is not checked where the API does not tell keys: students"]
    );
}

#[tokio::test]
async fn keys_of_several_parts_and_several_files_are_compared() {
    let sandbox = sandbox().await;
    let site = Site::new();
    let association = |student: &str, school: &str, day: u32| {
        format!(
            "{{\"entryDate\":\"2025-08-{day:02}\",\"entryGradeLevelDescriptor\":\"{GRADE}#Ninth grade\",\
             \"studentReference\":{{\"studentUniqueId\":\"{student}\"}},\
             \"schoolReference\":{{\"schoolId\":{school}}}}}\n"
        )
    };
    let first = association("1", "7", 1) + &association("1", "7", 2) + &association("1", "8", 1);
    site.write("studentSchoolAssociations/a.jsonl", first);
    // A number that is written as text is the same key, as servers read it.
    let second = association("2", "7", 1) + &association("1", "\"7\"", 2);
    site.write("studentSchoolAssociations/b.jsonl", second);
    let summary = checked_by("uniqueness", &site, &sandbox).await;
    let groups = &of(&summary, "studentSchoolAssociations").groups;
    let [group] = groups.as_slice() else {
        panic!("{:?}", told(groups));
    };
    assert_eq!(group.file, "studentSchoolAssociations/b.jsonl");
    assert_eq!(group.lines, [2]);
    assert_eq!(
        group.within.as_deref(),
        Some("as studentSchoolAssociations/a.jsonl:2")
    );
    assert!(
        group
            .message
            .contains("(entryDate, schoolId, studentUniqueId)"),
        "{}",
        group.message
    );
}

#[tokio::test]
async fn a_record_that_lacks_a_part_of_its_key_is_wrong_and_no_duplicate() {
    let sandbox = sandbox().await;
    let site = Site::new();
    site.write(
        "students.jsonl",
        "{\"firstName\":\"Ada\"}\n{\"firstName\":\"Ada\"}\n",
    );
    let summary = checked(&site, &sandbox).await;
    let found = of(&summary, "students");
    assert_eq!((found.failed, found.errors), (2, 2));
    assert_eq!(found.groups[0].method, Method::Schema);
}

#[tokio::test]
async fn items_of_a_list_that_say_the_same_are_told() {
    let sandbox = sandbox().await;
    let site = Site::new();
    let visa = "{\"visaDescriptor\":\"uri://ed-fi.org/VisaDescriptor#Any\"}";
    site.write(
        "students.jsonl",
        student_with(1, &format!("\"visas\":[{visa},{visa}]")),
    );
    let summary = checked_by("uniqueness", &site, &sandbox).await;
    assert_eq!(
        told(&of(&summary, "students").groups),
        [
            "uniqueness: the item repeats the identity of an earlier item of its list at $.visas[*] x1 [1]"
        ]
    );
}

#[tokio::test]
async fn reading_stops_at_the_greatest_number_of_errors_and_says_so() {
    let sandbox = sandbox().await;
    let site = Site::new();
    // More than the threads have blocks of, so that something is left.
    let bad = students(1..=200_000).replace("2014-05-01", "2014-05-99");
    site.write("students.jsonl", bad);
    let arguments = ValidateArgs {
        max_failures: Some(5),
        ..ValidateArgs::default()
    };
    let summary = validate(&site.config(sandbox.url()), arguments)
        .await
        .unwrap();
    let found = of(&summary, "students");
    assert_eq!(
        summary.ending,
        ValidateEnding::TooManyErrors(found.name.clone())
    );
    assert!((5..200_000).contains(&found.failed), "{}", found.failed);
    assert_eq!(
        found.records, found.failed,
        "what was not read is not counted"
    );
    assert_eq!(summary.exit_status(false), 1);
}

#[tokio::test]
async fn being_told_to_stop_ends_the_pass() {
    let sandbox = sandbox().await;
    let site = Site::with_students(200_000);
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    let observer = crate::site::Telling(move |event: &syncline::Event| {
        if matches!(event, syncline::Event::Started(_)) {
            stopping.cancel();
        }
    });
    let config = site.config(sandbox.url());
    let summary = syncline::validate(&config, ValidateArgs::default(), Arc::new(observer), stop)
        .await
        .unwrap();
    assert_eq!(summary.ending, ValidateEnding::Interrupted);
    assert!(of(&summary, "students").records < 200_000);
    assert_eq!(summary.exit_status(false), 5);
}

#[tokio::test]
async fn compressed_files_and_lines_of_any_length_are_read() {
    let sandbox = sandbox().await;
    let site = Site::new();
    let long = student_with(1, &format!("\"middleName\":\"{}\"", "x".repeat(3 << 20)));
    let text = students(2..=9000) + &long + &students([9001]);
    site.write(
        "students.jsonl.zst",
        zstd::encode_all(text.as_bytes(), 1).unwrap(),
    );
    let summary = checked(&site, &sandbox).await;
    let found = of(&summary, "students");
    assert_eq!((found.records, found.failed), (9001, 1));
    assert_eq!(
        told(&found.groups),
        ["schema: the text is longer than 75 characters at $.middleName x1 [9000]"]
    );
}

#[tokio::test]
async fn a_check_that_was_not_asked_for_is_not_made() {
    let sandbox = sandbox().await;
    let site = Site::new();
    let text = student_with(
        1,
        "\"birthSexDescriptor\":\"uri://ed-fi.org/SexDescriptor#No\"",
    ) + &student(1, "Ada").replace("\"Byron\"", "3");
    site.write("students.jsonl", text);
    let methods = [
        ("schema", vec![Method::Schema]),
        ("descriptors", vec![Method::Descriptors]),
        ("uniqueness", vec![Method::Uniqueness]),
        (
            "schema,descriptors",
            vec![Method::Schema, Method::Descriptors],
        ),
    ];
    for (names, expected) in methods {
        let summary = checked_by(names, &site, &sandbox).await;
        let groups = &of(&summary, "students").groups;
        let mut found: Vec<Method> = groups.iter().map(|group| group.method).collect();
        found.sort();
        assert_eq!(found, expected, "{names}");
    }
}

#[tokio::test]
async fn no_value_of_a_record_stands_in_what_is_told() {
    let sandbox = sandbox().await;
    let site = Site::new();
    let secret = "Zaphod-Beeblebrox";
    let text = student(1, "Ada").replace("\"Ada\"", &format!("[\"{secret}\"]"))
        + "\n"
        + &student_with(2, &format!("\"birthDate\":\"{secret}\""))
        + &student(7, secret).replace("\"7\"", &format!("\"{secret}\""))
        + "\n"
        + &student(7, "Other").replace("\"7\"", &format!("\"{secret}\""))
        + "\n{\"studentUniqueId\":\""
        + secret
        + "\n";
    site.write("students.jsonl", text);
    let summary = checked(&site, &sandbox).await;
    assert!(of(&summary, "students").errors >= 4);
    assert!(!format!("{summary:?}").contains(secret));
}
