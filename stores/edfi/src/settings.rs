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
    /// What tokens are to be good for, for example one education organization; none asks for all
    /// that the client may do.
    pub scope: Option<String>,
    /// The API profile by which records are read and written; none takes them as they are.
    pub profile: Option<String>,
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
    /// The same for single collections, by name; of effect on their deletes and changes of keys,
    /// too.
    pub page_sizes: BTreeMap<String, u32>,
    /// In which way pages are asked for.
    pub paging: Paging,
    /// Walks side by side that are asked for where pages are read by cursor; none leaves it to the
    /// size of the collection, and less than 2 makes one walk.
    pub partitions: Option<u32>,
    /// Change versions that are read at once of a feed; none reads its window as one.
    pub version_window: Option<u64>,
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
            page_sizes: BTreeMap::new(),
            paging: Paging::default(),
            partitions: None,
            version_window: None,
            requests_max: 8,
            retry: RetryPolicy::default(),
        }
    }
}

/// In which way pages are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paging {
    /// By cursor where the API offers that; else by offset, and of a feed that is not frozen
    /// strictly from the last page to the first.
    #[default]
    Automatic,
    /// By offset, several pages at once.
    Offset,
    /// By offset, strictly from the last page to the first.
    Reverse,
    /// By cursor; an API that does not offer it is not read.
    Cursor,
}

impl Paging {
    /// The way a word stands for.
    pub fn named(word: &str) -> Option<Self> {
        match word {
            "auto" => Some(Self::Automatic),
            "offset" => Some(Self::Offset),
            "reverse" => Some(Self::Reverse),
            "cursor" => Some(Self::Cursor),
            _ => None,
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
