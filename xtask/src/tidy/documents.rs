//! Documents name only what exists: a map that points nowhere is worse than none.
//!
//! Looked at are inline code and links outside fenced blocks. Inline code counts as a path if it
//! is made of path characters alone and either ends like a file of ours or begins with a folder
//! of the tree; as a crate if it is spelt like one. Anything else is taken for prose.

use super::finding::Finding;
use super::tree::{File, Tree};

/// Documents a reader relies on to find the way.
const REQUIRED: &[&str] = &["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"];
const ENDINGS: &[&str] = &[".rs", ".toml", ".md", ".sh"];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let missing = REQUIRED.iter().filter(|path| tree.file(path).is_none());
    let missing = missing.map(|path| Finding::refused(path, 1, "write it: readers start there"));
    let documents = tree.files.iter().filter(|file| is_document(file));
    missing
        .chain(documents.flat_map(|file| check_document(tree, file)))
        .collect()
}

fn is_document(file: &File) -> bool {
    let is_ours = !file.path.contains('/') || file.path.starts_with("docs/");
    is_ours && file.has_extension("md")
}

fn check_document(tree: &Tree, document: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut fenced = false;
    for (number, line) in document.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            let names = code_spans(line).filter(|name| !code_exists(tree, name));
            let links = links(line).filter(|link| !link_exists(tree, document, link));
            findings.extend(
                names
                    .chain(links)
                    .map(|name| finding(document, number, name)),
            );
        }
    }
    findings
}

fn finding(document: &File, number: usize, name: &str) -> Finding {
    let advice = format!("`{name}` does not exist: name what took its place");
    Finding::refused(&document.path, number, advice)
}

/// The text between single backticks.
fn code_spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// Targets of links to other files of the repository.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let targets = line
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    let files = targets.filter_map(|target| target.split('#').next());
    files.filter(|target| !target.is_empty() && !target.contains(':'))
}

fn code_exists(tree: &Tree, name: &str) -> bool {
    if is_crate_name(name) {
        return tree.packages.iter().any(|package| package.name == name);
    }
    !is_path(tree, name) || path_exists(tree, name)
}

fn is_crate_name(name: &str) -> bool {
    let is_spelt = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase());
    name.strip_prefix("syncline-")
        .is_some_and(|rest| rest.split('-').all(is_spelt))
}

fn is_path(tree: &Tree, name: &str) -> bool {
    let is_plain = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c));
    let is_relative = !name.starts_with('/') && !name.starts_with("../");
    let has_stem = |ending: &&str| name.ends_with(*ending) && name.len() > ending.len();
    let is_file = ENDINGS.iter().any(has_stem);
    is_plain && is_relative && (is_file || begins_in_tree(tree, name))
}

/// Whether the first part of a path with several is a folder at the root.
fn begins_in_tree(tree: &Tree, name: &str) -> bool {
    let first = name.trim_start_matches("./").split_once('/');
    first.is_some_and(|(folder, _)| {
        tree.files.iter().any(|file| {
            file.path
                .strip_prefix(folder)
                .is_some_and(|rest| rest.starts_with('/'))
        })
    })
}

/// Whether a file or folder has this path, counted from the root or from a folder in the tree.
fn path_exists(tree: &Tree, name: &str) -> bool {
    let name = name.trim_start_matches("./").trim_end_matches('/');
    let as_file = format!("/{name}");
    let as_folder = format!("/{name}/");
    tree.files.iter().any(|file| {
        let path = format!("/{}", file.path);
        path.ends_with(&as_file) || path.contains(&as_folder)
    })
}

fn link_exists(tree: &Tree, document: &File, target: &str) -> bool {
    let mut parts: Vec<&str> = document.path.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    let path = parts.join("/");
    let folder = format!("{path}/");
    tree.files
        .iter()
        .any(|file| file.path == path || file.path.starts_with(&folder))
}

#[cfg(test)]
mod tests {
    use super::super::tree::Package;
    use super::*;

    #[track_caller]
    fn check_line(line: &str, findings: usize) {
        let mut tree = Tree::of(&[
            ("README.md", line),
            ("ARCHITECTURE.md", ""),
            ("CONTRIBUTING.md", ""),
            ("docs/guide.md", "See [the map](../ARCHITECTURE.md).\n"),
            ("crates/cli/src/main.rs", ""),
        ]);
        let manifest = "crates/cli/Cargo.toml".to_owned();
        let name = "syncline-cli".to_owned();
        tree.packages.push(Package {
            name,
            manifest,
            edges: Vec::new(),
        });
        let found = check(&tree);
        assert_eq!(found.len(), findings, "{line}: {found:?}");
    }

    #[test]
    fn accepts_what_exists() {
        check_line(
            "`crates/cli/src/main.rs`, `crates/cli`, `crates/`, `src/main.rs`, `main.rs`",
            0,
        );
        check_line(
            "`syncline-cli` and [the guide](docs/guide.md#top), [docs](docs/)",
            0,
        );
    }

    #[test]
    fn refuses_what_does_not() {
        check_line("`crates/cli/src/args.rs`", 1);
        check_line("`crates/elsewhere`", 1);
        check_line("`elsewhere.rs`", 1);
        check_line("`syncline-elsewhere`", 1);
        check_line("[gone](docs/gone.md)", 1);
    }

    #[test]
    fn takes_anything_else_for_prose() {
        check_line(
            "`out/students.jsonl`, `/data/v3`, `crates/<name>`, `.rs`, `a / b`",
            0,
        );
        check_line(
            "`cargo run -p x`, [site](https://example.org/a.md), `stores/*`",
            0,
        );
        check_line("```", 0);
    }

    #[test]
    fn leaves_fenced_blocks_alone() {
        check_line("```\n`crates/elsewhere`\n```\n", 0);
    }

    #[test]
    fn asks_for_the_documents_readers_start_from() {
        assert_eq!(check(&Tree::default()).len(), REQUIRED.len());
    }
}
