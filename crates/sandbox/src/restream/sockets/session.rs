//! What a session key stands for: how far its reader has come.

use std::collections::{BTreeMap, VecDeque};

use super::super::data::Place;
use super::super::routes::Kind;

/// Keys that are kept at most; the one used longest ago makes room.
const MOST: usize = 10_000;

/// Whose records a key is for, and the key.
pub(super) type Name = (Kind, usize, String);

/// How far a reader has come.
#[derive(Clone, Debug, Default)]
pub(super) struct Session {
    /// What is sent next.
    pub(super) next: Place,
    /// What comes after all that was acknowledged.
    pub(super) acknowledged: Place,
    /// What comes after each frame that was not acknowledged, oldest first.
    pub(super) waiting: VecDeque<Place>,
    used: i64,
}

/// All keys.
#[derive(Debug, Default)]
pub(crate) struct Sessions(BTreeMap<Name, Session>);

impl Sessions {
    /// Goes on with a key, or begins it at a second; one unused for too long begins anew.
    pub(super) fn begin(
        &mut self,
        name: &Name,
        first: i64,
        (now, kept): (i64, i64),
    ) -> &mut Session {
        self.0.retain(|_, session| now - session.used <= kept);
        if self.0.len() >= MOST && !self.0.contains_key(name) {
            let oldest = self.0.iter().min_by_key(|(_, session)| session.used);
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                self.0.remove(&oldest);
            }
        }
        let first = Place {
            second: first,
            subject: 0,
        };
        let session = self.0.entry(name.clone()).or_insert_with(|| Session {
            next: first,
            acknowledged: first,
            ..Session::default()
        });
        session.used = now;
        session
    }

    /// A key that was begun.
    pub(super) fn of(&mut self, name: &Name, now: i64) -> &mut Session {
        let session = self.0.entry(name.clone()).or_default();
        session.used = now;
        session
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_kept_while_it_is_used_and_then_forgotten() {
        let mut sessions = Sessions::default();
        let name = (Kind::Sites, 0, "k".to_owned());
        sessions.begin(&name, 100, (0, 50)).next.second = 120;
        assert_eq!(sessions.begin(&name, 130, (50, 50)).next.second, 120);
        assert_eq!(sessions.begin(&name, 130, (101, 50)).next.second, 130);
    }
}
