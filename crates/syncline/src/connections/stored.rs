//! What a kept connection says, in the publisher's words.

use std::str::FromStr;

use secrecy::SecretString;
use syncline_connections::{Connection, POSITIONS};
use url::Url;

use crate::suggest::nearest;
use crate::{Choice, Failure};

/// Properties that are read.
const KNOWN: [&str; 15] = [
    "type",
    "url",
    "authUrl",
    "key",
    "secret",
    "scope",
    "schoolYear",
    "profileName",
    "ignoreIsolation",
    "include",
    "includeOnly",
    "exclude",
    "excludeOnly",
    "treatForbiddenPostAsWarning",
    POSITIONS,
];
/// Properties of the publisher's first edition that chose what is published. Passing over them would
/// publish more than was wanted.
const FORMER_CHOICES: [(&str, &str); 3] = [
    ("resources", "include"),
    ("excludeResources", "exclude"),
    ("skipResources", "excludeOnly"),
];
/// A property of the first edition that was no more than a wish.
const FORCE: &str = "force";

/// A connection as it is kept.
#[derive(Clone, Debug)]
pub struct StoredConnection {
    pub(crate) name: String,
    pub(crate) url: Option<Url>,
    pub(crate) auth_url: Option<Url>,
    pub(crate) key: Option<SecretString>,
    pub(crate) secret: Option<SecretString>,
    pub(crate) scope: Option<String>,
    pub(crate) school_year: Option<u16>,
    pub(crate) profile: Option<String>,
    pub(crate) ignore_isolation: bool,
    pub(crate) choice: Choice,
    pub(crate) forbidden_as_warning: bool,
    /// How far the source was published to each target, as it is kept.
    pub(crate) positions: Option<String>,
    pub(crate) warnings: Vec<String>,
}

impl StoredConnection {
    pub(super) fn of(name: &str, kept: &Connection) -> Result<Self, Failure> {
        let warnings = checked(name, kept.names())?;
        if let Some(kind) = kept
            .get("type")
            .filter(|kind| !kind.eq_ignore_ascii_case("api"))
        {
            let message =
                format!("the connection `{name}` is of the type `{kind}`, and must be `api`");
            return Err(Failure::configuration(message));
        }
        let list = |key| kept.get(key).map(Choice::terms).unwrap_or_default();
        Ok(Self {
            name: name.to_owned(),
            url: parsed(name, kept, ("url", "a URL"))?,
            auth_url: parsed(name, kept, ("authUrl", "a URL"))?,
            key: kept.get("key").map(SecretString::from),
            secret: kept.get("secret").map(SecretString::from),
            scope: kept.get("scope").map(str::to_owned),
            school_year: parsed(name, kept, ("schoolYear", "a school year such as 2026"))?,
            profile: kept.get("profileName").map(str::to_owned),
            ignore_isolation: switch(name, kept, "ignoreIsolation")?,
            choice: Choice {
                include: list("include"),
                include_only: list("includeOnly"),
                exclude: list("exclude"),
                exclude_only: list("excludeOnly"),
                descriptors: false,
            },
            forbidden_as_warning: switch(name, kept, "treatForbiddenPostAsWarning")?,
            positions: kept.get(POSITIONS).map(str::to_owned),
            warnings,
        })
    }

    /// What stands for a connection that is not looked up yet, while a configuration is checked.
    pub(crate) fn unknown(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            url: Url::parse("https://unknown.invalid").ok(),
            auth_url: None,
            key: Some(String::new().into()),
            secret: Some(String::new().into()),
            scope: None,
            school_year: None,
            profile: None,
            ignore_isolation: false,
            choice: Choice::default(),
            forbidden_as_warning: false,
            positions: None,
            warnings: vec![],
        }
    }
}

/// What a choice of the publisher's first edition is called now.
pub(crate) fn former(property: &str) -> Option<&'static str> {
    let mut choices = FORMER_CHOICES.iter();
    let found = choices.find(|(former, _)| former.eq_ignore_ascii_case(property));
    found.map(|(_, now)| *now)
}

/// Refuses properties that nobody reads; what is obsolete and harmless is a warning.
pub(crate) fn checked<'a>(
    name: &str,
    properties: impl Iterator<Item = &'a str>,
) -> Result<Vec<String>, Failure> {
    let mut warnings = Vec::new();
    for property in properties {
        let is = |known: &str| known.eq_ignore_ascii_case(property);
        if KNOWN.iter().any(|known| is(known)) {
            continue;
        }
        let about = format!("the connection `{name}` has the property `{property}`");
        if is(FORCE) {
            warnings.push(format!(
                "{about}, which is obsolete and has no effect; `ignoreIsolation` reads the live data"
            ));
            continue;
        }
        return Err(match (former(property), nearest(property, KNOWN)) {
            (Some(now), _) => {
                let message = format!("{about}, which is obsolete");
                Failure::configuration(message).with_hint(format!("call it `{now}`"))
            }
            (None, Some(near)) => Failure::configuration(format!("{about}, which nobody reads"))
                .with_hint(format!("did you mean `{near}`?")),
            (None, None) => Failure::configuration(format!("{about}, which nobody reads"))
                .with_hint(format!("known are {}", KNOWN.join(", "))),
        });
    }
    Ok(warnings)
}

fn parsed<T: FromStr>(
    name: &str,
    kept: &Connection,
    (key, wanted): (&str, &str),
) -> Result<Option<T>, Failure> {
    let Some(text) = kept.get(key) else {
        return Ok(None);
    };
    text.trim().parse().map(Some).map_err(|_value| {
        let message = format!("`{key}` of the connection `{name}` must be {wanted}");
        Failure::configuration(message)
    })
}

fn switch(name: &str, kept: &Connection, key: &str) -> Result<bool, Failure> {
    match kept.get(key).map(str::to_lowercase).as_deref() {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => {
            let message = format!("`{key}` of the connection `{name}` must be true or false");
            Err(Failure::configuration(message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(entries: &[(&str, &str)]) -> Connection {
        let mut connection = Connection::default();
        for (name, value) in entries {
            connection.insert(name, *value);
        }
        connection
    }

    #[test]
    fn properties_that_nobody_reads_are_named() {
        let failure =
            StoredConnection::of("North", &kept(&[("resources", "students")])).unwrap_err();
        assert!(
            failure.message.contains("`resources`, which is obsolete"),
            "{failure}"
        );
        let failure = StoredConnection::of("North", &kept(&[("includ", "students")])).unwrap_err();
        assert_eq!(failure.hints, ["did you mean `include`?"]);
        let stored = StoredConnection::of("North", &kept(&[("Force", "true")])).unwrap();
        assert!(stored.warnings[0].contains("`Force`"), "{stored:?}");
    }

    #[test]
    fn values_are_what_they_should_be_and_secrets_do_not_print() {
        let stored = kept(&[
            ("URL", "https://x.example"),
            ("secret", "s-1"),
            ("IgnoreIsolation", "True"),
        ]);
        let stored = StoredConnection::of("North", &stored).unwrap();
        assert!(stored.ignore_isolation);
        assert!(!format!("{stored:?}").contains("s-1"));
        for entry in [
            ("schoolYear", "soon"),
            ("ignoreIsolation", "maybe"),
            ("url", "//nowhere"),
        ] {
            let failure = StoredConnection::of("North", &kept(&[entry])).unwrap_err();
            assert!(failure.message.contains(entry.0), "{failure}");
            assert!(!failure.message.contains(entry.1), "{failure}");
        }
    }
}
