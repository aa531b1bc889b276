//! Single records of a collection: looked up, replaced and deleted by requests of their own, in the
//! view of the profile like all others.
//!
//! A profile may be for writing only. Then records are looked up without it: there is no other way
//! to find out which one has a key.

use bytes::Bytes;
use http::{HeaderValue, Method, header};
use syncline_http::{Answer, Body, Client, HttpError};
use syncline_model::Handle;
use url::Url;

/// By which an API says that a profile has no view for reading.
const NO_VIEW: u16 = 405;

/// Media types of the profile for one collection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Views {
    /// For reading.
    pub(crate) readable: Option<HeaderValue>,
    /// For writing.
    pub(crate) writable: Option<HeaderValue>,
}

/// The records of one collection, one by one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Single<'a> {
    client: &'a Client,
    /// That of the collection.
    pub(crate) url: &'a Url,
    views: &'a Views,
}

impl<'a> Single<'a> {
    pub(crate) const fn new(client: &'a Client, url: &'a Url, views: &'a Views) -> Self {
        Self { client, url, views }
    }

    /// What is to be found at a URL, in the view of the profile if that can be had.
    pub(crate) async fn get(&self, url: &Url) -> Result<Answer, HttpError> {
        if let Some(media_type) = &self.views.readable {
            let client = self.client.with_header(header::ACCEPT, media_type.clone());
            let answer = client.send(Method::GET, url, Body::Empty).await?;
            if answer.status != NO_VIEW {
                return Ok(answer);
            }
        }
        self.client.send(Method::GET, url, Body::Empty).await
    }

    /// Puts a payload in the place of a record.
    pub(crate) async fn put(&self, item: &Url, payload: String) -> Result<Answer, HttpError> {
        self.put_as(item, payload, None).await
    }

    /// The same, if the record still has the tag that it had.
    pub(crate) async fn put_as(
        &self,
        item: &Url,
        payload: String,
        tag: Option<&HeaderValue>,
    ) -> Result<Answer, HttpError> {
        let payload = Bytes::from(payload);
        let body = match &self.views.writable {
            None => Body::Json(payload),
            Some(media_type) => Body::Typed(media_type.clone(), payload),
        };
        self.held_to(tag).send(Method::PUT, item, body).await
    }

    /// Deletes a record, of which no profile speaks.
    pub(crate) async fn delete(&self, item: &Url) -> Result<Answer, HttpError> {
        self.client.send(Method::DELETE, item, Body::Empty).await
    }

    /// Deletes a record, if it still has the tag that it had.
    pub(crate) async fn delete_as(
        &self,
        item: &Url,
        tag: Option<&HeaderValue>,
    ) -> Result<Answer, HttpError> {
        let client = self.held_to(tag);
        client.send(Method::DELETE, item, Body::Empty).await
    }

    fn held_to(&self, tag: Option<&HeaderValue>) -> Client {
        match tag {
            Some(tag) => self.client.held_to(tag.clone()),
            None => self.client.clone(),
        }
    }

    /// The URL of one record.
    pub(crate) fn item(&self, handle: &Handle) -> Url {
        item_url(self.url, handle)
    }
}

/// The URL of one record of a collection.
pub(crate) fn item_url(url: &Url, handle: &Handle) -> Url {
    let mut item = url.clone();
    if let Ok(mut segments) = item.path_segments_mut() {
        segments.push(&handle.0);
    }
    item
}
