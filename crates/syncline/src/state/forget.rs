//! Giving up what is kept: the next run then takes it for new.

use jiff::Timestamp;
use serde::Serialize;
use syncline_ledger::{Holder, Ledger};
use syncline_model::{CollectionName, Digest};

use super::{Chosen, Part, chosen, existing};
use crate::{Config, Failure};

/// What is to be given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToForget {
    /// All that is kept of the collections.
    Everything,
    /// Only what is owed: what was known before it is known again, and it is not offered again by
    /// itself.
    Owed,
    /// One record, by the digest of its key in hexadecimal.
    Key(String),
}

/// What the command line says about forgetting.
#[derive(Clone, Debug)]
pub struct ForgetArgs {
    /// Of which collections and which target.
    pub part: Part,
    /// What.
    pub what: ToForget,
    /// Who holds the ledger meanwhile.
    pub holder: Holder,
}

/// What is given up of one collection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Forgetting {
    /// The target, as it names itself.
    pub target: String,
    /// The collection.
    pub collection: String,
    /// Records known to be there.
    pub held: u64,
    /// Changes that are owed.
    pub owed: u64,
    /// Lines imported from lightbeam.
    pub imported: u64,
}

/// Gives up what is kept, once `confirm` agrees to what that is; false if it does not, or if there
/// is nothing to give up (then `confirm` is not asked).
pub fn forget(
    config: &Config,
    arguments: &ForgetArgs,
    confirm: impl FnOnce(&[Forgetting]) -> bool,
) -> Result<bool, Failure> {
    let mut ledger = Ledger::open(existing(config)?, &arguments.holder)?;
    let key = match &arguments.what {
        ToForget::Key(text) => Some(digest(text)?),
        ToForget::Everything | ToForget::Owed => None,
    };
    let mut chosen = chosen(&ledger, &arguments.part)?;
    let plan = plan(&ledger, &mut chosen, (&arguments.what, key))?;
    one_target(&plan)?;
    if plan.is_empty() || !confirm(&plan) {
        return Ok(false);
    }
    for one in &chosen {
        for name in one.names() {
            match key {
                Some(key) => {
                    let now = Timestamp::now().as_second();
                    ledger.forget_key(one.scope, name, &key, now)?;
                }
                None if arguments.what == ToForget::Owed => {
                    ledger.forget_all_owed(one.scope, name)?;
                }
                None => {
                    ledger.forget_collection(one.scope, name)?;
                }
            }
        }
    }
    Ok(true)
}

fn digest(text: &str) -> Result<Digest, Failure> {
    Digest::from_hex(text).ok_or_else(|| {
        Failure::configuration(format!("--key-digest: {text} is no digest"))
            .with_hint("`syncline state owed` and `state export` print them, 32 digits each")
    })
}

/// What there is to give up; collections without any of it are left out, of `chosen` too.
fn plan(
    ledger: &Ledger,
    chosen: &mut [Chosen],
    (what, key): (&ToForget, Option<Digest>),
) -> Result<Vec<Forgetting>, Failure> {
    let mut plan = Vec::new();
    for one in chosen {
        let counts = ledger.owed_counts(one.scope)?;
        let mut kept = Vec::new();
        for row in std::mem::take(&mut one.collections) {
            let owed = counts.get(&row.name).into_iter().flatten();
            let mut part = Forgetting {
                target: one.target.clone(),
                collection: row.name.to_string(),
                held: row.held,
                owed: owed.map(|(_, count)| count).sum(),
                imported: row.imported,
            };
            let is_meant = match (what, key) {
                (_, Some(key)) => narrow(&mut part, ledger, (one.scope, &row.name), &key)?,
                (ToForget::Owed, None) => {
                    (part.held, part.imported) = (0, 0);
                    part.owed > 0
                }
                _ => true,
            };
            if is_meant {
                plan.push(part);
                kept.push(row);
            }
        }
        one.collections = kept;
    }
    match (key, plan.is_empty()) {
        (Some(key), true) => Err(Failure::configuration(format!(
            "--key-digest: nothing is known of {key}"
        ))),
        _ => Ok(plan),
    }
}

/// Narrows what is given up down to one key; false if nothing is known of it.
fn narrow(
    part: &mut Forgetting,
    ledger: &Ledger,
    (scope, name): (syncline_ledger::ScopeId, &CollectionName),
    key: &Digest,
) -> Result<bool, Failure> {
    let Some((known, _)) = ledger.find(scope, name, key)? else {
        return Ok(false);
    };
    part.held = u64::from(known.held.is_some());
    part.owed = u64::from(!known.outcome.is_settled());
    part.imported = 0;
    Ok(true)
}

/// What is kept for several targets is given up for one at a time.
fn one_target(plan: &[Forgetting]) -> Result<(), Failure> {
    let mut targets: Vec<&str> = plan.iter().map(|part| part.target.as_str()).collect();
    targets.dedup();
    if targets.len() < 2 {
        return Ok(());
    }
    let message = "this would forget what is kept for several targets";
    Err(Failure::configuration(message).with_hint(format!(
        "name one with --target, or a part of its name: {}",
        targets.join(", ")
    )))
}
