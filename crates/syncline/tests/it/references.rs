//! References, checked against files and a sandbox: what exists, what does not, what could not
//! be learned, and how many requests that takes.

use std::collections::BTreeSet;

use syncline::{
    CheckedCollection, Config, Failure, How, Method, ReferenceSummary, Selection, ValidateArgs,
    ValidateEnding, ValidateSummary,
};
use syncline_sandbox::generate::{self, DefectKind, DefectPlan, GenerateConfig, Manifest};
use syncline_sandbox::{FaultMatch, FaultRule, RequestLog, Sandbox};
use tokio_util::sync::CancellationToken;

use crate::site::{Site, api, plan, quiet, sandbox, status, students};

const PLANS: &str = "graduationPlans.jsonl";
const CATEGORIES: &str = "\"categories\":[{\"educationOrganizationCategoryDescriptor\":\
    \"uri://ed-fi.org/EducationOrganizationCategoryDescriptor#Other\"}]";

fn config(site: &Site, url: &str) -> Config {
    let mut config = site.config(url);
    api(&mut config).settings.reading.retry = site.retry;
    config.validate.methods = [Method::Json, Method::Schema, Method::References].into();
    config
}

async fn validate(config: &Config, selector: &str) -> Result<ValidateSummary, Failure> {
    let arguments = ValidateArgs {
        selection: Selection::from_lists(selector, ""),
        ..ValidateArgs::default()
    };
    syncline::validate(config, arguments, quiet(), CancellationToken::new()).await
}

async fn checked(site: &Site, sandbox: &Sandbox) -> ValidateSummary {
    validate(&config(site, sandbox.url()), "").await.unwrap()
}

/// What is found where the API is not asked.
async fn checked_in_files(site: &Site, sandbox: &Sandbox) -> ValidateSummary {
    let mut config = config(site, sandbox.url());
    config.validate.references.remote = false;
    validate(&config, "").await.unwrap()
}

fn of<'a>(summary: &'a ValidateSummary, short: &str) -> &'a CheckedCollection {
    let mut collections = summary.collections.iter();
    collections.find(|one| one.name.short() == short).unwrap()
}

fn numbers(summary: &ValidateSummary) -> &ReferenceSummary {
    summary.references.as_ref().unwrap()
}

/// Lines with missing references, as collection and line.
fn missing(summary: &ValidateSummary) -> BTreeSet<(String, u64)> {
    let mut found = BTreeSet::new();
    for collection in &summary.collections {
        for group in &collection.groups {
            assert_eq!(group.method, Method::References, "{group:?}");
            let name = collection.name.short();
            found.extend(group.lines.iter().map(|line| (name.to_owned(), *line)));
        }
    }
    found
}

/// GETs of records.
fn gets(log: &RequestLog) -> u64 {
    log.count("GET", "/data/v3/ed-fi/")
}

/// Those that were made since.
fn gets_since(sandbox: &Sandbox, before: &RequestLog) -> u64 {
    gets(&sandbox.requests()) - gets(before)
}

fn district(site: &Site, students: u64, defects: Option<DefectPlan>) -> Manifest {
    generate::write(&GenerateConfig {
        students,
        seed: 3,
        out: site.data(),
        defects,
        school_year: 2026,
    })
    .unwrap()
}

/// A sandbox that has a district, and the folder it came from.
async fn filled(students: u64) -> (Sandbox, Site) {
    let (sandbox, site) = (sandbox().await, Site::new());
    district(&site, students, None);
    let sent = site.send(sandbox.url()).await;
    assert_eq!(sent.exit_status(true), 0);
    (sandbox, site)
}

/// Another folder with some of the files.
fn only(site: &Site, files: &[&str]) -> Site {
    let other = Site::new();
    for file in files {
        other.write(file, std::fs::read(site.data().join(file)).unwrap());
    }
    other
}

/// The rule that a collection answers every GET with a status.
fn refusing(path: &str, code: u16) -> FaultRule {
    FaultRule {
        on: FaultMatch {
            method: Some("GET".to_owned()),
            path: Some(path.to_owned()),
            ..FaultMatch::default()
        },
        action: status(code, &[]),
        ..FaultRule::default()
    }
}

