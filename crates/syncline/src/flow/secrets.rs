//! The key under which secrets of flows are digested, and the flow whose secrets are under seal.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use syncline_engine::DeleteStyle;
use syncline_map::{Seal, SealedStore, SecretFields, secrets_of};
use tempfile::NamedTempFile;

use super::open::Opened;
use crate::{Failure, FailureKind};

/// The file of the key in the state folder; only its owner may read it.
const FILE: &str = "secret.key";
/// Bytes of the key.
const KEY_BYTES: usize = 32;

/// A flow in which nothing but the writing to the target sees a secret.
pub(crate) fn sealed(mut opened: Opened, state: &Path) -> Result<Opened, Failure> {
    let secrets = opened.parts.iter().map(|part| {
        let collection = &part.collection;
        (collection.name.clone(), secrets_of(collection))
    });
    let secrets: SecretFields = secrets.filter(|(_, fields)| !fields.is_empty()).collect();
    if secrets.is_empty() {
        return Ok(opened);
    }
    let seal = Arc::new(Seal::new(key(state)?));
    for part in &mut opened.parts {
        let fields = secrets.get(&part.collection.name);
        if let (DeleteStyle::Set(values), Some(fields)) = (&mut part.policy.delete, fields) {
            for (_, json) in values.iter_mut().filter(|(name, _)| fields.contains(name)) {
                *json = seal.close(json)?;
            }
        }
    }
    let secrets = Arc::new(secrets);
    let layer = |store| {
        let sealed = SealedStore::new(store, Arc::clone(&seal), Arc::clone(&secrets));
        Arc::new(sealed)
    };
    opened.source = layer(opened.source);
    opened.target = layer(opened.target);
    Ok(opened)
}

/// The key of a state folder, made if there is none.
fn key(state: &Path) -> Result<[u8; KEY_BYTES], Failure> {
    let path = state.join(FILE);
    if !path.is_file() {
        make(state, &path)?;
    }
    let bytes = fs_err::read(&path)?;
    bytes.as_slice().try_into().map_err(|_other_length| {
        let message = format!("{} is no key of {KEY_BYTES} bytes", path.display());
        Failure::configuration(message)
            .with_hint("remove it to have a new one: secrets then differ from what was remembered")
    })
}

/// Puts a key in its place, unless another process was quicker.
fn make(state: &Path, path: &Path) -> Result<(), Failure> {
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(|error| {
        Failure::new(
            FailureKind::Local,
            format!("there is no chance to be had: {error}"),
        )
    })?;
    // A temporary file is its owner's only.
    let mut beside = NamedTempFile::new_in(state)?;
    beside.write_all(&key)?;
    beside.as_file().sync_all()?;
    match beside.persist_noclobber(path) {
        Err(error) if error.error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(error.error.into())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_is_its_owners() {
        let state = tempfile::tempdir().unwrap();
        let first = key(state.path()).unwrap();
        assert_eq!(key(state.path()).unwrap(), first);
        assert_ne!(first, [0; KEY_BYTES]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let file = std::fs::metadata(state.path().join(FILE)).unwrap();
            assert_eq!(file.permissions().mode() & 0o777, 0o600);
        }
        std::fs::write(state.path().join(FILE), b"short").unwrap();
        let failure = key(state.path()).unwrap_err();
        assert!(
            failure.message.contains("is no key of 32 bytes"),
            "{failure}"
        );
    }
}
