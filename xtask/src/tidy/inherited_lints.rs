//! Every package takes its lints from the workspace, so that one list rules them all.

use super::finding::Finding;
use super::tree::Tree;

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let manifests = tree
        .packages
        .iter()
        .map(|package| package.manifest.as_str());
    let lacking = manifests.filter(|manifest| {
        let text = tree.file(manifest).map_or("", |file| &file.text);
        !inherits(text)
    });
    let advice = "add `[lints]` with `workspace = true`";
    lacking
        .map(|manifest| Finding::refused(manifest, 1, advice))
        .collect()
}

fn inherits(manifest: &str) -> bool {
    let mut section = "";
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line;
        } else if section == "[lints]" && line.replace(' ', "") == "workspace=true" {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::tree::Package;
    use super::*;

    #[track_caller]
    fn check_manifest(text: &str, findings: usize) {
        let mut tree = Tree::of(&[("a/Cargo.toml", text)]);
        let manifest = "a/Cargo.toml".to_owned();
        tree.packages.push(Package {
            name: "a".to_owned(),
            manifest,
            edges: Vec::new(),
        });
        assert_eq!(check(&tree).len(), findings, "{text:?}");
    }

    #[test]
    fn asks_for_the_line_in_its_own_section() {
        check_manifest("[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n", 0);
        check_manifest("[package]\nname = \"a\"\n", 1);
        check_manifest("[lints]\n\n[other]\nworkspace = true\n", 1);
        check_manifest("[lints]\nworkspace = false\n", 1);
    }
}
