//! Keys whose value is one of some words.

use std::collections::BTreeMap;

use crate::Failure;
use crate::config::Section;

type Result<T, E = Failure> = std::result::Result<T, E>;

/// What the word of a key means; without one, what is usual.
pub(super) fn word<T: Copy + Default>(
    section: &Section<'_>,
    key: &'static str,
    words: &[(&str, T)],
) -> Result<T> {
    Ok(optional_word(section, key, words)?.unwrap_or_default())
}

/// What the word of a key means, if there is one.
pub(super) fn optional_word<T: Copy>(
    section: &Section<'_>,
    key: &'static str,
    words: &[(&str, T)],
) -> Result<Option<T>> {
    debug_assert!(section.has_words(key, words.iter().map(|(word, _)| *word)));
    let Some(text) = section.text(key)? else {
        return Ok(None);
    };
    match meaning(&text, words) {
        Some(meaning) => Ok(Some(meaning)),
        None => Err(section.failure(key, one_of(words))),
    }
}

/// What the word of each field of a key means.
pub(super) fn words<T: Copy>(
    section: &Section<'_>,
    key: &'static str,
    words: &[(&str, T)],
) -> Result<BTreeMap<String, T>> {
    debug_assert!(section.has_words(key, words.iter().map(|(word, _)| *word)));
    let mut found = BTreeMap::new();
    for (field, text) in section.named_texts(key)? {
        let Some(meaning) = meaning(&text, words) else {
            let message = format!("`{field}` {}", one_of(words));
            return Err(section.failure(key, message));
        };
        found.insert(field, meaning);
    }
    Ok(found)
}

fn meaning<T: Copy>(text: &str, words: &[(&str, T)]) -> Option<T> {
    let found = words.iter().find(|(word, _)| *word == text.trim());
    found.map(|(_, meaning)| *meaning)
}

fn one_of<T>(words: &[(&str, T)]) -> String {
    let words: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
    format!("must be one of {}", words.join(", "))
}
