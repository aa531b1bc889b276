//! The Restream API as commands use it: reached as the environment or the configuration says, and
//! its measurements saved, followed or mirrored, or drawn.

mod content;
mod follow;
mod mirror;
mod plot;
mod save;
mod times;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use syncline_model::Digest;
use url::Url;

use crate::{Config, Failure, StoreConfig, open};

pub use follow::FollowedFile;
pub use mirror::{
    MirrorArgs, MirrorDifference, MirrorInto, MirrorStep, MirrorSummary, MirrorTable, MirrorTell,
    MirrorVerified, follow_mirror, mirror, verify_mirror,
};
pub use plot::{PlotArgs, PlotProgress, PlotSummary, plot};
pub use save::{
    Partition, PartitionedArgs, SaveArgs, SaveFormat, SaveProgress, SaveSummary, save,
    save_partitioned,
};
pub use syncline_store_restream::objects;
pub use syncline_store_restream::{
    Access, Aggregation, ChangedRange, Credentials, DataQuery, DataRecord, DataRequest, DataStream,
    Fill, FillMethod, Filters, HOST, LiveChanges, LiveData, LiveQuery, LiveStates, LiveUpdates,
    Place, Protocol, Reopen, Resolution, Restream, RestreamBuilder, RestreamSettings,
    RestreamStore, Set, StageFilters, StageName, Timestamp, Wells, merged,
};
pub use times::moment;
pub(crate) use times::read_moment;

/// Variables that a token stands in, the newest name first. `TALLY_AUTH_TOKEN` is what the service's
/// own client called it before its first release.
const TOKENS: [&str; 2] = ["RESTREAM_AUTH_TOKEN", "TALLY_AUTH_TOKEN"];

/// The API as the environment says: `RESTREAM_CLIENT_ID` and `RESTREAM_CLIENT_SECRET`, or a token in
/// `RESTREAM_AUTH_TOKEN` or `TALLY_AUTH_TOKEN`; and `RESTREAM_HOST` if `host` is not given. A token
/// that is fetched is kept for the next run.
pub fn connect(
    environment: &BTreeMap<String, String>,
    host: Option<&str>,
) -> Result<Restream, Failure> {
    let said = |name: &str| environment.get(name).filter(|value| !value.is_empty());
    let host = host.or_else(|| said("RESTREAM_HOST").map(String::as_str));
    let base_url = base_url(host.unwrap_or(HOST))?;
    let access = access(said)?;
    let token_cache = match &access {
        Access::Client(credentials) => {
            cache_folder(environment).map(|folder| token_file(&folder, &base_url, credentials))
        }
        _ => None,
    };
    let settings = RestreamSettings {
        token_cache,
        access,
        ..RestreamSettings::new(base_url)
    };
    Ok(Restream::open(settings)?)
}

/// The API as a store of the configuration describes it; somewhere else if `host` is given.
pub fn connect_store(config: &Config, name: &str, host: Option<&str>) -> Result<Restream, Failure> {
    let StoreConfig::Restream(store) = config.store(name)? else {
        let message = format!(
            "{}: the store `{name}` is no Restream API",
            config.file.display()
        );
        return Err(Failure::configuration(message).with_hint("name a store of `kind: restream`"));
    };
    let mut store = store.clone();
    if let Some(host) = host {
        store.settings.base_url = base_url(host)?;
        // A token is good for one host, and none must reach another.
        store.settings.token_cache = None;
    }
    open::restream_api(&store)
}

fn base_url(host: &str) -> Result<Url, Failure> {
    let url = Url::parse(host).ok();
    url.filter(|url| matches!(url.scheme(), "http" | "https"))
        .ok_or_else(|| {
            let message = format!("the host of the Restream API, `{host}`, is no URL of a server");
            Failure::configuration(message).with_hint(format!("write it as in {HOST}"))
        })
}

