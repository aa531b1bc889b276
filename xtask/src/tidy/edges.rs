//! Dependencies between the crates of the workspace, held to one table.
//!
//! The table is the architecture: a crate that is not in it, or that names a crate its row does
//! not, is refused. Nothing may depend on the command line, which no row names.

use super::finding::Finding;
use super::tree::{Edge, Package, Tree};

/// Each package and the packages of ours it may use.
const ALLOWED: &[(&str, &[&str])] = &[
    ("syncline-model", &[]),
    ("syncline-plan", &["syncline-model"]),
    ("syncline-check", &["syncline-model"]),
    ("syncline-plot", &[]),
    ("syncline-store", &["syncline-model"]),
    ("syncline-ledger", &["syncline-model"]),
    ("syncline-map", &["syncline-model", "syncline-store"]),
    ("syncline-derive", &["syncline-model", "syncline-store"]),
    ("syncline-http", &["syncline-model", "syncline-store"]),
    ("syncline-connections", &["syncline-http"]),
    (
        "syncline-engine",
        &[
            "syncline-model",
            "syncline-plan",
            "syncline-store",
            "syncline-ledger",
        ],
    ),
    (
        "syncline-store-files",
        &["syncline-model", "syncline-store"],
    ),
    ("syncline-store-exec", &["syncline-model", "syncline-store"]),
    (
        "syncline-store-memory",
        &["syncline-model", "syncline-store"],
    ),
    ("syncline-store-sql", &["syncline-model", "syncline-store"]),
    ("syncline-store-ldap", &["syncline-model", "syncline-store"]),
    (
        "syncline-store-edfi",
        &["syncline-model", "syncline-store", "syncline-http"],
    ),
    (
        "syncline-store-restream",
        &["syncline-model", "syncline-store", "syncline-http"],
    ),
    (
        "syncline",
        &[
            "syncline-engine",
            "syncline-plan",
            "syncline-plot",
            "syncline-check",
            "syncline-connections",
            "syncline-derive",
            "syncline-store",
            "syncline-ledger",
            "syncline-macros",
            "syncline-map",
            "syncline-model",
            "syncline-store-files",
            "syncline-store-edfi",
            "syncline-store-exec",
            "syncline-store-ldap",
            "syncline-store-memory",
            "syncline-store-sql",
            "syncline-store-restream",
        ],
    ),
    ("syncline-cli", &["syncline", "syncline-sandbox"]),
    ("syncline-sandbox", &[]),
    (
        "syncline-testkit",
        &["syncline-model", "syncline-store", "syncline-sandbox"],
    ),
    ("syncline-macros", &[]),
    ("xtask", &[]),
];

/// What tests may use besides, wherever the crate under test is not pure.
const FOR_TESTS: &[&str] = &["syncline-testkit", "syncline-sandbox"];

/// Pure crates, whose tests need no server and no store.
const PURE: &[&str] = &["syncline-model", "syncline-plan"];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    tree.packages.iter().flat_map(check_package).collect()
}

fn check_package(package: &Package) -> Vec<Finding> {
    let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == package.name) else {
        let advice = "give the package a row in xtask/src/tidy/edges.rs and in ARCHITECTURE.md";
        return vec![Finding::refused(&package.manifest, 1, advice)];
    };
    let refused = package
        .edges
        .iter()
        .filter(|edge| !is_allowed(package, edge, allowed));
    refused.map(|edge| finding(package, edge)).collect()
}

fn is_allowed(package: &Package, edge: &Edge, allowed: &[&str]) -> bool {
    let on = edge.on.as_str();
    let is_pure = PURE.contains(&package.name.as_str());
    allowed.contains(&on) || (edge.dev && !is_pure && FOR_TESTS.contains(&on))
}

fn finding(package: &Package, edge: &Edge) -> Finding {
    let kind = if edge.dev {
        "its tests may not use"
    } else {
        "it may not use"
    };
    let advice = format!(
        "{kind} {}: move the shared part to a crate that both may use (see ARCHITECTURE.md)",
        edge.on
    );
    Finding::refused(&package.manifest, 1, advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_edge(name: &str, on: &str, dev: bool, findings: usize) {
        let edges = vec![Edge {
            on: on.to_owned(),
            dev,
        }];
        let package = Package {
            name: name.to_owned(),
            manifest: "Cargo.toml".to_owned(),
            edges,
        };
        assert_eq!(
            check_package(&package).len(),
            findings,
            "{name} -> {on}, dev: {dev}"
        );
    }

    #[test]
    fn lets_dependencies_point_down_only() {
        check_edge("syncline-engine", "syncline-plan", false, 0);
        check_edge("syncline-plan", "syncline-engine", false, 1);
        check_edge("syncline-plan", "syncline-store", false, 1);
        check_edge("syncline-store-files", "syncline-store-edfi", false, 1);
        check_edge("syncline-sandbox", "syncline-http", false, 1);
    }

    #[test]
    fn lets_tests_use_the_test_kit_unless_the_crate_is_pure() {
        check_edge("syncline-engine", "syncline-testkit", true, 0);
        check_edge("syncline-engine", "syncline-testkit", false, 1);
        check_edge("syncline-plan", "syncline-testkit", true, 1);
        check_edge("syncline-engine", "syncline-store-files", true, 1);
    }

    #[test]
    fn lets_nothing_use_the_command_line() {
        for (name, _) in ALLOWED {
            check_edge(name, "syncline-cli", true, 1);
        }
    }

    #[test]
    fn refuses_a_package_without_a_row() {
        check_edge("syncline-elsewhere", "syncline-model", false, 1);
    }

    #[test]
    fn has_no_row_for_a_package_that_is_gone() {
        let tree = Tree::load().unwrap();
        for (name, _) in ALLOWED {
            assert!(
                tree.packages.iter().any(|package| package.name == *name),
                "{name}"
            );
        }
    }
}
