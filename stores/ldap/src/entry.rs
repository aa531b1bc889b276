//! Entries as the directory tells them, and the records that they are.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use ldap3::ResultEntry;
use ldap3::asn1::StructureTag;
use serde_json::value::RawValue;

use crate::layout::{Attribute, Entries};
use crate::value;

/// The values of an attribute, which are a set.
pub(crate) type Values = BTreeSet<Vec<u8>>;

/// An entry, taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    /// Values by the name of the attribute in lower case, options included.
    pub(crate) attributes: BTreeMap<String, Values>,
}

impl Entry {
    /// Takes apart what came; nothing if it is no entry.
    pub(crate) fn read(found: ResultEntry) -> Option<Self> {
        let mut parts = found.0.match_id(4)?.expect_constructed()?.into_iter();
        let name = String::from_utf8(parts.next()?.expect_primitive()?).ok()?;
        let mut attributes = BTreeMap::new();
        for attribute in parts.next()?.expect_constructed()? {
            let mut parts = attribute.expect_constructed()?.into_iter();
            let name = String::from_utf8(parts.next()?.expect_primitive()?).ok()?;
            let values = parts.next()?.expect_constructed()?;
            let values: Option<Values> = values
                .into_iter()
                .map(StructureTag::expect_primitive)
                .collect();
            attributes.insert(name.to_lowercase(), values?);
        }
        Some(Self { name, attributes })
    }

    /// The values of an attribute; none if it does not have it.
    pub(crate) fn values(&self, attribute: &str) -> Values {
        let found = self.attributes.get(&attribute.to_lowercase());
        found.cloned().unwrap_or_default()
    }

    /// Text of an attribute that has one value.
    pub(crate) fn text(&self, attribute: &str) -> Option<String> {
        let values = self.values(attribute);
        String::from_utf8(values.into_iter().next()?).ok()
    }

    /// An attribute of which the directory told only a part.
    pub(crate) fn cut_attribute(&self) -> Option<&str> {
        let mut names = self.attributes.keys();
        names
            .find(|name| name.contains(";range="))
            .map(String::as_str)
    }

    /// The record that an entry is, or why it is none.
    pub(crate) fn payload(&self, entries: &Entries) -> Result<Bytes, String> {
        if let Some(cut) = self.cut_attribute() {
            return Err(format!("the directory tells only a part of `{cut}`"));
        }
        let mut payload = String::from("{");
        for attribute in &entries.attributes {
            if attribute.write_only {
                continue;
            }
            let values = self.values(&attribute.name);
            let Some(json) = json(attribute, &values)? else {
                continue;
            };
            if payload.len() > 1 {
                payload.push(',');
            }
            payload.push_str(&serde_json::Value::from(attribute.name.as_str()).to_string());
            payload.push(':');
            payload.push_str(&json);
        }
        payload.push('}');
        Ok(payload.into())
    }
}

/// The values of an attribute as JSON; nothing if it has none.
pub(crate) fn json(attribute: &Attribute, values: &Values) -> Result<Option<String>, String> {
    let named = |reason: &str| format!("a value of `{}` {reason}", attribute.name);
    let each = values
        .iter()
        .map(|value| value::read(attribute.kind, value).map_err(named));
    let each: Vec<String> = each.collect::<Result<_, _>>()?;
    match (each.as_slice(), attribute.is_list) {
        ([], _) => Ok(None),
        (each, true) => Ok(Some(format!("[{}]", each.join(",")))),
        ([one], false) => Ok(Some(one.clone())),
        (several, false) => Err(format!(
            "`{}` has {} values and is described as having one; name it among the `lists`",
            attribute.name,
            several.len()
        )),
    }
}

/// What a record gives for each attribute: its values, none where it says null. Attributes that it
/// does not have are not there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given(pub(crate) BTreeMap<String, Values>);

impl Given {
    /// Reads a payload, or says what is wrong with it, without its values.
    pub(crate) fn read(payload: &[u8], entries: &Entries) -> Result<Self, String> {
        let members: BTreeMap<String, &RawValue> =
            serde_json::from_slice(payload).map_err(|_error| "it is no JSON object".to_owned())?;
        let mut given = BTreeMap::new();
        for (name, json) in members {
            let Some(attribute) = entries.attribute(&name) else {
                return Err(format!("the collection has no attribute `{name}`"));
            };
            given.insert(name, values(attribute, json)?);
        }
        Ok(Self(given))
    }
}

fn values(attribute: &Attribute, json: &RawValue) -> Result<Values, String> {
    let named = |reason: &str| format!("`{}` {reason}", attribute.name);
    if json.get() == "null" {
        return Ok(Values::new());
    }
    if !attribute.is_list {
        let value = value::write(attribute.kind, json).map_err(named)?;
        return Ok([value].into());
    }
    let list: Vec<&RawValue> =
        serde_json::from_str(json.get()).map_err(|_error| named("must be a list"))?;
    let each = list
        .into_iter()
        .map(|item| value::write(attribute.kind, item).map_err(named));
    each.collect()
}
