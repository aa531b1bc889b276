//! The repository as checks see it: its text files and its packages, read once.
//!
//! The only module of tidy that touches the disk or runs a program. Files are those git knows or
//! would add, so build output and ignored folders never count.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use serde_json::Value;

/// One text file.
#[derive(Debug)]
pub(crate) struct File {
    /// Relative to the root, with `/` between the parts.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    pub(crate) fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.path)
            .extension()
            .is_some_and(|found| found == extension)
    }

    /// Lines with their numbers, counted from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
    }
}

/// One package of the workspace.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// Path of its manifest, relative to the root.
    pub(crate) manifest: String,
    /// Other packages of the workspace it names, whatever platform or feature they are for.
    pub(crate) edges: Vec<Edge>,
}

/// A dependency of one package of the workspace on another.
#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) on: String,
    /// Needed by tests only.
    pub(crate) dev: bool,
}

/// Every text file and every package.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) files: Vec<File>,
    pub(crate) packages: Vec<Package>,
}

impl Tree {
    /// Reads the repository this program was built from.
    pub(crate) fn load() -> anyhow::Result<Self> {
        let root = root();
        Ok(Self {
            files: load_files(&root)?,
            packages: load_packages(&root)?,
        })
    }

    /// A tree of the given files and no packages.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let files = files
            .iter()
            .map(|&(path, text)| File {
                path: path.to_owned(),
                text: text.to_owned(),
            })
            .collect();
        Self {
            files,
            packages: Vec::new(),
        }
    }

    pub(crate) fn rust_files(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.has_extension("rs"))
    }

    pub(crate) fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }
}

fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_owned()
}

fn load_files(root: &Path) -> anyhow::Result<Vec<File>> {
    let listing = output(
        root,
        "git",
        &[
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ],
    )?;
    let paths: BTreeSet<&str> = listing
        .split('\0')
        .filter(|path| !path.is_empty())
        .collect();
    let mut files = Vec::new();
    for path in paths {
        // A path git knows may be gone from the disk, and may hold something other than text.
        if let Ok(text) = std::fs::read_to_string(root.join(path)) {
            files.push(File {
                path: path.to_owned(),
                text,
            });
        }
    }
    Ok(files)
}

fn load_packages(root: &Path) -> anyhow::Result<Vec<Package>> {
    let text = output(
        root,
        "cargo",
        &["metadata", "--no-deps", "--format-version", "1"],
    )?;
    let metadata: Value = serde_json::from_str(&text).context("cargo metadata is not JSON")?;
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata lists no packages")?;
    packages
        .iter()
        .map(|package| package_from(package, root))
        .collect()
}

fn package_from(package: &Value, root: &Path) -> anyhow::Result<Package> {
    let manifest = Path::new(text_of(package, "manifest_path")?);
    let manifest = manifest
        .strip_prefix(root)
        .unwrap_or(manifest)
        .display()
        .to_string();
    let dependencies = package["dependencies"]
        .as_array()
        .context("no list of dependencies")?;
    let mut edges = Vec::new();
    for dependency in dependencies
        .iter()
        .filter(|dependency| dependency["path"].is_string())
    {
        let on = text_of(dependency, "name")?.to_owned();
        edges.push(Edge {
            on,
            dev: dependency["kind"] == "dev",
        });
    }
    Ok(Package {
        name: text_of(package, "name")?.to_owned(),
        manifest,
        edges,
    })
}

fn text_of<'a>(value: &'a Value, member: &str) -> anyhow::Result<&'a str> {
    value[member]
        .as_str()
        .with_context(|| format!("cargo metadata has no {member:?} here"))
}

fn output(root: &Path, program: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root)
        .output()
        .with_context(|| format!("{program} cannot be started"))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{program} failed: {complaint}");
    String::from_utf8(output.stdout).with_context(|| format!("{program} printed invalid UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_this_file_and_this_package() {
        let tree = Tree::load().unwrap();
        let this = tree.file("xtask/src/tidy/tree.rs").unwrap();
        assert_eq!(this.text, include_str!("tree.rs"));
        let xtask = tree
            .packages
            .iter()
            .find(|package| package.name == "xtask")
            .unwrap();
        assert_eq!(xtask.manifest, "xtask/Cargo.toml");
    }

    #[test]
    fn leaves_out_build_output() {
        let tree = Tree::load().unwrap();
        assert!(
            tree.files
                .iter()
                .all(|file| !file.path.starts_with("target/"))
        );
    }
}
