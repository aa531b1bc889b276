//! `sandbox`: local servers and what is done with their data.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Run a local server that behaves as the real ones do
#[derive(Debug, Args)]
pub(crate) struct SandboxArgs {
    #[command(subcommand)]
    pub(crate) command: SandboxCommand,
}

/// Which server.
#[derive(Debug, Subcommand)]
pub(crate) enum SandboxCommand {
    /// Run an Ed-Fi API; prints its URL on the first line
    Edfi(Box<SandboxEdfiArgs>),
}

/// Run an Ed-Fi API; prints its URL on the first line
#[derive(Debug, Args)]
pub(crate) struct SandboxEdfiArgs {
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// Keep the data in this file; without one it is gone at the end
    #[arg(long, value_name = "FILE")]
    pub(crate) data: Option<PathBuf>,
    /// Take the data model from the published documents in this folder
    #[arg(long, value_name = "FOLDER")]
    pub(crate) openapi: Option<PathBuf>,
    /// Data standard to take where the folder holds several, for example 5.0
    #[arg(long, value_name = "VERSION", requires = "openapi")]
    pub(crate) data_standard: Option<String>,
    /// Add descriptor values from this file
    #[arg(long, value_name = "FILE")]
    pub(crate) descriptors: Option<PathBuf>,
    /// Version of the API to behave as
    #[arg(long, value_name = "VERSION", default_value = "7.3")]
    pub(crate) api: ApiArg,
    /// Public name of the client
    #[arg(long, value_name = "TEXT", default_value = "populated")]
    pub(crate) client_id: String,
    /// Secret of the client
    #[arg(long, value_name = "TEXT", default_value = "populatedSecret")]
    pub(crate) client_secret: String,
    /// What decides about the records open to the clients of --claims
    #[arg(long, value_name = "STRATEGY", default_value = "none")]
    pub(crate) authorization: AuthorizationArg,
    /// Further clients and what each may do, from this file
    #[arg(long, value_name = "FILE")]
    pub(crate) claims: Option<PathBuf>,
    /// Break requests as this file says
    #[arg(long, value_name = "FILE")]
    pub(crate) faults: Option<PathBuf>,
    /// Leave the change queries out
    #[arg(long)]
    pub(crate) no_change_queries: bool,
    /// Begin with a snapshot of this name, which clients may ask for
    #[arg(long, value_name = "NAME")]
    pub(crate) snapshot: Option<String>,
    /// Answer every POST with 201 without looking at it, for benchmarks
    #[arg(long, conflicts_with_all = ["data", "faults"])]
    pub(crate) constant: bool,
}

/// What decides about records, beside claims.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum AuthorizationArg {
    /// Nothing
    None,
    /// The namespace of a record
    Namespace,
    /// Its education organizations and persons, besides
    Relationships,
}

/// Versions the sandbox can behave as.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ApiArg {
    #[value(name = "5.4")]
    V5_4,
    #[value(name = "6.2")]
    V6_2,
    #[value(name = "7.1")]
    V7_1,
    #[value(name = "7.3")]
    V7_3,
    #[value(name = "8.0")]
    V8_0,
}
