//! Publishing from Data Standard 4.0, as its documents are published, to later ones.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use syncline_sandbox::schema::openapi::load_standard;
use syncline_sandbox::schema::{ApiModel, embedded};
use syncline_sandbox::{ApiVersion, Sandbox, SandboxConfig};

use crate::publishing_pair::{ENROLMENTS, Pair, SCHOOLS, STUDENTS, enrolment, school, student};

use ApiVersion::{V6_2, V7_3};

const COURSES: &str = "ed-fi/courses";
const GRADING_PERIODS: &str = "ed-fi/gradingPeriods";

/// The published documents, where this machine has them; says why a test does nothing.
fn documents() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(3)?;
    let folder = root.join("shared/reference/edfi/openapi");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no published documents in ../shared");
    None
}

/// A published data standard, with the values of descriptors that the built-in model has, as
/// documents hold none.
fn published(documents: &Path, standard: &str) -> ApiModel {
    let mut model = load_standard(documents, standard).unwrap();
    let known = embedded().unwrap().descriptors;
    for (path, descriptor) in &mut model.descriptors {
        if let Some(known) = known.get(path) {
            descriptor.values.clone_from(&known.values);
        }
    }
    model
}

async fn server(api: ApiVersion, model: ApiModel) -> Sandbox {
    let config = SandboxConfig {
        api,
        ..SandboxConfig::new(model)
    };
    Sandbox::start(config).await.unwrap()
}

fn course(number: usize) -> Value {
    json!({"courseCode": format!("C{number}"), "courseTitle": "Algebra", "numberOfParts": 1,
        "academicSubjectDescriptor": "uri://ed-fi.org/AcademicSubjectDescriptor#Mathematics",
        "educationOrganizationReference": {"educationOrganizationId": 1000},
        "identificationCodes": [{"identificationCode": format!("C{number}"),
            "courseIdentificationSystemDescriptor":
                "uri://ed-fi.org/CourseIdentificationSystemDescriptor#LEA course code"}]})
}

fn grading_period() -> Value {
    json!({"periodSequence": 1, "beginDate": "2025-08-18", "endDate": "2025-10-10",
        "totalInstructionalDays": 40, "schoolReference": {"schoolId": 1000},
        "gradingPeriodDescriptor": "uri://ed-fi.org/GradingPeriodDescriptor#First Six Weeks",
        "schoolYearTypeReference": {"schoolYear": 2026}})
}

/// Fills a source of the earlier standard.
async fn fill(pair: &Pair) {
    let hand = pair.hand().await;
    hand.put(SCHOOLS, &school(0)).await;
    for number in 0..3 {
        hand.put(STUDENTS, &student(number, "Ada")).await;
        hand.put(ENROLMENTS, &enrolment(number, 0, 20)).await;
        let parent = json!({"parentUniqueId": format!("P{number}"), "firstName": "Anne",
            "lastSurname": "Byron", "sexDescriptor": "uri://ed-fi.org/SexDescriptor#Female"});
        hand.put("ed-fi/parents", &parent).await;
        let parenthood = json!({
            "parentReference": {"parentUniqueId": format!("P{number}")},
            "studentReference": {"studentUniqueId": format!("S{number}")},
            "relationDescriptor": "uri://ed-fi.org/RelationDescriptor#Mother"});
        hand.put("ed-fi/studentParentAssociations", &parenthood)
            .await;
        hand.put(COURSES, &course(number)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn data_standard_4_is_published_to_5_as_its_documents_say() {
    let Some(documents) = documents() else {
        return;
    };
    let targets = [embedded().unwrap(), published(&documents, "5.0")];
    for target in targets {
        let standard = target.data_standard.clone();
        let mut pair = Pair::empty(V6_2, V7_3).await;
        pair.source = server(V6_2, published(&documents, "4.0")).await;
        pair.target = server(V7_3, target).await;
        fill(&pair).await;
        let summary = pair.publish().await;
        let notes = summary.notes.join("\n");
        assert_eq!(
            (summary.exit_status(), summary.owed()),
            (0, 0),
            "{standard}: {notes} {:#?}",
            summary.report.collections
        );
        for name in [
            "ed-fi/contacts",
            "ed-fi/studentContactAssociations",
            COURSES,
            ENROLMENTS,
        ] {
            assert_eq!(pair.target.count(name).unwrap(), 3, "{standard} {name}");
        }
        let stored = pair.target_hand().await.list(COURSES).await;
        let stored: Value = serde_json::from_slice(&stored[0].payload).unwrap();
        let subject = "uri://ed-fi.org/AcademicSubjectDescriptor#Mathematics";
        assert_eq!(
            stored["academicSubjects"],
            json!([{"academicSubjectDescriptor": subject}])
        );
        for told in [
            "ed-fi/parents is published as ed-fi/contacts",
            "not published, as the target does not have them: ",
        ] {
            assert!(notes.contains(told), "{standard}: {told} in {notes}");
        }
        pair.must_be_equal(&format!("4.0 to {standard}")).await;

        let hand = pair.hand().await;
        let gone = json!({"parentReference": {"parentUniqueId": "P1"},
            "studentReference": {"studentUniqueId": "S1"}});
        hand.delete("ed-fi/studentParentAssociations", &gone).await;
        let moved = hand
            .rekey(ENROLMENTS, &enrolment(2, 0, 20), &enrolment(2, 0, 21))
            .await;
        assert!(
            matches!(moved, syncline_model::Outcome::Done { .. }),
            "{moved:?}"
        );
        let summary = pair.publish().await;
        assert_eq!(summary.exit_status(), 0, "{:#?}", summary.parts[ENROLMENTS]);
        pair.must_be_equal(&format!("4.0 to {standard}, later"))
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_means_something_else_in_the_later_standard_is_owed_with_its_reason() {
    let Some(documents) = documents() else {
        return;
    };
    let mut pair = Pair::empty(V6_2, V7_3).await;
    pair.source = server(V6_2, published(&documents, "4.0")).await;
    let hand = pair.hand().await;
    hand.put(SCHOOLS, &school(0)).await;
    hand.put(GRADING_PERIODS, &grading_period()).await;
    let summary = pair.publish().await;
    assert_eq!((summary.exit_status(), summary.owed()), (1, 1));
    assert_eq!(pair.target.count(SCHOOLS).unwrap(), 1);
    let reasons = &summary.report.collections[GRADING_PERIODS].failures;
    assert!(
        reasons.len() == 1 && reasons[0].message.contains("gradingPeriodName"),
        "{reasons:#?}"
    );
    assert_eq!(summary.parts[GRADING_PERIODS].behind, None);
}
