//! Where everything is: the URLs a version advertises, and what a request path means.

use super::config::{ApiVersion, RouteBegins, SandboxConfig};

/// The layout of one server's paths, each without a slash at its end.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    pub(crate) base: String,
    pub(crate) oauth: String,
    pub(crate) token_info: String,
    pub(crate) data: String,
    pub(crate) metadata: String,
    pub(crate) dependencies: String,
    pub(crate) resources: String,
    pub(crate) descriptors: String,
    pub(crate) xsd: String,
    pub(crate) change_queries: String,
    root: String,
}

/// What a request path means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// The discovery document; `filled` when asked for below the tenant and context segments.
    Discovery {
        filled: bool,
    },
    Health,
    Metrics,
    /// What follows `/sandbox/`.
    Admin(String),
    Token,
    TokenInfo,
    Listing,
    Specifications,
    Resources,
    Descriptors,
    Dependencies,
    ChangeQueries(ChangeQuery),
    Data {
        namespace: String,
        name: String,
        rest: Option<String>,
    },
    Unknown,
}

/// What is asked for below the root of the change queries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ChangeQuery {
    AvailableChangeVersions,
    Snapshots,
    Snapshot(String),
}

impl Paths {
    /// The layout for a server reached at `base` (no slash at its end).
    pub(crate) fn new(base: &str, config: &SandboxConfig) -> Self {
        Self::with_segments(base, config, &config.route)
    }

    /// The layout with placeholders in place of tenant, context and instance.
    pub(crate) fn advertised(&self, config: &SandboxConfig) -> Self {
        let names: &[&str] = if config.api.has_mode() {
            &["{instance}"]
        } else if config.route_begins == RouteBegins::Tenant {
            &["{tenantIdentifier}", "{schoolYearFromRoute}"]
        } else {
            &["{schoolYearFromRoute}"]
        };
        let placeholder = |(index, _): (usize, &String)| {
            names
                .get(index)
                .map_or_else(|| format!("{{context{index}}}"), |name| (*name).to_owned())
        };
        let route: Vec<String> = config.route.iter().enumerate().map(placeholder).collect();
        Self::with_segments(&self.base, config, &route)
    }

    fn with_segments(base: &str, config: &SandboxConfig, segments: &[String]) -> Self {
        let route = segments
            .iter()
            .fold(String::new(), |route, segment| route + "/" + segment);
        let year = config.school_year.filter(|_| config.api.has_mode());
        let year = year.map(|year| format!("/{year}")).unwrap_or_default();
        let oauth = format!("{route}/oauth/token");
        let token_info = format!("{route}/oauth/token_info");
        let (before, after) = if config.api.has_mode() {
            (String::new(), format!("{route}{year}"))
        } else {
            (route.clone(), String::new())
        };
        let own = |path: &str| format!("{before}{path}");
        let documents = format!("{before}/metadata/data/v3{after}");
        let dms = config.api.is_dms();
        let pick = |one: String, other: String| if dms { one } else { other };
        Self {
            base: base.to_owned(),
            oauth,
            token_info,
            data: pick(own("/data"), format!("{before}/data/v3{after}")),
            metadata: format!("{before}/metadata{after}"),
            dependencies: pick(
                own("/metadata/dependencies"),
                format!("{documents}/dependencies"),
            ),
            resources: pick(
                own("/metadata/specifications/resources-spec.json"),
                format!("{documents}/resources/swagger.json"),
            ),
            descriptors: pick(
                own("/metadata/specifications/descriptors-spec.json"),
                format!("{documents}/descriptors/swagger.json"),
            ),
            xsd: format!("{before}/metadata{after}/xsd"),
            change_queries: format!("{before}/changeQueries/v1{after}"),
            root: before,
        }
    }

    /// The list of documents, which the Data Management Service puts one level deeper.
    pub(crate) fn listing(&self, api: ApiVersion) -> String {
        if api.is_dms() {
            format!("{}/specifications", self.metadata)
        } else {
            self.metadata.clone()
        }
    }

    /// What a request path means; paths compare without case, a slash at the end is no matter.
    pub(crate) fn route(&self, path: &str, api: ApiVersion) -> Route {
        let path = path.trim_end_matches('/');
        if let Some(rest) = strip_prefix(path, &self.data).and_then(|rest| rest.strip_prefix('/')) {
            return data_route(rest);
        }
        if let Some(rest) = strip_prefix(path, &self.change_queries)
            && let Some(query) = change_query(rest)
        {
            return Route::ChangeQueries(query);
        }
        if let Some(rest) = path.strip_prefix("/sandbox/") {
            return Route::Admin(rest.to_owned());
        }
        let is = |known: &str| path.eq_ignore_ascii_case(known);
        let exact = [
            (is(""), Route::Discovery { filled: false }),
            (is(&self.root), Route::Discovery { filled: true }),
            (is("/health"), Route::Health),
            (is("/metrics"), Route::Metrics),
            (is(&self.oauth), Route::Token),
            (is(&self.token_info), Route::TokenInfo),
            (is(&self.listing(api)), Route::Listing),
            (is(&self.metadata), Route::Specifications),
            (is(&self.dependencies), Route::Dependencies),
            (is(&self.resources), Route::Resources),
            (is(&self.descriptors), Route::Descriptors),
        ];
        let found = exact.into_iter().find(|(matches, _)| *matches);
        found.map_or(Route::Unknown, |(_, route)| route)
    }

    /// The path with the id of an item replaced, for counting.
    pub(crate) fn template(&self, path: &str, route: &Route) -> String {
        match route {
            Route::Data {
                namespace,
                name,
                rest,
            } => {
                let rest = match rest.as_deref() {
                    None => "",
                    Some(known @ ("partitions" | "deletes" | "keyChanges")) => {
                        return format!("{}/{namespace}/{name}/{known}", self.data);
                    }
                    Some(_) => "/{id}",
                };
                format!("{}/{namespace}/{name}{rest}", self.data)
            }
            Route::Unknown => "unknown".to_owned(),
            Route::Admin(_) => "/sandbox".to_owned(),
            _ => path.to_ascii_lowercase(),
        }
    }
}

fn change_query(rest: &str) -> Option<ChangeQuery> {
    let rest = rest.strip_prefix('/')?;
    let (head, tail) = rest.split_once('/').unwrap_or((rest, ""));
    match (head.to_ascii_lowercase().as_str(), tail) {
        ("availablechangeversions", "") => Some(ChangeQuery::AvailableChangeVersions),
        ("snapshots", "") => Some(ChangeQuery::Snapshots),
        ("snapshots", id) => Some(ChangeQuery::Snapshot(id.to_owned())),
        _ => None,
    }
}

fn data_route(rest: &str) -> Route {
    let mut segments = rest.splitn(3, '/');
    match (segments.next(), segments.next(), segments.next()) {
        (Some(namespace), Some(name), rest) => Route::Data {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            rest: rest.map(str::to_owned),
        },
        _ => Route::Unknown,
    }
}

fn strip_prefix<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, tail) = path.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(tail)
}
