//! The Restream API as commands use it: reached as the environment says, and its measurements
//! saved as files.

mod save;
mod times;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use syncline_model::Digest;
use url::Url;

use crate::Failure;

pub use jiff::Timestamp;
pub use save::{SaveArgs, SaveSummary, save};
pub use syncline_store_restream::objects;
pub use syncline_store_restream::{
    Aggregation, ChangedRange, Credentials, DataQuery, DataRecord, DataStream, Fill, FillMethod,
    Filters, HOST, Place, Resolution, Restream, RestreamSettings, RestreamStore, StageFilters,
    StageName, Wells, merged,
};
pub use times::moment;

/// The API as the environment says: `RESTREAM_CLIENT_ID` and `RESTREAM_CLIENT_SECRET`, and
/// `RESTREAM_HOST` if `host` is not given. Its token is kept for the next run.
pub fn connect(
    environment: &BTreeMap<String, String>,
    host: Option<&str>,
) -> Result<Restream, Failure> {
    let said = |name: &str| environment.get(name).filter(|value| !value.is_empty());
    let host = host.or_else(|| said("RESTREAM_HOST").map(String::as_str));
    let host = host.unwrap_or(HOST);
    let base_url = Url::parse(host)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .ok_or_else(|| {
            let message = format!("the host of the Restream API, `{host}`, is no URL of a server");
            Failure::configuration(message).with_hint(format!("write it as in {HOST}"))
        })?;
    let (Some(client_id), Some(client_secret)) =
        (said("RESTREAM_CLIENT_ID"), said("RESTREAM_CLIENT_SECRET"))
    else {
        let message = "it is not said who is asking the Restream API";
        return Err(Failure::configuration(message)
            .with_hint("set RESTREAM_CLIENT_ID and RESTREAM_CLIENT_SECRET"));
    };
    let cache = cache_folder(environment);
    let settings = RestreamSettings {
        token_cache: cache.map(|folder| token_file(&folder, &base_url, (client_id, client_secret))),
        credentials: Some(Credentials {
            client_id: client_id.clone(),
            client_secret: SecretString::from(client_secret.as_str()),
        }),
        ..RestreamSettings::new(base_url)
    };
    Ok(Restream::open(settings)?)
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

/// A token is good for one host, client and secret.
fn token_file(folder: &Path, host: &Url, (id, secret): (&str, &str)) -> PathBuf {
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
