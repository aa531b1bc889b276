//! A directory as a store, as the file describes it.

use std::collections::BTreeMap;
use std::path::Path;

use secrecy::SecretString;
use syncline_store_ldap::{CollectionSettings, EntrySettings, LdapSettings, MemberSettings};

use super::common;
use super::section::Section;
use super::shape::{Body, Kind, LISTS, Shape, Variant, When, key};
use super::{ConfigArgs, transport};
use crate::Failure;

/// The keys of a store that is a directory.
pub(super) const SHAPE: Shape = Shape::of(&[
    common::KIND,
    key(
        "url",
        Kind::Text,
        "The server, as ldap://host or ldaps://host.",
    ),
    key(
        "start_tls",
        Kind::Switch,
        "Whether ldap:// goes on with TLS; so it does but on this machine.",
    ),
    common::CA_FILE,
    key("bind_dn", Kind::Text, "As whom to log in."),
    key("password", Kind::Text, "With which password."),
    key("page_size", Kind::Whole(1, 10_000), "Entries in a page."),
    key(
        "in_flight",
        Kind::Whole(1, 256),
        "Operations under way at once.",
    ),
    common::CONNECT_TIMEOUT,
    key("timeout", Kind::Seconds, "Longest time for an answer."),
    key(
        "collections",
        Kind::Sections(COLLECTIONS),
        "Its collections by name.",
    ),
])
.requiring(&["kind", "url", "collections"]);

const COLLECTIONS: Body = Body::Variants(&[
    Variant {
        when: When::Says("members_of"),
        shape: &MEMBERS,
    },
    Variant {
        when: When::Otherwise,
        shape: &ENTRIES,
    },
]);

/// A collection of entries.
const ENTRIES: Shape = Shape::of(&[
    key("base", Kind::Text, "Below which entry they are."),
    key(
        "scope",
        Kind::Words(|| vec!["one", "subtree"]),
        "Whether right below it, or anywhere.",
    ),
    key("filter", Kind::Text, "Which entries, as an LDAP filter."),
    key("object_classes", Kind::List, "Classes that an entry has."),
    key("rdn", Kind::Text, "The attribute that names an entry."),
    key(
        "key",
        Kind::List,
        "Attributes that tell entries apart; `rdn` if nothing is said.",
    ),
    key(
        "attributes",
        Kind::List,
        "Attributes that are read and written.",
    ),
    key(
        "lists",
        Kind::List,
        "Those of them that hold several values.",
    ),
    key(
        "write_only",
        Kind::List,
        "Attributes that are written and never read.",
    ),
    key("create_with", LISTS, "Further attributes of a new entry."),
])
.requiring(&["base", "object_classes", "rdn", "attributes"]);

/// A collection of members of entries.
const MEMBERS: Shape = Shape::of(&[
    key("members_of", Kind::Text, "The collection of their owners."),
    key("attribute", Kind::Text, "The attribute that holds them."),
    key("owner", Kind::Text, "What the owner is called."),
    key("member", Kind::Text, "What a member is called."),
    key("who", Kind::Text, "The collection that members are of."),
    key(
        "placeholder",
        Kind::Text,
        "What stands where nobody is a member.",
    ),
])
.requiring(&["members_of"]);

pub(super) fn read(
    section: &Section<'_>,
    folder: &Path,
    (arguments, problems): (&ConfigArgs, &mut Vec<Failure>),
) -> Result<LdapSettings, Failure> {
    let usual = usual(section)?;
    let is_plain = usual.url.scheme() == "ldap";
    let start_tls = section.switch("start_tls")?;
    if start_tls == Some(true) && !is_plain {
        return Err(section.failure(
            "start_tls",
            "is for ldap:// only; ldaps:// has TLS as it is",
        ));
    }
    let ca_file = transport::ca_file(section, (folder, &arguments.environment))?;
    Ok(LdapSettings {
        start_tls: is_plain && start_tls.unwrap_or(usual.start_tls),
        ca_file,
        bind: bind(section)?,
        page_size: section
            .within("page_size", 1..=10_000)?
            .unwrap_or(usual.page_size),
        in_flight: section
            .within("in_flight", 1..=256)?
            .unwrap_or(usual.in_flight),
        connect_timeout: section
            .seconds("connect_timeout")?
            .unwrap_or(usual.connect_timeout),
        timeout: section.seconds("timeout")?.unwrap_or(usual.timeout),
        collections: collections(section, problems)?,
        ..usual
    })
}

