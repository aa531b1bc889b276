//! The built-in model against the published one, and the notation's own rules.

use super::*;
use crate::schema::{Member, MemberKind, Resource, openapi, published};

#[test]
fn the_embedded_resources_are_the_published_ones() {
    let Some(directory) = published::directory() else {
        return;
    };
    let published = openapi::load_standard(&directory.join("openapi"), "5.0").unwrap();
    let embedded = embedded().unwrap();
    assert!(embedded.resources.len() > 70);
    for (path, resource) in &embedded.resources {
        let mut wanted = published.resources[path].clone();
        // Extensions are no part of the core.
        wanted.members.retain(|member| member.name != "_ext");
        // Of a specialised type the documents leave out the inherited query parameters.
        if resource.specialises.is_some() {
            let inherited = resource
                .query
                .iter()
                .filter(|(name, _)| !is_key(resource, name));
            wanted
                .query
                .extend(inherited.map(|(name, path)| (name.clone(), path.clone())));
        }
        assert_eq!(resource, &wanted, "{path}");
    }
    for (path, descriptor) in &embedded.descriptors {
        assert_eq!(descriptor.singular, published.descriptors[path].singular);
    }
}

fn is_key(resource: &Resource, name: &str) -> bool {
    resource.key.iter().any(|part| part.query_name == name)
}

fn descriptor_kinds(members: &[Member], found: &mut Vec<String>) {
    for member in members {
        if let MemberKind::Descriptor(singular) = &member.kind {
            found.push(singular.clone());
        }
        descriptor_kinds(member.kind.members(), found);
    }
}

/// Types that the standard leaves to states and districts.
const WITHOUT_STANDARD_VALUES: [&str; 6] = [
    "ancestryEthnicOriginDescriptor",
    "indicatorDescriptor",
    "indicatorGroupDescriptor",
    "indicatorLevelDescriptor",
    "participationStatusDescriptor",
    "programCharacteristicDescriptor",
];

#[test]
fn every_descriptor_the_resources_use_has_values() {
    let model = embedded().unwrap();
    let mut used = Vec::new();
    for resource in model.resources.values() {
        descriptor_kinds(&resource.members, &mut used);
    }
    for singular in used {
        let descriptor = model.descriptor(&singular).expect(&singular);
        let local = WITHOUT_STANDARD_VALUES.contains(&singular.as_str());
        assert_eq!(descriptor.values.is_empty(), local, "{singular}");
        let short = |value: &&String| value.split_once('#').unwrap().1.chars().count() <= 50;
        assert_eq!(
            descriptor.values.iter().filter(short).count(),
            descriptor.values.len()
        );
    }
}

#[test]
fn abstract_types_know_their_specialisations() {
    let model = embedded().unwrap();
    let organizations = &model.abstracts["educationOrganization"];
    assert_eq!(organizations.concrete["ed-fi/schools"], ["schoolId"]);
    assert!(
        organizations
            .concrete
            .contains_key("ed-fi/localEducationAgencies")
    );
    assert!(!organizations.concrete.contains_key("ed-fi/students"));
    let participations = &model.abstracts["generalStudentProgramAssociation"];
    assert!(
        participations
            .concrete
            .contains_key("ed-fi/studentProgramAssociations")
    );
}

const VALUES: (&str, &str) = ("values", "colorDescriptor\n  Red | Dark green\n");

fn notation(text: &str) -> Result<ApiModel, SchemaError> {
    parse(&[("model", text)], VALUES)
}

#[test]
fn references_take_the_flattened_key_of_their_target() {
    let model = notation(
        "resource houses house\n  number* int(1..)\n  colorDescriptor descriptor\n\
         resource rooms room\n  name* text(1..20)\n  houseReference* -> house number=houseNumber\n\
         resource beds bed\n  roomReference* -> room\n",
    )
    .unwrap();
    let names = |path: &str| {
        let key = &model.resources[path].key;
        key.iter()
            .map(|part| part.query_name.as_str())
            .collect::<Vec<_>>()
    };
    assert_eq!(names("ed-fi/beds"), ["houseNumber", "name"]);
    let part = &model.resources["ed-fi/rooms"].key[1];
    assert_eq!(part.path, ["houseReference", "number"]);
    assert_eq!(
        model.descriptors["ed-fi/colorDescriptors"].values,
        [
            "uri://ed-fi.org/ColorDescriptor#Red",
            "uri://ed-fi.org/ColorDescriptor#Dark green"
        ]
    );
}

#[test]
fn a_line_that_cannot_be_read_is_named() {
    for (text, line, reason) in [
        ("resource a b\n  size* wide\n", 2, "wide is no type"),
        ("\nnonsense a\n", 2, "nonsense begins no block"),
        (
            "resource a b\n     size* int\n",
            2,
            "the indentation fits no line above",
        ),
        ("resource a\n", 1, "a resource has a path and a singular"),
    ] {
        let error = notation(text).unwrap_err();
        let SchemaError::Notation {
            line: found,
            reason: given,
            ..
        } = error
        else {
            panic!("{error:?}")
        };
        assert_eq!((found, given.as_str()), (line, reason));
    }
    let missing = notation("resource a b\n  cReference* -> c\n").unwrap_err();
    assert!(matches!(missing, SchemaError::MissingSchema { name } if name == "c"));
}
