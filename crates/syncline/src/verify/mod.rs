//! Comparing two Ed-Fi APIs, without changing either: how many records each has, then keys and
//! contents of both sides.

mod compare;
mod results;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::StreamExt as _;
use syncline_engine::{Event, Observer};
use syncline_model::{Collection, CollectionName};
use tokio_util::sync::CancellationToken;

use crate::publish::{edfi, names};
use crate::{Config, Failure, FailureKind, PublishSettings, open};

pub use results::write_verify_results;

/// Collections that are compared at the same time at most.
const TOGETHER: usize = 4;

/// What is to be compared.
#[derive(Clone, Debug)]
pub struct VerifyArgs {
    /// Which stores, and which collections of them.
    pub settings: PublishSettings,
    /// Whether only numbers of records are compared.
    pub counts_only: bool,
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
    /// Some of these keys, each with what is wrong with it.
    pub examples: Vec<(Wrong, String)>,
    /// Why the comparison says nothing certain, where that is so.
    pub uncertain: Option<String>,
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
    let settings = &arguments.settings;
    let (from, to) = names(config, settings)?;
    let (source, source_catalog) = open::api(edfi(config, &from)?).await?;
    let (target, catalog) = open::api(edfi(config, &to)?).await?;
    let chosen = settings.choice.apply(&catalog, &source_catalog)?;
    observer.on(&Event::Started(chosen.iter().cloned().collect()));
    let folder = tempfile::tempdir()?;
    let sides = compare::Sides {
        source: Arc::new(source),
        target: Arc::new(target),
        folder: folder.path().to_owned(),
        counts_only: arguments.counts_only,
    };
    let collections = chosen
        .iter()
        .filter_map(|name| catalog.collections.get(name).cloned());
    let mut compared = futures_util::stream::iter(collections.map(Arc::new))
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
    Ok(VerifySummary {
        from,
        to,
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
        Err(compare::Problem::Plan(error)) => Err(error.into()),
    }
}
