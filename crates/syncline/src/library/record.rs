//! Types of a program as records.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use syncline_model::{
    Bounds, Canonicaliser, Collection, CollectionName, Field, FieldKind, FieldRole, KeyField,
    Labels,
};
use syncline_store::{ErrorKind, StoreError};
use syncline_store_memory::MemoryStore;

use crate::Failure;

/// A type whose values are the records of a collection. `#[derive(Record)]` writes it out of the
/// fields; a payload is what serde makes of a value.
pub trait Record: Serialize + DeserializeOwned {
    /// The collection that they make up: its name, its key, its fields.
    fn collection() -> Collection;
}

/// A type that the fields of records may have.
pub trait Value {
    /// What its values are.
    const KIND: FieldKind;
    /// Whether one may be missing.
    const NULLABLE: bool = false;
}

impl<T: Value> Value for Option<T> {
    const KIND: FieldKind = T::KIND;
    const NULLABLE: bool = true;
}

impl<T> Value for Vec<T> {
    const KIND: FieldKind = FieldKind::List;
}

impl<T> Value for std::collections::BTreeSet<T> {
    const KIND: FieldKind = FieldKind::Set;
}

impl Value for Cow<'_, str> {
    const KIND: FieldKind = FieldKind::Text;
}

/// The kind of each of some types.
macro_rules! kinds {
    ($($kind:ident: $($type:ty),+;)+) => {
        $($(impl Value for $type {
            const KIND: FieldKind = FieldKind::$kind;
        })+)+
    };
}

kinds! {
    Text: String, Box<str>, std::sync::Arc<str>;
    Integer: u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize;
    Number: f32, f64;
    Boolean: bool;
    Date: jiff::civil::Date;
    Time: jiff::civil::Time;
    Timestamp: jiff::Timestamp, jiff::civil::DateTime;
}

impl Value for serde_json::Value {
    const KIND: FieldKind = FieldKind::Any;
    const NULLABLE: bool = true;
}

/// A field of a type, by its name there and the word for what it is for.
pub fn field<T: Value>(name: &str, role: Option<&str>) -> Field {
    let role = role.and_then(|word| FieldRole::ALL.into_iter().find(|role| role.name() == word));
    Field {
        name: name.to_owned(),
        kind: T::KIND,
        role: role.unwrap_or_default(),
        nullable: T::NULLABLE,
        bounds: Bounds::default(),
        labels: Labels::Free,
    }
}

/// A collection of records that are fields and nothing else.
pub fn described(name: &str, key: &[&str], fields: Vec<Field>) -> Collection {
    let key = key.iter().map(|name| KeyField {
        name: (*name).to_owned(),
        path: vec![(*name).to_owned()],
    });
    Collection {
        key: key.collect(),
        fields,
        ..Collection::named(CollectionName::new(name))
    }
}

/// A value as a store hands it out: its payload, with the key and the digest by the rules of whoever
/// asked.
pub fn as_record<T: Serialize>(
    reader: &mut Canonicaliser,
    value: &T,
) -> syncline_store::Result<syncline_model::Record> {
    let invalid = |message: String| StoreError::new(ErrorKind::InvalidData, message);
    let payload = serde_json::to_vec(value).map_err(|error| {
        invalid("a value cannot be written as JSON".to_owned()).with_source(error)
    })?;
    let read = reader.read(&payload);
    let (key, digest) = read.map_err(|problem| invalid(problem.to_string()))?;
    Ok(syncline_model::Record {
        key,
        digest,
        payload: payload.into(),
        handle: None,
        origin: None,
    })
}

/// Values of a program's own types in a store, and out of it.
pub trait Records: Sized {
    /// The store with a collection of these values.
    fn holding<T: Record>(self, values: impl IntoIterator<Item = T>) -> Result<Self, Failure>;

    /// The values of a collection, in the order of their keys.
    fn values<T: Record>(&self) -> Result<Vec<T>, Failure>;
}

impl Records for MemoryStore {
    fn holding<T: Record>(self, values: impl IntoIterator<Item = T>) -> Result<Self, Failure> {
        let collection = T::collection();
        let unwritten = |error: serde_json::Error| {
            let message = format!("a value of {} is no record: {error}", T::collection().name);
            Failure::configuration(message)
        };
        let payload = |value: T| serde_json::to_vec(&value).map(Bytes::from);
        let payloads: Result<Vec<Bytes>, _> = values.into_iter().map(payload).collect();
        Ok(self.with(collection, payloads.map_err(unwritten)?)?)
    }

    fn values<T: Record>(&self) -> Result<Vec<T>, Failure> {
        let name = T::collection().name;
        let unread = |error: serde_json::Error| {
            Failure::configuration(format!("a record of {name} is of another type: {error}"))
        };
        let payloads = self.payloads(&name);
        let values = payloads
            .iter()
            .map(|payload| serde_json::from_slice(payload));
        values.collect::<Result<Vec<T>, _>>().map_err(unread)
    }
}
