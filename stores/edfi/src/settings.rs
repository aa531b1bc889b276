//! What has to be known to reach an Ed-Fi API, checked without touching the network.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use syncline_http::{ClientSettings, Credentials};
use syncline_store::layers::RetryPolicy;
use url::Url;

/// Settings of one API.
#[derive(Clone, Debug)]
pub struct EdfiSettings {
    /// Where the discovery document is.
    pub base_url: Url,
    /// URLs that stand in for those of the discovery document.
    pub urls: Urls,
    /// How the API tells instances and years apart.
    pub mode: Mode,
    /// Values for the placeholders `{...}` in advertised URLs, by name.
    pub route: BTreeMap<String, String>,
    /// Who is asking.
    pub credentials: Credentials,
    /// Namespace of collections that are named without one, for example `ed-fi`.
    pub namespace: String,
    /// Collections (short names) that belong to other namespaces, by namespace.
    pub namespace_overrides: BTreeMap<String, Vec<String>>,
    /// How connections are made.
    pub client: ClientSettings,
    /// How collections are read.
    pub reading: ReadSettings,
    /// Where tokens and metadata are kept between runs; none keeps nothing.
    pub cache: Option<PathBuf>,
    /// Whether kept metadata and tokens are thrown away first.
    pub wipe: bool,
}

/// How collections are read.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadSettings {
    /// Most records asked for in one page; a server that refuses so many is asked for fewer.
    pub page_records: u32,
    /// Most requests for pages under way at once, over all collections.
    pub requests_max: usize,
    /// How a page that could not be had is asked for again.
    pub retry: RetryPolicy,
}

impl Default for ReadSettings {
    /// Pages of 500 records, which servers allow as shipped.
    fn default() -> Self {
        Self {
            page_records: 500,
            requests_max: 8,
            retry: RetryPolicy::default(),
        }
    }
}

/// Explicit URLs, for APIs without (or with a wrong) discovery document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Urls {
    /// Token endpoint.
    pub oauth: Option<Url>,
    /// Load order.
    pub dependencies: Option<Url>,
    /// List of `OpenAPI` documents.
    pub open_api_metadata: Option<Url>,
    /// The document of resources; used only together with `descriptors_document`.
    pub resources_document: Option<Url>,
    /// The document of descriptors.
    pub descriptors_document: Option<Url>,
    /// Root of the data endpoints.
    pub data: Option<Url>,
}

/// How an API tells instances and years apart in its URLs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// It does not: one instance, or what is needed stands in the base URL or the placeholders.
    #[default]
    Shared,
    /// By school year.
    Year(u16),
    /// By instance and school year.
    InstanceYear {
        /// Code of the instance.
        instance: String,
        /// School year.
        year: u16,
    },
}

impl Urls {
    /// Whether nothing needs to be asked of a discovery document.
    pub const fn are_complete(&self) -> bool {
        let documents = self.open_api_metadata.is_some()
            || (self.resources_document.is_some() && self.descriptors_document.is_some());
        self.oauth.is_some() && self.dependencies.is_some() && documents && self.data.is_some()
    }
}
