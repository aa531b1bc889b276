//! The store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ldap3::Scope as Depth;
use syncline_model::{
    Capabilities, Catalog, Change, Collection, CollectionName, Mark, Outcome, StoreIdentity,
};
use syncline_store::{BatchStream, ErrorKind, Query, Result, Store, StoreError, WriteContext};

use crate::connection::{Directory, Found};
use crate::layout::{Entries, Layout, Layouts, Members, layouts};
use crate::members::MembersWriter;
use crate::operations::Operations;
use crate::reading;
use crate::schema::Schema;
use crate::settings::LdapSettings;
use crate::writing::Writer;

/// Most changes in one call.
const BATCH: usize = 500;
/// By which a directory says that it can assert (RFC 4528).
const ASSERTION: &str = "1.3.6.1.1.12";
/// By which it says that it reads by pages (RFC 2696).
const PAGES: &str = "1.2.840.113556.1.4.319";

/// An LDAP directory.
#[derive(Clone, Debug)]
pub struct LdapStore {
    directory: Arc<Directory>,
    layouts: Arc<Layouts>,
    asserts: bool,
    pages: bool,
    knows_attributes: bool,
}

/// What a look at a directory found, for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// One fact in each.
    pub facts: Vec<String>,
}

impl LdapStore {
    /// Connects, and learns what the directory can do and what its attributes are.
    pub async fn open(settings: LdapSettings) -> Result<Self> {
        let directory = Directory::new(settings)?;
        let attributes = ["supportedControl", "subschemaSubentry"].map(str::to_owned);
        let about = directory
            .look_up(("", Depth::Base), "(objectClass=*)", &attributes)
            .await?;
        let Found::One(about) = about else {
            let message = format!("{} says nothing of itself", directory.settings.url);
            return Err(StoreError::new(ErrorKind::InvalidData, message));
        };
        let schema = match about.text("subschemaSubentry") {
            Some(name) => schema(&directory, &name).await?,
            None => Schema::default(),
        };
        let controls = about.values("supportedControl");
        let supports = |control: &str| controls.contains(control.as_bytes());
        Ok(Self {
            layouts: Arc::new(layouts(&directory.settings, &schema)?),
            asserts: supports(ASSERTION),
            pages: supports(PAGES),
            knows_attributes: !schema.is_empty(),
            directory: Arc::new(directory),
        })
    }

    /// Makes sure that the bases of all collections are there, and says what was found.
    pub async fn probe(&self) -> Result<Probe> {
        let word = |can: bool| if can { "yes" } else { "no" };
        let facts = vec![format!(
            "pages: {}, changes bound to a version: {}, kinds of attributes known: {}",
            word(self.pages),
            word(self.asserts),
            word(self.knows_attributes)
        )];
        for (name, layout) in &self.layouts.by_name {
            let Layout::Entries(entries) = layout else {
                continue;
            };
            let base = &entries.settings.base;
            let place = (base.as_str(), Depth::Base);
            let nothing = ["1.1".to_owned()];
            let found = self
                .directory
                .look_up(place, "(objectClass=*)", &nothing)
                .await?;
            if let Found::None = found {
                let message = format!("{name}: there is no entry {base}");
                return Err(StoreError::new(ErrorKind::NotFound, message)
                    .with_hint("look at `base`, and whether the one who binds may see it"));
            }
        }
        Ok(Probe { facts })
    }

    fn layout(&self, collection: &Collection) -> Result<&Layout> {
        let name = collection.name.as_str();
        self.layouts.by_name.get(name).ok_or_else(|| {
            let known: Vec<&str> = self
                .layouts
                .by_name
                .keys()
                .map(CollectionName::as_str)
                .collect();
            let message = format!("the directory has no collection `{name}`");
            StoreError::new(ErrorKind::NotFound, message)
                .with_hint(format!("`collections` describes {}", known.join(", ")))
        })
    }

