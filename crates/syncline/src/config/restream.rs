//! The Restream API as a store, as the file describes it.

use std::path::Path;

use secrecy::SecretString;
use syncline_model::CollectionName;
use syncline_store_restream::{
    Access, Aggregation, Credentials, DataQuery, Fill, FillMethod, HOST, Place, Resolution,
    RestreamSettings, Set, StageFilters, StageName, Timestamp,
};
use url::Url;

use super::common;
use super::section::Section;
use super::shape::{Kind, Shape, WHOLE, key, section, sections};
use super::{ConfigArgs, RestreamConfig, transport};
use crate::Failure;
use crate::restream::{read_moment, token_file};

/// The keys of a store that is the Restream API.
pub(super) const SHAPE: Shape = Shape::of(&[
    common::KIND,
    key(
        "base_url",
        Kind::Url,
        "Where the API is; the service itself if nothing is said.",
    ),
    common::CLIENT_ID,
    common::CLIENT_SECRET,
    key(
        "token",
        Kind::Text,
        "A token that was given, instead of a client.",
    ),
    key(
        "calls_max",
        Kind::Whole(1, 16),
        "Most calls of one kind at once; 3 if nothing is said.",
    ),
    key(
        "turn_seconds",
        Kind::Seconds,
        "Longest time that a call waits for its turn.",
    ),
    key(
        "idle_seconds",
        Kind::Seconds,
        "Longest silence before a connection counts as dead.",
    ),
    common::CONNECT_TIMEOUT,
    key("timeout", Kind::Seconds, "Longest time for a call."),
    common::RETRIES,
    common::REQUESTS_PER_SECOND,
    common::VERIFY_TLS,
    common::CA_FILE,
    common::HTTP2,
    sections("data", &DATA, "Collections of measurements, by name."),
    sections("stages", &STAGES, "Collections of stages, by name."),
])
.requiring(&["kind"]);

/// Measurements.
const DATA: Shape = Shape::of(&[
    key("site", WHOLE, "The number of the site."),
    key("pad", WHOLE, "The number of the pad."),
    key("start", Kind::Text, "The first second, with its zone."),
    key("end", Kind::Text, "The last second, with its zone."),
    key(
        "resolution",
        Kind::Words(|| Resolution::ALL.iter().map(|one| one.code()).collect()),
        "How dense they are; raw if nothing is said.",
    ),
    key(
        "aggregation",
        Kind::Words(|| Aggregation::ALL.iter().map(|one| one.code()).collect()),
        "What a coarser resolution makes of them.",
    ),
    key(
        "fields",
        Kind::List,
        "Which fields; those that the API shows its customers if nothing is said.",
    ),
    key("si_units", Kind::Switch, "Whether values are in SI units."),
    key("state", STATE, "Only within stages of this sort."),
    key(
        "stage_number",
        Kind::Whole(0, 4_294_967_295),
        "Only within the stage of this number.",
    ),
    key(
        "routed",
        Kind::Switch,
        "Of a pad: one record for each site and second.",
    ),
    key("sources", Kind::List, "Only what these sources measure."),
    section("fill", &FILL, "How missing values are filled in."),
]);

const FILL: Shape = Shape::of(&[
    key(
        "method",
        Kind::Words(|| FillMethod::ALL.iter().map(|one| one.code()).collect()),
        "From where a missing value is taken.",
    ),
    key(
        "seconds",
        Kind::Whole(1, 86_400),
        "Over how many seconds at most.",
    ),
    key(
        "inside_only",
        Kind::Switch,
        "Only between values; true if nothing is said.",
    ),
])
.requiring(&["method", "seconds"]);

/// Stages.
const STAGES: Shape = Shape::of(&[
    key("site", WHOLE, "The number of the site."),
    key("pad", WHOLE, "The number of the pad."),
    key("start", Kind::Text, "Those that began then or later."),
    key("end", Kind::Text, "Those that ended then or earlier."),
    key("numbers", Kind::List, "Those of these numbers."),
    key("state", STATE, "Those of this sort."),
]);

const STATE: Kind = Kind::Words(|| StageName::ALL.iter().map(|one| one.code()).collect());

/// Longest time over which missing values are filled in, in seconds.
const FILL_SECONDS_MAX: u32 = 86_400;

pub(super) fn read(
    section: &Section<'_>,
    (folder, state_folder): (&Path, &Path),
    (arguments, problems): (&ConfigArgs, &mut Vec<Failure>),
) -> Result<RestreamConfig, Failure> {
    let base_url = section.url("base_url")?;
    let base_url = base_url.map_or_else(|| Url::parse(HOST), Ok);
    let base_url = base_url.map_err(|error| section.failure("base_url", error))?;
    let access = access(section)?;
    let token_cache = match &access {
        Access::Client(credentials) => Some(token_file(
            &state_folder.join("cache"),
            &base_url,
            credentials,
        )),
        _ => None,
    };
    let usual = RestreamSettings::new(base_url);
    let calls_max = section.within("calls_max", 1..=16)?;
    let mut settings = RestreamSettings {
        access,
        token_cache,
        calls_max: calls_max.unwrap_or(usual.calls_max),
        turn_wait: section.seconds("turn_seconds")?.unwrap_or(usual.turn_wait),
        idle: section.seconds("idle_seconds")?.unwrap_or(usual.idle),
        client: transport::client(section, 8)?,
        ..usual
    };
    settings.client.ca_file = transport::ca_file(section, (folder, &arguments.environment))?;
    transport::retry_over(section, problems, &mut [&mut settings.retry])?;
    Ok(RestreamConfig {
        settings,
        sets: sets(section, problems)?,
        wipe: arguments.wipe,
    })
}

