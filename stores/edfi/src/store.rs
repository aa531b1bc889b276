//! The store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use secrecy::ExposeSecret as _;
use syncline_http::{
    Answer, Body, Client, CredentialsIn, HttpErrorKind, TokenSettings, TokenSource,
};
use syncline_model::{
    Capabilities, Catalog, Change, ChangeKind, Collection, CollectionName, Digest, FailureClass,
    Mark, Outcome, Refusal, Scope, StoreIdentity,
};
use syncline_store::{
    BatchStream, ErrorKind, Query, Result, Store, StoreError, Want, WriteContext,
};
use url::Url;

use crate::changes::DeclinedLists;
use crate::discovery::{Discovery, Endpoints, discover};
use crate::metadata::{self, Metadata, Shape};
use crate::pages::{FirstPage, Reader, Reading};
use crate::patched::PatchedStore;
use crate::profile::{self, Usage};
use crate::settings::{EdfiSettings, ReadSettings};
use crate::single::{Single, Views};
use crate::{answer, delete, pages, rekey};

/// An Ed-Fi API.
#[derive(Clone, Debug)]
pub struct EdfiStore {
    client: Client,
    discovery: Discovery,
    endpoints: Endpoints,
    metadata: Arc<Metadata>,
    metadata_age: Option<i64>,
    urls: BTreeMap<CollectionName, Url>,
    profile: Option<Arc<str>>,
    reader: Arc<Reader>,
    declined: Arc<DeclinedLists>,
}

/// What a look at an API found, for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Version of the API, as it says.
    pub version: String,
    /// Its data models.
    pub models: String,
    /// Root of its data endpoints.
    pub data_url: String,
    /// How many collections it has.
    pub collections: usize,
    /// Age of kept metadata in seconds; nothing if it was fetched just now.
    pub metadata_age: Option<i64>,
    /// What could not be learned.
    pub gaps: Vec<String>,
}

impl EdfiStore {
    /// Asks the API where its endpoints are and which collections it has. No token is needed
    /// for that and none is fetched.
    pub async fn open(settings: EdfiSettings) -> Result<Self> {
        let anonymous = Client::open(&settings.client)?;
        let discovery = discover(&anonymous, &settings).await?;
        let endpoints = discovery.endpoints(&settings)?;
        let (metadata, metadata_age) =
            metadata::load(&anonymous, &settings, &discovery, &endpoints).await?;
        let token = Arc::new(TokenSource::new(token_settings(&settings, &endpoints))?);
        if settings.wipe {
            token.wipe();
        }
        let urls = metadata
            .collections
            .keys()
            .map(|name| (name.clone(), data_url(&endpoints.data, name)))
            .collect();
        let client = anonymous.with_token(token);
        let reading = ReadSettings {
            page_sizes: pages::sizes(&settings, &metadata.collections.keys())?,
            ..settings.reading
        };
        let reader = Arc::new(Reader::new(client.clone(), reading));
        let metadata = Arc::new(metadata);
        Ok(Self {
            client,
            discovery,
            endpoints,
            metadata,
            metadata_age,
            urls,
            profile: settings.profile.map(Arc::from),
            reader,
            declined: Arc::default(),
        })
    }

    /// The same API for whoever writes some members of its records: the others stay.
    pub const fn patched(self) -> PatchedStore {
        PatchedStore::new(self)
    }

    /// Makes sure that the credentials are accepted, and says what was found.
    pub async fn probe(&self) -> Result<Probe> {
        let Some(name) = self.urls.keys().next() else {
            return Ok(self.found());
        };
        let url = self.url(name);
        match pages::count(&self.reading_client(name), &url, &Scope::Whole).await {
            // A collection that may not be read says nothing against the credentials.
            Ok(_) => Ok(self.found()),
            Err(error) if error.kind == ErrorKind::Denied && error.message.contains(" 403") => {
                Ok(self.found())
            }
            Err(error) => Err(error),
        }
    }

    /// The full URL of a collection.
    pub fn url(&self, name: &CollectionName) -> Url {
        self.urls
            .get(name)
            .cloned()
            .unwrap_or_else(|| data_url(&self.endpoints.data, name))
    }

    /// Most records in a page: as configured, or less once the server has refused so many.
    pub fn page_records(&self) -> u32 {
        self.reader.page_records()
    }

