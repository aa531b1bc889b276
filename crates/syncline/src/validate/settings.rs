//! What is checked, as the configuration says.

use std::collections::BTreeSet;

use syncline_check::Method;

use crate::Failure;
use crate::config::Section;
use crate::config::shape::{Kind, Shape, WHOLE, key, section};
use crate::suggest::nearest;

/// All checks, in the order in which they are named.
const ALL: [Method; 5] = [
    Method::Json,
    Method::Schema,
    Method::Descriptors,
    Method::Uniqueness,
    Method::References,
];

/// The keys of `validate`.
pub(crate) const SHAPE: Shape = Shape::of(&[
    key(
        "methods",
        Kind::List,
        "Checks: schema, descriptors, uniqueness, references, or all.",
    ),
    key(
        "max_failures",
        WHOLE,
        "Errors of a collection after which no more of it is read.",
    ),
    section("references", &REFERENCES, "How references are checked."),
]);

const REFERENCES: Shape = Shape::of(&[
    key(
        "max_failures",
        WHOLE,
        "The same as `max_failures` of `validate`.",
    ),
    key(
        "selector",
        Kind::List,
        "References, such as studentSchoolAssociations.schoolReference.",
    ),
    key(
        "behavior",
        Kind::Words(|| vec!["exclude", "include"]),
        "Whether the selected references are left out, or the only ones.",
    ),
    key(
        "remote",
        Kind::Switch,
        "Whether the API is asked for what the files do not hold.",
    ),
]);

/// What `validate` does, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidateSettings {
    /// The checks. Whether lines are JSON objects is always checked.
    pub methods: BTreeSet<Method>,
    /// Errors of one collection after which no more is read.
    pub max_failures: Option<u64>,
    /// How references are checked.
    pub references: ReferenceSettings,
}

/// How references are checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceSettings {
    /// Which references: the short name of a collection and the path of a member, as
    /// `studentSchoolAssociations.schoolReference`.
    pub selector: Vec<(String, String)>,
    /// Whether those named are the only ones that are checked; otherwise all but those.
    pub only_selected: bool,
    /// Whether the API is asked for what the files do not hold.
    pub remote: bool,
}

impl Default for ValidateSettings {
    fn default() -> Self {
        let methods = ALL.into_iter().filter(|one| *one != Method::References);
        Self {
            methods: methods.collect(),
            max_failures: None,
            references: ReferenceSettings::default(),
        }
    }
}

impl Default for ReferenceSettings {
    fn default() -> Self {
        Self {
            selector: vec![],
            only_selected: false,
            remote: true,
        }
    }
}

impl ValidateSettings {
    /// Whether a check was asked for.
    pub fn has(&self, method: Method) -> bool {
        self.methods.contains(&method)
    }

    /// Reads the section `validate`; keys that nobody knows go to `unknown`.
    pub(crate) fn read(root: &Section<'_>, unknown: &mut Vec<Failure>) -> Result<Self, Failure> {
        let mut settings = Self::default();
        let Some(section) = root.section("validate")? else {
            return Ok(settings);
        };
        if let Some(names) = section.list("methods")? {
            settings.methods = methods(&names)
                .map_err(|(message, hint)| section.failure("methods", message).with_hint(hint))?;
        }
        settings.max_failures = section.parsed("max_failures", COUNT)?;
        if let Some(section) = section.section("references")? {
            let most = section.parsed("max_failures", COUNT)?;
            settings.max_failures = settings.max_failures.or(most);
            settings.references = references(&section)?;
            unknown.extend(section.unknown());
        }
        unknown.extend(section.unknown());
        Ok(settings)
    }
}

const COUNT: &str = "a whole number";

/// The checks that names stand for; `*` and `all` stand for every one.
pub(crate) fn methods(names: &[String]) -> Result<BTreeSet<Method>, (String, String)> {
    let mut chosen = BTreeSet::from([Method::Json]);
    let names = names.iter().flat_map(|text| text.split([',', ' ']));
    for name in names.map(str::trim).filter(|name| !name.is_empty()) {
        if matches!(name, "*" | "all") {
            return Ok(ALL.into());
        }
        let same = |method: &&Method| method.name().eq_ignore_ascii_case(name);
        let Some(method) = ALL.iter().find(same) else {
            let hint = match nearest(name, ALL.map(Method::name)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!(
                    "the checks are {}, or `all`",
                    ALL.map(Method::name).join(", ")
                ),
            };
            return Err((
                format!("names the check `{name}`, which there is not"),
                hint,
            ));
        };
        chosen.insert(*method);
    }
    Ok(chosen)
}

fn references(section: &Section<'_>) -> Result<ReferenceSettings, Failure> {
    let mut settings = ReferenceSettings::default();
    for term in section.list("selector")?.unwrap_or_default() {
        let Some((collection, path)) = term.split_once('.') else {
            let message = format!("names `{term}`, which is no collection and reference");
            return Err(section
                .failure("selector", message)
                .with_hint("write it as `studentSchoolAssociations.schoolReference`"));
        };
        let whole = (collection.to_owned(), path.to_owned());
        settings.selector.push(whole);
    }
    settings.only_selected = match section.text("behavior")?.as_deref() {
        None | Some("exclude") => false,
        Some("include") => true,
        Some(other) => {
            let message = format!("is `{other}`, and must be `include` or `exclude`");
            return Err(section.failure("behavior", message));
        }
    };
    settings.remote = section.switch("remote")?.unwrap_or(true);
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(names: &[&str], expected: &[Method]) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let found: Vec<Method> = methods(&names).unwrap().into_iter().collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn checks_are_named_in_a_list_or_a_text_and_json_always_goes_along() {
        check(&["schema"], &[Method::Json, Method::Schema]);
        check(
            &["uniqueness, Descriptors"],
            &[Method::Json, Method::Descriptors, Method::Uniqueness],
        );
        check(&["all"], &ALL);
        check(&["*"], &ALL);
        check(&[], &[Method::Json]);
    }

    #[test]
    fn a_check_that_there_is_not_is_refused_with_a_suggestion() {
        let (message, hint) = methods(&["shema".to_owned()]).unwrap_err();
        assert!(message.contains("`shema`"), "{message}");
        assert_eq!(hint, "did you mean `schema`?");
    }
}
