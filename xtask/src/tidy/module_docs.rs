//! Every module says first why it exists, so that a reader learns the design before the code.

use super::finding::Finding;
use super::tree::{File, Tree};

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust_files()
        .filter(|file| !opens_with_doc(file))
        .map(finding)
        .collect()
}

fn opens_with_doc(file: &File) -> bool {
    let first = file
        .text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty());
    first
        .and_then(|line| line.strip_prefix("//!"))
        .is_some_and(|words| !words.trim().is_empty())
}

fn finding(file: &File) -> Finding {
    let advice = "open the module with `//!`: why it exists, what it must not know, what holds";
    Finding::refused(&file.path, 1, advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_text(text: &str, findings: usize) {
        assert_eq!(
            check(&Tree::of(&[("src/lib.rs", text)])).len(),
            findings,
            "{text:?}"
        );
    }

    #[test]
    fn asks_for_words_before_code() {
        check_text("//! Why.\n\nfn f() {}\n", 0);
        check_text("\n//! Why.\n", 0);
        check_text("fn f() {}\n//! Too late.\n", 1);
        check_text("//!\nfn f() {}\n", 1);
        check_text("// An ordinary comment.\n", 1);
        check_text("", 1);
    }

    #[test]
    fn looks_at_rust_only() {
        assert_eq!(check(&Tree::of(&[("README.md", "# Title\n")])), []);
    }
}
