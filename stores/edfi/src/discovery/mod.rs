//! The discovery document, and the endpoints that follow from it.

use serde::Deserialize;
use syncline_http::{Answer, Client};
use syncline_store::{ErrorKind, Result, StoreError};
use url::Url;

use crate::settings::{EdfiSettings, Mode};

/// What an API says about itself. Every member may be missing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Discovery {
    /// Version of the API, for example `7.3`.
    pub version: String,
    /// Build number; changes with every installation.
    pub build: String,
    /// The data models it holds.
    pub data_models: Vec<DataModel>,
    urls: AdvertisedUrls,
}

/// A data model: the core or an extension.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct DataModel {
    /// `Ed-Fi` for the core.
    pub name: String,
    /// For example `5.2.0`.
    pub version: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct AdvertisedUrls {
    dependencies: Option<String>,
    open_api_metadata: Option<String>,
    oauth: Option<String>,
    data_management_api: Option<String>,
    change_queries: Option<String>,
}

/// Where everything is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// Token endpoint.
    pub oauth: Url,
    /// Root of the data endpoints, without a slash at the end.
    pub data: Url,
    /// Load order, if the API tells it.
    pub dependencies: Option<Url>,
    /// List of `OpenAPI` documents, if the API has them.
    pub open_api_metadata: Option<Url>,
    /// Root of the change queries, as advertised or as its place follows from that of the data;
    /// whether they are offered shows when they are asked.
    pub change_queries: Option<Url>,
}

/// Asks for the discovery document, unless the settings name every URL.
pub(crate) async fn discover(client: &Client, settings: &EdfiSettings) -> Result<Discovery> {
    if settings.urls.are_complete() {
        return Ok(Discovery::default());
    }
    let answer = client.get(&settings.base_url).await?;
    if !answer.is_success() {
        return Err(no_document(&settings.base_url, &answer));
    }
    match serde_json::from_slice::<Discovery>(&answer.body) {
        Ok(discovery) => Ok(discovery),
        Err(_) => Err(not_edfi(
            &settings.base_url,
            "what it answers is not a discovery document",
        )),
    }
}

impl Discovery {
    /// Name and version of the data models, for a person.
    pub fn models(&self) -> String {
        let models: Vec<String> = self
            .data_models
            .iter()
            .map(|model| format!("{} {}", model.name, model.version))
            .collect();
        models.join(", ")
    }

    /// The endpoints for the configured instance and year.
    pub(crate) fn endpoints(&self, settings: &EdfiSettings) -> Result<Endpoints> {
        let advertised = &self.urls;
        let route = Route {
            settings,
            advertised_year: self.advertised_year(),
        };
        let choose =
            |explicit: &Option<Url>, advertised: &Option<String>| match (explicit, advertised) {
                (Some(url), _) => Ok(Some(url.clone())),
                (None, Some(text)) => route.resolve(text).map(Some),
                (None, None) => Ok(None),
            };
        let urls = &settings.urls;
        let oauth = choose(&urls.oauth, &advertised.oauth)?
            .ok_or_else(|| not_edfi(&settings.base_url, "its document names no token endpoint"))?;
        let data = match (&urls.data, &advertised.data_management_api) {
            (Some(url), _) => url.clone(),
            (None, Some(text)) => route.with_mode(route.resolve(text)?),
            (None, None) => {
                return Err(not_edfi(
                    &settings.base_url,
                    "its document names no data endpoint",
                ));
            }
        };
        let data = without_end_slash(data);
        let change_queries = match &advertised.change_queries {
            Some(text) => Some(without_end_slash(route.with_mode(route.resolve(text)?))),
            None => beside_data(&data),
        };
        Ok(Endpoints {
            oauth,
            data,
            change_queries,
            dependencies: choose(&urls.dependencies, &advertised.dependencies)?,
            open_api_metadata: choose(&urls.open_api_metadata, &advertised.open_api_metadata)?,
        })
    }

    /// The year at the end of the advertised data URL, as year-specific servers have it.
    fn advertised_year(&self) -> Option<String> {
        let text = self
            .urls
            .data_management_api
            .as_deref()?
            .trim_end_matches('/');
        text.rsplit('/')
            .next()
            .filter(|segment| is_year(segment))
            .map(str::to_owned)
    }
}

/// Puts instance, year and placeholders into advertised URLs.
struct Route<'settings> {
    settings: &'settings EdfiSettings,
    advertised_year: Option<String>,
}

