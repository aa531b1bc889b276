//! Comparing an Ed-Fi API with another, or with a folder of files, without changing either: how
//! many records each has, then keys and contents of both sides; where wanted, why they differ; and
//! one record looked at closely.
//!
//! Keys are shown, contents never, unless they are asked for.

mod compare;
mod explain;
mod pair;
mod results;
mod why;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::StreamExt as _;
use syncline_engine::{Event, Observer};
use syncline_model::{Collection, CollectionName};
use tokio_util::sync::CancellationToken;

use crate::{Config, Failure, FailureKind, PublishSettings, open};
use pair::Pair;

pub(crate) use explain::Wanted;
pub use explain::{
    ExplainArgs, Explanation, MemberDifference, OwedNow, Remembered, SideState, explain,
    explain_document,
};
pub use results::{verify_document, write_verify_results};
pub use why::Why;

/// Collections that are compared at the same time at most.
const TOGETHER: usize = 4;

/// What is to be compared.
#[derive(Clone, Debug)]
pub struct VerifyArgs {
    /// Which stores, and which collections of them.
    pub settings: PublishSettings,
    /// Whether only numbers of records are compared.
    pub counts_only: bool,
    /// Whether it is found out why keys differ, from what the ledger remembers.
    pub reasons: bool,
}

/// What was found.
#[derive(Debug)]
pub struct VerifySummary {
    /// Name of the store that is taken as right.
    pub from: String,
    /// Name of the store that is compared with it.
    pub to: String,
    /// What was found in each collection.
    pub collections: BTreeMap<CollectionName, Verified>,
}

/// What was found in a collection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Records of the source.
    pub source: u64,
    /// Records of the target.
    pub target: u64,
    /// Keys that only the source has.
    pub missing: u64,
    /// Keys that only the target has.
    pub extra: u64,
    /// Keys that both have, with other content.
    pub different: u64,
    /// The same by reason, where reasons were asked for.
    pub reasons: BTreeMap<(Wrong, Option<Why>), u64>,
    /// Some of these keys.
    pub examples: Vec<Example>,
    /// Why the comparison says nothing certain, where that is so.
    pub uncertain: Option<String>,
}

/// A key that differs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Example {
    /// What is wrong with it.
    pub wrong: Wrong,
    /// Why, if that was asked for.
    pub why: Option<Why>,
    /// The key.
    pub key: String,
}

/// What is wrong with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wrong {
    /// Only the source has it.
    Missing,
    /// Only the target has it.
    Extra,
    /// Both have it, with other content.
    Different,
}

impl Wrong {
    /// In a word.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Different => "different",
        }
    }
}

impl Verified {
    /// Whether both sides are known to hold the same.
    pub const fn is_equal(&self) -> bool {
        self.differences() == 0 && self.uncertain.is_none() && self.source == self.target
    }

    /// Keys with which something is wrong.
    pub const fn differences(&self) -> u64 {
        self.missing + self.extra + self.different
    }
}

impl VerifySummary {
    /// Whether both sides are known to hold the same.
    pub fn is_equal(&self) -> bool {
        self.collections.values().all(Verified::is_equal)
    }

    /// The exit status: 6 for differences, 1 where nothing certain can be said.
    pub fn exit_status(&self) -> u8 {
        let differs = |one: &Verified| one.differences() > 0 || one.source != one.target;
        if self.is_equal() {
            0
        } else if self.collections.values().any(differs) {
            6
        } else {
            1
        }
    }
}

/// Compares; a collection that cannot be read is said to be uncertain.
pub async fn verify(
    config: &Config,
    arguments: VerifyArgs,
    observer: Arc<dyn Observer>,
    stop: CancellationToken,
) -> Result<VerifySummary, Failure> {
    let opening = Box::pin(Pair::open(config, &arguments.settings));
    let pair = open::unless_stopped(&stop, "compared", opening).await?;
    let names = pair.collections.iter();
    observer.on(&Event::Started(names.map(|one| one.name.clone()).collect()));
    let folder = tempfile::tempdir()?;
    let collections = pair.collections.clone();
    let sides = compare::Sides {
        pair,
        folder: folder.path().to_owned(),
        counts_only: arguments.counts_only,
        reasons: arguments.reasons,
    };
    let mut compared = futures_util::stream::iter(collections)
        .map(|collection| one(&sides, collection))
        .buffer_unordered(TOGETHER);
    let mut found = BTreeMap::new();
    loop {
        let next = tokio::select! {
            biased;
            () = stop.cancelled() => {
                let message = "stopped before everything was compared";
                return Err(Failure::new(FailureKind::Interrupted, message));
            }
            next = compared.next() => next,
        };
        let Some(verified) = next else {
            break;
        };
        let (name, verified) = verified?;
        found.insert(name, verified);
    }
    drop(compared);
    Ok(VerifySummary {
        from: sides.pair.from,
        to: sides.pair.to,
        collections: found,
    })
}

async fn one(
    sides: &compare::Sides,
    collection: Arc<Collection>,
) -> Result<(CollectionName, Verified), Failure> {
    let name = collection.name.clone();
    match sides.compare(collection).await {
        Ok(verified) => Ok((name, verified)),
        Err(compare::Problem::Store(error)) if !error.is_transient() => {
            let uncertain = Verified {
                uncertain: Some(error.to_string()),
                ..Verified::default()
            };
            Ok((name, uncertain))
        }
        Err(compare::Problem::Store(error)) => Err(error.into()),
        Err(compare::Problem::Other(failure)) => Err(failure),
    }
}
