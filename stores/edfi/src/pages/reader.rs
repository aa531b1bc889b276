//! Asking for pages: bounded in number, tried again, no larger than the server allows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use http::{HeaderValue, header};
use serde::Deserialize;
use syncline_http::{Answer, Client, read_problem};
use syncline_model::{CollectionName, Scope};
use syncline_store::layers::Limiter;
use syncline_store::{ErrorKind, Places, Query, Result, StoreError};
use url::Url;

use super::limit::smaller;
use super::page::Page;
use super::place::{Gate, Place};
use crate::metadata::require_success;
use crate::settings::{Paging, ReadSettings};

/// Pages of one reading that are asked for or waiting at once, at most.
const PAGES_AHEAD_MAX: usize = 16;
/// Bytes of a page that are enough; large records come in smaller pages.
const PAGE_BYTES: usize = 1 << 20;

/// What all readings of a store share.
#[derive(Debug)]
pub(crate) struct Reader {
    client: Client,
    settings: ReadSettings,
    limiter: Limiter,
    /// Most records in a page of any collection, as far as the server has let it be known.
    allowed: AtomicU32,
}

/// One reading of one collection.
#[derive(Debug)]
pub(crate) struct Reading {
    reader: Arc<Reader>,
    url: Url,
    query: Query,
    last_page_first: bool,
    /// The media type asked for, where it is not the usual one.
    accept: Option<HeaderValue>,
}

impl Reader {
    pub(crate) fn new(client: Client, settings: ReadSettings) -> Self {
        Self {
            client,
            limiter: Limiter::new(settings.requests_max),
            allowed: AtomicU32::new(u32::MAX),
            settings,
        }
    }

    /// The same reader with other requests.
    pub(crate) fn with_client(&self, client: Client) -> Self {
        Self::new(client, self.settings.clone())
    }

    /// Most records in a page: as configured, or less where the server allowed less.
    pub(crate) fn page_records(&self) -> u32 {
        self.limited(self.settings.page_records)
    }

    /// Most records in a page of one collection.
    pub(crate) fn page_records_of(&self, name: &CollectionName) -> u32 {
        let own = self.settings.page_sizes.get(name.as_str());
        self.limited(own.copied().unwrap_or(self.settings.page_records))
    }

    /// The server has taken so many, after it had refused more.
    pub(crate) fn note_allowed(&self, taken: u32, wanted: u32) {
        if taken < wanted {
            self.allowed.fetch_min(taken, Ordering::Relaxed);
        }
    }

    fn limited(&self, wanted: u32) -> u32 {
        wanted.min(self.allowed.load(Ordering::Relaxed)).max(1)
    }

    pub(super) const fn paging(&self) -> Paging {
        self.settings.paging
    }

    pub(super) const fn partitions_wanted(&self) -> Option<u32> {
        self.settings.partitions
    }

    /// Change versions of a feed that are read at once.
    pub(crate) const fn version_window(&self) -> Option<u64> {
        self.settings.version_window
    }

    /// Pages of one reading that may be under way.
    pub(super) fn pages_ahead(&self) -> usize {
        self.settings.requests_max.clamp(1, PAGES_AHEAD_MAX)
    }

    /// An answer of success, or one with a status that the caller takes for an answer.
    pub(crate) async fn asked(&self, url: &Url, taken: &[u16]) -> Result<Answer> {
        self.asked_by(&self.client, url, taken).await
    }

    /// The same by a client that asks in its own way.
    pub(crate) async fn asked_by(
        &self,
        client: &Client,
        url: &Url,
        taken: &[u16],
    ) -> Result<Answer> {
        let attempt = || self.attempt(client, url, taken);
        self.settings.retry.run(attempt).await
    }

    async fn attempt(&self, client: &Client, url: &Url, taken: &[u16]) -> Result<Answer> {
        let permit = self.limiter.acquire().await;
        let result = match client.get(url).await {
            Ok(answer) if taken.contains(&answer.status) => Ok(answer),
            Ok(answer) => require_success(url, &answer).map(|()| answer),
            Err(error) => Err(error.into()),
        };
        match &result {
            Err(error) if error.is_transient() => {
                self.limiter.release_congested(permit, error.retry_after);
            }
            _ => self.limiter.release(permit),
        }
        result
    }
}

impl Reading {
    pub(crate) const fn new(reader: Arc<Reader>, url: Url, query: Query) -> Self {
        Self {
            reader,
            url,
            query,
            last_page_first: false,
            accept: None,
        }
    }

    /// The same reading, asking for another media type than the usual one.
    pub(crate) fn accepting(self, media_type: Option<HeaderValue>) -> Self {
        Self {
            accept: media_type,
            ..self
        }
    }

    /// The same reading, where pages are read by offset: from the last to the first.
    pub(crate) fn last_page_first(self) -> Self {
        Self {
            last_page_first: true,
            ..self
        }
    }

    pub(super) fn is_last_page_first(&self) -> bool {
        match self.reader.paging() {
            Paging::Automatic => self.last_page_first,
            Paging::Reverse => true,
            Paging::Offset | Paging::Cursor => false,
        }
    }

