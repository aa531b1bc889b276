//! Which descriptor values there are: those of the data files, and those of the API.

mod local;
mod remote;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use syncline_check::{DescriptorSeen, Method, Problem, Severity};
use syncline_model::Digest;

use crate::suggest::nearest;

pub(crate) use local::read_local;
pub(crate) use remote::read_remote;

/// Longest value that is repeated in a message, in characters.
const VALUE_MAX: usize = 306;

/// The values there are.
#[derive(Debug, Default)]
pub(crate) struct Values {
    /// Digests of whole values, `namespace#codeValue`.
    known: HashSet<Digest, BuildHasherDefault<Spread>>,
    /// Code values by namespace, to suggest one.
    codes: BTreeMap<Box<str>, BTreeSet<Box<str>>>,
    /// Names of descriptors, in lower case, whose values the API would not tell.
    untold: BTreeSet<String>,
}

/// What is known of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    Yes,
    No,
    /// The API does not tell the values of its descriptor.
    Untold,
}

impl Values {
    /// Adds a value.
    pub(crate) fn add(&mut self, namespace: &str, code: &str) {
        let whole = format!("{namespace}#{code}");
        if self.known.insert(Digest::of(whole.as_bytes())) {
            let codes = self.codes.entry(namespace.into()).or_default();
            codes.insert(code.into());
        }
    }

    /// The values of this descriptor (`gradeLevelDescriptors` or the like) cannot be had.
    pub(crate) fn untold(&mut self, collection: &str) {
        let name = collection.strip_suffix('s').unwrap_or(collection);
        self.untold.insert(name.to_lowercase());
    }

    /// What is known of a whole value.
    #[inline]
    pub(crate) fn look_up(&self, value: &str) -> Known {
        if self.known.contains(&Digest::of(value.as_bytes())) {
            return Known::Yes;
        }
        if self.untold.is_empty() {
            return Known::No;
        }
        let namespace = value.split('#').next().unwrap_or(value);
        let name = namespace.rsplit('/').next().unwrap_or(namespace);
        if self.untold.contains(&name.to_lowercase()) {
            Known::Untold
        } else {
            Known::No
        }
    }

    /// What to say of a value that there is not.
    pub(crate) fn problem(&self, seen: &DescriptorSeen<'_>) -> Problem {
        let (namespace, code) = seen.parts();
        let codes = self.codes.get(namespace);
        let near = codes.and_then(|codes| nearest(code, codes.iter().map(|code| &**code)));
        let hint = match (near, codes) {
            (Some(near), _) => format!("did you mean `{namespace}#{near}`?"),
            (None, Some(_)) => {
                "neither the data files nor the API have it; a value that was added to the API \
                 lately is seen with --wipe"
                    .to_owned()
            }
            (None, None) => {
                "neither the data files nor the API have any value of this namespace".to_owned()
            }
        };
        let shown: String = seen.value.chars().take(VALUE_MAX).collect();
        Problem {
            method: Method::Descriptors,
            severity: Severity::Error,
            path: seen.place.to_string(),
            column: seen.column,
            message: format!("there is no {} `{shown}`", seen.descriptor),
            hint: Some(hint),
        }
    }
}

/// Takes the first bytes of a digest as its hash; they are as good as any other.
#[derive(Clone, Copy, Debug, Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_ne_bytes(*first);
        }
    }

    fn write_usize(&mut self, _: usize) {}
}
