//! `restream follow` and `restream states --follow`

use syncline::Failure;
use syncline::restream::objects::{Object, State};
use syncline::restream::{
    DataQuery, Filters, FollowedFile, LiveData, LiveQuery, Protocol, Reopen, Restream, Wells,
    moment,
};
use tokio_util::sync::CancellationToken;

use super::data::{line_of, shape};
use super::lists::{one_line, text};
use super::place;
use crate::args::{FollowedArg, ProtocolArg, RestreamFollowArgs};
use crate::{output, signals};

pub(super) async fn run(api: &Restream, arguments: &RestreamFollowArgs) -> Result<u8, Failure> {
    let wells = api.at(place(&arguments.place));
    let stop = signals::stop_token();
    match arguments.what {
        FollowedArg::Data => data(&wells, arguments, &stop).await?,
        FollowedArg::Changes => {
            let mut live = wells.follow_changes(Reopen::Always)?;
            while let Some(Some(event)) = unless_stopped(&stop, live.next()).await? {
                output::data(&one_line(event.json()));
            }
        }
        FollowedArg::Updates if arguments.place.pad.is_some() => {
            let mut live = wells.follow_pad(Reopen::Always)?;
            while let Some(Some(pad)) = unless_stopped(&stop, live.next()).await? {
                output::data(&one_line(pad.json()));
            }
        }
        FollowedArg::Updates => {
            let mut live = wells.follow_site(Reopen::Always)?;
            while let Some(Some(site)) = unless_stopped(&stop, live.next()).await? {
                output::data(&one_line(site.json()));
            }
        }
    }
    Ok(0)
}

/// The states of sites, and then each that is another.
pub(super) async fn states(api: &Restream, filters: &Filters, json: bool) -> Result<u8, Failure> {
    let stop = signals::stop_token();
    let begun = unless_stopped(&stop, api.follow_states(filters, Reopen::Always));
    let Some(mut live) = begun.await? else {
        return Ok(0);
    };
    while let Some(Some(state)) = unless_stopped(&stop, live.next()).await? {
        output::data(&if json {
            one_line(state.json())
        } else {
            told(&state)
        });
    }
    Ok(0)
}

/// `2026-01-31T09:00:00Z  site 981  Mesa 11H: frac_frac, stage 12`
fn told(state: &Object<State>) -> String {
    let number = state.actual_stage_number.or(state.calculated_stage_number);
    let which = number.map(|number| format!(", stage {number}"));
    format!(
        "{}  site {}  {}: {}{}\n",
        text(state.last_state_update),
        text(state.site.as_ref().map(|site| site.id)),
        text(state.site_name.as_ref()),
        state.current_state,
        which.unwrap_or_default()
    )
}

async fn data(
    wells: &Wells,
    arguments: &RestreamFollowArgs,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    let time = |option: &str, text: &Option<String>| {
        text.as_deref().map(|text| moment(option, text)).transpose()
    };
    let mut file = arguments
        .out
        .as_deref()
        .map(FollowedFile::open)
        .transpose()?;
    let key = file.as_ref().and_then(FollowedFile::session_key);
    let mut live = wells.follow(LiveQuery {
        query: DataQuery {
            start: time("--start", &arguments.start)?,
            ..shape(&arguments.shape)
        },
        session_key: arguments.session_key.clone().or(key.map(str::to_owned)),
        after: time("--after", &arguments.after)?,
        protocol: match arguments.protocol {
            ProtocolArg::First => Protocol::First,
            ProtocolArg::Second => Protocol::Second,
        },
        reopen: Reopen::Always,
    })?;
    output::note(&format!("session key: {}", live.session_key()));
    if let Some(file) = &mut file {
        file.begin(&mut live)?;
    }
    let ended = records(&mut live, file.as_mut(), stop).await;
    if let Some(file) = file {
        file.end()?;
    }
    ended
}

async fn records(
    live: &mut LiveData,
    mut file: Option<&mut FollowedFile>,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    while let Some(Some(record)) = unless_stopped(stop, live.next()).await? {
        match &mut file {
            Some(file) => file.add(&record)?,
            None => output::data(&line_of(&record)),
        }
    }
    Ok(())
}

/// What comes, unless it is to be stopped first.
async fn unless_stopped<T, E: Into<Failure>>(
    stop: &CancellationToken,
    coming: impl Future<Output = Result<T, E>>,
) -> Result<Option<T>, Failure> {
    tokio::select! {
        biased;
        () = stop.cancelled() => Ok(None),
        came = coming => came.map(Some).map_err(Into::into),
    }
}
