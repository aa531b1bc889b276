//! Files stay short enough to be read in one sitting.
//!
//! Tests kept beside the code do not count: they may be as thorough as they like.

use std::path::Path;

use super::finding::Finding;
use super::tree::{File, Tree};

const PRODUCTION_LINES_NOTED: usize = 400;
const PRODUCTION_LINES_MAX: usize = 800;
const TEST_LINES_MAX: usize = 1_500;

/// Files that may be longer, each with the reason.
const EXCEPTIONS: &[(&str, &str)] = &[];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let long = tree
        .rust_files()
        .filter(|file| !is_excepted(file))
        .filter_map(finding);
    let stale = EXCEPTIONS
        .iter()
        .filter(|(path, _)| tree.file(path).is_none())
        .map(|(path, _)| {
            Finding::refused(
                path,
                1,
                "take it off the list of exceptions: the file is gone",
            )
        });
    long.chain(stale).collect()
}

fn is_excepted(file: &File) -> bool {
    EXCEPTIONS.iter().any(|(path, _)| *path == file.path)
}

fn finding(file: &File) -> Option<Finding> {
    let lines = if is_test(&file.path) {
        file.text.lines().count()
    } else {
        production_lines(file)
    };
    let max = if is_test(&file.path) {
        TEST_LINES_MAX
    } else {
        PRODUCTION_LINES_MAX
    };
    if lines > max {
        let advice = format!("{lines} lines, at most {max} allowed: split it by subject");
        return Some(Finding::refused(&file.path, max, advice));
    }
    let noted = !is_test(&file.path) && lines > PRODUCTION_LINES_NOTED;
    noted.then(|| {
        let advice = format!("{lines} lines before its tests: does it hold two subjects?");
        Finding::noted(&file.path, lines, advice)
    })
}

fn is_test(path: &str) -> bool {
    Path::new(path)
        .iter()
        .any(|part| part == "tests" || part == "tests.rs")
}

/// Lines before the first module that exists only in tests.
fn production_lines(file: &File) -> usize {
    let lines: Vec<&str> = file.text.lines().map(str::trim).collect();
    (0..lines.len())
        .find(|&index| opens_tests(&lines, index))
        .unwrap_or(lines.len())
}

fn opens_tests(lines: &[&str], index: usize) -> bool {
    let mut rest = lines.iter().skip(index);
    let marked = rest
        .next()
        .is_some_and(|line| line.starts_with("#[cfg(test)]"));
    let item = rest.find(|line| !line.starts_with("#["));
    marked && item.is_some_and(|line| line.starts_with("mod ") || line.contains(" mod "))
}

#[cfg(test)]
mod tests {
    use super::super::finding::Severity;
    use super::*;

    #[track_caller]
    fn check_length(path: &str, text: &str, expected: Option<Severity>) {
        let findings = check(&Tree::of(&[(path, text)]));
        assert_eq!(
            findings.first().map(|finding| finding.severity),
            expected,
            "{path}"
        );
    }

    #[test]
    fn notes_long_files_and_refuses_longer_ones() {
        check_length("src/a.rs", &"\n".repeat(400), None);
        check_length("src/a.rs", &"\n".repeat(401), Some(Severity::Noted));
        check_length("src/a.rs", &"\n".repeat(801), Some(Severity::Refused));
    }

    #[test]
    fn gives_test_files_more_room() {
        check_length("tests/it/main.rs", &"\n".repeat(1_500), None);
        check_length("src/plan/tests.rs", &"\n".repeat(1_500), None);
        check_length(
            "tests/it/main.rs",
            &"\n".repeat(1_501),
            Some(Severity::Refused),
        );
    }

    #[test]
    fn does_not_count_tests_beside_the_code() {
        let tests = format!(
            "fn f() {{}}\n#[cfg(test)]\nmod tests {{\n{}}}\n",
            "\n".repeat(900)
        );
        check_length("src/a.rs", &tests, None);
    }

    #[test]
    fn counts_code_after_an_item_that_only_tests_use() {
        let code = format!("#[cfg(test)]\nuse a::b;\n{}", "\n".repeat(900));
        check_length("src/a.rs", &code, Some(Severity::Refused));
    }
}
