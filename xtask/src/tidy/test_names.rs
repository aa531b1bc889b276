//! Tests are named for the behaviour they hold, not for being tests.

use super::finding::Finding;
use super::tree::{File, Tree};

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust_files().flat_map(check_file).collect()
}

fn check_file(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut marked = false;
    for (number, line) in file.lines() {
        let line = line.trim();
        if line.starts_with("#[") {
            marked |= is_test_attribute(line);
        } else if let Some(name) = function_name(line) {
            if marked && name.starts_with("test_") {
                findings.push(finding(file, number, name));
            }
            marked = false;
        }
    }
    findings
}

fn is_test_attribute(line: &str) -> bool {
    line.starts_with("#[test") || line.contains("::test]") || line.contains("::test(")
}

fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let is_declaration = before
        .split_whitespace()
        .all(|word| word != "//" && word != "///");
    let name = after.split(['(', '<']).next()?;
    (is_declaration && (before.is_empty() || before.ends_with(' '))).then_some(name)
}

fn finding(file: &File, number: usize, name: &str) -> Finding {
    let advice = format!("name {name} for the behaviour it holds, without the prefix");
    Finding::refused(&file.path, number, advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_text(text: &str, findings: usize) {
        assert_eq!(
            check(&Tree::of(&[("src/a.rs", text)])).len(),
            findings,
            "{text:?}"
        );
    }

    #[test]
    fn refuses_the_prefix_on_tests() {
        check_text("#[test]\nfn test_it() {}\n", 1);
        check_text(
            "    #[tokio::test]\n    #[other]\n    async fn test_it() {}\n",
            1,
        );
        check_text(
            "#[tokio::test(start_paused = true)]\nasync fn test_it() {}\n",
            1,
        );
        check_text("#[test]\nfn resumes_after_a_stop() {}\n", 0);
    }

    #[test]
    fn leaves_other_functions_alone() {
        check_text("fn test_server() {}\n", 0);
        check_text("#[test]\nfn stops() {}\nfn test_server() {}\n", 0);
    }
}
