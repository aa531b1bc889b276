//! A site or a pad, of which most things are asked.

use syncline_store::{ErrorKind, Result, StoreError};
use url::Url;

use crate::Restream;
use crate::client::Parameters;

/// What measurements, stages and changes are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// A site: one well.
    Site(u64),
    /// A pad: several wells side by side.
    Pad(u64),
}

impl Place {
    const fn collection(self) -> &'static str {
        match self {
            Self::Site(_) => "sites",
            Self::Pad(_) => "pads",
        }
    }

    const fn id(self) -> u64 {
        match self {
            Self::Site(id) | Self::Pad(id) => id,
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Site(id) => write!(formatter, "site {id}"),
            Self::Pad(id) => write!(formatter, "pad {id}"),
        }
    }
}

/// A site or a pad of an API, by its number. Nothing is asked before one of its calls is made.
#[derive(Clone, Debug)]
pub struct Wells {
    api: Restream,
    place: Place,
}

impl Restream {
    /// A site.
    pub fn site(&self, id: u64) -> Wells {
        self.at(Place::Site(id))
    }

    /// A pad.
    pub fn pad(&self, id: u64) -> Wells {
        self.at(Place::Pad(id))
    }

    /// A site or a pad.
    pub fn at(&self, place: Place) -> Wells {
        Wells {
            api: self.clone(),
            place,
        }
    }
}

impl Wells {
    /// Which.
    pub const fn place(&self) -> Place {
        self.place
    }

    pub(crate) const fn api(&self) -> &Restream {
        &self.api
    }

    /// The URL of a socket below its own.
    pub(crate) fn socket_url(&self, path: &[&str], parameters: &Parameters) -> Result<Url> {
        let id = self.place.id().to_string();
        let mut segments = vec!["external", "thirdparty", "v2", "ws"];
        segments.extend([self.place.collection(), id.as_str()]);
        segments.extend(path);
        self.api.url_at(&segments, parameters)
    }

    /// The URL of the socket that the first version of the protocol has: that of measurements.
    pub(crate) fn old_socket_url(&self, parameters: &Parameters) -> Result<Url> {
        let id = self.place.id().to_string();
        let sort = match self.place {
            Place::Site(_) => "site",
            Place::Pad(_) => "pad",
        };
        self.api.url_at(&["ws", "data", sort, &id], parameters)
    }

    /// A URL below its own.
    pub(crate) fn url(&self, path: &[&str], parameters: &Parameters) -> Result<Url> {
        let id = self.place.id().to_string();
        let mut segments = vec![self.place.collection(), &id];
        segments.extend(path);
        self.api.url(&segments, parameters)
    }

    /// A call that is made of the other sort of place only.
    pub(crate) fn only_of(&self, what: &str) -> StoreError {
        let message = format!("{} is asked for what only {what} has", self.place);
        StoreError::new(ErrorKind::Configuration, message)
    }
}
