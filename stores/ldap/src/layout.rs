//! Collections as they are worked with: the settings, checked against one another and against what
//! the directory says of its attributes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use syncline_model::{
    Alike, Bounds, Collection, CollectionName, Field, FieldKind, FieldRole, KeyField, Labels,
    Reference,
};
use syncline_store::{ErrorKind, Result, StoreError};

use crate::schema::Schema;
use crate::settings::{CollectionSettings, EntrySettings, LdapSettings, MemberSettings};

/// An attribute of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attribute {
    pub(crate) name: String,
    /// What each of its values is.
    pub(crate) kind: FieldKind,
    /// What does not tell its values apart.
    pub(crate) alike: Alike,
    /// Whether it is a list of values.
    pub(crate) is_list: bool,
    /// Whether it is only written, and only when an entry is made.
    pub(crate) write_only: bool,
}

/// A collection of entries.
#[derive(Clone, Debug)]
pub(crate) struct Entries {
    pub(crate) settings: EntrySettings,
    pub(crate) attributes: Vec<Attribute>,
    /// Which entries belong to it.
    pub(crate) filter: String,
}

impl Entries {
    /// Whether the name of an entry follows from its key.
    pub(crate) fn is_direct(&self) -> bool {
        !self.settings.subtree && self.settings.key == [self.settings.rdn.clone()]
    }

    /// The attribute of a name.
    pub(crate) fn attribute(&self, name: &str) -> Option<&Attribute> {
        let mut known = self.attributes.iter();
        known.find(|attribute| attribute.name == name)
    }

    /// What is asked of the directory when records are read.
    pub(crate) fn read_names(&self) -> Vec<String> {
        let read = self
            .attributes
            .iter()
            .filter(|attribute| !attribute.write_only);
        read.map(|attribute| attribute.name.clone()).collect()
    }
}

/// A collection of members.
#[derive(Clone, Debug)]
pub(crate) struct Members {
    pub(crate) settings: MemberSettings,
    pub(crate) groups: Arc<Entries>,
    pub(crate) who: Option<Arc<Entries>>,
}

impl Members {
    /// The attribute of the groups that is their key.
    pub(crate) fn owner_key(&self) -> &str {
        self.groups.settings.key.first().map_or("", String::as_str)
    }
}

/// A collection of either sort.
#[derive(Clone, Debug)]
pub(crate) enum Layout {
    Entries(Arc<Entries>),
    Members(Arc<Members>),
}

/// All collections, with what is told of them and what comes before each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layouts {
    pub(crate) by_name: BTreeMap<CollectionName, Layout>,
    pub(crate) collections: BTreeMap<CollectionName, Collection>,
    pub(crate) dependencies: BTreeMap<CollectionName, Vec<CollectionName>>,
}

/// Checks the settings and brings them together with the schema.
pub(crate) fn layouts(settings: &LdapSettings, schema: &Schema) -> Result<Layouts> {
    let mut all = Layouts::default();
    for (name, collection) in &settings.collections {
        if let CollectionSettings::Entries(entries) = collection {
            let entries = with_placeholder(entries, name, settings);
            let laid_out = self::entries(name, entries, schema)?;
            all.add(name, entries_collection(name, &laid_out), vec![]);
            let layout = Layout::Entries(Arc::new(laid_out));
            all.by_name
                .insert(CollectionName::new(name.as_str()), layout);
        }
    }
    for (name, collection) in &settings.collections {
        if let CollectionSettings::Members(members) = collection {
            let members = self::members(name, members, &all)?;
            let before = [Some(&members.settings.of), members.settings.who.as_ref()];
            let before: BTreeSet<CollectionName> = before
                .into_iter()
                .flatten()
                .map(|name| CollectionName::new(name.as_str()))
                .collect();
            let collection = members_collection(name, &members);
            all.add(name, collection, before.into_iter().collect());
            let layout = Layout::Members(Arc::new(members));
            all.by_name
                .insert(CollectionName::new(name.as_str()), layout);
        }
    }
    Ok(all)
}

impl Layouts {
    fn add(&mut self, name: &str, collection: Collection, before: Vec<CollectionName>) {
        let name = CollectionName::new(name);
        self.collections.insert(name.clone(), collection);
        self.dependencies.insert(name, before);
    }

    fn entries_named(&self, name: &str) -> Option<&Arc<Entries>> {
        match self.by_name.get(name)? {
            Layout::Entries(entries) => Some(entries),
            Layout::Members(_) => None,
        }
    }
}

/// A group that must not be empty is made with what is no member.
fn with_placeholder(entries: &EntrySettings, name: &str, all: &LdapSettings) -> EntrySettings {
    let mut entries = entries.clone();
    for collection in all.collections.values() {
        if let CollectionSettings::Members(members) = collection
            && members.of == name
            && let Some(placeholder) = &members.placeholder
        {
            let values = entries.create_with.entry(members.attribute.clone());
            values.or_insert_with(|| vec![placeholder.clone()]);
        }
    }
    entries
}

