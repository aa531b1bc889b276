//! Values of which there are several: in lists, or under names that the file chooses.

use std::collections::BTreeMap;

use super::{Result, Section};
use crate::config::shape::Asked;
use crate::config::tree::{Node, Value};

impl Section<'_> {
    /// Sections under names that the file chooses.
    pub(crate) fn named_sections(&self, key: &'static str) -> Result<Vec<(String, Self)>> {
        let Some(whole) = self.below(key, Asked::Sections)? else {
            return Ok(vec![]);
        };
        let shape = whole.shape.get();
        whole
            .entries
            .iter()
            .map(|(name, _, node)| {
                let section = Self::of(self.scope, (whole.full(name), shape), node)?;
                Ok((name.clone(), section))
            })
            .collect()
    }

    /// Texts under names that the file chooses, in the order of the file; all of the section.
    pub(crate) fn ordered_texts(&self) -> Result<Vec<(String, String)>> {
        let entries = self.entries.iter();
        entries
            .map(|(name, _, node)| Ok((name.clone(), self.scalar(name, node)?)))
            .collect()
    }

    /// Texts under names that the file chooses.
    pub(crate) fn named_texts(&self, key: &'static str) -> Result<BTreeMap<String, String>> {
        let Some(whole) = self.below(key, Asked::Texts)? else {
            return Ok(BTreeMap::new());
        };
        whole
            .entries
            .iter()
            .map(|(name, _, node)| Ok((name.clone(), whole.scalar(name, node)?)))
            .collect()
    }

    /// Lists of texts under names that the file chooses; a single text is a list of one.
    pub(crate) fn named_lists(&self, key: &'static str) -> Result<BTreeMap<String, Vec<String>>> {
        let Some(whole) = self.below(key, Asked::Lists)? else {
            return Ok(BTreeMap::new());
        };
        whole
            .entries
            .iter()
            .map(|(name, _, node)| Ok((name.clone(), whole.texts(name, node)?)))
            .collect()
    }

    /// A list of texts; a single text is a list of one.
    pub(crate) fn list(&self, key: &'static str) -> Result<Option<Vec<String>>> {
        let found = self.find(key, Asked::List);
        found.map(|node| self.texts(key, node)).transpose()
    }

    /// A list of texts, where a list is written.
    pub(crate) fn list_if(&self, key: &'static str) -> Result<Option<Vec<String>>> {
        match self.find(key, Asked::List) {
            Some(node) if matches!(node.value, Value::List(_)) => self.texts(key, node).map(Some),
            _ => Ok(None),
        }
    }

    fn texts(&self, key: &str, node: &Node) -> Result<Vec<String>> {
        match &node.value {
            Value::List(items) => items.iter().map(|item| self.scalar(key, item)).collect(),
            _ => Ok(vec![self.scalar(key, node)?]),
        }
    }
}
