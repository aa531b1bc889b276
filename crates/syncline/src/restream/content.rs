//! What measurements amount to: how many there are, and one number for all they say. It does not
//! depend on their order or their spelling, so that it can be worked out while they pass, from either
//! side, and go on when more come.

use serde::{Deserialize, Serialize};
use syncline_model::{Canonicaliser, Collection, CollectionName, Digest};
use syncline_store_restream::DataRecord;

use super::save::odd;
use crate::Failure;

/// How many records, and the sum of their digests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Content {
    pub(super) records: u64,
    #[serde(with = "hex")]
    sum: u128,
}

impl Content {
    /// Both numbers, as text.
    pub(super) fn text(self) -> String {
        let sum = Digest::from_bytes(self.sum.to_be_bytes());
        format!("{} {sum}", self.records)
    }

    /// What both amount to together.
    pub(super) const fn and(self, other: Self) -> Self {
        Self {
            records: self.records + other.records,
            sum: self.sum.wrapping_add(other.sum),
        }
    }
}

/// Adds records up.
#[derive(Debug)]
pub(super) struct Adder {
    canonical: Canonicaliser,
    content: Content,
}

impl Default for Adder {
    fn default() -> Self {
        let any = Collection::named(CollectionName::new("measurements"));
        Self {
            canonical: Canonicaliser::new(&any),
            content: Content::default(),
        }
    }
}

impl Adder {
    pub(super) fn add(&mut self, record: &DataRecord) -> Result<(), Failure> {
        self.add_json(&record.json)
    }

    /// Adds a record by its JSON.
    pub(super) fn add_json(&mut self, json: &[u8]) -> Result<(), Failure> {
        let form = self.canonical.canonical_form(json).map_err(odd)?;
        let digest = Digest::of(form);
        self.content = self.content.and(Content {
            records: 1,
            sum: u128::from_be_bytes(*digest.as_bytes()),
        });
        Ok(())
    }

    pub(super) const fn content(&self) -> Content {
        self.content
    }
}

/// The sum as 32 hexadecimal digits.
mod hex {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    use super::Digest;

    pub(super) fn serialize<S: Serializer>(sum: &u128, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(&Digest::from_bytes(sum.to_be_bytes()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(text: D) -> Result<u128, D::Error> {
        let text = String::deserialize(text)?;
        let digest = Digest::from_hex(&text).ok_or_else(|| D::Error::custom("no digest"))?;
        Ok(u128::from_be_bytes(*digest.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(records: &[&str]) -> Content {
        let mut adder = Adder::default();
        for json in records {
            adder.add_json(json.as_bytes()).unwrap();
        }
        adder.content()
    }

    #[test]
    fn order_and_spelling_do_not_matter_and_values_and_repetitions_do() {
        let [one, two] = [r#"{"timestamp":1,"a":1.5}"#, r#"{"timestamp":2,"b":"O"}"#];
        let both = content(&[one, two]);
        assert_eq!(both, content(&[two, r#"{ "a" : 1.50, "timestamp": 1 }"#]));
        assert_eq!(both, content(&[one]).and(content(&[two])));
        assert_ne!(both, content(&[one, r#"{"timestamp":2,"b":"C"}"#]));
        assert_ne!(both, content(&[one, two, two]));
        let kept = serde_json::to_string(&both).unwrap();
        assert_eq!(serde_json::from_str::<Content>(&kept).unwrap(), both);
    }
}
