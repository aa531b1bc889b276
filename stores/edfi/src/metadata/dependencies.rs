//! Load order: GraphML where the server has it, else levels, else what the references imply.

use std::collections::{BTreeMap, BTreeSet};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde::Deserialize;
use syncline_http::Client;
use syncline_model::{Collection, CollectionName};
use syncline_store::{ErrorKind, Result, StoreError};
use url::Url;

use super::require_success;

/// What each collection waits for.
type Dependencies = BTreeMap<CollectionName, Vec<CollectionName>>;

/// Mark of the node at which refused persons are to be tried again.
const RETRY: &str = "#Retry";

/// Asks for the graph, and is content with levels.
pub(super) async fn fetch(client: &Client, url: &Url) -> Result<Dependencies> {
    let graph = client.get_as(url, "application/graphml").await?;
    if graph.is_success()
        && let Some(dependencies) = std::str::from_utf8(&graph.body).ok().and_then(from_graphml)
    {
        return Ok(dependencies);
    }
    let levels = client.get(url).await?;
    require_success(url, &levels)?;
    match serde_json::from_slice::<Vec<Level>>(&levels.body) {
        Ok(levels) => Ok(from_levels(&levels)),
        Err(error) => {
            let message = format!("{url} answers with something that is no load order");
            Err(StoreError::new(ErrorKind::InvalidData, message).with_source(error))
        }
    }
}

/// One entry of the load order by levels.
#[derive(Deserialize)]
struct Level {
    resource: String,
    order: i64,
    #[serde(default)]
    operations: Vec<String>,
}

/// A collection waits for all of lower levels. Entries that only update are later visits to
/// persons; what counts is when they are created.
fn from_levels(levels: &[Level]) -> Dependencies {
    let creates: Vec<(&Level, CollectionName)> = levels
        .iter()
        .filter(|level| {
            level.operations.is_empty()
                || level
                    .operations
                    .iter()
                    .any(|operation| operation.eq_ignore_ascii_case("create"))
        })
        .map(|level| (level, collection(&level.resource)))
        .collect();
    // Waiting for the level just below is waiting for all of them.
    let mut by_order: BTreeMap<i64, Vec<CollectionName>> = BTreeMap::new();
    for (level, name) in &creates {
        by_order.entry(level.order).or_default().push(name.clone());
    }
    let below = |order: i64| {
        by_order
            .range(..order)
            .next_back()
            .map_or(vec![], |(_, names)| names.clone())
    };
    creates
        .into_iter()
        .map(|(level, name)| (name, below(level.order)))
        .collect()
}

/// Reads the graph; nothing if it is not one. Whoever waits for a retry node waits for what
/// that node waits for: the persons' associations.
pub(super) fn from_graphml(text: &str) -> Option<Dependencies> {
    let mut nodes = BTreeSet::new();
    let mut edges: Vec<(String, String)> = Vec::new();
    let mut reader = Reader::from_str(text);
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) | Event::Empty(element) => match element.name().as_ref() {
                "node" => {
                    nodes.insert(attribute(&element, "id")?);
                }
                "edge" => edges.push((
                    attribute(&element, "source")?,
                    attribute(&element, "target")?,
                )),
                _ => {}
            },
            Event::Eof => break,
            _ => {}
        }
    }
    let mut dependencies: Dependencies = nodes
        .iter()
        .filter(|node| !node.ends_with(RETRY))
        .map(|node| (collection(node), vec![]))
        .collect();
    if dependencies.is_empty() {
        return None;
    }
    for (source, target) in edges.iter().filter(|(_, target)| !target.ends_with(RETRY)) {
        let waits = dependencies.entry(collection(target)).or_default();
        if source.ends_with(RETRY) {
            let before = edges.iter().filter(|(_, retry)| retry == source);
            waits.extend(before.map(|(source, _)| collection(source)));
        } else {
            waits.push(collection(source));
        }
    }
    for waits in dependencies.values_mut() {
        waits.sort();
        waits.dedup();
    }
    Some(dependencies)
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let value = element.try_get_attribute(name).ok()??.value;
    Some(value.into_owned())
}

/// The collection of `/ed-fi/students` or `/ed-fi/students#Retry`.
fn collection(node: &str) -> CollectionName {
    CollectionName::new(node.trim_start_matches('/').trim_end_matches(RETRY))
}

/// Descriptors first, then each collection after those it refers to.
pub(super) fn from_references(collections: &BTreeMap<CollectionName, Collection>) -> Dependencies {
    let is_descriptor = |name: &CollectionName| name.short().ends_with("Descriptors");
    let descriptors: Vec<CollectionName> = collections
        .keys()
        .filter(|name| is_descriptor(name))
        .cloned()
        .collect();
    collections
        .iter()
        .map(|(name, collection)| {
            let mut waits: Vec<CollectionName> = collection
                .references
                .iter()
                .flat_map(|reference| reference.targets.clone())
                .collect();
            if !is_descriptor(name) {
                waits.extend(descriptors.clone());
            }
            waits.sort();
            waits.dedup();
            waits.retain(|target| target != name);
            (name.clone(), waits)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<CollectionName> {
        names
            .iter()
            .map(|name| CollectionName::new(*name))
            .collect()
    }

    #[test]
    fn dependants_of_a_retry_node_wait_for_the_associations() {
        let graph = r#"<?xml version="1.0"?><graphml><graph id="x" edgedefault="directed">
            <node id="/ed-fi/students"/><node id="/ed-fi/students#Retry"/>
            <node id="/ed-fi/studentSchoolAssociations"/><node id="/ed-fi/grades"></node>
            <edge source="/ed-fi/students" target="/ed-fi/studentSchoolAssociations"/>
            <edge source="/ed-fi/studentSchoolAssociations" target="/ed-fi/students#Retry"/>
            <edge source="/ed-fi/students#Retry" target="/ed-fi/grades"/></graph></graphml>"#;
        let dependencies = from_graphml(graph).unwrap();
        assert_eq!(dependencies.len(), 3);
        assert_eq!(
            dependencies["ed-fi/grades"],
            names(&["ed-fi/studentSchoolAssociations"])
        );
        assert_eq!(dependencies["ed-fi/students"], []);
    }

    #[test]
    fn what_is_no_graph_is_not_taken_for_an_empty_one() {
        assert_eq!(from_graphml("<html></html>"), None);
        assert_eq!(from_graphml("[{\"resource\":1}]"), None);
    }

    #[test]
    fn a_level_waits_for_the_one_below_and_updates_do_not_count() {
        let levels = r#"[{"resource":"/ed-fi/a","order":1,"operations":["Create"]},
            {"resource":"/ed-fi/b","order":3,"operations":["Create","Update"]},
            {"resource":"/ed-fi/a","order":5,"operations":["Update"]},
            {"resource":"/ed-fi/c","order":5,"operations":["Create"]}]"#;
        let dependencies = from_levels(&serde_json::from_str::<Vec<Level>>(levels).unwrap());
        assert_eq!(dependencies["ed-fi/a"], []);
        assert_eq!(dependencies["ed-fi/b"], names(&["ed-fi/a"]));
        assert_eq!(dependencies["ed-fi/c"], names(&["ed-fi/b"]));
    }
}
