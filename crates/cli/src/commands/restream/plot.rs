//! `restream plot`

use syncline::Failure;
use syncline::restream::{PlotArgs, PlotSummary, Restream};

use super::range;
use crate::args::RestreamPlotArgs;
use crate::output;
use crate::progress::Share;
use crate::signals;
use crate::summary::count;

pub(super) async fn run(api: &Restream, arguments: &RestreamPlotArgs) -> Result<u8, Failure> {
    let (start, end) = range(&arguments.range)?;
    let wanted = PlotArgs {
        site: arguments.site,
        fields: arguments.fields.clone(),
        start,
        end,
        si_units: arguments.si_units,
        zone: arguments.zone.clone(),
        gap_seconds: arguments.gap_seconds,
        file: arguments.out.clone(),
        overwrite: arguments.overwrite,
    };
    let share = Share::new();
    let tell = |progress: syncline::restream::PlotProgress| {
        share.tell(progress.share, progress.records);
    };
    let stop = signals::stop_token();
    let summary = syncline::restream::plot(api, &wanted, &tell, &stop).await?;
    drop(share);
    report(&summary);
    Ok(0)
}

fn report(summary: &PlotSummary) {
    output::note(&format!(
        "{} of {} in {}.",
        count(summary.values, "value"),
        count(summary.records, "record"),
        summary.file.display()
    ));
    if !summary.empty.is_empty() {
        let names = summary.empty.join(", ");
        output::warning(&format!("nothing was measured of {names} in this range"));
    }
    if summary.not_drawn > 0 {
        let values = count(summary.not_drawn, "value");
        output::warning(&format!("{values} are no numbers, and not drawn"));
    }
}
