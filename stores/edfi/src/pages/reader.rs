//! Asking for pages: bounded in number, tried again, no larger than the server allows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::Deserialize;
use syncline_http::{Answer, Client, read_problem};
use syncline_model::Scope;
use syncline_store::layers::Limiter;
use syncline_store::{Query, Result};
use url::Url;

use super::limit::smaller;
use super::page::Page;
use crate::metadata::require_success;
use crate::settings::ReadSettings;

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
    /// Most records in a page, as far as the server has let it be known.
    page_records: AtomicU32,
}

/// One reading of one collection.
#[derive(Debug)]
pub(crate) struct Reading {
    reader: Arc<Reader>,
    url: Url,
    query: Query,
    last_page_first: bool,
}

impl Reader {
    pub(crate) fn new(client: Client, settings: ReadSettings) -> Self {
        Self {
            client,
            limiter: Limiter::new(settings.requests_max),
            page_records: AtomicU32::new(settings.page_records.max(1)),
            settings,
        }
    }

    /// The same reader with other requests.
    pub(crate) fn with_client(&self, client: Client) -> Self {
        Self::new(client, self.settings.clone())
    }

    /// Most records in a page: as configured, or less where the server allowed less.
    pub(crate) fn page_records(&self) -> u32 {
        self.page_records.load(Ordering::Relaxed)
    }

    /// Pages of one reading that may be under way.
    pub(super) fn pages_ahead(&self) -> usize {
        self.settings.requests_max.clamp(1, PAGES_AHEAD_MAX)
    }

    /// An answer of success, or one of 400, which may be about the size of the page.
    async fn get(&self, url: &Url) -> Result<Answer> {
        self.asked(url, &[400]).await
    }

    /// An answer of success, or one with a status that the caller takes for an answer.
    pub(crate) async fn asked(&self, url: &Url, taken: &[u16]) -> Result<Answer> {
        self.settings.retry.run(|| self.attempt(url, taken)).await
    }

    async fn attempt(&self, url: &Url, taken: &[u16]) -> Result<Answer> {
        let permit = self.limiter.acquire().await;
        let result = match self.client.get(url).await {
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
        }
    }

    /// The same reading, where pages are read by offset: from the last to the first.
    pub(crate) fn last_page_first(self) -> Self {
        Self {
            last_page_first: true,
            ..self
        }
    }

    pub(super) const fn is_last_page_first(&self) -> bool {
        self.last_page_first
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
        let mut size = self.reader.page_records();
        loop {
            let url = self.with(&[("limit", &size.to_string()), ("totalCount", "true")]);
            let answer = self.reader.get(&url).await?;
            if answer.status == 400
                && let Some(less) = smaller(size, &read_problem(&answer).messages)
            {
                size = less;
                continue;
            }
            let page = self.page(&url, &answer)?;
            self.reader.page_records.fetch_min(size, Ordering::Relaxed);
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
        let answer = self.reader.get(&url).await?;
        self.page(&url, &answer)
    }

    /// The page a token stands for.
    pub(super) async fn at_token(&self, token: &str, size: u32) -> Result<Page> {
        let url = self.with(&[("pageToken", token), ("pageSize", &size.to_string())]);
        let answer = self.reader.get(&url).await?;
        self.page(&url, &answer)
    }

    /// Tokens at which walks side by side begin; nothing where the server does not offer that.
    pub(super) async fn partitions(&self, number: usize) -> Result<Option<Vec<String>>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Partitions {
            page_tokens: Vec<String>,
        }
        let mut url = self.with(&[("number", &number.to_string())]);
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.push("partitions");
        }
        let answer = match self.reader.get(&url).await {
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
        let answer = self.reader.get(&url).await?;
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
