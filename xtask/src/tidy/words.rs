//! The project speaks only of itself: no paths of one machine, no addresses of package mirrors.
//!
//! The words are put together from pieces, so that this file passes its own check.

use super::finding::Finding;
use super::tree::{File, Tree};

/// Text that may stand nowhere, in lower case, and what to do about it.
const FORBIDDEN: &[(&str, &str)] = &[
    (
        concat!("/wo", "rk/"),
        "name the place relative to the repository",
    ),
    (concat!("py", "pi.org"), MIRROR),
    (concat!("python", "hosted.org"), MIRROR),
    (concat!("index.cra", "tes.io"), MIRROR),
    (concat!("static.cra", "tes.io"), MIRROR),
];

const MIRROR: &str = "leave the address of a package index to the tool's own configuration";

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    tree.files.iter().flat_map(check_file).collect()
}

fn check_file(file: &File) -> Vec<Finding> {
    let found = file.lines().flat_map(|(number, line)| {
        let line = line.to_lowercase();
        FORBIDDEN
            .iter()
            .filter(move |(word, _)| holds(&line, word))
            .map(move |rule| (number, rule))
    });
    let finding = |(number, (word, advice)): (usize, &(&str, &str))| {
        Finding::refused(
            &file.path,
            number,
            format!("{word:?} is not ours to name: {advice}"),
        )
    };
    found.map(finding).collect()
}

/// Whether `line` holds `word`; one that begins with `/` has to begin a path.
fn holds(line: &str, word: &str) -> bool {
    let begins_path =
        |before: &str| !before.ends_with(|last: char| last.is_alphanumeric() || last == '.');
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).unwrap_or_default();
        !word.starts_with('/') || begins_path(before)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_line(line: &str, findings: usize) {
        assert_eq!(
            check(&Tree::of(&[("docs/a.md", line)])).len(),
            findings,
            "{line}"
        );
    }

    #[test]
    fn refuses_paths_of_one_machine() {
        check_line(concat!("see /wo", "rk/main"), 1);
        check_line(concat!("see file:///WO", "RK/main"), 1);
        check_line(concat!("see target/wo", "rk/out"), 0);
    }

    #[test]
    fn refuses_addresses_of_package_indexes() {
        check_line(
            concat!("pip install --index-url https://py", "pi.org/simple"),
            1,
        );
        check_line("https://github.com/rust-lang/crates.io-index", 0);
    }
}
