//! A branch of the directory for one test: people, groups, and who is in them.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use ldap3::controls::RelaxRules;
use ldap3::{Ldap, LdapConnAsync, Scope, SearchEntry};
use syncline_model::{Change, Collection, Outcome};
use syncline_store::{Query, Result, Store as _, WriteContext};
use syncline_store_ldap::{
    CollectionSettings, EntrySettings, LdapSettings, LdapStore, MemberSettings,
};
use syncline_testkit::conformance::walk;
pub(crate) use syncline_testkit::fixtures::record;
use syncline_testkit::{Service, services};

/// A place of its own in the directory.
pub(crate) struct Branch {
    pub(crate) base: String,
    pub(crate) url: String,
    /// A client that is not ours.
    pub(crate) ldap: Ldap,
}

/// What names nobody.
pub(crate) const NOBODY: &str = "cn=nobody,dc=example,dc=org";

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn values(words: &[&str]) -> HashSet<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

pub(crate) fn administrator() -> (String, String) {
    let setting = |name: &str| services::setting(name).unwrap();
    (
        setting("SYNCLINE_TEST_LDAP_DN"),
        setting("SYNCLINE_TEST_LDAP_PASSWORD"),
    )
}

impl Branch {
    /// A new branch; nothing where no directory runs.
    pub(crate) async fn new(name: &str) -> Option<Self> {
        let url = Service::Ldap.address()?;
        let (connection, mut ldap) = LdapConnAsync::new(&url).await.unwrap();
        ldap3::drive!(connection);
        let (who, password) = administrator();
        let bound = ldap.simple_bind(&who, &password).await.unwrap();
        bound.success().unwrap();
        let root = services::setting("SYNCLINE_TEST_LDAP_BASE").unwrap();
        let number = std::process::id();
        let base = format!("ou={name}-{number},{root}");
        let mut branch = Self { base, url, ldap };
        branch.remove().await;
        for place in ["", "ou=people,", "ou=groups,"] {
            let place = format!("{place}{}", branch.base);
            let class = [("objectClass", &["organizationalUnit"][..])];
            branch.add(&place, &class).await;
        }
        Some(branch)
    }

    /// Adds an entry from outside.
    pub(crate) async fn add(&mut self, name: &str, attributes: &[(&str, &[&str])]) {
        let attributes = attributes
            .iter()
            .map(|(name, words)| ((*name).to_owned(), values(words)))
            .collect();
        let added = self.ldap.add(name, attributes).await.unwrap();
        added.success().unwrap();
    }

    /// Adds a person who was modified at that time.
    pub(crate) async fn add_as_of(&mut self, uid: &str, modified: &str) {
        self.ldap.with_controls(RelaxRules);
        let name = format!("uid={uid},ou=people,{}", self.base);
        let attributes = [
            ("objectClass", &["inetOrgPerson"][..]),
            ("cn", &[uid]),
            ("sn", &[uid]),
            ("modifyTimestamp", &[modified]),
        ];
        self.add(&name, &attributes).await;
    }

    /// Replaces the values of an attribute from outside.
    pub(crate) async fn replace(&mut self, name: &str, attribute: &str, words: &[&str]) {
        let change = ldap3::Mod::Replace(attribute.to_owned(), values(words));
        let modified = self.ldap.modify(name, vec![change]).await.unwrap();
        modified.success().unwrap();
    }

    /// The entries below the branch that have an attribute, by name, with its values in order.
    pub(crate) async fn look(&mut self, attribute: &str) -> BTreeMap<String, Vec<String>> {
        let filter = format!("({attribute}=*)");
        let found = self
            .ldap
            .search(&self.base, Scope::Subtree, &filter, vec!["*", "+"])
            .await;
        let (entries, _) = found.unwrap().success().unwrap();
        let entries = entries.into_iter().map(SearchEntry::construct);
        let end = format!(",{}", self.base);
        let row = |entry: SearchEntry| {
            let mut values = entry.attrs.get(attribute).cloned().unwrap_or_default();
            values.sort();
            (entry.dn.trim_end_matches(&end).to_owned(), values)
        };
        entries.map(row).collect()
    }

    /// Takes away what is left of the branch.
    pub(crate) async fn remove(&mut self) {
        let found = self
            .ldap
            .search(&self.base, Scope::Subtree, "(objectClass=*)", vec!["1.1"])
            .await
            .unwrap();
        let mut names: Vec<String> = found
            .0
            .into_iter()
            .map(|entry| SearchEntry::construct(entry).dn)
            .collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        for name in names {
            self.ldap.delete(&name).await.unwrap();
        }
    }