fn problem(collection: &str, message: impl std::fmt::Display) -> StoreError {
    StoreError::new(
        ErrorKind::Configuration,
        format!("the collection `{collection}` {message}"),
    )
}

fn entries(name: &str, settings: EntrySettings, schema: &Schema) -> Result<Entries> {
    let mut attributes = Vec::new();
    let read = settings
        .attributes
        .iter()
        .map(|attribute| (attribute, false));
    let written = settings
        .write_only
        .iter()
        .map(|attribute| (attribute, true));
    for (attribute, write_only) in read.chain(written) {
        let kind = schema.kind(attribute);
        if kind.is_none() && !schema.is_empty() {
            let error = problem(
                name,
                format!("has an attribute `{attribute}` that the directory does not know"),
            );
            return Err(match schema.nearest(attribute) {
                Some(near) => error.with_hint(format!("did you mean `{near}`?")),
                None => error,
            });
        }
        attributes.push(Attribute {
            name: attribute.clone(),
            // A password is text to whoever gives it, whatever it is to the directory.
            kind: match kind.unwrap_or(FieldKind::Text) {
                FieldKind::Bytes if write_only && !attribute.contains(';') => FieldKind::Text,
                kind => kind,
            },
            alike: schema.alike(attribute),
            is_list: settings.lists.contains(attribute),
            write_only,
        });
    }
    let own = settings.filter.as_deref().unwrap_or_default();
    let classes = settings
        .object_classes
        .iter()
        .map(|class| format!("(objectClass={})", ldap3::ldap_escape(class.as_str())));
    let classes: Vec<String> = classes.collect();
    let filter = format!("(&{}{own})", classes.concat());
    if ldap3::parse_filter(&filter).is_err() {
        return Err(problem(name, format!("has a filter that is none: {own}"))
            .with_hint("write it with its brackets: (employeeType=teacher)"));
    }
    Ok(Entries {
        settings,
        attributes,
        filter,
    })
}

fn members(name: &str, settings: &MemberSettings, all: &Layouts) -> Result<Members> {
    let found = |named: &String| {
        all.entries_named(named).cloned().ok_or_else(|| {
            problem(
                name,
                format!("names `{named}`, which is no collection of entries"),
            )
        })
    };
    let groups = found(&settings.of)?;
    let who = settings.who.as_ref().map(found).transpose()?;
    for entries in [Some(&groups), who.as_ref()].into_iter().flatten() {
        if entries.settings.key.len() != 1 {
            let message = "is between collections that need a key of one attribute each";
            return Err(problem(name, message));
        }
    }
    Ok(Members {
        settings: settings.clone(),
        groups,
        who,
    })
}

fn entries_collection(name: &str, entries: &Entries) -> Collection {
    let fields = entries.attributes.iter().map(|attribute| Field {
        name: attribute.name.clone(),
        kind: if attribute.is_list {
            FieldKind::Set
        } else {
            attribute.kind
        },
        role: if attribute.write_only {
            FieldRole::WriteOnly
        } else {
            FieldRole::Compare
        },
        nullable: !entries.settings.key.contains(&attribute.name),
        bounds: Bounds {
            zoned: (attribute.kind == FieldKind::Timestamp).then_some(true),
            alike: attribute.alike,
            ..Bounds::default()
        },
        labels: Labels::Free,
    });
    Collection {
        key: entries.settings.key.iter().map(key_field).collect(),
        fields: fields.collect(),
        ..Collection::named(CollectionName::new(name))
    }
}

fn members_collection(name: &str, members: &Members) -> Collection {
    let MemberSettings {
        owner,
        member,
        of,
        who,
        ..
    } = &members.settings;
    let refers = [(owner, Some(of)), (member, who.as_ref())];
    let references = refers.into_iter().filter_map(|(field, target)| {
        Some(Reference {
            path: vec![field.clone()],
            targets: vec![CollectionName::new(target?.as_str())],
        })
    });
    let kind = |entries: Option<&Arc<Entries>>| {
        let key = entries.and_then(|entries| entries.attribute(entries.settings.key.first()?));
        key.map_or(FieldKind::Text, |attribute| attribute.kind)
    };
    Collection {
        key: [owner, member].into_iter().map(key_field).collect(),
        fields: vec![
            Field::new(owner.as_str(), kind(Some(&members.groups))).required(),
            Field::new(member.as_str(), kind(members.who.as_ref())).required(),
        ],
        references: references.collect(),
        ..Collection::named(CollectionName::new(name))
    }
}

fn key_field(name: impl AsRef<str>) -> KeyField {
    let name = name.as_ref();
    KeyField {
        name: name.to_owned(),
        path: vec![name.to_owned()],
    }
}
