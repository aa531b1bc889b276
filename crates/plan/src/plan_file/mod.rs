//! A plan at rest: an immutable file that people and programs can read.
//!
//! The first line says what the plan is about, then comes one line for each change in the order
//! in which they are to be made, and the last line holds counts, verdicts of guards and a digest
//! of all that comes before. A file that was cut off or altered is therefore told from a plan, and
//! refused as a whole, before anything is done on its account.

mod lines;
mod payload;
mod reader;
mod writer;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use syncline_model::{
    ChangeKind, Collection, CollectionName, Digest, Handle, Key, Mark, StoreIdentity,
};

use crate::Verdict;

pub use payload::Payload;
pub use reader::PlanReader;
pub use writer::PlanWriter;

/// Changes by collection and kind.
pub type PlanCounts = BTreeMap<CollectionName, BTreeMap<ChangeKind, u64>>;

/// What guards say about a plan, by collection; collections without a tripped guard are absent.
pub type PlanVerdicts = BTreeMap<CollectionName, Vec<Verdict>>;

/// What a plan is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanHeader {
    /// The plan's own name, by which it is approved and applied.
    pub id: String,
    /// When it was made, as the caller writes time.
    pub created: String,
    /// Where the wanted records come from.
    pub source: PlanSide,
    /// What is to be changed.
    pub target: PlanSide,
    /// Digest of the field map; a plan made with another one does not apply.
    #[serde(with = "lines::hexadecimal")]
    pub mapping: Digest,
    /// The flow it was made for, where there is one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub flow: String,
    /// The collections as they were compared, in the order in which they are written: their keys
    /// and what each field is for. Plans that hold no payloads do not name them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collections: Vec<Collection>,
    /// Whether only some keys or kinds of change were asked for, so that more may differ.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_part: bool,
}

/// One side of a plan, as it was when the plan was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanSide {
    /// Which system.
    pub identity: StoreIdentity,
    /// How far each collection was read.
    pub marks: BTreeMap<CollectionName, Mark>,
}

/// One change of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedChange {
    /// The collection of the record.
    pub collection: CollectionName,
    /// What is to become of it.
    pub kind: ChangeKind,
    /// Which record; for a re-key the key before it.
    pub key: PlannedKey,
    /// The key after a re-key; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_key: Option<PlannedKey>,
    /// Digest of the content it is to have; absent for deletes.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "lines::optional_hexadecimal"
    )]
    pub content: Option<Digest>,
    /// Where the payload can be read; absent for deletes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<PlannedPlace>,
    /// Both sides of the record, where the plan holds them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sides: Option<Box<PlannedSides>>,
}

/// A record before and after a planned change. Payloads may hold personal data and secrets; a
/// plan that has them is readable by its owner only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedSides {
    /// What the target holds; absent where it holds nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Payload>,
    /// What it is to hold; absent where it is to hold nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Payload>,
    /// The target's name for the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<Handle>,
    /// Why this one change is kept back, though no guard holds its kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
    /// Whether the record leaves the target's use by this change, though it is only marked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leaves: bool,
}

/// A key as far as the planner knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlannedKey {
    /// The key itself.
    Text(Key),
    /// Only its digest.
    #[serde(with = "lines::hexadecimal")]
    Digest(Digest),
}

impl PlannedKey {
    /// The digest of the key.
    pub fn digest(&self) -> Digest {
        match self {
            Self::Text(key) => key.digest(),
            Self::Digest(digest) => *digest,
        }
    }
}

/// Where the payload of a planned change is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedPlace {
    /// The file (or other unit), as its store names it.
    pub unit: String,
    /// Line, counted from 1.
    pub line: u64,
    /// Byte at which the payload begins.
    pub offset: u64,
    /// Length of the payload in bytes.
    pub length: u32,
}

/// What a finished plan amounts to: its last line.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanSummary {
    /// Changes by collection and kind.
    pub counts: PlanCounts,
    /// What guards say, by collection.
    pub verdicts: PlanVerdicts,
    /// Digest of everything in the file before this member.
    pub digest: Digest,
}

impl PlanSummary {
    /// All changes of the plan.
    pub fn changes(&self) -> u64 {
        self.counts.values().flat_map(BTreeMap::values).sum()
    }
}