/// Who asks, as the environment says: a client before a token.
fn access<'text>(said: impl Fn(&str) -> Option<&'text String>) -> Result<Access, Failure> {
    if let (Some(client_id), Some(client_secret)) =
        (said("RESTREAM_CLIENT_ID"), said("RESTREAM_CLIENT_SECRET"))
    {
        return Ok(Access::Client(Credentials {
            client_id: client_id.clone(),
            client_secret: SecretString::from(client_secret.as_str()),
        }));
    }
    if let Some(token) = TOKENS.into_iter().find_map(said) {
        return Ok(Access::Token(SecretString::from(token.as_str())));
    }
    let message = "it is not said who is asking the Restream API";
    Err(Failure::configuration(message).with_hint(
        "set RESTREAM_CLIENT_ID and RESTREAM_CLIENT_SECRET, or RESTREAM_AUTH_TOKEN; or name a store \
         of the configuration with `--store`",
    ))
}

/// Where programs keep what can be had again.
fn cache_folder(environment: &BTreeMap<String, String>) -> Option<PathBuf> {
    let folder = environment.get("XDG_CACHE_HOME").map(PathBuf::from);
    let folder = folder.filter(|folder| folder.is_absolute());
    let folder = folder.or_else(|| Some(Path::new(environment.get("HOME")?).join(".cache")));
    let folder = folder?.join("syncline");
    fs_err::create_dir_all(&folder).ok()?;
    Some(folder)
}

/// The file of a token, which is good for one host, client and secret.
pub(crate) fn token_file(folder: &Path, host: &Url, credentials: &Credentials) -> PathBuf {
    let (id, secret) = (
        &credentials.client_id,
        credentials.client_secret.expose_secret(),
    );
    let holder = Digest::of(format!("{host}|{id}|{secret}").as_bytes());
    folder.join(format!("restream-token-{holder}.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn the_environment_says_who_asks_and_where() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().to_str().unwrap();
        let mut given = environment(&[
            ("RESTREAM_CLIENT_ID", "id"),
            ("RESTREAM_CLIENT_SECRET", "hidden"),
            ("HOME", home),
        ]);
        let api = connect(&given, None).unwrap();
        assert_eq!(
            api.settings().base_url.host_str(),
            Some("app.restreamsolutions.com")
        );
        let kept = api.settings().token_cache.clone().unwrap();
        assert!(kept.starts_with(home) && !kept.to_string_lossy().contains("hidden"));
        given.insert("RESTREAM_HOST".to_owned(), "http://127.0.0.1:1".to_owned());
        let other = connect(&given, None).unwrap();
        assert_eq!(other.settings().base_url.port(), Some(1));
        assert_ne!(other.settings().token_cache, api.settings().token_cache);
        let third = connect(&given, Some("http://127.0.0.1:2/")).unwrap();
        assert_eq!(third.settings().base_url.port(), Some(2));
    }

    #[test]
    fn a_client_comes_before_a_token_and_the_newer_name_before_the_older() {
        let who = |pairs: &[(&str, &str)]| match access(|name| {
            let found = pairs.iter().position(|(given, _)| *given == name)?;
            Some(Box::leak(Box::new(pairs[found].1.to_owned())))
        }) {
            Ok(Access::Client(credentials)) => credentials.client_id,
            Ok(Access::Token(token)) => token.expose_secret().to_owned(),
            other => panic!("{other:?}"),
        };
        let mut given = vec![("TALLY_AUTH_TOKEN", "old")];
        assert_eq!(who(&given), "old");
        given.push(("RESTREAM_AUTH_TOKEN", "new"));
        assert_eq!(who(&given), "new");
        given.push(("RESTREAM_CLIENT_ID", "client"));
        assert_eq!(who(&given), "new");
        given.push(("RESTREAM_CLIENT_SECRET", "hidden"));
        assert_eq!(who(&given), "client");
    }

    #[test]
    fn what_is_missing_is_named() {
        let failure = connect(&environment(&[]), None).unwrap_err();
        assert!(
            failure.hints[0].contains("RESTREAM_CLIENT_ID"),
            "{failure:?}"
        );
        let failure = connect(&environment(&[]), Some("app.example")).unwrap_err();
        assert!(failure.message.contains("`app.example`"), "{failure:?}");
    }
}