/// Who asks: a client, or whoever a token was given to.
fn access(section: &Section<'_>) -> Result<Access, Failure> {
    let said = |key| Ok::<_, Failure>(section.text(key)?.filter(|text| !text.is_empty()));
    match (said("client_id")?, said("client_secret")?, said("token")?) {
        (None, None, Some(token)) => Ok(Access::Token(SecretString::from(token))),
        (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => Err(section
            .failure("token", "says who asks, and so does `client_id`")
            .with_hint("leave out one of them")),
        (Some(client_id), Some(client_secret), None) => Ok(Access::Client(Credentials {
            client_id,
            client_secret: SecretString::from(client_secret),
        })),
        (Some(_), None, None) => Err(section.failure("client_secret", "is missing")),
        (None, _, None) => Err(section
            .failure("client_id", "is missing")
            .with_hint("a token that was given to you goes into `token`")),
    }
}

/// The collections that are made of measurements or stages.
fn sets(
    section: &Section<'_>,
    problems: &mut Vec<Failure>,
) -> Result<Vec<(CollectionName, Set)>, Failure> {
    let mut sets: Vec<(CollectionName, Set)> = Vec::new();
    for (name, one) in section.named_sections("data")? {
        let query = query(&one, problems)?;
        sets.push((CollectionName::new(name), Set::Data(place(&one)?, query)));
        problems.extend(one.unknown());
    }
    for (name, one) in section.named_sections("stages")? {
        let filters = StageFilters {
            start: moment(&one, "start")?,
            end: moment(&one, "end")?,
            numbers: numbers(&one)?,
            state: state(&one)?,
            aggregations: vec![],
        };
        let name = CollectionName::new(name);
        if sets.iter().any(|(other, _)| *other == name) {
            return Err(section.failure("stages", format!("has `{name}`, and so has `data`")));
        }
        sets.push((name, Set::Stages(place(&one)?, filters)));
        problems.extend(one.unknown());
    }
    Ok(sets)
}

fn place(section: &Section<'_>) -> Result<Place, Failure> {
    let wanted = "the number of a site or pad";
    match (
        section.parsed("site", wanted)?,
        section.parsed("pad", wanted)?,
    ) {
        (Some(site), None) => Ok(Place::Site(site)),
        (None, Some(pad)) => Ok(Place::Pad(pad)),
        (Some(_), Some(_)) => Err(section.failure("pad", "is said beside `site`: one is enough")),
        (None, None) => Err(section
            .failure("site", "is missing")
            .with_hint("say of what, as in `site: 981` or `pad: 681`")),
    }
}

fn query(section: &Section<'_>, problems: &mut Vec<Failure>) -> Result<DataQuery, Failure> {
    let resolution = word(section, "resolution", &Resolution::ALL, |one| one.code())?;
    let query = DataQuery {
        start: moment(section, "start")?,
        end: moment(section, "end")?,
        resolution: resolution.unwrap_or_default(),
        aggregation: word(section, "aggregation", &Aggregation::ALL, |one| one.code())?,
        fields: section.list("fields")?,
        si_units: section.switch("si_units")?.unwrap_or_default(),
        stage: state(section)?,
        stage_number: section.parsed("stage_number", "a whole number")?,
        routed: section.switch("routed")?.unwrap_or_default(),
        sources: section.list("sources")?.unwrap_or_default(),
        fill: fill(section, problems)?,
    };
    let checked = query.check(place(section)?);
    checked.map_err(|error| section.located(Failure::configuration(error.message)))?;
    Ok(query)
}

fn fill(section: &Section<'_>, problems: &mut Vec<Failure>) -> Result<Option<Fill>, Failure> {
    let Some(fill) = section.section("fill")? else {
        return Ok(None);
    };
    let method = word(&fill, "method", &FillMethod::ALL, |one| one.code())?;
    let seconds = fill.within("seconds", 1..=FILL_SECONDS_MAX)?;
    let found = Fill {
        method: method.ok_or_else(|| fill.missing("method"))?,
        seconds: seconds.ok_or_else(|| fill.missing("seconds"))?,
        inside_only: fill.switch("inside_only")?.unwrap_or(true),
    };
    problems.extend(fill.unknown());
    Ok(Some(found))
}

fn state(section: &Section<'_>) -> Result<Option<StageName>, Failure> {
    word(section, "state", &StageName::ALL, |one| one.code())
}

fn numbers(section: &Section<'_>) -> Result<Vec<u32>, Failure> {
    let texts = section.list("numbers")?.unwrap_or_default().into_iter();
    let wrong =
        |text: &str| section.failure("numbers", format!("has `{text}`, which is no number"));
    texts
        .map(|text| text.trim().parse().map_err(|_no_number| wrong(&text)))
        .collect()
}

/// One of some words of the API.
fn word<T: Copy>(
    section: &Section<'_>,
    key: &'static str,
    all: &[T],
    code: impl Fn(&T) -> &'static str,
) -> Result<Option<T>, Failure> {
    debug_assert!(section.has_words(key, all.iter().map(&code)));
    let Some(text) = section.text(key)? else {
        return Ok(None);
    };
    let found = all.iter().find(|one| code(one) == text.trim());
    found.copied().map(Some).ok_or_else(|| {
        let words: Vec<&str> = all.iter().map(code).collect();
        section.failure(
            key,
            format!("is `{text}`, and must be one of {}", words.join(", ")),
        )
    })
}

fn moment(section: &Section<'_>, key: &'static str) -> Result<Option<Timestamp>, Failure> {
    let Some(text) = section.text(key)? else {
        return Ok(None);
    };
    read_moment(&text).map(Some).map_err(|hint| {
        section
            .failure(key, format!("is `{text}`, which is no time with its zone"))
            .with_hint(hint)
    })
}
