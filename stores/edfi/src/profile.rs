//! API profiles: narrowed views of records, asked for by media type.
//!
//! Profiles do not speak of descriptors, of deletes or of lists of changed keys. What a writable
//! profile hides keeps its value in the target; what a readable one hides is not looked at.

use http::HeaderValue;
use syncline_model::CollectionName;

use crate::metadata::Metadata;

/// For what a record is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usage {
    /// To be read.
    Readable,
    /// To be written.
    Writable,
}

/// The media type by which a profile is asked for; nothing where none applies, or its name cannot
/// be sent.
pub(crate) fn media_type(
    (profile, metadata): (Option<&str>, &Metadata),
    collection: &CollectionName,
    usage: Usage,
) -> Option<HeaderValue> {
    let profile = profile?;
    if collection.short().ends_with("Descriptors") {
        return None;
    }
    let known = metadata.shapes.get(collection);
    let singular = known.map_or_else(
        || singular(collection.short()),
        |shape| shape.singular.clone(),
    );
    let usage = match usage {
        Usage::Readable => "readable",
        Usage::Writable => "writable",
    };
    let text = format!("application/vnd.ed-fi.{singular}.{profile}.{usage}+json");
    HeaderValue::try_from(text.to_lowercase()).ok()
}

/// What one record of a collection is called, where no document says so: by the rules of English
/// for its last word.
fn singular(plural: &str) -> String {
    let end = |end: &str, instead: &str| Some(format!("{}{instead}", plural.strip_suffix(end)?));
    // What is `Offered` is called after what stands before its last word.
    if let Some(before) = plural.strip_suffix("Offered") {
        return format!("{}Offered", singular(before));
    }
    end("ies", "y")
        .or_else(|| end("People", "Person"))
        .or_else(|| end("people", "person"))
        .or_else(|| end("sses", "ss"))
        .or_else(|| end("tuses", "tus"))
        .or_else(|| end("xes", "x"))
        .or_else(|| end("ches", "ch"))
        .or_else(|| (!plural.ends_with("ss")).then(|| end("s", ""))?)
        .unwrap_or_else(|| plural.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_media_type_names_one_record_the_profile_and_what_for() {
        let media = |name: &str, usage| {
            let name = CollectionName::new(name);
            let media = media_type((Some("Some-Profile"), &Metadata::default()), &name, usage);
            media.map(|media| media.to_str().unwrap().to_owned())
        };
        assert_eq!(
            media("ed-fi/studentSchoolAssociations", Usage::Readable).unwrap(),
            "application/vnd.ed-fi.studentschoolassociation.some-profile.readable+json"
        );
        assert_eq!(
            media("ed-fi/localEducationAgencies", Usage::Writable).unwrap(),
            "application/vnd.ed-fi.localeducationagency.some-profile.writable+json"
        );
        assert_eq!(media("ed-fi/gradeLevelDescriptors", Usage::Readable), None);
    }

    #[test]
    fn collections_of_all_sorts_are_told_in_the_singular() {
        for (plural, expected) in [
            ("students", "student"),
            ("people", "person"),
            ("classPeriods", "classPeriod"),
            ("courses", "course"),
            ("gradebookEntries", "gradebookEntry"),
            ("staffs", "staff"),
            ("studentPathPhaseStatuses", "studentPathPhaseStatus"),
        ] {
            assert_eq!(singular(plural), expected);
        }
    }
}
