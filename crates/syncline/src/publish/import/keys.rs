//! The keys that are read, and the flags that stand for them; any other is refused, with what it may
//! have meant.

use syncline_connections::POSITIONS;

use super::layers::Side;
use crate::Failure;
use crate::connections::former;
use crate::suggest::nearest;

/// Flags that stand for options.
const OPTIONS: [&str; 27] = [
    "bearerTokenRefreshMinutes",
    "retryStartingDelayMilliseconds",
    "maxRetryAttempts",
    "maxDegreeOfParallelismForResourceProcessing",
    "maxDegreeOfParallelismForPostResourceItem",
    "maxDegreeOfParallelismForStreamResourcePages",
    "streamingPagesWaitDurationSeconds",
    "streamingPageSize",
    "includeDescriptors",
    "errorPublishingBatchSize",
    "ignoreSslErrors",
    "remediationsScriptFile",
    "useSourceDependencyMetadata",
    "whatIf",
    "useChangeVersionPaging",
    "changeVersionPagingWindowSize",
    "useReversePaging",
    "enableRateLimit",
    "rateLimitNumberExecutions",
    "rateLimitTimeSeconds",
    "rateLimitMaxRetries",
    "lastChangeVersionProcessedNamespace",
    // Of the edition of Education Analytics.
    "useCursorPaging",
    "cursorPartitionCount",
    "streamingPageSizeResourceOverrides",
    "additionalUpsertAfterDelete",
    "processDeletesAndKeyChangesOnFullPublish",
];
/// Flags that stand for members of the source alone.
const SOURCE: [&str; 6] = [
    "ignoreIsolation",
    "include",
    "includeOnly",
    "exclude",
    "excludeOnly",
    "lastChangeVersionProcessed",
];
/// Flags about the place where connections are kept.
const PLACE: [(&str, &str); 2] = [
    ("configurationStoreProvider", "configurationstore:provider"),
    (
        "postgreSqlEncryptionPassword",
        "configurationstore:postgresql:encryptionpassword",
    ),
];
/// Members of either connection, with their flags `--sourceName` and the like.
const MEMBERS: [&str; 10] = [
    "type",
    "name",
    "url",
    "authUrl",
    "key",
    "secret",
    "scope",
    "schoolYear",
    "profileName",
    "file",
];
/// The member of the target alone.
const FORBIDDEN: &str = "treatForbiddenPostAsWarning";
/// What stands below `configurationStore`: which store it is, and the settings of each.
const STORES: [&str; 5] = [
    "provider",
    "postgreSql",
    "awsParameterStore",
    "sqlServer",
    "plainText",
];
/// Settings of PostgreSQL as a store of connections.
const POSTGRESQL: [&str; 2] = ["connectionString", "encryptionPassword"];
/// Settings of AWS as a store of connections.
const AWS: [&str; 2] = ["region", "profile"];
/// The parts of settings files.
const PARTS: [&str; 5] = [
    "options",
    "connections",
    "configurationStore",
    "authorizationFailureHandling",
    "resourcesWithUpdatableKeys",
];

/// All flags that are known.
#[cfg(test)]
pub(super) fn flags() -> Vec<String> {
    let sides = [Side::Source, Side::Target];
    let members = MEMBERS.iter().flat_map(|member| {
        sides
            .iter()
            .map(move |side| format!("{}{member}", side.name()))
    });
    let places = PLACE.iter().map(|(name, _)| *name);
    let alone = OPTIONS.iter().chain(&SOURCE).copied().chain(places);
    alone.map(str::to_owned).chain(members).collect()
}

/// The key that a flag stands for.
pub(super) fn key_of_flag(flag: &str) -> Result<String, Failure> {
    let same = |name: &str| name.eq_ignore_ascii_case(flag);
    if let Some((_, key)) = PLACE.iter().find(|(name, _)| same(name)) {
        return Ok((*key).to_owned());
    }
    if OPTIONS.iter().any(|name| same(name)) {
        return Ok(format!("options:{}", flag.to_lowercase()));
    }
    if SOURCE.iter().any(|name| same(name)) {
        return Ok(format!("connections:source:{}", flag.to_lowercase()));
    }
    let lower = flag.to_lowercase();
    if same(FORBIDDEN) {
        return Ok(format!("connections:target:{lower}"));
    }
    for side in [Side::Source, Side::Target] {
        if let Some(member) = lower.strip_prefix(side.name())
            && MEMBERS.iter().any(|name| name.eq_ignore_ascii_case(member))
        {
            return Ok(format!("connections:{}:{member}", side.name()));
        }
    }
    let known = OPTIONS.iter().chain(&SOURCE).copied();
    Err(unknown(&format!("--{flag}"), flag, ("--", known)))
}

/// Refuses a key that nobody reads.
pub(super) fn check(key: &str, written: &str) -> Result<(), Failure> {
    let parts: Vec<&str> = key.split(':').collect();
    let (name, known) = match parts.as_slice() {
        ["options", name] => (*name, OPTIONS.to_vec()),
        ["connections", "source", name] => {
            let alone = SOURCE.iter().chain([&POSITIONS]);
            (*name, MEMBERS.iter().chain(alone).copied().collect())
        }
        ["connections", "target", name] => {
            (*name, MEMBERS.iter().chain([&FORBIDDEN]).copied().collect())
        }
        ["configurationstore", rest @ ..] => return check_place(rest, written),
        // Lists of the settings file that say nothing that is needed.
        [
            "authorizationfailurehandling" | "resourceswithupdatablekeys",
            ..,
        ] => return Ok(()),
        _ => {
            let first = parts.first().copied().unwrap_or_default();
            let known = PARTS
                .into_iter()
                .filter(|part| !part.eq_ignore_ascii_case(first));
            return Err(unknown(written, first, ("", known)));
        }
    };
    if known.iter().any(|one| one.eq_ignore_ascii_case(name)) {
        return Ok(());
    }
    Err(unknown(written, name, ("", known)))
}

/// Refuses a key below `configurationStore` that nobody reads.
fn check_place(names: &[&str], written: &str) -> Result<(), Failure> {
    let (name, known) = match names {
        // Of stores that are not read, any setting may stand there.
        ["provider"] | ["sqlserver" | "plaintext", ..] => return Ok(()),
        ["postgresql", name, ..] => (*name, &POSTGRESQL[..]),
        ["awsparameterstore", name, ..] => (*name, &AWS[..]),
        _ => (names.first().copied().unwrap_or_default(), &STORES[..]),
    };
    if names.len() == 2 && known.iter().any(|one| one.eq_ignore_ascii_case(name)) {
        return Ok(());
    }
    Err(unknown(written, name, ("", known.iter().copied())))
}

/// A name that nobody reads, with what it is called now, or the nearest that is known.
fn unknown(
    written: &str,
    name: &str,
    (dashes, known): (&str, impl IntoIterator<Item = &'static str>),
) -> Failure {
    let failure = Failure::configuration(format!("`{written}` is no option of the API Publisher"));
    if let Some(now) = former(name) {
        return failure.with_hint(format!("it is obsolete: call it `{dashes}{now}`"));
    }
    match nearest(name, known) {
        Some(near) => failure.with_hint(format!("did you mean `{dashes}{near}`?")),
        None => failure,
    }
}
