//! `explain`

use syncline::{
    Config, ExplainArgs as Wanted, Explanation, Failure, PublishSettings, explain_document,
};

use super::verify::write;
use crate::args::{DataArgs, ExplainArgs, told_data};
use crate::output::{self, Voice};
use crate::{compared, environment, flows};

/// The two sides differ.
const DIFFERENT: u8 = 6;

pub(crate) async fn run(arguments: &ExplainArgs, before: DataArgs) -> Result<u8, Failure> {
    let data = &told_data(&arguments.file, &arguments.told, before);
    let flow = match &arguments.flow {
        Some(flow) => Some(flow.clone()),
        None => flow_that_fills(arguments, data)?,
    };
    if let Some(flow) = flow {
        return of_flow(&flow, arguments, data).await;
    }
    let outcome = explain(arguments, data).await;
    let exit_status = match &outcome {
        Ok(found) => found.exit_status(),
        Err(failure) => failure.kind.exit_status(),
    };
    let shows_values = arguments.show_values;
    let document = explain_document(outcome.as_ref(), exit_status, shows_values);
    let written = write(data, &document);
    match outcome {
        Ok(_) if arguments.json => output::data(&format!("{document:#}\n")),
        Ok(found) => output::data(&compared::of_explain(&found, shows_values)),
        Err(failure) => Voice::new(data.log_format).failure(&failure),
    }
    written.map(|()| exit_status)
}

/// The flow that is meant though none is named.
fn flow_that_fills(arguments: &ExplainArgs, data: &DataArgs) -> Result<Option<String>, Failure> {
    match environment::config(data) {
        Ok(config) => syncline::flow_that_fills(
            &config,
            &settings(arguments, &config),
            &arguments.collection,
        ),
        // It is told by whoever needs it.
        Err(_) => Ok(None),
    }
}

/// Which stores are to be compared where no flow is.
fn settings(arguments: &ExplainArgs, config: &Config) -> PublishSettings {
    let mut settings = config.publish.clone().unwrap_or_default();
    settings.from = arguments.from.clone().or(settings.from);
    settings.to = arguments.to.clone().or(settings.to);
    settings
}

/// One record of a flow.
async fn of_flow(flow: &str, arguments: &ExplainArgs, data: &DataArgs) -> Result<u8, Failure> {
    let config = environment::config(data)?;
    let wanted = (flow, arguments.collection.as_str(), &*arguments.key);
    let found = syncline::explain_flow(&config, wanted, arguments.show_values).await?;
    let document = serde_json::json!({"command": "explain", "flow": flow, "record": found});
    if arguments.json {
        output::data(&format!("{document:#}\n"));
    } else {
        output::data(&flows::of_explained(&found));
    }
    let differs = found.differs();
    write(data, &document).map(|()| if differs { DIFFERENT } else { 0 })
}

async fn explain(arguments: &ExplainArgs, data: &DataArgs) -> Result<Explanation, Failure> {
    let config = environment::connected(data).await?;
    let wanted = Wanted {
        settings: settings(arguments, &config),
        collection: arguments.collection.clone(),
        key: arguments.key.clone(),
    };
    syncline::explain(&config, wanted).await
}
