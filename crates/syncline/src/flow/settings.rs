//! The `flows:` of a configuration, as written.
//!
//! Reading touches no store. What can only be known from the stores, such as whether a field
//! exists, is checked when the flow is opened, and told with the same places.

use std::collections::BTreeMap;
use std::path::Path;

use syncline_engine::FlowPolicy;
use syncline_map::{Blank, ValueRules, Whitespace};
use syncline_model::{FieldKind, FieldRole};

use super::handlers::HandlerSettings;
use super::keys;
use super::policy::policy;
use super::words::{word, words};
use crate::config::Section;
use crate::{ConfigArgs, Failure};

type Result<T, E = Failure> = std::result::Result<T, E>;

/// One flow: which collections of a store become which of another, and how.
#[derive(Clone, Debug)]
pub struct FlowSettings {
    /// Its name.
    pub name: String,
    /// The store to read.
    pub from: String,
    /// The store to bring in step.
    pub to: String,
    /// Tables that expressions look values up in.
    pub lookups: BTreeMap<String, LookupSettings>,
    /// Collections that are derived from those of the source.
    pub derived: Vec<DerivedSettings>,
    /// Programs that do some changes instead of the target, by the names of events.
    pub handlers: BTreeMap<String, HandlerSettings>,
    /// The collections of the target, in the order of the file.
    pub collections: Vec<PartSettings>,
}

/// A collection that is derived from others of the source.
#[derive(Clone, Debug)]
pub struct DerivedSettings {
    /// Its name.
    pub name: String,
    /// The query that makes it.
    pub sql: String,
    /// Where it stands, for messages: `syncline.yaml:7:5`.
    pub place: String,
}

/// A table that expressions look values up in.
#[derive(Clone, Debug)]
pub enum LookupSettings {
    /// Texts, as the file has them.
    Texts(BTreeMap<String, String>),
    /// What the records of a collection say.
    Records {
        /// Whether the collection is one of the target.
        of_target: bool,
        /// The collection.
        collection: String,
        /// The field that is looked up.
        key: String,
        /// The field that is found.
        value: String,
    },
}

/// One collection of the target.
#[derive(Clone, Debug)]
pub struct PartSettings {
    /// Its name in the target.
    pub name: String,
    /// The collection of the source.
    pub from: String,
    /// The fields of the key, with the expressions that give them.
    pub key: Vec<(String, String)>,
    /// The other fields.
    pub map: Vec<(String, String)>,
    /// Whether the other fields are the columns of its query.
    pub takes_columns: bool,
    /// Which rows take part.
    pub filter: Option<String>,
    /// The list, and the name of an element.
    pub each: Option<(String, String)>,
    /// Kinds of fields, where they are others than the target says.
    pub kinds: BTreeMap<String, FieldKind>,
    /// What fields are for.
    pub roles: BTreeMap<String, FieldRole>,
    /// What blank text means.
    pub rules: ValueRules,
    /// What may be done.
    pub policy: FlowPolicy,
    /// Collections that are written before.
    pub after: Vec<String>,
    /// Where it stands, for messages: `syncline.yaml:7:5`.
    pub place: String,
}

impl FlowSettings {
    /// A flow between two stores that a program has, with nothing in it yet.
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            from: "source".to_owned(),
            to: "target".to_owned(),
            lookups: BTreeMap::new(),
            derived: Vec::new(),
            handlers: BTreeMap::new(),
            collections: Vec::new(),
        }
    }

    /// The flows of a configuration.
    pub(crate) fn read(
        root: &Section<'_>,
        (folder, arguments): (&Path, &ConfigArgs),
        problems: &mut Vec<Failure>,
    ) -> Result<BTreeMap<String, Self>> {
        let mut flows = BTreeMap::new();
        for (name, section) in root.named_sections("flows")? {
            let mut flow = Self::one(name.clone(), &section, problems)?;
            for (event, section) in section.named_sections("handlers")? {
                let handler = HandlerSettings::read(&section, folder, arguments)?;
                problems.extend(section.unknown());
                flow.handlers.insert(event, handler);
            }
            problems.extend(section.unknown());
            flows.insert(name, flow);
        }
        Ok(flows)
    }

    fn one(name: String, section: &Section<'_>, problems: &mut Vec<Failure>) -> Result<Self> {
        let mut lookups = BTreeMap::new();
        for (table, section) in section.named_sections("lookups")? {
            lookups.insert(table, LookupSettings::read(&section)?);
        }
        let mut derived = Vec::new();
        for (collection, section) in section.named_sections("derived")? {
            derived.push(DerivedSettings::read(collection, &section)?);
            problems.extend(section.unknown());
        }
        let mut collections = Vec::new();
        for (collection, section) in section.named_sections("collections")? {
            if section.says("sql") {
                let name = DerivedSettings::name_within(&collection);
                derived.push(DerivedSettings::read(name, &section)?);
            }
            collections.push(PartSettings::read(collection, &section, problems)?);
        }
        if collections.is_empty() {
            return Err(section.failure("collections", "names no collection"));
        }
        Ok(Self {
            name,
            from: section.required_text("from")?,
            to: section.required_text("to")?,
            lookups,
            derived,
            handlers: BTreeMap::new(),
            collections,
        })
    }
}

