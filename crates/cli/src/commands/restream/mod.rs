//! `restream`: what is listed, measured, followed, corrected, mirrored and drawn.

mod changes;
mod data;
mod follow;
mod lists;
mod mirror;
mod plot;
mod saving;

use syncline::Failure;
use syncline::restream::{Filters, Place, Restream, StageName, moment};

use crate::args::{
    DataArgs, RestreamArgs, RestreamCommand, RestreamPlaceArgs, RestreamRangeArgs, StageArg,
};
use crate::environment;

pub(crate) async fn run(arguments: &RestreamArgs, before: DataArgs) -> Result<u8, Failure> {
    let api = connect(arguments, &before)?;
    let json = arguments.json;
    match &arguments.command {
        RestreamCommand::Pads(list) => lists::pads(&api, &filters(&list.filters)?, json).await,
        RestreamCommand::Sites(list) => lists::sites(&api, &filters(&list.filters)?, json).await,
        RestreamCommand::States(wanted) => {
            let filters = filters(&wanted.list.filters)?;
            if wanted.follow {
                follow::states(&api, &filters, json).await
            } else {
                lists::states(&api, &filters, json).await
            }
        }
        RestreamCommand::Stages(stages) => lists::stages(&api, stages, json).await,
        RestreamCommand::Fields(of) => lists::fields(&api.at(place(of)), json).await,
        RestreamCommand::Sources(of) => lists::sources(&api.at(place(of)), json).await,
        RestreamCommand::Data(wanted) => data::run(&api, wanted).await,
        RestreamCommand::Follow(wanted) => follow::run(&api, wanted).await,
        RestreamCommand::Mirror(wanted) => {
            let data = data_of(arguments, &before);
            mirror::run(&api, (wanted, &data), json).await
        }
        RestreamCommand::Plot(wanted) => plot::run(&api, wanted).await,
        RestreamCommand::Changes(wanted) => changes::run(&api, wanted, json).await,
    }
}

/// The API as a store of the configuration, or the environment, says.
fn connect(arguments: &RestreamArgs, before: &DataArgs) -> Result<Restream, Failure> {
    let host = arguments.host.as_deref();
    let Some(store) = &arguments.store else {
        return syncline::restream::connect(&environment::variables(), host);
    };
    let config = environment::config(&data_of(arguments, before))?;
    syncline::restream::connect_store(&config, store, host)
}

/// Options before the command, with the configuration file of the command.
fn data_of(arguments: &RestreamArgs, before: &DataArgs) -> DataArgs {
    let file = arguments.config_file.clone().or(before.config_file.clone());
    DataArgs {
        config_file: file,
        ..before.clone()
    }
}

/// The site or the pad; one of them is given.
fn place(arguments: &RestreamPlaceArgs) -> Place {
    match (arguments.site, arguments.pad) {
        (_, Some(pad)) => Place::Pad(pad),
        (site, None) => Place::Site(site.unwrap_or_default()),
    }
}

fn filters(given: &[String]) -> Result<Filters, Failure> {
    let mut filters = Filters::none();
    for filter in given {
        let Some((name, value)) = filter.split_once('=') else {
            let message = format!("--filter: `{filter}` has no value");
            return Err(Failure::configuration(message)
                .with_hint("write it as in `--filter name_search=mesa`"));
        };
        filters = filters.with(name.trim(), value.trim());
    }
    Ok(filters)
}

/// A range of time, either end of which may be open.
type Range = (
    Option<syncline::restream::Timestamp>,
    Option<syncline::restream::Timestamp>,
);

fn range(arguments: &RestreamRangeArgs) -> Result<Range, Failure> {
    let time = |option: &str, text: &Option<String>| {
        text.as_deref().map(|text| moment(option, text)).transpose()
    };
    Ok((
        time("--start", &arguments.start)?,
        time("--end", &arguments.end)?,
    ))
}

const fn stage_name(stage: StageArg) -> StageName {
    match stage {
        StageArg::Frac => StageName::Frac,
        StageArg::Wl => StageName::Wireline,
        StageArg::Standby => StageName::Standby,
    }
}
