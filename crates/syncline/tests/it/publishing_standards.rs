//! Publishing from an earlier data standard to a later one: parents become contacts.

use serde_json::{Value, json};
use syncline::{ExplainArgs, Explanation, SideState, Why, Wrong};
use syncline_sandbox::schema::openapi::load_texts;
use syncline_sandbox::schema::render::{Part, Style, openapi};
use syncline_sandbox::schema::{ApiModel, embedded};
use syncline_sandbox::{ApiVersion, Sandbox, SandboxConfig};

use crate::publishing_pair::{Pair, STUDENTS, student};

use ApiVersion::{V5_4, V6_2, V7_3, V8_0};

const PARENTS: &str = "ed-fi/parents";
const CONTACTS: &str = "ed-fi/contacts";
const PARENTHOODS: &str = "ed-fi/studentParentAssociations";
const CONTACTHOODS: &str = "ed-fi/studentContactAssociations";

/// The built-in model as an earlier data standard has it: contacts are parents, and students have
/// a member that they lost since.
fn earlier() -> ApiModel {
    let model = embedded().unwrap();
    let document = |part| openapi(&model, part, Style::OpenApi3, "", "");
    let mut resources = document(Part::Resources);
    let students = &mut resources["components"]["schemas"]["edFi_student"]["properties"];
    assert!(students.is_object());
    students["oldEthnicityCode"] = json!({"type": "string", "maxLength": 20});
    let mut text = resources.to_string();
    for (later, earlier) in [
        ("edFi_contact", "edFi_parent"),
        ("contactUniqueId", "parentUniqueId"),
        ("contactReference", "parentReference"),
        ("ed-fi/contacts", "ed-fi/parents"),
        ("tudentContactAssociation", "tudentParentAssociation"),
    ] {
        text = text.replace(later, earlier);
    }
    let descriptors = document(Part::Descriptors).to_string();
    let read = load_texts(&[text.as_bytes(), descriptors.as_bytes()]).unwrap();
    ApiModel {
        data_standard: "4.0.0".to_owned(),
        // Documents do not hold the values of descriptors.
        descriptors: model.descriptors,
        ..read
    }
}

async fn pair(from: ApiVersion, to: ApiVersion) -> Pair {
    let mut pair = Pair::empty(from, to).await;
    let config = SandboxConfig {
        api: from,
        ..SandboxConfig::new(earlier())
    };
    pair.source = Sandbox::start(config).await.unwrap();
    pair
}

fn parent(number: usize, name: &str) -> Value {
    json!({"parentUniqueId": format!("P{number}"), "firstName": name, "lastSurname": "Byron",
        "addresses": [{"addressTypeDescriptor": "uri://ed-fi.org/AddressTypeDescriptor#Home",
            "city": "London", "postalCode": "1", "streetNumberName": "St James Square",
            "stateAbbreviationDescriptor": "uri://ed-fi.org/StateAbbreviationDescriptor#TX"}]})
}

fn parenthood(number: usize) -> Value {
    json!({"parentReference": {"parentUniqueId": format!("P{number}")},
        "studentReference": {"studentUniqueId": format!("S{number}")},
        "primaryContactStatus": true, "contactPriority": 1})
}

