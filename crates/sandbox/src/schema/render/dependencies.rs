//! The load order a server publishes, as JSON levels and as GraphML.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::graph::{Graph, retry_node};
use crate::schema::ApiModel;

/// The list `[{resource, order, operations}]`: everything of one order can be loaded at once
/// when all lower orders are done. Descriptors have order 1; persons are listed twice.
pub fn dependencies(model: &ApiModel) -> Value {
    let graph = Graph::of(model);
    let mut entries: Vec<(usize, &str, &[&str])> = levels(&graph)
        .into_iter()
        .map(|(node, order)| match node.strip_suffix("#Retry") {
            Some(person) => (order, person, &["Update"][..]),
            None if graph.nodes.contains(&retry_node(node)) => (order, node, &["Create"][..]),
            None => (order, node, &["Create", "Update"][..]),
        })
        .collect();
    entries.sort_unstable();
    let entry = |(order, resource, operations)| {
        let mut entry = json!({"resource": resource, "order": order});
        entry["operations"] = json!(operations);
        entry
    };
    entries.into_iter().map(entry).collect()
}

/// Length of the longest chain of prerequisites; resources begin at 2.
fn levels(graph: &Graph) -> BTreeMap<&str, usize> {
    let is_descriptor = |node: &str| node.ends_with("Descriptors");
    let first = |node: &str| if is_descriptor(node) { 1 } else { 2 };
    let mut levels: BTreeMap<&str, usize> = graph
        .nodes
        .iter()
        .map(|node| (node.as_str(), first(node)))
        .collect();
    // The graph has no cycles: every round settles at least the next level.
    let mut settled = false;
    while !settled {
        settled = true;
        for (from, to) in graph.edges.keys() {
            // Writing a person again shares its level with what waits for that.
            let step = usize::from(!from.ends_with("#Retry"));
            let least = levels[from.as_str()] + step;
            if let Some(level) = levels.get_mut(to.as_str()).filter(|level| **level < least) {
                *level = least;
                settled = false;
            }
        }
    }
    levels
}

/// The same graph in GraphML, with `#Retry` nodes where a person is written again.
pub fn dependencies_graphml(model: &ApiModel) -> String {
    let graph = Graph::of(model);
    let mut text = String::from(concat!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
        "<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\" ",
        "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" ",
        "xsi:schemaLocation=\"http://graphml.graphdrawing.org/xmlns ",
        "http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd\">\n",
        "<graph id=\"EdFi Dependencies\" edgedefault=\"directed\">\n",
    ));
    // Writing to a String cannot fail; names are letters, digits, dashes, slashes and `#`.
    for node in &graph.nodes {
        let _written = writeln!(text, "<node id=\"{node}\"/>");
    }
    for (from, to) in graph.edges.keys() {
        let _written = writeln!(text, "<edge source=\"{from}\" target=\"{to}\"/>");
    }
    text.push_str("</graph></graphml>\n");
    text
}