fn enrolment(student: &str, school: &str) -> String {
    format!(
        "{{\"studentReference\":{{\"studentUniqueId\":{student}}},\
         \"schoolReference\":{{\"schoolId\":{school}}},\"entryDate\":\"2025-08-20\",\
         \"entryGradeLevelDescriptor\":\"uri://ed-fi.org/GradeLevelDescriptor#Ninth grade\"}}\n"
    )
}

fn graduation_plan(organization: u64, year: u64) -> String {
    format!(
        "{{\"educationOrganizationReference\":{{\"educationOrganizationId\":{organization}}},\
         \"graduationSchoolYearTypeReference\":{{\"schoolYear\":{year}}},\
         \"graduationPlanTypeDescriptor\":\"uri://ed-fi.org/GraduationPlanTypeDescriptor#Standard\",\
         \"totalRequiredCredits\":20}}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_district_refers_to_itself_and_to_what_every_api_has() {
    let (sandbox, site) = (sandbox().await, Site::new());
    district(&site, 60, None);
    let summary = checked(&site, &sandbox).await;
    assert_eq!(missing(&summary), BTreeSet::new());
    let numbers = numbers(&summary);
    assert!(numbers.checked > 2000, "{numbers:?}");
    assert_eq!(numbers.in_files + numbers.in_api, numbers.checked);
    assert_eq!((numbers.missing, numbers.unchecked), (0, 0));
    // School years are in no file.
    let asked: BTreeSet<&str> = numbers
        .look_ups
        .iter()
        .map(|one| one.collection.short())
        .collect();
    assert_eq!(asked, ["schoolYearTypes"].into());
    assert_eq!(summary.exit_status(true), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_no_file_is_missing_where_the_api_is_not_asked() {
    let (sandbox, site) = (sandbox().await, Site::new());
    site.write("students.jsonl", students(1..=2));
    site.write(
        "schools.jsonl",
        "{\"schoolId\":7,\"nameOfInstitution\":\"S\"}\n",
    );
    let lines = enrolment("\"1\"", "7") + &enrolment("\"3\"", "7") + &enrolment("\"2\"", "8");
    site.write("studentSchoolAssociations.jsonl", lines);
    let mut config = config(&site, sandbox.url());
    config.validate.references.remote = false;
    config.validate.methods = [Method::References].into();
    let before = sandbox.requests();
    let summary = validate(&config, "").await.unwrap();
    let found = of(&summary, "studentSchoolAssociations");
    let told: Vec<(&str, &[u64])> = found
        .groups
        .iter()
        .map(|group| (group.message.as_str(), group.lines.as_slice()))
        .collect();
    let expected: [(&str, &[u64]); 2] = [
        (
            "the student that is referred to is not in the data files at $.studentReference",
            &[2],
        ),
        (
            "the school that is referred to is not in the data files at $.schoolReference",
            &[3],
        ),
    ];
    assert_eq!(told, expected);
    assert_eq!((found.failed, found.errors), (2, 2));
    assert_eq!(
        found.groups[0].within.as_deref(),
        Some("$.studentReference")
    );
    assert_eq!(gets_since(&sandbox, &before), 0);
    assert_eq!(summary.exit_status(true), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn dangling_references_are_found_and_no_others() {
    let (sandbox, site) = (sandbox().await, Site::new());
    let defects = DefectPlan {
        dangling_references: 12,
        ..DefectPlan::default()
    };
    let manifest = district(&site, 80, Some(defects));
    let planted: BTreeSet<(String, u64)> = manifest
        .defects
        .iter()
        .filter(|defect| defect.kind == DefectKind::DanglingReference)
        .map(|defect| (defect.file.replace(".jsonl", ""), defect.line))
        .collect();
    assert_eq!(planted.len(), 12);
    assert_eq!(missing(&checked(&site, &sandbox).await), planted);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_the_api_is_found_with_fewer_requests_than_keys() {
    let (sandbox, whole) = filled(150).await;
    let site = only(
        &whole,
        &[
            "studentSchoolAssociations.jsonl",
            "studentSectionAssociations.jsonl",
        ],
    );
    let before = sandbox.requests();
    let summary = checked(&site, &sandbox).await;
    assert_eq!(missing(&summary), BTreeSet::new());
    let numbers = numbers(&summary);
    assert_eq!((numbers.in_files, numbers.unchecked), (0, 0));
    assert_eq!(numbers.in_api, numbers.checked);
    // Students, schools and school years take a page each, and so do sections.
    let made = gets_since(&sandbox, &before);
    let told: u64 = numbers.look_ups.iter().map(|one| one.requests).sum();
    assert!(made <= 8, "{made} requests: {numbers:?}");
    assert_eq!(made, told, "{numbers:?}");
    let students = numbers
        .look_ups
        .iter()
        .find(|one| one.collection.short() == "students")
        .unwrap();
    assert_eq!(
        (students.how, students.keys, students.found),
        (How::Whole, 150, 150)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn few_keys_of_a_large_collection_are_asked_for_one_by_one_and_once() {
    let (sandbox, _) = filled(120).await;
    let mut site = Site::new();
    site.settings.push("page_size: 5".to_owned());
    // Ten students, each named in four lines; two of them do not exist.
    let mut lines = String::new();
    for round in 0..4 {
        for number in 0..10 {
            let id = if number < 8 {
                format!("\"60000{number}\"")
            } else {
                format!("\"x{number}\"")
            };
            lines +=
                &enrolment(&id, "255901001").replace("2025-08-20", &format!("2025-08-2{round}"));
        }
    }
    site.write("studentSchoolAssociations.jsonl", lines);
    let before = sandbox.requests();
    let summary = checked(&site, &sandbox).await;
    let log = sandbox.requests();
    let requests = log.count("GET", "/ed-fi/students") - before.count("GET", "/ed-fi/students");
    assert_eq!(requests, 10, "{:?}", numbers(&summary));
    let students = &numbers(&summary).look_ups;
    let students = students
        .iter()
        .find(|one| one.collection.short() == "students")
        .unwrap();
    assert_eq!((students.how, students.keys), (How::ByKey, 10));
    assert_eq!(gets_since(&sandbox, &before), 11, "and the school");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_keys_are_read_from_pages_only_while_these_are_fewer() {
    let (sandbox, whole) = filled(120).await;
    let mut site = only(&whole, &["studentSchoolAssociations.jsonl"]);
    let mut how = |size: u32| {
        site.settings = vec![format!("page_size: {size}")];
        config(&site, sandbox.url())
    };
    let (small, large) = (how(1), how(20));
    for (config, expected) in [(small, How::ByKey), (large, How::Whole)] {
        let before = sandbox.requests();
        let summary = validate(&config, "").await.unwrap();
        assert_eq!(missing(&summary), BTreeSet::new());
        let log = sandbox.requests();
        let requests = log.count("GET", "/ed-fi/students") - before.count("GET", "/ed-fi/students");
        let look_ups = &numbers(&summary).look_ups;
        let last = look_ups
            .iter()
            .rfind(|one| one.collection.short() == "students")
            .unwrap();
        assert_eq!(last.how, expected, "{look_ups:?}");
        assert!(requests <= 120, "{requests} requests: {look_ups:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn role_names_and_abstract_organizations_lead_to_the_right_collections() {
    let (sandbox, there, site) = (sandbox().await, Site::new(), Site::new());
    let agency = |kind: &str, id: u64| {
        format!("{{\"{kind}Id\":{id},\"nameOfInstitution\":\"An agency\",{CATEGORIES}}}\n")
    };
    there.write(
        "stateEducationAgencies.jsonl",
        agency("stateEducationAgency", 48),
    );
    assert_eq!(there.send(sandbox.url()).await.exit_status(true), 0);
    site.write(
        "educationServiceCenters.jsonl",
        agency("educationServiceCenter", 9),
    );
    let lines = [
        graduation_plan(9, 2026),
        graduation_plan(48, 2026),
        graduation_plan(999, 2026),
        graduation_plan(9, 1066),
    ];
    site.write(PLANS, lines.concat());
    let summary = checked(&site, &sandbox).await;
    let plans = |line| ("graduationPlans".to_owned(), line);
    assert_eq!(missing(&summary), [plans(3), plans(4)].into());
    let messages: Vec<&str> = of(&summary, "graduationPlans")
        .groups
        .iter()
        .map(|group| group.message.as_str())
        .collect();
    assert_eq!(
        messages,
        [
            "the educationOrganization that is referred to is neither in the data files nor in \
             the API at $.educationOrganizationReference",
            "the schoolYearType that is referred to is neither in the data files nor in the API \
             at $.graduationSchoolYearTypeReference",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_look_up_is_no_missing_record() {
    let (sandbox, whole) = filled(20).await;
    let site = only(&whole, &["studentSchoolAssociations.jsonl"]);
    for code in [401, 403, 404, 500, 503] {
        sandbox.set_faults(plan([refusing("/ed-fi/students", code)]));
        let summary = checked(&site, &sandbox).await;
        assert_eq!(missing(&summary), BTreeSet::new(), "{code}");
        let numbers = numbers(&summary);
        assert!(numbers.unchecked >= 20, "{code}: {numbers:?}");
        let gap = numbers
            .gaps
            .iter()
            .find(|gap| gap.contains("ed-fi/students"))
            .unwrap();
        assert!(
            gap.contains("could not be checked") && gap.contains(&code.to_string()),
            "{gap}"
        );
        assert!(summary.notes.contains(gap));
        assert_eq!(summary.exit_status(true), 1, "{code}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_forbidden_collection_does_not_keep_others_from_being_asked() {
    let (sandbox, whole) = filled(20).await;
    let site = only(&whole, &["studentSchoolAssociations.jsonl"]);
    site.write(PLANS, graduation_plan(77, 2026));
    sandbox.set_faults(plan([refusing("/ed-fi/students", 403)]));
    let summary = checked(&site, &sandbox).await;
    assert_eq!(
        missing(&summary),
        [("graduationPlans".to_owned(), 1)].into()
    );
    // An organization may be in the collection that cannot be asked.
    sandbox.set_faults(plan([refusing("/ed-fi/schools", 403)]));
    let summary = checked(&site, &sandbox).await;
    assert_eq!(missing(&summary), BTreeSet::new());
    assert!(numbers(&summary).unchecked > 20, "{:?}", numbers(&summary));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_selected_references_are_checked() {
    let (sandbox, site) = (sandbox().await, Site::new());
    site.write("studentSchoolAssociations.jsonl", enrolment("\"1\"", "7"));
    site.write(PLANS, graduation_plan(77, 1066));
    let mut config = config(&site, sandbox.url());
    config.validate.references.remote = false;
    let term = |collection: &str, path: &str| (collection.to_owned(), path.to_owned());
    config.validate.references.selector = vec![
        term("studentSchoolAssociations", "studentReference"),
        term("GraduationPlans", "graduationSchoolYearTypeReference"),
    ];
    let found = |summary: &ValidateSummary| {
        let count = |short| of(summary, short).errors;
        (count("studentSchoolAssociations"), count("graduationPlans"))
    };
    let left = validate(&config, "").await.unwrap();
    assert_eq!(found(&left), (1, 1));
    let path = of(&left, "graduationPlans").groups[0].within.clone();
    assert_eq!(path.as_deref(), Some("$.educationOrganizationReference"));
    config.validate.references.only_selected = true;
    config.validate.references.selector.pop();
    let kept = validate(&config, "").await.unwrap();
    assert_eq!(found(&kept), (1, 0));
    assert_eq!(numbers(&kept).checked, 1);
    config.validate.references.selector =
        vec![term("studentSchoolAssociations", "studnetReference")];
    let failure = validate(&config, "").await.unwrap_err();
    assert_eq!(
        failure.hints,
        ["did you mean `studentSchoolAssociations.studentReference`?"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn references_of_lists_are_selected_by_their_path_without_positions() {
    let (sandbox, site) = (sandbox().await, Site::new());
    district(&site, 10, None);
    std::fs::remove_file(site.data().join("classPeriods.jsonl")).unwrap();
    let mut config = config(&site, sandbox.url());
    config.validate.references.remote = false;
    config.validate.references.only_selected = true;
    let term = |path: &str| vec![("sections".to_owned(), path.to_owned())];
    config.validate.references.selector = term("classPeriods.classPeriodReference");
    let summary = validate(&config, "").await.unwrap();
    let found = of(&summary, "sections");
    assert!(found.errors > 0 && summary.sum(|one| one.errors) == found.errors);
    let message = &found.groups[0].message;
    assert!(
        message.ends_with("at $.classPeriods[*].classPeriodReference"),
        "{message}"
    );
    config.validate.references.selector = term("courseOfferingReference");
    let summary = validate(&config, "").await.unwrap();
    assert_eq!(summary.sum(|one| one.errors), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_not_selected_still_hold_what_is_referred_to() {
    let (sandbox, site) = (sandbox().await, Site::new());
    district(&site, 40, None);
    let mut config = config(&site, sandbox.url());
    config.validate.references.remote = false;
    let selector = "studentSectionAssociations,studentSchoolAssociations";
    let summary = validate(&config, selector).await.unwrap();
    assert_eq!(summary.collections.len(), 2);
    let numbers = numbers(&summary);
    // Only school years are in no file.
    assert!(
        numbers.in_files >= 80 && numbers.missing <= 40,
        "{numbers:?}"
    );
    let groups = summary.collections.iter().flat_map(|one| &one.groups);
    let messages: BTreeSet<&str> = groups.map(|group| group.message.as_str()).collect();
    assert!(
        messages.iter().all(|text| text.contains("schoolYearType")),
        "{messages:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn checking_stops_at_the_most_errors_that_are_borne() {
    let (sandbox, site) = (sandbox().await, Site::new());
    let lines = (1..=50).map(|id| enrolment(&format!("\"{id}\""), "7"));
    site.write("studentSchoolAssociations.jsonl", lines.collect::<String>());
    let mut config = config(&site, sandbox.url());
    config.validate.references.remote = false;
    config.validate.max_failures = Some(10);
    let summary = validate(&config, "").await.unwrap();
    let found = of(&summary, "studentSchoolAssociations");
    assert_eq!(found.errors, 10);
    assert_eq!(
        summary.ending,
        ValidateEnding::TooManyErrors(found.name.clone())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn spellings_of_one_key_are_one_key() {
    let (sandbox, site) = (sandbox().await, Site::new());
    site.write("students.jsonl", students(1..=1));
    site.write("schools.jsonl", "{\"schoolId\":\"7\"}\n{\"schoolId\":8}\n");
    let lines = [
        enrolment("\"1\"", "7"),
        enrolment("\"\\u0031\"", "\"7\""),
        enrolment("\"1\"", "\"8\""),
        enrolment("\"1\"", "70"),
    ];
    site.write("studentSchoolAssociations.jsonl", lines.concat());
    let mut config = config(&site, sandbox.url());
    config.validate.references.remote = false;
    config.validate.methods = [Method::References].into();
    let summary = validate(&config, "").await.unwrap();
    assert_eq!(
        missing(&summary),
        [("studentSchoolAssociations".to_owned(), 4)].into()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_that_is_no_reference_is_reported_once_by_the_schema() {
    let (sandbox, site) = (sandbox().await, Site::new());
    let lines = [
        enrolment("null", "7"),
        enrolment("true", "7"),
        enrolment("\"1\"", "\"seven\""),
        enrolment("\"1\"", "7").replace("\"studentUniqueId\":\"1\"", ""),
        "{\"studentReference\":{\"studentUniqueId\":\"1\"},\n".to_owned(),
    ];
    site.write("studentSchoolAssociations.jsonl", lines.concat());
    let summary = checked_in_files(&site, &sandbox).await;
    let by = |method: Method| {
        let groups = of(&summary, "studentSchoolAssociations").groups.iter();
        let mut lines: Vec<u64> = groups
            .filter(|group| group.method == method)
            .flat_map(|group| group.lines.clone())
            .collect();
        lines.sort_unstable();
        lines
    };
    assert_eq!(by(Method::Schema), [1, 2, 3, 4]);
    assert_eq!(by(Method::Json), [5]);
    // The other reference of each line is whole, and dangles.
    assert_eq!(by(Method::References), [1, 2, 3, 4]);
    assert_eq!(numbers(&summary).checked, 4);
}
