//! Two attributes that hide a fault: a test that is skipped, a lint that is switched off.
//!
//! A wrong behaviour is asserted as it is and named; a lint that does not fit is expected, with
//! a reason, so that the exception goes when its cause goes.

use super::finding::Finding;
use super::tree::{File, Tree};

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust_files().flat_map(check_file).collect()
}

fn check_file(file: &File) -> Vec<Finding> {
    let found = file
        .lines()
        .filter_map(|(number, line)| Some((number, advice(line.trim())?)));
    found
        .map(|(number, advice)| Finding::refused(&file.path, number, advice))
        .collect()
}

fn advice(line: &str) -> Option<&'static str> {
    let attribute = line
        .strip_prefix("#![")
        .or_else(|| line.strip_prefix("#["))?;
    let inner = inner_attribute(attribute);
    if starts_with_word(inner, "ignore") {
        return Some("run the test always, or assert what happens today and say so in its name");
    }
    starts_with_word(inner, "allow").then_some("use `expect` with a reason")
}

/// The attribute itself, or the one that `cfg_attr` adds.
fn inner_attribute(attribute: &str) -> &str {
    let conditional = attribute.strip_prefix("cfg_attr(");
    conditional
        .and_then(|rest| rest.rsplit_once(", "))
        .map_or(attribute, |(_, inner)| inner)
}

fn starts_with_word(text: &str, word: &str) -> bool {
    let rest = text.strip_prefix(word);
    rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_line(line: &str, findings: usize) {
        assert_eq!(
            check(&Tree::of(&[("src/a.rs", line)])).len(),
            findings,
            "{line}"
        );
    }

    #[test]
    fn refuses_skipped_tests() {
        check_line("#[ignore]", 1);
        check_line("    #[ignore = \"slow\"]", 1);
        check_line("#[cfg_attr(windows, ignore)]", 1);
    }

    #[test]
    fn refuses_lints_switched_off() {
        check_line("#[allow(dead_code)]", 1);
        check_line("#![allow(clippy::panic)]", 1);
        check_line("#[cfg_attr(test, allow(dead_code))]", 1);
        check_line(
            "#[expect(dead_code, reason = \"used by the next part\")]",
            0,
        );
    }

    #[test]
    fn leaves_other_lines_alone() {
        check_line("#[ignored_by_nobody]", 0);
        check_line("let line = \"#[ignore]\";", 0);
        check_line("#[derive(Debug)]", 0);
    }
}
