//! `sandbox`: local servers, and what is done with their data.

mod data;
mod log;
mod replay;
mod restream;

use std::path::Path;
use std::time::Duration;

use syncline::Failure;
use syncline_sandbox::remote::model_like;
use syncline_sandbox::schema::{ApiModel, SchemaError, embedded, openapi};
use syncline_sandbox::{
    ApiVersion, Authorization, ConstantServer, FaultPlan, RouteBegins, Sandbox, SandboxConfig,
    read_clients, read_profiles,
};

use super::local;
use crate::args::{
    ApiArg, AuthorizationArg, ModelArgs, PlaceArgs, SandboxCommand, SandboxEdfiArgs,
};
use crate::{output, signals};

pub(crate) async fn run(command: &SandboxCommand) -> Result<u8, Failure> {
    match command {
        SandboxCommand::Edfi(arguments) => edfi(arguments).await,
        SandboxCommand::Restream(arguments) => restream::run(arguments).await,
        SandboxCommand::Seed(arguments) => data::seed(arguments),
        SandboxCommand::Replay(arguments) => replay::run(arguments).await,
        SandboxCommand::Reset(arguments) => data::reset(arguments),
    }
}

async fn edfi(arguments: &SandboxEdfiArgs) -> Result<u8, Failure> {
    let config = config(arguments)?;
    if let Some(format) = arguments.log_format {
        log::begin(format);
    }
    if arguments.constant {
        let server = ConstantServer::start_with(config, arguments.pages.as_deref())
            .await
            .map_err(|error| local(&error))?;
        output::data(&format!("{}\n", server.url()));
        signals::told_to_stop().await;
        server.stop().await;
        return Ok(0);
    }
    let sandbox = Sandbox::start(config)
        .await
        .map_err(|error| local(&error))?;
    if let Some(name) = &arguments.snapshot {
        sandbox.take_snapshot(name).map_err(|error| local(&error))?;
    }
    output::data(&format!("{}\n", sandbox.url()));
    output::note(&format!(
        "An Ed-Fi API for client {}, until you press Ctrl-C.",
        arguments.client_id
    ));
    signals::told_to_stop().await;
    sandbox.stop().await;
    Ok(0)
}

fn config(arguments: &SandboxEdfiArgs) -> Result<SandboxConfig, Failure> {
    let mut config = SandboxConfig::new(model(&arguments.model)?);
    config.listen = arguments.listen;
    config.data.clone_from(&arguments.data);
    config.api = version(arguments.api);
    config.client_id.clone_from(&arguments.client_id);
    config.client_secret.clone_from(&arguments.client_secret);
    place(&mut config, &arguments.place)?;
    config.authorization = match arguments.authorization {
        AuthorizationArg::None => Authorization::None,
        AuthorizationArg::Namespace => Authorization::Namespace,
        AuthorizationArg::Relationships => Authorization::Relationships,
    };
    if let Some(path) = &arguments.claims {
        config.clients = read_clients(path).map_err(|error| local(&error))?;
    }
    if let Some(path) = &arguments.profiles {
        config.profiles = read_profiles(path).map_err(|error| local(&error))?;
    }
    config.latency = Duration::from_millis(arguments.latency);
    config.clock_ahead_s = arguments.clock_ahead;
    config.rate_limit = arguments.rate_limit;
    config.record_file.clone_from(&arguments.record);
    config.admin = arguments.admin || arguments.listen.ip().is_loopback();
    config.change_queries = !arguments.no_change_queries;
    if let Some(path) = &arguments.faults {
        config.faults = faults(path)?;
        if config.faults.has_streams() {
            let text = format!(
                "{}: cut, stall and slow break streams, and this API has none",
                path.display()
            );
            return Err(Failure::configuration(text));
        }
    }
    Ok(config)
}

/// Puts tenant, context, instance and year where the version has them.
fn place(config: &mut SandboxConfig, arguments: &PlaceArgs) -> Result<(), Failure> {
    let PlaceArgs {
        tenant,
        context,
        instance,
        year,
    } = arguments;
    let early = matches!(config.api, ApiVersion::V5_4 | ApiVersion::V6_2);
    if early && (tenant.is_some() || context.is_some()) {
        let text = "--tenant and --context mean something from 7.1 on; before, there are --year \
                    and --instance";
        return Err(Failure::configuration(text.to_owned()));
    }
    if !early && year.is_some() {
        let text = "--year and --instance mean something to 5.4 and 6.2; later, there are \
                    --tenant and --context";
        return Err(Failure::configuration(text.to_owned()));
    }
    let segments = [instance, tenant, context].into_iter().flatten();
    config.route = segments.cloned().collect();
    if tenant.is_none() {
        config.route_begins = RouteBegins::Context;
    }
    config.school_year = *year;
    Ok(())
}

fn model(arguments: &ModelArgs) -> Result<ApiModel, Failure> {
    let mut model = match (
        &arguments.openapi,
        &arguments.data_standard,
        &arguments.like,
    ) {
        (Some(folder), Some(version), _) => openapi::load_standard(folder, version),
        (Some(folder), None, _) => openapi::load(folder),
        (None, _, Some(url)) => return like(url, arguments),
        (None, _, None) => embedded(),
    }
    .map_err(|error| local(&error))?;
    complete(&mut model, arguments)?;
    Ok(model)
}

fn like(url: &str, arguments: &ModelArgs) -> Result<ApiModel, Failure> {
    let mut model =
        tokio::task::block_in_place(|| model_like(url)).map_err(|error| local(&error))?;
    complete(&mut model, arguments)?;
    Ok(model)
}

/// Adds extensions and descriptor values.
fn complete(model: &mut ApiModel, arguments: &ModelArgs) -> Result<(), Failure> {
    for path in &arguments.extension {
        let document = fs_err::read(path)?;
        *model = openapi::extend(model, &document).map_err(|error| in_file(path, &error))?;
    }
    if let Some(path) = &arguments.descriptors {
        model
            .add_descriptor_values(&fs_err::read(path)?)
            .map_err(|error| in_file(path, &error))?;
    }
    Ok(())
}

fn in_file(path: &Path, error: &SchemaError) -> Failure {
    let failure = local(error);
    Failure {
        message: format!("{}: {}", path.display(), failure.message),
        ..failure
    }
}

const fn version(version: ApiArg) -> ApiVersion {
    match version {
        ApiArg::V5_4 => ApiVersion::V5_4,
        ApiArg::V6_2 => ApiVersion::V6_2,
        ApiArg::V7_1 => ApiVersion::V7_1,
        ApiArg::V7_3 => ApiVersion::V7_3,
        ApiArg::V8_0 => ApiVersion::V8_0,
    }
}

fn faults(path: &Path) -> Result<FaultPlan, Failure> {
    serde_json::from_slice(&fs_err::read(path)?).map_err(|error| {
        Failure::configuration(format!("{} is no plan of faults: {error}", path.display()))
    })
}