impl DerivedSettings {
    fn read(name: String, section: &Section<'_>) -> Result<Self> {
        Ok(Self {
            name,
            sql: section.required_text("sql")?,
            place: section.place(),
        })
    }

    /// The name of a query that stands with the one collection that it makes.
    pub(crate) fn name_within(collection: &str) -> String {
        format!("{collection}.sql")
    }
}

impl LookupSettings {
    fn read(section: &Section<'_>) -> Result<Self> {
        let Some(from) = section.text("from")? else {
            let texts = section.ordered_texts()?;
            return Ok(Self::Texts(texts.into_iter().collect()));
        };
        section.shaped(&keys::RECORDS);
        let of_target = from.starts_with("target.");
        let collection = from
            .strip_prefix("target.")
            .or_else(|| from.strip_prefix("source."));
        let Some(collection) = collection else {
            return Err(
                section.failure("from", "must be `source.COLLECTION` or `target.COLLECTION`")
            );
        };
        let settings = Self::Records {
            of_target,
            collection: collection.to_owned(),
            key: section.required_text("key")?,
            value: section.required_text("value")?,
        };
        match section.unknown().into_iter().next() {
            None => Ok(settings),
            Some(problem) => Err(problem),
        }
    }
}

impl PartSettings {
    fn read(name: String, section: &Section<'_>, problems: &mut Vec<Failure>) -> Result<Self> {
        let each = each(section, problems)?;
        let texts = |key| match section.section(key)? {
            None => Ok(vec![]),
            Some(whole) => whole.ordered_texts(),
        };
        let key = match section.list_if("key")? {
            Some(names) => names.into_iter().map(|name| (name.clone(), name)).collect(),
            None => texts("key")?,
        };
        if key.is_empty() {
            return Err(section.failure("key", "is missing: it says which record a record is"));
        }
        let rules = ValueRules {
            blank: word(
                section,
                "blank",
                &[("null", Blank::Null), ("text", Blank::Text)],
            )?,
            whitespace: word(
                section,
                "whitespace",
                &[
                    ("keep", Whitespace::Keep),
                    ("trim", Whitespace::Trim),
                    ("collapse", Whitespace::Collapse),
                ],
            )?,
        };
        let is_child = each.is_some();
        let has_query = section.says("sql");
        let from = match (section.text("from")?, has_query) {
            (Some(_), true) => {
                return Err(section.failure("from", "and `sql` exclude each other"));
            }
            (None, true) => DerivedSettings::name_within(&name),
            (from, false) => from.unwrap_or_else(|| name.clone()),
        };
        let settings = Self {
            from,
            key,
            map: texts("map")?,
            takes_columns: has_query && !section.says("map"),
            filter: section.text("where")?,
            each,
            kinds: words(
                section,
                "types",
                &FieldKind::ALL.map(|kind| (kind.name(), kind)),
            )?,
            roles: words(
                section,
                "roles",
                &FieldRole::ALL.map(|role| (role.name(), role)),
            )?,
            rules,
            policy: policy(section, is_child, problems)?,
            after: section.list("after")?.unwrap_or_default(),
            place: section.place(),
            name,
        };
        let twice = settings
            .map
            .iter()
            .find(|(field, _)| settings.key.iter().any(|(other, _)| other == field));
        if let Some((field, _)) = twice {
            let message = format!("gives `{field}` again, which the key gives");
            return Err(section.failure("map", message));
        }
        problems.extend(section.unknown());
        Ok(settings)
    }
}

fn each(section: &Section<'_>, problems: &mut Vec<Failure>) -> Result<Option<(String, String)>> {
    let Some(each) = section.section("each")? else {
        return Ok(None);
    };
    let list = each.required_text("in")?;
    let name = each.text("as")?.unwrap_or_else(|| "element".to_owned());
    problems.extend(each.unknown());
    Ok(Some((list, name)))
}
