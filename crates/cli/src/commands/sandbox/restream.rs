//! `sandbox restream`: a simulated service of time series.

use std::time::Duration;

use syncline::Failure;
use syncline_sandbox::restream::{
    Aggregation, Behaviour, Density, Restream, RestreamConfig, Size, Stamp,
};

use super::{faults, local, log};
use crate::args::{AggregationArg, BehaviourArgs, DensityArg, SandboxRestreamArgs};
use crate::{output, signals};

pub(super) async fn run(arguments: &SandboxRestreamArgs) -> Result<u8, Failure> {
    let config = config(arguments)?;
    if let Some(format) = arguments.log_format {
        log::begin(format);
    }
    let service = Restream::start(config).await;
    let service = service.map_err(|error| local(&error))?;
    output::data(&format!("{}\n", service.url()));
    output::note(&format!(
        "A Restream service for client {}, until you press Ctrl-C.",
        arguments.client_id
    ));
    signals::told_to_stop().await;
    service.stop().await;
    Ok(0)
}

fn config(arguments: &SandboxRestreamArgs) -> Result<RestreamConfig, Failure> {
    if arguments.now < arguments.begin {
        let text = "--now is before --begin: nothing would have been measured yet";
        return Err(Failure::configuration(text.to_owned()));
    }
    let faults = arguments.faults.as_deref().map(faults).transpose()?;
    Ok(RestreamConfig {
        size: Size {
            seed: arguments.seed,
            pads: arguments.pads,
            sites: arguments.sites,
            begin: arguments.begin,
            density: match arguments.density {
                DensityArg::Mixed => Density::Mixed,
                DensityArg::Dense => Density::Dense,
                DensityArg::Sparse => Density::Sparse,
            },
        },
        now: arguments.now,
        speed: arguments.speed,
        listen: arguments.listen,
        client_id: arguments.client_id.clone(),
        client_secret: arguments.client_secret.clone(),
        token_lifetime: Duration::from_secs(u64::from(arguments.token_lifetime)),
        corrections: arguments.corrections,
        behaviour: behaviour(&arguments.behaviour),
        faults: faults.unwrap_or_default(),
        latency: Duration::from_millis(arguments.latency),
        rate_limit: arguments.rate_limit,
        record_file: arguments.record.clone(),
        admin: arguments.admin || arguments.listen.ip().is_loopback(),
        ..RestreamConfig::default()
    })
}

fn behaviour(arguments: &BehaviourArgs) -> Behaviour {
    Behaviour {
        aggregation: match arguments.aggregation {
            AggregationArg::Min => Aggregation::Min,
            AggregationArg::Max => Aggregation::Max,
            AggregationArg::Mean => Aggregation::Mean,
        },
        stamp: if arguments.stamp_end {
            Stamp::End
        } else {
            Stamp::Start
        },
        exclusive_end: arguments.exclusive_end,
        longest_range: arguments.longest_range,
        pad_by_time: arguments.pad_by_time,
        unrouted_site: arguments.unrouted_site,
        whole_unless_preferred: arguments.whole_unless_preferred,
        gzip: !arguments.no_gzip,
        replay_always: arguments.replay_always,
        greet: !arguments.no_greeting,
        frame_records: arguments.frame_records,
        acks: arguments.acks,
        session_retention: arguments.session_retention,
        single_confirmation: arguments.single_confirmation,
        exact_case: arguments.exact_case,
        concurrency: arguments.concurrency,
        token_ban: arguments.token_ban,
        forbidden: arguments.forbid.iter().copied().collect(),
        broken_aggregations: arguments.broken_aggregations.iter().copied().collect(),
    }
}
