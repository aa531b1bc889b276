//! What documents say that records hold.

use std::collections::BTreeMap;

use serde_json::json;
use syncline_check::{FieldKind, SchemaError, fields};
use syncline_model::CollectionName;
use syncline_sandbox::schema::render::Style;

use crate::support::{beside, documents, thing_document};

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

#[test]
fn published_documents_tell_the_types_of_hundreds_of_fields() {
    for standard in ["3.3", "4.0", "5.0", "6.0"] {
        let mut documents = vec![];
        for part in ["resources", "descriptors"] {
            let name = format!("reference/edfi/openapi/ds-{standard}-{part}.json");
            let Some(file) = beside(&name) else { return };
            documents.push(serde_json::from_slice(&fs_err::read(file).unwrap()).unwrap());
        }
        let found = of(&documents, "ed-fi/studentSchoolAssociations");
        assert_eq!(found["schoolReference.schoolId"], FieldKind::Integer);
        assert_eq!(found["entryDate"], FieldKind::Date, "{standard}");
        assert_eq!(found["primarySchool"], FieldKind::Boolean);
        // Documents before 5.0 do not name it.
        let changed = found.get("_lastModifiedDate");
        assert!(changed.is_none_or(|kind| *kind == FieldKind::Timestamp));
        let all = fields(&documents).unwrap();
        let most = all.values().map(Vec::len).max().unwrap();
        assert!(all.len() > 180 && (40..1_000).contains(&most), "{most}");
    }
}