    /// Whether the rest after a first page is to be read by cursor. Where nothing else is wanted, an
    /// API without tokens is not read.
    pub(super) fn cursor_after(&self, first: &Page) -> Result<bool> {
        match (self.reader.paging(), &first.next) {
            (Paging::Automatic | Paging::Cursor, Some(_)) => Ok(true),
            (Paging::Cursor, None) => {
                let name = &self.query.collection.name;
                let message = format!("the API does not give the pages of {name} by cursor");
                Err(StoreError::new(ErrorKind::Configuration, message)
                    .with_hint("leave the way of paging to the API with `paging: auto`"))
            }
            (Paging::Automatic | Paging::Offset | Paging::Reverse, _) => Ok(false),
        }
    }

    /// An answer of success, or one of 400, which may be about the size of the page.
    async fn get(&self, url: &Url) -> Result<Answer> {
        let client = &self.reader.client;
        match &self.accept {
            None => self.reader.asked_by(client, url, &[400]).await,
            Some(media_type) => {
                let client = client.with_header(header::ACCEPT, media_type.clone());
                self.reader.asked_by(&client, url, &[400]).await
            }
        }
    }

    /// Whether it is wanted to be told how far the reading came.
    pub(super) fn tells_places(&self) -> bool {
        self.query.places != Places::Untold
    }

    /// The place after which it goes on; nothing if it begins.
    pub(super) fn place(&self) -> Option<Place> {
        match &self.query.places {
            Places::After(mark) => Place::of(mark, self.scope()),
            Places::Untold | Places::Told => None,
        }
    }

    /// A gate for walks side by side: where places are told, each asks for its next page when the
    /// one before it is safe.
    pub(super) fn gate(&self, walks: usize) -> Gate {
        Gate::new(self.tells_places().then_some(walks))
    }

    pub(super) fn reader(&self) -> &Reader {
        &self.reader
    }

    pub(super) const fn scope(&self) -> &Scope {
        &self.query.scope
    }

    /// The first page and the size of the ones after it. A size that the server refuses is
    /// stepped down by what it says, for all later readings too.
    pub(super) async fn first_page(&self) -> Result<(Page, u32)> {
        let wanted = self.reader.page_records_of(&self.query.collection.name);
        let mut size = wanted;
        loop {
            let url = self.with(&[("limit", &size.to_string()), ("totalCount", "true")]);
            let answer = self.get(&url).await?;
            if answer.status == 400
                && let Some(less) = smaller(size, &read_problem(&answer).messages)
            {
                size = less;
                continue;
            }
            let page = self.page(&url, &answer)?;
            self.reader.note_allowed(size, wanted);
            return Ok((page, size));
        }
    }

    /// The page at an offset.
    pub(super) async fn at_offset(&self, offset: u64, size: u32, counted: bool) -> Result<Page> {
        let (offset, limit) = (offset.to_string(), size.to_string());
        let mut parameters = vec![("offset", offset.as_str()), ("limit", limit.as_str())];
        if counted {
            parameters.push(("totalCount", "true"));
        }
        let url = self.with(&parameters);
        let answer = self.get(&url).await?;
        self.page(&url, &answer)
    }

    /// The page a token stands for.
    pub(super) async fn at_token(&self, token: &str, size: u32) -> Result<Page> {
        let url = self.with(&[("pageToken", token), ("pageSize", &size.to_string())]);
        let answer = self.get(&url).await?;
        self.page(&url, &answer)
    }

    /// Tokens at which walks side by side begin; nothing where the server does not offer that.
    pub(super) async fn partitions(&self, number: u64) -> Result<Option<Vec<String>>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Partitions {
            page_tokens: Vec<String>,
        }
        let mut url = self.with(&[("number", &number.to_string())]);
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.push("partitions");
        }
        let answer = match self.reader.asked(&url, &[400]).await {
            Ok(answer) if answer.is_success() => answer,
            Err(error) if error.is_transient() => return Err(error),
            _ => return Ok(None),
        };
        let tokens = serde_json::from_slice::<Partitions>(&answer.body).ok();
        Ok(tokens.map(|partitions| partitions.page_tokens))
    }

    /// What the server counts now.
    pub(super) async fn count(&self) -> Result<Option<u64>> {
        let url = self.with(&[("limit", "0"), ("totalCount", "true")]);
        let answer = self.get(&url).await?;
        require_success(&url, &answer)?;
        Ok(super::total(&answer))
    }

    /// The size of the next pages, after one of the size asked for. A server that gives less
    /// than it is asked for without saying so is asked for as much as it gives.
    pub(super) fn size_after(page: &Page, size: u32, given_all: bool) -> u32 {
        let Ok(records) = u32::try_from(page.len()) else {
            return size;
        };
        if records == 0 {
            return size;
        }
        let average = (page.bytes / page.len()).max(1);
        let fitting = u32::try_from(PAGE_BYTES / average).unwrap_or(u32::MAX);
        let given = if given_all { size } else { records };
        size.min(given).min(fitting).max(1)
    }

    fn page(&self, url: &Url, answer: &Answer) -> Result<Page> {
        require_success(url, answer)?;
        Page::read(answer, url, &self.query)
    }

    fn with(&self, parameters: &[(&str, &str)]) -> Url {
        let mut url = self.url.clone();
        url.query_pairs_mut().extend_pairs(parameters);
        super::append_filter(&mut url, &self.query.scope);
        url
    }
}