    /// Settings for the branch, bound as the administrator, without TLS on the loopback.
    pub(crate) fn settings(&self) -> LdapSettings {
        let (who, password) = administrator();
        let base = &self.base;
        let people = EntrySettings {
            base: format!("ou=people,{base}"),
            object_classes: owned(&["inetOrgPerson"]),
            rdn: "uid".to_owned(),
            key: owned(&["uid"]),
            attributes: owned(&["uid", "cn", "sn", "mail", "title", "jpegPhoto"]),
            lists: owned(&["mail"]),
            write_only: owned(&["userPassword"]),
            ..EntrySettings::default()
        };
        let groups = EntrySettings {
            base: format!("ou=groups,{base}"),
            object_classes: owned(&["groupOfNames"]),
            rdn: "cn".to_owned(),
            key: owned(&["cn"]),
            attributes: owned(&["cn", "description"]),
            ..EntrySettings::default()
        };
        let members = MemberSettings {
            of: "groups".to_owned(),
            attribute: "member".to_owned(),
            owner: "group".to_owned(),
            member: "person".to_owned(),
            who: Some("people".to_owned()),
            placeholder: Some(NOBODY.to_owned()),
        };
        let collections = [
            ("people", CollectionSettings::Entries(people)),
            ("groups", CollectionSettings::Entries(groups)),
            ("members", CollectionSettings::Members(members)),
        ];
        LdapSettings {
            url: self.url.parse().unwrap(),
            start_tls: false,
            ca_file: None,
            bind: Some((who, password.into())),
            page_size: 500,
            in_flight: 16,
            connect_timeout: Duration::from_secs(20),
            timeout: Duration::from_secs(30),
            collections: collections
                .into_iter()
                .map(|(name, settings)| (name.to_owned(), settings))
                .collect(),
        }
    }

    pub(crate) async fn store(&self) -> LdapStore {
        LdapStore::open(self.settings()).await.unwrap()
    }
}

/// The settings of entries, to be changed by a test.
pub(crate) fn entries<'a>(settings: &'a mut LdapSettings, name: &str) -> &'a mut EntrySettings {
    match settings.collections.get_mut(name) {
        Some(CollectionSettings::Entries(entries)) => entries,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn collection(store: &LdapStore, name: &str) -> Arc<Collection> {
    let catalog = store.describe().await.unwrap();
    Arc::new(catalog.collections[name].clone())
}

/// A person as a payload.
pub(crate) fn person(uid: &str, name: &str) -> String {
    let json = serde_json::json!({"uid": uid, "cn": name, "sn": name});
    json.to_string()
}

/// Writes, and tells each outcome in a word or with its reason.
pub(crate) async fn write(
    store: &LdapStore,
    collection: &Arc<Collection>,
    changes: &[Change],
) -> Vec<String> {
    let context = WriteContext {
        collection: Arc::clone(collection),
    };
    let outcomes = store.write(changes, &context).await.unwrap();
    let told = |outcome: &Outcome| match outcome {
        Outcome::Done { done, .. } => format!("{done:?}"),
        Outcome::Refused(refusal) => format!("refused {:?}: {}", refusal.class, refusal.text()),
        Outcome::Failed(refusal) => format!("failed {:?}: {}", refusal.class, refusal.text()),
        Outcome::Held(guard) => format!("held: {guard}"),
    };
    outcomes.iter().map(told).collect()
}

/// Writes records, whatever is there.
pub(crate) async fn put(store: &LdapStore, name: &str, payloads: &[String]) -> Vec<String> {
    let collection = collection(store, name).await;
    let changes: Vec<Change> = payloads
        .iter()
        .map(|payload| Change::create(record(&collection, payload)))
        .collect();
    write(store, &collection, &changes).await
}

/// Everything a collection holds, as text in order.
pub(crate) async fn held(store: &LdapStore, name: &str) -> Result<Vec<String>> {
    let query = Query::records(collection(store, name).await);
    let found = walk(store, query).await?;
    let texts = found
        .records
        .iter()
        .map(|record| String::from_utf8(record.payload.to_vec()).unwrap());
    let mut texts: Vec<String> = texts.collect();
    texts.sort();
    Ok(texts)
}