    fn operations(&self) -> Operations<'_> {
        Operations {
            directory: &self.directory,
            asserts: self.asserts,
        }
    }

    fn in_flight(&self) -> usize {
        self.directory.settings.in_flight.max(1)
    }

    /// Several entries at once; one after the other where a key comes twice.
    async fn write_entries(
        &self,
        entries: &Entries,
        changes: &[Change],
        collection: &Collection,
    ) -> Result<Vec<Outcome>> {
        let writer = Writer {
            operations: self.operations(),
            entries,
            collection,
        };
        let mut keys = BTreeSet::new();
        let mut is_fresh = |change: &Change| {
            let after = change.after.as_ref().map(|after| after.key.clone());
            let other = after.filter(|after| *after != change.key);
            keys.insert(change.key.clone()) & other.is_none_or(|other| keys.insert(other))
        };
        let at_once = if changes.iter().all(&mut is_fresh) {
            self.in_flight()
        } else {
            1
        };
        let begun: Vec<_> = changes.iter().map(|change| writer.write(change)).collect();
        stream::iter(begun).buffered(at_once).try_collect().await
    }

    /// Several groups at once, the members of each in order.
    async fn write_members(&self, members: &Members, changes: &[Change]) -> Result<Vec<Outcome>> {
        let writer = MembersWriter {
            operations: self.operations(),
            members,
        };
        let mut outcomes = BTreeMap::new();
        let mut groups: BTreeMap<Vec<u8>, Vec<(usize, &Change)>> = BTreeMap::new();
        for (index, change) in changes.iter().enumerate() {
            match writer.owner(change) {
                Some(owner) => groups.entry(owner).or_default().push((index, change)),
                None => {
                    outcomes.insert(index, MembersWriter::unusable(change));
                }
            }
        }
        let begun: Vec<_> = groups
            .into_iter()
            .map(|(owner, changes)| writer.write(owner, changes))
            .collect();
        let mut finished = stream::iter(begun).buffer_unordered(self.in_flight());
        while let Some(some) = finished.try_next().await? {
            outcomes.extend(some);
        }
        Ok(outcomes.into_values().collect())
    }
}

async fn schema(directory: &Directory, name: &str) -> Result<Schema> {
    let attributes = ["attributeTypes".to_owned()];
    let found = directory
        .look_up((name, Depth::Base), "(objectClass=subschema)", &attributes)
        .await?;
    let Found::One(entry) = found else {
        return Ok(Schema::default());
    };
    let described = entry.values("attributeTypes");
    let described = described
        .iter()
        .filter_map(|description| std::str::from_utf8(description).ok());
    Ok(Schema::read(described))
}

#[async_trait]
impl Store for LdapStore {
    async fn describe(&self) -> Result<Catalog> {
        let url = &self.directory.settings.url;
        let host = url.host_str().unwrap_or_default();
        let port = url.port().map_or(String::new(), |port| format!(":{port}"));
        Ok(Catalog {
            collections: self.layouts.collections.clone(),
            dependencies: self.layouts.dependencies.clone(),
            capabilities: Capabilities {
                upsert: true,
                delete: true,
                count: false,
                batch: BATCH,
                in_flight: self.in_flight(),
            },
            ..Catalog::empty(StoreIdentity(format!("{}://{host}{port}", url.scheme())))
        })
    }

    async fn read(&self, query: Query) -> Result<BatchStream> {
        let layout = self.layout(&query.collection)?;
        reading::stream(&self.directory, layout, query)
    }

    async fn write(&self, changes: &[Change], context: &WriteContext) -> Result<Vec<Outcome>> {
        match self.layout(&context.collection)? {
            Layout::Entries(entries) => {
                self.write_entries(entries, changes, &context.collection)
                    .await
            }
            Layout::Members(members) => self.write_members(members, changes).await,
        }
    }

    async fn confirm(&self, _: &Mark) -> Result<()> {
        Ok(())
    }
}