    /// Makes sure that a collection can be filtered by these parameters. Where the API shows no
    /// document, every name is taken.
    pub fn check_filter(&self, name: &CollectionName, asked: &[(String, String)]) -> Result<()> {
        match self.metadata.filters.get(name) {
            Some(known) => metadata::parameters::check(name, known, asked),
            None => Ok(()),
        }
    }

    /// The first page of a reading, by one request. It tells what reading on would cost, and of
    /// most collections it is all there is.
    pub async fn first_page(&self, query: Query) -> Result<FirstPage> {
        if let Scope::Matching(asked) = &query.scope {
            self.check_filter(&query.collection.name, asked)?;
        }
        pages::first(&self.reading(query)).await
    }

    /// A reading of one collection, in the view of the profile.
    pub(crate) fn reading(&self, query: Query) -> Reading {
        let name = &query.collection.name;
        let media_type = self.media_type(name, Usage::Readable);
        let url = self.url(name);
        Reading::new(Arc::clone(&self.reader), url, query).accepting(media_type)
    }

    /// How many records a scope of a collection has, in the view of the profile.
    pub(crate) async fn count(&self, name: &CollectionName, scope: &Scope) -> Result<u64> {
        pages::count(&self.reading_client(name), &self.url(name), scope).await
    }

    /// What the documents of the API say about the payloads of a collection.
    pub fn shape(&self, name: &CollectionName) -> Option<&Shape> {
        self.metadata.shapes.get(name)
    }

    /// The API profile by which records are read and written.
    pub fn profile(&self) -> Option<&str> {
        self.profile.as_deref()
    }

    /// An answer about one collection in the view of the profile, or one with a status that the
    /// caller takes for an answer.
    pub(crate) async fn asked(
        &self,
        name: &CollectionName,
        url: &Url,
        taken: &[u16],
    ) -> Result<Answer> {
        let client = self.reading_client(name);
        self.reader.asked_by(&client, url, taken).await
    }

    fn media_type(&self, name: &CollectionName, usage: Usage) -> Option<HeaderValue> {
        profile::media_type((self.profile(), &self.metadata), name, usage)
    }

    /// Where single records of a collection are, and in which views.
    pub(crate) fn single(&self, name: &CollectionName) -> (Url, Views) {
        let views = Views {
            readable: self.media_type(name, Usage::Readable),
            writable: self.media_type(name, Usage::Writable),
        };
        (self.url(name), views)
    }

    fn reading_client(&self, name: &CollectionName) -> Client {
        match self.media_type(name, Usage::Readable) {
            Some(media_type) => self.client.with_header(header::ACCEPT, media_type),
            None => self.client.clone(),
        }
    }

    /// The same API, sending a header with everything it reads.
    pub(crate) fn reading_with(&self, name: HeaderName, value: HeaderValue) -> Self {
        let client = self.client.with_header(name, value);
        let reader = Arc::new(self.reader.with_client(client.clone()));
        Self {
            client,
            reader,
            ..self.clone()
        }
    }

    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) const fn discovery(&self) -> &Discovery {
        &self.discovery
    }

    pub(crate) const fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    pub(crate) fn reader(&self) -> Arc<Reader> {
        Arc::clone(&self.reader)
    }

    pub(crate) fn declined_lists(&self) -> Arc<DeclinedLists> {
        Arc::clone(&self.declined)
    }

    pub(crate) fn collections(&self) -> &BTreeMap<CollectionName, Collection> {
        &self.metadata.collections
    }

    /// The collections of which documents say that their keys can change.
    pub(crate) fn updatable(&self) -> &BTreeSet<CollectionName> {
        &self.metadata.updatable
    }

    fn found(&self) -> Probe {
        Probe {
            version: self.discovery.version.clone(),
            models: self.discovery.models(),
            data_url: self.endpoints.data.to_string(),
            collections: self.metadata.collections.len(),
            metadata_age: self.metadata_age,
            gaps: self.metadata.gaps.clone(),
        }
    }

    async fn write_one(&self, change: &Change, collection: &Collection) -> Result<Outcome> {
        let record = match (change.kind, &change.after, &change.before) {
            (ChangeKind::Create | ChangeKind::Update, Some(record), _) => record,
            (ChangeKind::Delete, _, Some(record)) => {
                let (url, views) = self.single(&collection.name);
                let single = Single::new(&self.client, &url, &views);
                return delete::delete(&single, (collection, record)).await;
            }
            (ChangeKind::Rekey, Some(record), _) => {
                let (url, views) = self.single(&collection.name);
                let single = Single::new(&self.client, &url, &views);
                return rekey::rekey(&single, (collection, &change.key, record)).await;
            }
            _ => {
                let message = "the Ed-Fi store does not make this kind of change";
                let refusal = Refusal::new(FailureClass::Unsupported, 0, message);
                return Ok(Outcome::Refused(refusal));
            }
        };
        Ok(self.post(&record.payload, collection).await?.0)
    }

    /// Offers a payload to a collection: what becomes of it, and the text of the answer, for
    /// whoever looks there for reasons.
    pub async fn post(&self, payload: &Bytes, collection: &Collection) -> Result<(Outcome, Bytes)> {
        let url = &self.url(&collection.name);
        let body = match self.media_type(&collection.name, Usage::Writable) {
            None => Body::Json(payload.clone()),
            Some(media_type) => Body::Typed(media_type, payload.clone()),
        };
        match self.client.send(http::Method::POST, url, body).await {
            Ok(found) => Ok((answer::posted(&found, &collection.name), found.body)),
            Err(error) if error.is_transient() => Ok((answer::no_answer(&error), Bytes::new())),
            Err(error) if error.kind == HttpErrorKind::TooLong => {
                let refusal = Refusal::new(FailureClass::Content, 0, error.to_string());
                Ok((Outcome::Refused(refusal), Bytes::new()))
            }
            Err(error) => Err(error.into()),
        }
    }
}