impl Route<'_> {
    /// An advertised URL with its placeholders filled in and its year replaced.
    fn resolve(&self, advertised: &str) -> Result<Url> {
        let mut text = advertised.to_owned();
        while let Some((before, name, after)) = placeholder(&text) {
            let value = self
                .value_of(&name)
                .ok_or_else(|| missing_value(&name, &text))?;
            text = format!("{before}{value}{after}");
        }
        if let (Some(advertised_year), Some(year)) = (&self.advertised_year, self.year()) {
            text = text
                .split('/')
                .map(|segment| {
                    if segment == advertised_year {
                        year.as_str()
                    } else {
                        segment
                    }
                })
                .collect::<Vec<_>>()
                .join("/");
        }
        Url::parse(&text).map_err(|error| {
            let reason = format!("its document names a URL that cannot be used, {text}: {error}");
            not_edfi(&self.settings.base_url, &reason)
        })
    }

    /// The data URL with instance and year after it, where the document does not have them.
    fn with_mode(&self, mut url: Url) -> Url {
        let last_is_year = url
            .path_segments()
            .and_then(|mut segments| segments.rfind(|segment| !segment.is_empty()).map(is_year));
        if last_is_year == Some(true) || !self.settings.route.is_empty() {
            return url;
        }
        let suffix = match &self.settings.mode {
            Mode::Shared => return url,
            Mode::Year(year) => vec![year.to_string()],
            Mode::InstanceYear { instance, year } => vec![instance.clone(), year.to_string()],
        };
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(suffix);
        }
        url
    }

    fn year(&self) -> Option<String> {
        match &self.settings.mode {
            Mode::Shared => None,
            Mode::Year(year) | Mode::InstanceYear { year, .. } => Some(year.to_string()),
        }
    }

    fn value_of(&self, name: &str) -> Option<String> {
        if let Some(value) = self.settings.route.get(name) {
            return Some(value.clone());
        }
        match &self.settings.mode {
            Mode::InstanceYear { instance, .. } if name == "instance" => Some(instance.clone()),
            _ if name.to_ascii_lowercase().contains("year") => self.year(),
            _ => None,
        }
    }
}

/// The first placeholder of a URL: what stands before it, its name without any constraint
/// (`{schoolYearFromRoute:range(2020,2030)}`), and what stands after it.
fn placeholder(text: &str) -> Option<(&str, String, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (inside, after) = rest.split_once('}')?;
    let name = inside.split(':').next().unwrap_or(inside);
    Some((before, name.to_owned(), after))
}

fn is_year(segment: &str) -> bool {
    segment.len() == 4 && segment.bytes().all(|byte| byte.is_ascii_digit())
}

/// Where servers that do not advertise their change queries have them.
fn beside_data(data: &Url) -> Option<Url> {
    let path = data.path();
    let (before, after) = path.split_once("/data/v3")?;
    let mut url = data.clone();
    url.set_path(&format!("{before}/changeQueries/v1{after}"));
    Some(url)
}

fn without_end_slash(mut url: Url) -> Url {
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty();
    }
    url
}

fn missing_value(name: &str, url: &str) -> StoreError {
    let message = format!("the API's URL {url} has a placeholder without a value");
    let hint = match name {
        "tenantIdentifier" => "set `tenant` in the configuration".to_owned(),
        "instance" => {
            "set `mode: instance_year_specific` with `instance_code` and `year`".to_owned()
        }
        _ if name.to_ascii_lowercase().contains("year") => {
            format!("set `year` (or `context: {{ {name}: ... }}`) in the configuration")
        }
        _ => format!("set `context: {{ {name}: ... }}` in the configuration"),
    };
    StoreError::new(ErrorKind::Configuration, message).with_hint(hint)
}

fn no_document(url: &Url, answer: &Answer) -> StoreError {
    let status = answer.status;
    if answer.status >= 500 || answer.status == 429 {
        let message = format!("{url} answers {status} instead of its discovery document");
        return StoreError::new(ErrorKind::Unavailable, message);
    }
    not_edfi(
        url,
        &format!("it answers {status} where the discovery document should be"),
    )
}

fn not_edfi(url: &Url, reason: &str) -> StoreError {
    StoreError::new(
        ErrorKind::Configuration,
        format!("{url} is not an Ed-Fi API: {reason}"),
    )
    .with_hint(
        "the base URL is the one a browser shows a JSON document with `dataManagementApi` at; \
         for an API without one, configure its URLs one by one",
    )
}

#[cfg(test)]
pub(crate) mod tests;
