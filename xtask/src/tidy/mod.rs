//! Rules of the repository that a machine can hold, so that nobody has to say them twice.
//!
//! A check is a pure function from the tree to its findings: it reads no file, runs no program
//! and prints nothing. Every check is also a plain test, so the test suite alone says whether the
//! tree is tidy. A finding names the file, the line and what to do.

mod attributes;
mod documents;
mod edges;
mod finding;
mod inherited_lints;
mod module_docs;
mod orphans;
mod sizes;
mod test_names;
mod tree;
mod words;

use finding::{Finding, Severity};
use tree::Tree;

type Check = fn(&Tree) -> Vec<Finding>;

const CHECKS: &[Check] = &[
    module_docs::check,
    orphans::check,
    sizes::check,
    inherited_lints::check,
    edges::check,
    documents::check,
    test_names::check,
    attributes::check,
    words::check,
];

/// Runs every check over the repository and prints what it finds; fails if anything is refused.
#[expect(
    clippy::print_stderr,
    reason = "a task reports to the person who ran it"
)]
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    anyhow::ensure!(
        arguments.is_empty(),
        "`cargo xtask tidy` takes no arguments"
    );
    let tree = Tree::load()?;
    let findings: Vec<Finding> = CHECKS.iter().flat_map(|check| check(&tree)).collect();
    for finding in &findings {
        eprintln!("{finding}");
    }
    let refused = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Refused)
        .count();
    anyhow::ensure!(refused == 0, "{refused} findings to put right");
    eprintln!(
        "tidy: {} files, {} packages",
        tree.files.len(),
        tree.packages.len()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_clean(check: Check) {
        let findings = check(&Tree::load().unwrap());
        let refused: Vec<String> = findings
            .iter()
            .filter(|finding| finding.severity == Severity::Refused)
            .map(ToString::to_string)
            .collect();
        assert!(refused.is_empty(), "\n{}", refused.join("\n"));
    }

    #[test]
    fn every_module_opens_with_its_purpose() {
        assert_clean(module_docs::check);
    }

    #[test]
    fn every_file_is_part_of_a_crate() {
        assert_clean(orphans::check);
    }

    #[test]
    fn every_file_can_be_read_in_one_sitting() {
        assert_clean(sizes::check);
    }

    #[test]
    fn every_package_inherits_the_workspace_lints() {
        assert_clean(inherited_lints::check);
    }

    #[test]
    fn dependencies_between_our_crates_point_one_way() {
        assert_clean(edges::check);
    }

    #[test]
    fn documents_name_only_what_exists() {
        assert_clean(documents::check);
    }

    #[test]
    fn tests_are_named_for_behaviour() {
        assert_clean(test_names::check);
    }

    #[test]
    fn no_test_is_ignored_and_no_lint_is_waived_silently() {
        assert_clean(attributes::check);
    }

    #[test]
    fn the_project_speaks_only_of_itself() {
        assert_clean(words::check);
    }
}