#[tokio::test(flavor = "multi_thread")]
async fn parents_arrive_as_contacts_and_both_sides_are_equal() {
    for (from, to) in [(V5_4, V7_3), (V6_2, V7_3), (V7_3, V8_0)] {
        let pair = pair(from, to).await;
        let hand = pair.hand().await;
        for number in 0..8 {
            let mut record = student(number, "Ada");
            record["oldEthnicityCode"] = json!("7");
            hand.put(STUDENTS, &record).await;
            hand.put(PARENTS, &parent(number, "Anne")).await;
            hand.put(PARENTHOODS, &parenthood(number)).await;
        }
        let ignoring = |arguments: &mut syncline::PublishArgs| {
            // The oldest does not tell which keys were deleted.
            arguments.settings.ignore_deletes = from == V5_4;
        };
        let summary = pair.publish_with(ignoring).await.unwrap();
        let notes = summary.notes.join("\n");
        assert_eq!(summary.exit_status(), 0, "{notes} {:#?}", summary.parts);
        assert_eq!(pair.target.count(CONTACTS).unwrap(), 8, "{from:?}");
        assert_eq!(pair.target.count(CONTACTHOODS).unwrap(), 8);
        assert!(
            notes.contains("ed-fi/parents is published as ed-fi/contacts"),
            "{notes}"
        );
        let told = summary
            .notes
            .iter()
            .filter(|note| note.contains("left out"));
        let told: Vec<&String> = told.collect();
        assert_eq!(told.len(), 1, "once for the collection: {told:?}");
        assert!(told[0].ends_with(": oldEthnicityCode"), "{told:?}");
        pair.must_be_equal(&format!("{from:?} to {to:?}")).await;

        // What changes later is told by the keys and windows of the source.
        hand.put(PARENTS, &parent(3, "Augusta")).await;
        if from != V5_4 {
            hand.delete(PARENTHOODS, &parenthood(5)).await;
            hand.delete(PARENTS, &parent(5, "Anne")).await;
        }
        let summary = pair.publish_with(ignoring).await.unwrap();
        assert_eq!(summary.exit_status(), 0, "{:#?}", summary.parts);
        assert_eq!(summary.report.collections[CONTACTS].updated, 1);
        pair.must_be_equal(&format!("{from:?} to {to:?}, later"))
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_the_earlier_standard_choose_and_what_is_missing_is_looked_up_there() {
    let pair = pair(V6_2, V7_3).await;
    let hand = pair.hand().await;
    for number in 0..3 {
        hand.put(STUDENTS, &student(number, "Ada")).await;
        hand.put(PARENTS, &parent(number, "Anne")).await;
        hand.put(PARENTHOODS, &parenthood(number)).await;
    }
    let summary = pair
        .publish_with(|arguments| {
            arguments.settings.choice.include_only = vec!["studentParentAssociations".to_owned()];
        })
        .await
        .unwrap();
    assert_eq!(
        (summary.exit_status(), summary.owed()),
        (0, 0),
        "{:#?}",
        summary.parts
    );
    assert_eq!(pair.target.count(CONTACTHOODS).unwrap(), 3);
    assert_eq!(pair.target.count(CONTACTS).unwrap(), 3);
    assert_eq!(pair.target.count(STUDENTS).unwrap(), 3);
}

async fn explained(pair: &Pair, collection: &str, key: &str) -> Explanation {
    let config = pair.config();
    let arguments = ExplainArgs {
        settings: config.publish.clone().unwrap(),
        collection: collection.to_owned(),
        key: vec![key.to_owned()],
    };
    syncline::explain(&config, arguments).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_and_explain_speak_of_the_earlier_standard_in_the_words_of_the_target() {
    let pair = pair(V6_2, V7_3).await;
    let hand = pair.hand().await;
    for number in 0..4 {
        hand.put(PARENTS, &parent(number, "Anne")).await;
    }
    assert_eq!(pair.publish().await.exit_status(), 0);
    hand.put(PARENTS, &parent(0, "Augusta")).await;
    hand.put(PARENTS, &parent(4, "Anne")).await;
    hand.delete(PARENTS, &parent(1, "Anne")).await;
    let summary = pair.compare(|arguments| arguments.reasons = true).await;
    assert_eq!(summary.exit_status(), 6);
    let differing = summary.collections.iter();
    let differing: Vec<_> = differing
        .filter(|(_, verified)| !verified.is_equal())
        .collect();
    assert_eq!(differing.len(), 1, "{differing:#?}");
    let (name, verified) = differing[0];
    assert_eq!(name.as_str(), CONTACTS);
    let reasons = verified.reasons.keys().cloned();
    let reasons: Vec<(Wrong, Option<Why>)> = reasons.collect();
    assert_eq!(
        reasons,
        [
            (Wrong::Missing, Some(Why::NotWritten)),
            (Wrong::Extra, Some(Why::GoneFromSource)),
            (Wrong::Different, Some(Why::SourceChanged)),
        ]
    );

    for (collection, key) in [
        ("contacts", "P0"),
        ("parents", "P0"),
        (PARENTS, "parentUniqueId=P0"),
        (CONTACTS, "contactUniqueId=P0"),
        ("parents", "[\"P0\"]"),
    ] {
        let found = explained(&pair, collection, key).await;
        assert_eq!(found.collection, CONTACTS, "{collection} {key}");
        assert_eq!(found.why, Some(Why::SourceChanged));
        assert_ne!(found.source, SideState::Absent);
        let members: Vec<&str> = found.members.iter().map(|one| one.path.as_str()).collect();
        assert_eq!(members, ["firstName"], "{collection} {key}");
        assert!(found.memory.is_some() && found.mark.is_some());
    }
    assert_eq!(explained(&pair, "parents", "P2").await.exit_status(), 0);
    let gone = explained(&pair, "parents", "P1").await;
    assert_eq!(gone.why, Some(Why::GoneFromSource));
    assert_eq!(pair.publish().await.exit_status(), 0);
    pair.must_be_equal("after what differed was published")
        .await;
}