/// The directory of a URL, before anything else is said of it.
fn usual(section: &Section<'_>) -> Result<LdapSettings, Failure> {
    LdapSettings::parse(&section.required_text("url")?).map_err(|clause| {
        section
            .failure("url", clause)
            .with_hint("what is read goes into `collections`, and who reads into `bind_dn`")
    })
}

fn bind(section: &Section<'_>) -> Result<Option<(String, SecretString)>, Failure> {
    let (name, password) = (section.text("bind_dn")?, section.text("password")?);
    match (name.filter(|name| !name.is_empty()), password) {
        (Some(name), Some(password)) if !password.is_empty() => {
            Ok(Some((name, SecretString::from(password))))
        }
        // A directory takes an empty password for nobody in particular.
        (Some(_), Some(_)) => Err(section.failure("password", "is empty")),
        (Some(_), None) => Err(section.missing("password")),
        (None, Some(_)) => Err(section.missing("bind_dn")),
        (None, None) => Ok(None),
    }
}

fn collections(
    section: &Section<'_>,
    problems: &mut Vec<Failure>,
) -> Result<BTreeMap<String, CollectionSettings>, Failure> {
    let mut collections = BTreeMap::new();
    for (name, of) in section.named_sections("collections")? {
        let settings = if of.says("members_of") {
            of.shaped(&MEMBERS);
            CollectionSettings::Members(members(&of)?)
        } else {
            of.shaped(&ENTRIES);
            CollectionSettings::Entries(entries(&of)?)
        };
        problems.extend(of.unknown());
        collections.insert(name, settings);
    }
    if collections.is_empty() {
        return Err(section.missing("collections"));
    }
    Ok(collections)
}

fn entries(section: &Section<'_>) -> Result<EntrySettings, Failure> {
    let subtree = match section.text("scope")?.as_deref() {
        None | Some("one") => false,
        Some("subtree") => true,
        Some(other) => {
            let message = format!("is `{other}`, and must be `one` or `subtree`");
            return Err(section.failure("scope", message));
        }
    };
    let list = |key: &'static str| -> Result<Vec<String>, Failure> {
        Ok(section.list(key)?.unwrap_or_default())
    };
    let required = |key: &'static str| -> Result<Vec<String>, Failure> {
        let found = list(key)?;
        if found.is_empty() {
            return Err(section.missing(key));
        }
        Ok(found)
    };
    let rdn = section.required_text("rdn")?;
    let settings = EntrySettings {
        base: section.required_text("base")?,
        subtree,
        filter: section.text("filter")?,
        object_classes: required("object_classes")?,
        key: section.list("key")?.unwrap_or_else(|| vec![rdn.clone()]),
        rdn,
        attributes: required("attributes")?,
        lists: list("lists")?,
        write_only: list("write_only")?,
        create_with: section.named_lists("create_with")?,
    };
    let known = |name: &String| settings.attributes.contains(name);
    for (key, names) in [("key", &settings.key), ("lists", &settings.lists)] {
        if let Some(other) = names.iter().find(|name| !known(name)) {
            let message = format!("names `{other}`, which is not among the `attributes`");
            return Err(section.failure(key, message));
        }
    }
    if let Some(other) = settings
        .key
        .iter()
        .find(|name| settings.lists.contains(name))
    {
        let message = format!("names `{other}`, and what is a key is no list");
        return Err(section.failure("lists", message));
    }
    if let Some(other) = settings.write_only.iter().find(|name| known(name)) {
        let message = format!("names `{other}`, which is among the `attributes`, too");
        return Err(section.failure("write_only", message));
    }
    Ok(settings)
}

fn members(section: &Section<'_>) -> Result<MemberSettings, Failure> {
    let text = |key: &'static str, usual: &str| -> Result<String, Failure> {
        Ok(section.text(key)?.unwrap_or_else(|| usual.to_owned()))
    };
    let settings = MemberSettings {
        of: section.required_text("members_of")?,
        attribute: text("attribute", "member")?,
        owner: text("owner", "group")?,
        member: text("member", "member")?,
        who: section.text("who")?,
        placeholder: section.text("placeholder")?,
    };
    if settings.owner == settings.member {
        let message = "must be called otherwise than `owner`";
        return Err(section.failure("member", message));
    }
    Ok(settings)
}
