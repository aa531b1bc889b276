//! Replacing a file by one that is complete: it is written beside and then renamed. Whatever goes
//! wrong, the file that was there stays, and nothing is left beside it.

use std::io::Write as _;
use std::path::Path;

use tempfile::Builder;

use crate::{Failure, FailureKind};

/// Writes a file as a whole; its folder has to be there.
pub(crate) fn replace_file(path: &Path, content: &[u8]) -> Result<(), Failure> {
    // What other files get: everybody may read as far as the process is told to let them.
    told(path, replaced(path, content, 0o666))
}

/// Writes a file that its owner alone may read, as a whole; its folder has to be there.
pub(crate) fn replace_privately(path: &Path, content: &[u8]) -> Result<(), Failure> {
    told(path, replaced(path, content, 0o600))
}

fn told(path: &Path, written: std::io::Result<()>) -> Result<(), Failure> {
    written.map_err(|error| {
        let message = format!("cannot write {}: {error}", path.display());
        Failure::new(FailureKind::Local, message)
    })
}

fn replaced(path: &Path, content: &[u8], mode: u32) -> std::io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut builder = Builder::new();
    builder.prefix(".syncline-").suffix(".new");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    #[cfg(not(unix))]
    let _everywhere_alike = mode;
    let mut beside = builder.tempfile_in(folder)?;
    beside.write_all(content)?;
    beside.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_replaced_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.json");
        std::fs::create_dir(&path).unwrap();
        let failure = replace_file(&path, b"{}").unwrap_err();
        assert!(failure.message.contains("results.json"), "{failure}");
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 1);
        std::fs::remove_dir(&path).unwrap();
        replace_file(&path, b"{}").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"{}");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_private_is_its_owners() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page.html");
        replace_privately(&path, b"x").unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
