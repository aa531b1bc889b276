//! How often the source is read, and through what.
//!
//! A moment whose reading was broken off is brought to its end first, if it can be had again. Then,
//! as after every reading of the live data, what came since is read. A snapshot that is gone gives
//! way to a newer one.

use syncline_engine::{Ending, EngineError, Through};
use syncline_ledger::LedgerView;
use syncline_store_edfi::{Feed, Isolation};

use super::{Ends, PublishArgs, PublishSettings, PublishStart, PublishSummary, flow};
use crate::{Config, Failure, open};

/// Passes of a run at most.
pub(super) const PASSES_MAX: usize = 4;
/// How the ledger calls the live data, apart from snapshots.
const LIVE: &str = "live";
/// What stands before the name of a snapshot.
const SNAPSHOT: &str = "snapshot ";

/// By what a moment of the source is had again.
pub(super) fn through(isolation: &Isolation) -> Through {
    Through(match isolation {
        Isolation::Snapshot(name) => format!("{SNAPSHOT}{name}"),
        Isolation::None => LIVE.to_owned(),
    })
}

fn isolation(through: &Through) -> Option<Isolation> {
    match through.0.strip_prefix(SNAPSHOT) {
        Some(name) => Some(Isolation::Snapshot(name.to_owned())),
        None => (through.0 == LIVE).then_some(Isolation::None),
    }
}

/// The feed of the moment whose reading was broken off, if there is one and it can be had again.
pub(super) async fn unfinished(
    config: &Config,
    ends: &Ends<'_>,
    arguments: &PublishArgs,
) -> Result<Option<Feed>, Failure> {
    let settings = &arguments.settings;
    if arguments.owed_only || arguments.start == PublishStart::Full {
        return Ok(None);
    }
    for (moment, isolation) in moments(config, ends, settings)? {
        let is_live = isolation == Isolation::None;
        if is_live != settings.ignore_isolation {
            continue;
        }
        let again = open::briefly(|| ends.source.feed_again(&isolation, moment)).await?;
        if again.is_some() {
            return Ok(again);
        }
    }
    Ok(None)
}

/// The moments of unfinished readings, the latest first.
fn moments(
    config: &Config,
    ends: &Ends<'_>,
    settings: &PublishSettings,
) -> Result<Vec<(u64, Isolation)>, Failure> {
    let state = config.state_folder.as_deref();
    let Some(state) = state.filter(|state| LedgerView::is_in(state)) else {
        return Ok(vec![]);
    };
    let ledger = LedgerView::open(state)?;
    let flow = flow(&ends.source_catalog, settings.job.as_deref());
    let Some(scope) = ledger.find_scope(&ends.target_catalog.identity, &flow)? else {
        return Ok(vec![]);
    };
    let chosen = settings
        .choice
        .apply(&ends.target_catalog, &ends.source_catalog)?;
    let unfinished = syncline_engine::unfinished(&ledger, scope, chosen.into_iter())?;
    let read = |(mark, through): (syncline_model::Mark, Through)| {
        Some((mark.0.parse().ok()?, isolation(&through)?))
    };
    let mut moments: Vec<(u64, Isolation)> = unfinished.into_iter().filter_map(read).collect();
    moments.sort_by_key(|(moment, _)| std::cmp::Reverse(*moment));
    Ok(moments)
}

/// What a pass read.
pub(super) struct Read {
    isolation: Isolation,
    moment: Option<u64>,
}

impl Read {
    pub(super) fn of(feed: &Feed) -> Self {
        Self {
            isolation: feed.isolation().clone(),
            moment: feed.newest(),
        }
    }
}

/// A further pass.
pub(super) struct Next {
    pub(super) feed: Feed,
    pub(super) arguments: PublishArgs,
}

/// The pass after one, if one is to follow. `goes_on` says that the first one went on with an
/// unfinished reading.
pub(super) async fn next(
    ends: &Ends<'_>,
    (read, goes_on): (&Read, bool),
    (summary, arguments): (&mut PublishSummary, &PublishArgs),
) -> Result<Option<Next>, Failure> {
    let settings = &arguments.settings;
    if is_snapshot_gone(ends, read, summary).await {
        let Ok(feed) = open::briefly(|| ends.source.feed(settings.ignore_isolation)).await else {
            return Ok(None);
        };
        summary.notes.push(
            "the snapshot ended while it was read: what was not read from it was read from a newer \
             one"
            .to_owned(),
        );
        let arguments = arguments.clone();
        return Ok(Some(Next { feed, arguments }));
    }
    let is_last = summary.passes() > 1 || !(goes_on || read.isolation == Isolation::None);
    if is_last || !summary.is_whole() || arguments.owed_only {
        return Ok(None);
    }
    let feed = open::briefly(|| ends.source.feed(settings.ignore_isolation)).await?;
    if feed.newest() == read.moment {
        return Ok(None);
    }
    let arguments = PublishArgs {
        settings: PublishSettings {
            // What was allowed was for what a person has seen.
            allowed_deletes: None,
            ..settings.clone()
        },
        start: PublishStart::Marks,
        force: false,
        ..arguments.clone()
    };
    Ok(Some(Next { feed, arguments }))
}

/// Whether a pass failed because its snapshot is not there any more.
async fn is_snapshot_gone(ends: &Ends<'_>, read: &Read, summary: &PublishSummary) -> bool {
    let failed = matches!(summary.report.ending, Ending::Failed(EngineError::Store(_)));
    let (Isolation::Snapshot(_), Some(moment)) = (&read.isolation, read.moment) else {
        return false;
    };
    if !failed {
        return false;
    }
    let again = ends.source.feed_again(&read.isolation, moment).await;
    again.is_ok_and(|feed| feed.is_none())
}
