//! Why a key differs, by what the ledger remembers of it.

use std::sync::PoisonError;

use syncline_ledger::{Known, LastOutcome};
use syncline_model::{CollectionName, Digest};

use super::Wrong;
use super::pair::Memory;
use crate::Failure;

/// Why a key differs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The change is owed: offered, and not made for this class of reasons.
    Owed(String),
    /// The source has it, and it was never written to the target from here.
    NotWritten,
    /// It was written, and the target has it no longer.
    GoneFromTarget,
    /// It was written, and the source has it no longer.
    GoneFromSource,
    /// Only the target has it, and it did not come from here.
    NotFromHere,
    /// The source holds something else than what was written.
    SourceChanged,
    /// The source holds what was written, and the target something else.
    TargetChanged,
}

impl Why {
    /// The reason as a person reads it.
    pub fn text(&self, from: &str, to: &str) -> String {
        match self {
            Self::Owed(class) => format!("owed ({class})"),
            Self::NotWritten => format!("not written to {to} yet"),
            Self::GoneFromTarget => format!("written, and no longer in {to}"),
            Self::GoneFromSource => format!("written, and no longer in {from}"),
            Self::NotFromHere => format!("not written from {from}"),
            Self::SourceChanged => format!("changed in {from} since it was written"),
            Self::TargetChanged => format!("otherwise in {to} than it was written"),
        }
    }

    /// The reason as programs read it.
    pub fn code(&self) -> String {
        match self {
            Self::Owed(class) => format!("owed-{class}"),
            Self::NotWritten => "not-written".to_owned(),
            Self::GoneFromTarget => "gone-from-target".to_owned(),
            Self::GoneFromSource => "gone-from-source".to_owned(),
            Self::NotFromHere => "not-from-here".to_owned(),
            Self::SourceChanged => "source-changed".to_owned(),
            Self::TargetChanged => "target-changed".to_owned(),
        }
    }
}

/// Why a key differs; `content` is the digest of what the source holds.
pub(super) fn why(wrong: Wrong, content: Option<Digest>, known: Option<&Known>) -> Why {
    if let Some(LastOutcome::Owed(class)) = known.map(|known| known.outcome) {
        return Why::Owed(class.to_string());
    }
    let held = known.and_then(|known| known.held);
    match (wrong, held) {
        (Wrong::Missing, None) => Why::NotWritten,
        (Wrong::Missing, Some(_)) => Why::GoneFromTarget,
        (Wrong::Extra | Wrong::Different, None) => Why::NotFromHere,
        (Wrong::Extra, Some(_)) => Why::GoneFromSource,
        (Wrong::Different, held) if held == content => Why::TargetChanged,
        (Wrong::Different, Some(_)) => Why::SourceChanged,
    }
}

impl Memory {
    /// What is known of a key.
    pub(super) fn known(
        &self,
        collection: &CollectionName,
        key: &Digest,
    ) -> Result<Option<Known>, Failure> {
        let view = self.view.lock().unwrap_or_else(PoisonError::into_inner);
        let found = view.find(self.scope, collection, key)?;
        Ok(found.map(|(known, _)| known))
    }
}

#[cfg(test)]
mod tests {
    use syncline_ledger::OwedClass;
    use syncline_model::Done;

    use super::*;

    #[test]
    fn what_is_remembered_tells_who_changed() {
        let digest = |text: &str| Digest::of(text.as_bytes());
        let known = |held: Option<&str>, outcome| Known {
            key: digest("key"),
            digest: digest("sent"),
            held: held.map(digest),
            status: 200,
            outcome,
            at: 0,
        };
        let settled = known(Some("sent"), LastOutcome::Settled(Done::Created));
        let owed = known(None, LastOutcome::Owed(OwedClass::Held));
        let cases = [
            (Wrong::Missing, "sent", None, Why::NotWritten),
            (Wrong::Missing, "sent", Some(&settled), Why::GoneFromTarget),
            (
                Wrong::Missing,
                "sent",
                Some(&owed),
                Why::Owed("held".to_owned()),
            ),
            (Wrong::Extra, "", None, Why::NotFromHere),
            (Wrong::Extra, "", Some(&settled), Why::GoneFromSource),
            (Wrong::Different, "sent", Some(&settled), Why::TargetChanged),
            (Wrong::Different, "new", Some(&settled), Why::SourceChanged),
            (Wrong::Different, "new", None, Why::NotFromHere),
        ];
        for (wrong, content, known, expected) in cases {
            let found = why(wrong, Some(digest(content)), known);
            assert_eq!(found, expected, "{wrong:?} {content}");
        }
    }
}
