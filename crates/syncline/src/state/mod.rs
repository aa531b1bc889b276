//! What is kept from run to run: shown, exported, given up, and taken over from lightbeam.
//!
//! Looking reads the ledger also while another process holds it, and touches no network; importing
//! and forgetting hold it. Keys and payloads, which may hold personal data, leave only when they
//! are asked for.

mod export;
mod forget;
mod import;
mod look;
mod owed;
mod pickle;
mod row;

use std::path::Path;

use syncline_ledger::{CollectionRow, LedgerView, ScopeId};
use syncline_model::CollectionName;

pub use export::{ExportFormat, export};
pub use forget::{ForgetArgs, Forgetting, ToForget, forget};
pub use import::{ImportArgs, ImportedCollection, StateImport, import};
pub use look::{CollectionState, RunState, ScopeState, runs, show};
pub use owed::{OwedState, owed};
pub(crate) use row::{outcome as outcome_text, time as time_text};

use crate::{Config, Failure, Selection};

/// Which part of what is kept is meant.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// Which collections.
    pub selection: Selection,
    /// Text that the name of the target has to contain.
    pub target: Option<String>,
}

/// What is kept for one target and flow, as far as it is meant.
struct Chosen {
    scope: ScopeId,
    target: String,
    flow: String,
    collections: Vec<CollectionRow>,
}

impl Chosen {
    fn names(&self) -> impl Iterator<Item = &CollectionName> {
        self.collections.iter().map(|row| &row.name)
    }
}

/// The state folder of a configuration.
fn folder(config: &Config) -> Result<&Path, Failure> {
    config.state_folder.as_deref().ok_or_else(|| {
        let message = format!(
            "{}: `state_dir` is not set, so nothing is kept",
            config.file.display()
        );
        Failure::configuration(message).with_hint("name a folder with `state_dir`")
    })
}

/// The ledger of a configuration, to look at.
fn view(config: &Config) -> Result<LedgerView, Failure> {
    let folder = existing(config)?;
    Ok(LedgerView::open(folder)?)
}

/// The state folder of a configuration, which has to hold a ledger already.
fn existing(config: &Config) -> Result<&Path, Failure> {
    let folder = folder(config)?;
    if LedgerView::is_in(folder) {
        return Ok(folder);
    }
    let message = format!("{} holds no ledger yet", folder.display());
    Err(Failure::configuration(message)
        .with_hint("`syncline send` makes one, and so does `syncline state import`"))
}

/// The scopes that are meant, each with its collections. A term of the selection has to match in
/// one of them.
fn chosen(view: &LedgerView, part: &Part) -> Result<Vec<Chosen>, Failure> {
    let mut chosen = Vec::new();
    for (scope, target, flow) in view.scopes()? {
        let wanted = part.target.as_deref();
        if wanted.is_none_or(|wanted| target.0.contains(wanted)) {
            chosen.push(Chosen {
                scope,
                target: target.0,
                flow,
                collections: view.collections(scope)?,
            });
        }
    }
    if let (Some(wanted), true) = (&part.target, chosen.is_empty()) {
        return Err(no_target(wanted, view)?);
    }
    if part.selection == Selection::default() {
        return Ok(chosen);
    }
    let mut names: Vec<CollectionName> = chosen.iter().flat_map(Chosen::names).cloned().collect();
    names.sort_unstable();
    names.dedup();
    let names = part.selection.apply(&names)?;
    for one in &mut chosen {
        one.collections.retain(|row| names.contains(&row.name));
    }
    Ok(chosen)
}

fn no_target(wanted: &str, view: &LedgerView) -> Result<Failure, Failure> {
    let mut known: Vec<String> = view
        .scopes()?
        .into_iter()
        .map(|(_, target, _)| target.0)
        .collect();
    known.dedup();
    let failure = Failure::configuration(format!("--target: nothing is kept for `{wanted}`"));
    Ok(failure.with_hint(format!("known targets: {}", known.join(", "))))
}
