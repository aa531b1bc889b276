//! Every file is part of some crate: a test file that nobody declares would pass by never running.

use super::finding::Finding;
use super::tree::{File, Tree};

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let orphans = tree
        .rust_files()
        .filter(|file| !is_root(&file.path) && !is_declared(tree, file));
    orphans.map(finding).collect()
}

fn finding(file: &File) -> Finding {
    Finding::refused(
        &file.path,
        1,
        "declare it with `mod` in the module above, or remove it",
    )
}

/// Whether cargo finds the file by itself: a target by its name, or one of a folder of targets.
fn is_root(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        [.., "lib.rs" | "main.rs" | "build.rs"] => true,
        [.., "mod.rs"] | [.., "src", "tests", _] => false,
        [
            ..,
            "bin" | "tests" | "benches" | "examples" | "fuzz_targets",
            _,
        ] => true,
        _ => false,
    }
}

fn is_declared(tree: &Tree, file: &File) -> bool {
    let Some((folder, module)) = place_of(&file.path) else {
        return false;
    };
    let beside = tree.rust_files().filter(|other| {
        other
            .path
            .rsplit_once('/')
            .is_some_and(|(place, _)| place == folder)
    });
    let declaration = format!("mod {module};");
    beside.flat_map(File::lines).any(|(_, line)| {
        let line = line.trim();
        line.ends_with(&declaration) && !line.starts_with("//")
    })
}

/// The folder whose files may declare this one, and the name of the module.
fn place_of(path: &str) -> Option<(&str, &str)> {
    let stem = path
        .strip_suffix("/mod.rs")
        .or_else(|| path.strip_suffix(".rs"))?;
    stem.rsplit_once('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_files(files: &[(&str, &str)], orphans: usize) {
        assert_eq!(check(&Tree::of(files)).len(), orphans, "{files:?}");
    }

    #[test]
    fn finds_files_that_nobody_declares() {
        check_files(&[("a/src/lib.rs", "pub mod b;\n"), ("a/src/b.rs", "")], 0);
        check_files(
            &[("a/src/lib.rs", "//! No mod b;\n"), ("a/src/b.rs", "")],
            1,
        );
        check_files(
            &[("a/tests/it/main.rs", ""), ("a/tests/it/resume.rs", "")],
            1,
        );
    }

    #[test]
    fn looks_for_a_folder_in_the_module_above() {
        check_files(
            &[
                ("a/src/lib.rs", "mod b;\n"),
                ("a/src/b/mod.rs", "mod c;\n"),
                ("a/src/b/c.rs", ""),
            ],
            0,
        );
        check_files(&[("a/src/lib.rs", "mod c;\n"), ("a/src/b/mod.rs", "")], 1);
    }

    #[test]
    fn leaves_targets_to_cargo() {
        check_files(
            &[
                ("a/src/main.rs", ""),
                ("a/build.rs", ""),
                ("a/tests/live.rs", ""),
            ],
            0,
        );
    }

    #[test]
    fn takes_a_folder_of_unit_tests_for_modules() {
        check_files(
            &[
                ("a/src/tests/b.rs", ""),
                ("a/src/tests/mod.rs", "mod b;\n"),
                ("a/src/lib.rs", "mod tests;\n"),
            ],
            0,
        );
        check_files(
            &[
                ("a/src/tests/b.rs", ""),
                ("a/src/tests/mod.rs", ""),
                ("a/src/lib.rs", "mod tests;\n"),
            ],
            1,
        );
    }
}
