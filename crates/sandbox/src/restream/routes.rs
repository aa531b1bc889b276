//! Which path means what.

/// Sites or pads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Sites,
    Pads,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sites => "sites",
            Self::Pads => "pads",
        }
    }
}

/// What is asked of one site or pad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Itself,
    Fields,
    History,
    Aggregations,
    Data,
    Changes,
    Change(u64),
    Parameters,
    Parameter(u64),
}

impl Part {
    fn template(self) -> &'static str {
        match self {
            Self::Itself => "",
            Self::Fields => "fields/",
            Self::History => "history/",
            Self::Aggregations => "aggregations/",
            Self::Data => "data/",
            Self::Changes => "data_changes/",
            Self::Change(_) => "data_changes/{id}/",
            Self::Parameters => "parameters/",
            Self::Parameter(_) => "parameters/{id}/",
        }
    }
}

/// What a socket tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    Updates,
    /// Records; whether clients acknowledge them.
    Measurements {
        acks: bool,
    },
    Changes,
}

/// A path, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Root,
    Health,
    Metrics,
    /// Below `/sandbox/`.
    Admin(String),
    Token,
    List(Kind),
    Of(Kind, u64, Part),
    States,
    State(u64),
    Socket(Kind, u64, Topic),
    /// A path of the service without the slash at its end.
    Slashless,
    Unknown,
}

const REST: &str = "/external/thirdparty/v1/";
const SOCKETS: &str = "/external/thirdparty/v2/ws/";
const OLD_SOCKETS: &str = "/ws/data/";

impl Route {
    /// What a path means.
    pub(crate) fn of(path: &str) -> Self {
        match path {
            "/" => return Self::Root,
            "/health" => return Self::Health,
            "/metrics" => return Self::Metrics,
            "/o/token/" => return Self::Token,
            _ => {}
        }
        if let Some(rest) = path.strip_prefix("/sandbox/") {
            return Self::Admin(rest.to_owned());
        }
        let found = if let Some(rest) = path.strip_prefix(REST) {
            rest_route(rest)
        } else if let Some(rest) = path.strip_prefix(SOCKETS) {
            socket_route(rest)
        } else {
            path.strip_prefix(OLD_SOCKETS).and_then(old_socket_route)
        };
        found.unwrap_or_else(|| {
            let with_slash = !path.ends_with('/') && Self::of(&format!("{path}/")) != Self::Unknown;
            if with_slash {
                Self::Slashless
            } else {
                Self::Unknown
            }
        })
    }

    /// The path without the names of single things, for counts and logs.
    pub(crate) fn template(&self) -> String {
        match self {
            Self::Root => "/".to_owned(),
            Self::Health => "/health".to_owned(),
            Self::Metrics => "/metrics".to_owned(),
            Self::Admin(_) => "/sandbox/".to_owned(),
            Self::Token => "/o/token/".to_owned(),
            Self::List(kind) => format!("{REST}{}/", kind.name()),
            Self::Of(kind, _, part) => format!("{REST}{}/{{id}}/{}", kind.name(), part.template()),
            Self::States => format!("{REST}states/"),
            Self::State(_) => format!("{REST}states/{{id}}/"),
            Self::Socket(kind, _, topic) => match topic {
                Topic::Updates => format!("{SOCKETS}{}/{{id}}/", kind.name()),
                Topic::Measurements { acks: false } => {
                    format!("{SOCKETS}{}/{{id}}/data/", kind.name())
                }
                Topic::Measurements { acks: true } => {
                    format!("{OLD_SOCKETS}{}/{{id}}/", kind.name().trim_end_matches('s'))
                }
                Topic::Changes => format!("{SOCKETS}{}/{{id}}/data_changes/", kind.name()),
            },
            Self::Slashless | Self::Unknown => "unknown".to_owned(),
        }
    }

    /// Whether it is a socket.
    pub(crate) fn is_socket(&self) -> bool {
        matches!(self, Self::Socket(..))
    }

    /// Whether it is one of the service, and not of this server.
    pub(crate) fn is_service(&self) -> bool {
        !matches!(
            self,
            Self::Root | Self::Health | Self::Metrics | Self::Admin(_)
        )
    }
}

/// The segments of a path that ends in a slash.
fn segments(rest: &str) -> Option<Vec<&str>> {
    Some(rest.strip_suffix('/')?.split('/').collect())
}

fn kind(name: &str) -> Option<Kind> {
    match name {
        "sites" => Some(Kind::Sites),
        "pads" => Some(Kind::Pads),
        _ => None,
    }
}

/// An id as paths have it: digits and nothing else.
fn number(text: &str) -> Option<u64> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

fn rest_route(rest: &str) -> Option<Route> {
    match segments(rest)?.as_slice() {
        ["states"] => Some(Route::States),
        ["states", id] => Some(Route::State(number(id)?)),
        [name] => Some(Route::List(kind(name)?)),
        [name, id, parts @ ..] => {
            let part = match parts {
                [] => Part::Itself,
                ["fields"] => Part::Fields,
                ["history"] => Part::History,
                ["aggregations"] => Part::Aggregations,
                ["data"] => Part::Data,
                ["data_changes"] => Part::Changes,
                ["data_changes", id] => Part::Change(number(id)?),
                ["parameters"] => Part::Parameters,
                ["parameters", id] => Part::Parameter(number(id)?),
                _ => return None,
            };
            Some(Route::Of(kind(name)?, number(id)?, part))
        }
        [] => None,
    }
}

fn socket_route(rest: &str) -> Option<Route> {
    let (name, id, topic) = match segments(rest)?.as_slice() {
        [name, id] => (*name, *id, Topic::Updates),
        [name, id, "data"] => (*name, *id, Topic::Measurements { acks: false }),
        [name, id, "data_changes"] => (*name, *id, Topic::Changes),
        _ => return None,
    };
    Some(Route::Socket(kind(name)?, number(id)?, topic))
}

fn old_socket_route(rest: &str) -> Option<Route> {
    let (kind, id) = match segments(rest)?.as_slice() {
        ["site", id] => (Kind::Sites, *id),
        ["pad", id] => (Kind::Pads, *id),
        _ => return None,
    };
    Some(Route::Socket(
        kind,
        number(id)?,
        Topic::Measurements { acks: true },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_contract_are_understood() {
        let cases = [
            ("/external/thirdparty/v1/sites/", Route::List(Kind::Sites)),
            (
                "/external/thirdparty/v1/pads/7/",
                Route::Of(Kind::Pads, 7, Part::Itself),
            ),
            (
                "/external/thirdparty/v1/sites/11/data_changes/5/",
                Route::Of(Kind::Sites, 11, Part::Change(5)),
            ),
            ("/external/thirdparty/v1/states/9/", Route::State(9)),
            (
                "/external/thirdparty/v2/ws/pads/7/data/",
                Route::Socket(Kind::Pads, 7, Topic::Measurements { acks: false }),
            ),
            (
                "/ws/data/site/11/",
                Route::Socket(Kind::Sites, 11, Topic::Measurements { acks: true }),
            ),
            ("/external/thirdparty/v1/sites", Route::Slashless),
            ("//external/thirdparty/v1/sites/", Route::Unknown),
            ("/external/thirdparty/v1/sites/-1/", Route::Unknown),
            (
                "/external/thirdparty/v1/sites/99999999999999999999/",
                Route::Unknown,
            ),
            ("/external/thirdparty/v1/wells/", Route::Unknown),
        ];
        for (path, route) in cases {
            assert_eq!(Route::of(path), route, "{path}");
        }
    }
}
