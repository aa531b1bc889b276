//! Data standards that are not the same on both sides: what has another name is mapped, what the
//! target does not know is left out and told, once for each collection.
//!
//! Both follow from the documents of the two APIs and one table of words. Collections that fit as
//! they are pass untouched, byte for byte; so does everything where an API shows no documents.

mod rules;
mod translated;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use syncline_model::{Catalog, Collection, CollectionName};
use syncline_store::Store;
use syncline_store_edfi::EdfiStore;

use rules::Rules;
use translated::Translated;

/// Words of names, in the singular, that later data standards say otherwise: parents became
/// contacts with Data Standard 5.
const WORDS: [(&str, &str); 1] = [("parent", "contact")];
/// Members of a collection that are named when they are left out; more are counted.
const NAMES_SHOWN: usize = 8;

/// How the collections of a source are read for a target.
#[derive(Debug, Default)]
pub(crate) struct Standards {
    /// What is not as the target has it, by the target's names.
    mapped: BTreeMap<CollectionName, Arc<Mapped>>,
}

/// A collection that is read in other words.
#[derive(Debug)]
struct Mapped {
    /// As the source has it.
    source: Arc<Collection>,
    rules: Rules,
    /// For each field of the target's key its place in the source's; nothing if one has none.
    key: Option<Vec<usize>>,
    /// Members that the target does not have.
    lost: Vec<String>,
}

impl Standards {
    /// What both sides say of their collections, compared.
    pub(crate) fn between(
        (source, source_catalog): (&EdfiStore, &Catalog),
        (target, target_catalog): (&EdfiStore, &Catalog),
    ) -> Self {
        let mut mapped = BTreeMap::new();
        for (name, collection) in &source_catalog.collections {
            let descriptor = name.short().ends_with("Descriptors");
            let Some(other) = counterpart(name, target_catalog).filter(|_| !descriptor) else {
                continue;
            };
            let shapes = source.shape(name).zip(target.shape(&other.name));
            let mut lost = Vec::new();
            let rules = shapes.map_or_else(Rules::default, |(ours, theirs)| {
                Rules::between(&ours.members, &theirs.members, &mut lost)
            });
            if *name == other.name && rules.is_empty() {
                continue;
            }
            let key = key_places(collection, other, &rules);
            let one = Mapped {
                source: Arc::new(collection.clone()),
                rules,
                key,
                lost,
            };
            mapped.insert(other.name.clone(), Arc::new(one));
        }
        Self { mapped }
    }

    /// The catalog of the source, with the names that the target has for its collections.
    pub(crate) fn catalog(&self, mut source: Catalog) -> Catalog {
        for (name, mapped) in &self.mapped {
            if mapped.source.name != *name
                && let Some(collection) = source.collections.remove(&mapped.source.name)
            {
                let renamed = Collection {
                    name: name.clone(),
                    ..collection
                };
                source.collections.insert(name.clone(), renamed);
            }
        }
        source
    }

    /// The source, read in the words of the target.
    pub(crate) fn translated(self: &Arc<Self>, source: Arc<dyn Store>) -> Arc<dyn Store> {
        if self.mapped.is_empty() {
            return source;
        }
        Arc::new(Translated {
            source,
            standards: Arc::clone(self),
        })
    }

    /// What a person should know of some collections, one clause for each.
    pub(crate) fn notes(&self, chosen: &BTreeSet<CollectionName>) -> Vec<String> {
        let chosen = self
            .mapped
            .iter()
            .filter(|(name, _)| chosen.contains(*name));
        chosen
            .flat_map(|(name, mapped)| {
                let other = mapped.source.name != *name;
                let renamed =
                    other.then(|| format!("{} is published as {name}", mapped.source.name));
                renamed.into_iter().chain(mapped.left_out(name))
            })
            .collect()
    }
}

impl Mapped {
    fn left_out(&self, name: &CollectionName) -> Option<String> {
        let some: Vec<&str> = self
            .lost
            .iter()
            .take(NAMES_SHOWN)
            .map(String::as_str)
            .collect();
        let more = match self.lost.len().saturating_sub(NAMES_SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        (!some.is_empty()).then(|| {
            let some = some.join(", ");
            format!("{name}: left out, as the target does not have them: {some}{more}")
        })
    }
}

/// The target's collection for one of the source: of the same name, or of the later one.
fn counterpart<'a>(name: &CollectionName, target: &'a Catalog) -> Option<&'a Collection> {
    let same = target.collections.get(name);
    same.or_else(|| target.collections.get(renamed(name.as_str())?.as_str()))
}

/// A name in later words; nothing if it has none of those that changed.
pub(crate) fn renamed(name: &str) -> Option<String> {
    WORDS
        .iter()
        .find_map(|(old, new)| in_words(name, (old, new)))
}

/// A name in earlier words.
fn renamed_back(name: &str) -> Option<String> {
    WORDS
        .iter()
        .find_map(|(old, new)| in_words(name, (new, old)))
}

/// A name with one word of it in place of another: `parentUniqueId`, `studentParentAssociations`,
/// `ed-fi/parents`.
fn in_words(name: &str, (old, new): (&str, &str)) -> Option<String> {
    let mut found = None;
    for (at, _) in name.match_indices(|letter: char| letter.is_ascii_alphabetic()) {
        let rest = name.get(at..)?;
        let begins = at == 0 || name.as_bytes().get(at - 1) == Some(&b'/');
        let capital = rest.starts_with(|letter: char| letter.is_ascii_uppercase());
        let Some(word) = rest.get(..old.len()) else {
            break;
        };
        let ends = rest.get(old.len()..).is_none_or(|after| {
            let after = after.strip_prefix('s').unwrap_or(after);
            after.is_empty() || after.starts_with(|letter: char| letter.is_ascii_uppercase())
        });
        if !word.eq_ignore_ascii_case(old) || !ends || !(begins || capital) {
            continue;
        }
        let mut instead = new.to_owned();
        if capital && let Some(first) = instead.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        let before = name.get(..at)?;
        found = Some(format!("{before}{instead}{}", rest.get(old.len()..)?));
        break;
    }
    found
}

/// Where each field of the target's key is in the source's.
fn key_places(source: &Collection, target: &Collection, rules: &Rules) -> Option<Vec<usize>> {
    let paths: Vec<_> = source
        .key
        .iter()
        .map(|field| rules.path(&field.path))
        .collect();
    let place = |path| paths.iter().position(|known| known.as_ref() == Some(path));
    target.key.iter().map(|field| place(&field.path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_words_of_names_are_said_otherwise() {
        for (name, expected) in [
            ("ed-fi/parents", Some("ed-fi/contacts")),
            ("parentUniqueId", Some("contactUniqueId")),
            ("parentReference", Some("contactReference")),
            (
                "ed-fi/studentParentAssociations",
                Some("ed-fi/studentContactAssociations"),
            ),
            ("apparentCause", None),
            ("parenthood", None),
            ("students", None),
        ] {
            assert_eq!(renamed(name).as_deref(), expected, "{name}");
        }
        assert_eq!(
            renamed_back("contactUniqueId").as_deref(),
            Some("parentUniqueId")
        );
    }
}
