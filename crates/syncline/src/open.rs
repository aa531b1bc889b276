//! Opening the stores a configuration describes.

use std::sync::Arc;
use std::time::Duration;

use syncline_model::Catalog;
use syncline_store::Store;
use syncline_store::layers::RetryPolicy;
use syncline_store_edfi::EdfiStore;
use syncline_store_exec::ExecStore;
use syncline_store_files::FilesStore;
#[cfg(feature = "ldap")]
use syncline_store_ldap::{LdapSettings, LdapStore};
use syncline_store_restream::{Restream, RestreamStore};
#[cfg(feature = "sql")]
use syncline_store_sql::{SqlSettings, SqlStore};
use tokio_util::sync::CancellationToken;

use crate::{EdfiConfig, Failure, FailureKind, RestreamConfig, StoreConfig};

/// Getting in touch is tried for a short time only, unless the configuration says otherwise: a
/// person may be waiting, and nothing has begun that would have to be resumed.
pub(crate) const TOUCH: RetryPolicy = RetryPolicy {
    attempts_max: 4,
    wait_first: Duration::from_millis(500),
    wait_factor: 2.0,
    wait_max: Duration::from_secs(5),
    total_max: Duration::from_secs(15),
};

/// An API and what it says of itself.
pub(crate) async fn api(config: &EdfiConfig) -> Result<(EdfiStore, Catalog), Failure> {
    if let Some(cache) = &config.settings.cache {
        create_private_folder(cache)?;
    }
    let store = config
        .touch
        .run(|| Box::pin(EdfiStore::open(config.settings.clone())))
        .await?;
    let catalog = store.describe().await?;
    Ok((store, catalog))
}

/// A store of any kind, to be read and, where it can be, written.
pub(crate) async fn store(config: &StoreConfig) -> Result<Arc<dyn Store>, Failure> {
    Ok(match config {
        StoreConfig::Files(folder) => Arc::new(FilesStore::open(folder)?),
        StoreConfig::Edfi(config) => Arc::new(api(config).await?.0),
        StoreConfig::Exec(settings) => {
            Arc::new(briefly(|| ExecStore::open((**settings).clone())).await?)
        }
        #[cfg(feature = "ldap")]
        StoreConfig::Ldap(settings) => Arc::new(directory(settings).await?),
        StoreConfig::Restream(config) => Arc::new(restream(config)?),
        #[cfg(feature = "sql")]
        StoreConfig::Sql(settings) => Arc::new(sql(settings).await?),
    })
}

/// A directory.
#[cfg(feature = "ldap")]
pub(crate) async fn directory(settings: &LdapSettings) -> Result<LdapStore, Failure> {
    briefly(|| LdapStore::open(settings.clone())).await
}

/// The Restream API as a store; nothing is asked of it yet.
pub(crate) fn restream(config: &RestreamConfig) -> Result<RestreamStore, Failure> {
    let api = restream_api(config)?;
    Ok(RestreamStore::new(api, config.sets.iter().cloned())?)
}

/// The Restream API as calls.
pub(crate) fn restream_api(config: &RestreamConfig) -> Result<Restream, Failure> {
    if let Some(kept) = &config.settings.token_cache {
        if config.wipe {
            // A token that is not there is as good as one removed.
            let _removed = fs_err::remove_file(kept);
        }
        if let Some(folder) = kept.parent() {
            create_private_folder(folder)?;
        }
    }
    Ok(Restream::open(config.settings.clone())?)
}

/// A database.
#[cfg(feature = "sql")]
pub(crate) async fn sql(settings: &SqlSettings) -> Result<SqlStore, Failure> {
    briefly(|| Box::pin(SqlStore::open(settings.clone()))).await
}

/// What comes of opening, unless the run is stopped first; `done` is what has not begun, for example
/// `sent`.
pub(crate) async fn unless_stopped<T>(
    stop: &CancellationToken,
    done: &str,
    opening: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        biased;
        () = stop.cancelled() => Err(Failure::new(
            FailureKind::Interrupted,
            format!("stopped before anything was {done}"),
        )),
        opened = opening => opened,
    }
}

/// Tries an operation of a store that could be reached, for a short time.
pub(crate) async fn briefly<T, Operation, Running>(operation: Operation) -> Result<T, Failure>
where
    Operation: FnMut() -> Running,
    Running: Future<Output = syncline_store::Result<T>>,
{
    Ok(TOUCH.run(operation).await?)
}

/// A folder that only its owner can look into, like those above it that are made for it.
pub(crate) fn create_private_folder(folder: &std::path::Path) -> Result<(), Failure> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(folder).map_err(|error| {
        if let Some(file) = folder.ancestors().find(|above| above.is_file()) {
            let message = format!(
                "{} is a file, and state is kept in a folder of that name",
                file.display()
            );
            return Failure::configuration(message)
                .with_hint("move it away, or name another folder as `state_dir`");
        }
        Failure::new(
            FailureKind::Local,
            format!("cannot make {}: {error}", folder.display()),
        )
    })
}
