//! What is asked for, checked against what there is.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use syncline_store_restream::objects::{FieldInfo, Object, Site};

use super::PlotArgs;
use crate::Failure;
use crate::suggest::nearest;

/// Most fields of one picture: so many colours can be told apart.
const FIELDS_MAX: usize = 8;

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Svg,
    Html,
}

/// What is drawn.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) title: String,
    pub(super) fields: Vec<Field>,
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    /// The first and the last measurement of the site.
    pub(super) first: Option<Timestamp>,
    pub(super) last: Option<Timestamp>,
    pub(super) zone: TimeZone,
    pub(super) si_units: bool,
    pub(super) gap_seconds: Option<u32>,
}

/// A field that is drawn.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) unit: String,
}

/// What the ending of the file says; what can be known without asking anybody is refused here.
pub(super) fn format(arguments: &PlotArgs) -> Result<Format, Failure> {
    let file = &arguments.file;
    let format = match file.extension().and_then(|ending| ending.to_str()) {
        Some("svg") => Format::Svg,
        Some("html") => Format::Html,
        _ => {
            let message = format!("{}: its ending does not say what is drawn", file.display());
            return Err(Failure::configuration(message).with_hint("end the name in .svg or .html"));
        }
    };
    if file.exists() && !arguments.overwrite {
        let message = format!("{} is there already", file.display());
        return Err(Failure::configuration(message)
            .with_hint("`--overwrite` replaces it once the new one is complete"));
    }
    if let (Some(start), Some(end)) = (arguments.start, arguments.end) {
        check_range(start, end)?;
    }
    Ok(format)
}

pub(super) fn wanted(
    arguments: &PlotArgs,
    site: &Site,
    known: &[Object<FieldInfo>],
) -> Result<Wanted, Failure> {
    let (start, end) = range(arguments, site)?;
    Ok(Wanted {
        title: title(site),
        fields: fields(arguments, known)?,
        start,
        end,
        first: site.metadata.first_timestamp,
        last: site.metadata.last_timestamp,
        zone: zone(&arguments.zone, site)?,
        si_units: arguments.si_units,
        gap_seconds: arguments.gap_seconds,
    })
}

fn title(site: &Site) -> String {
    match site.name.trim() {
        "" => format!("Site {}", site.id),
        name => format!("{name} (site {})", site.id),
    }
}

fn check_range(start: Timestamp, end: Timestamp) -> Result<(), Failure> {
    if end.as_second() > start.as_second() {
        return Ok(());
    }
    let message = format!("the end, {end}, is not after the start, {start}");
    Err(Failure::configuration(message).with_hint("give a later --end or an earlier --start"))
}

fn range(arguments: &PlotArgs, site: &Site) -> Result<(Timestamp, Timestamp), Failure> {
    let open = |option: &str| {
        let message = format!("site {} has no measurements yet", site.id);
        Failure::configuration(message)
            .with_hint(format!("give {option} to draw a range all the same"))
    };
    let (first, last) = (site.metadata.first_timestamp, site.metadata.last_timestamp);
    let start = arguments.start.or(first).ok_or_else(|| open("--start"))?;
    let end = arguments.end.or(last).ok_or_else(|| open("--end"))?;
    check_range(start, end)?;
    let whole = |time: Timestamp| Timestamp::from_second(time.as_second()).unwrap_or(time);
    Ok((whole(start), whole(end)))
}

fn zone(name: &str, site: &Site) -> Result<TimeZone, Failure> {
    let name = match (name, &site.timezone) {
        ("site", Some(zone)) => zone,
        ("site", None) => {
            let message = format!("site {} does not say in which zone it is", site.id);
            return Err(Failure::configuration(message)
                .with_hint("name the zone, as in `--zone America/Chicago`"));
        }
        (name, _) => name,
    };
    if name == "UTC" {
        return Ok(TimeZone::UTC);
    }
    TimeZone::get(name).map_err(|_unknown| {
        let message = format!("--zone: `{name}` is no time zone that this machine knows");
        Failure::configuration(message)
            .with_hint("write it as in `America/Chicago`, or `UTC`, or `site` for the site's own")
    })
}

/// The fields, each once, in the order in which they are named.
fn fields(arguments: &PlotArgs, known: &[Object<FieldInfo>]) -> Result<Vec<Field>, Failure> {
    let mut fields: Vec<Field> = Vec::new();
    for name in arguments.fields.iter().map(|name| name.trim()) {
        // Names are not unique; the first of a name is the one that the service shows.
        let info = known.iter().find(|info| info.name == name);
        let info = info.ok_or_else(|| unknown(arguments.site, name, known))?;
        if fields.iter().all(|field| field.name != name) {
            fields.push(field(info, arguments.si_units));
        }
    }
    match fields.len() {
        0 => Err(Failure::configuration("--fields: no field is named")
            .with_hint("`syncline restream fields` lists them")),
        1..=FIELDS_MAX => Ok(fields),
        _ => {
            let message = format!("--fields: more than {FIELDS_MAX} fields in one picture");
            Err(Failure::configuration(message).with_hint("draw several pictures"))
        }
    }
}

fn field(info: &FieldInfo, si_units: bool) -> Field {
    let unit = if si_units {
        &info.si_unit
    } else {
        &info.imperial_unit
    };
    let label = info.label.as_deref().map(str::trim).unwrap_or_default();
    Field {
        name: info.name.clone(),
        label: if label.is_empty() { &info.name } else { label }.to_owned(),
        unit: unit.clone().unwrap_or_default(),
    }
}

fn unknown(site: u64, name: &str, known: &[Object<FieldInfo>]) -> Failure {
    let mut names: Vec<&str> = known.iter().map(|info| info.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let failure = Failure::configuration(format!("--fields: site {site} has no field `{name}`"));
    let failure = match nearest(name, names.iter().copied()) {
        Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
        None => failure,
    };
    failure.with_hint(format!("there are: {}", names.join(", ")))
}
