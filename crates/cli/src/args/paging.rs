//! How the pages of an API are asked for.

use clap::{Args, ValueEnum};

/// Pages of an API, in place of what the configuration says.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct PagingArgs {
    /// Most records asked of the source in one page
    #[arg(long, value_name = "NUMBER")]
    pub(crate) page_size: Option<u32>,
    /// How pages are asked for; by default as the API allows
    #[arg(long, value_name = "WAY")]
    pub(crate) paging: Option<PagingWay>,
    /// Walks side by side where pages are read by cursor
    #[arg(long, value_name = "NUMBER")]
    pub(crate) partitions: Option<u32>,
}

/// A way of asking for pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PagingWay {
    /// By cursor where the API offers that, else by offset
    Auto,
    /// By offset, several pages at once
    Offset,
    /// By offset, strictly from the last page to the first
    Reverse,
    /// By cursor, or not at all
    Cursor,
}

impl PagingArgs {
    /// The same for the facade; change versions are of publishing alone.
    pub(crate) fn given(&self, version_window: Option<u64>) -> syncline::PagingArgs {
        let word = |way| match way {
            PagingWay::Auto => "auto",
            PagingWay::Offset => "offset",
            PagingWay::Reverse => "reverse",
            PagingWay::Cursor => "cursor",
        };
        syncline::PagingArgs {
            page_size: self.page_size,
            paging: self.paging.map(word).map(str::to_owned),
            partitions: self.partitions,
            version_window,
        }
    }
}
