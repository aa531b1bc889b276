//! What documents say that records hold.

use std::collections::BTreeMap;

use serde_json::json;
use syncline_check::{FieldKind, SchemaError, fields};
use syncline_model::CollectionName;
use syncline_sandbox::schema::render::Style;

use crate::support::{documents, thing_document};

fn of(documents: &[serde_json::Value], collection: &str) -> BTreeMap<String, FieldKind> {
    let mut found = fields(documents).unwrap();
    let found = found.remove(&CollectionName::new(collection)).unwrap();
    found
        .into_iter()
        .map(|field| (field.path.join("."), field.kind))
        .collect()
}

#[test]
fn fields_are_named_by_their_way_and_lists_are_whole() {
    let found = of(&[thing_document()], "ed-fi/things");
    for (name, kind) in [
        ("id", FieldKind::Text),
        ("thingId", FieldKind::Integer),
        ("wide", FieldKind::Integer),
        ("share", FieldKind::Number),
        ("flag", FieldKind::Boolean),
        ("day", FieldKind::Date),
        ("_lastModifiedDate", FieldKind::Timestamp),
        ("termReference.schoolYear", FieldKind::Integer),
        ("termReference.link.rel", FieldKind::Text),
        ("addresses", FieldKind::List),
        ("_ext.sample.petName", FieldKind::Text),
    ] {
        assert_eq!(found.get(name), Some(&kind), "{name} in {found:?}");
    }
    let inside = ["termReference", "addresses.city", "_ext"];
    assert!(inside.iter().all(|name| !found.contains_key(*name)));
}

#[test]
fn both_shapes_of_documents_say_the_same() {
    let [two, three] = [Style::Swagger2, Style::OpenApi3]
        .map(|style| of(&documents(style), "ed-fi/studentSchoolAssociations"));
    assert_eq!(two, three);
    assert_eq!(two["schoolReference.schoolId"], FieldKind::Integer);
    assert_eq!(two["entryDate"], FieldKind::Date);
    assert!(two.contains_key("studentReference.studentUniqueId"));
}

#[test]
fn an_object_inside_itself_ends_and_no_document_is_said_to_be_none() {
    let mut document = thing_document();
    let schemas = &mut document["components"]["schemas"];
    schemas["edFi_term"]["properties"] = json!({
        "own": {"$ref": "#/components/schemas/edFi_term"},
        "name": {"type": "string"}
    });
    let found = of(&[document], "ed-fi/terms");
    assert_eq!(found.into_keys().collect::<Vec<_>>(), ["name"]);
    let refused = fields(&[json!({"paths": {}})]).unwrap_err();
    assert!(matches!(
        refused,
        SchemaError::NotADocument { number: 1, .. }
    ));
}