#[async_trait]
impl Store for EdfiStore {
    async fn describe(&self) -> Result<Catalog> {
        Ok(Catalog {
            collections: self.metadata.collections.clone(),
            dependencies: self.metadata.dependencies.clone(),
            capabilities: Capabilities {
                upsert: true,
                delete: true,
                count: true,
                batch: 1,
                in_flight: 0,
            },
            ..Catalog::empty(StoreIdentity(format!("edfi:{}", self.endpoints.data)))
        })
    }

    async fn read(&self, query: Query) -> Result<BatchStream> {
        if query.since.is_some() {
            let message = "an Ed-Fi API is not read from a position on";
            return Err(StoreError::new(ErrorKind::Unsupported, message));
        }
        if let Scope::Matching(asked) = &query.scope {
            self.check_filter(&query.collection.name, asked)?;
        }
        match (query.want, &query.scope) {
            (_, Scope::At(_) | Scope::Keys(_) | Scope::Linked(_)) => {
                let message =
                    "an Ed-Fi API cannot be read by place or by key, and only a feed by link";
                Err(StoreError::new(ErrorKind::Unsupported, message))
            }
            (Want::Count, scope) => {
                let records = self.count(&query.collection.name, scope).await?;
                Ok(pages::counted(records, query.scope))
            }
            _ => Ok(pages::stream(self.reading(query))),
        }
    }

    async fn write(&self, changes: &[Change], context: &WriteContext) -> Result<Vec<Outcome>> {
        let mut outcomes = Vec::with_capacity(changes.len());
        for change in changes {
            outcomes.push(self.write_one(change, &context.collection).await?);
        }
        Ok(outcomes)
    }

    async fn confirm(&self, _: &Mark) -> Result<()> {
        Ok(())
    }
}

fn data_url(root: &Url, name: &CollectionName) -> Url {
    let mut url = root.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(name.as_str().split('/'));
    }
    url
}

/// Tokens are kept under a name made of where they come from and for whom: one that was given for
/// another secret is none.
fn token_settings(settings: &EdfiSettings, endpoints: &Endpoints) -> TokenSettings {
    let credentials = &settings.credentials;
    let secret = credentials.client_secret.expose_secret();
    let mut holder = format!("{}|{}|{secret}", endpoints.oauth, credentials.client_id);
    if let Some(scope) = &settings.scope {
        holder = format!("{holder}|{scope}");
    }
    let file = format!("token-{}.json", Digest::of(holder.as_bytes()));
    TokenSettings {
        url: endpoints.oauth.clone(),
        credentials: settings.credentials.clone(),
        credentials_in: CredentialsIn::Header,
        scope: settings.scope.clone(),
        cache: settings.cache.as_ref().map(|folder| folder.join(file)),
    }
}
