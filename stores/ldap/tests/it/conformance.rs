//! The suite that every store has to pass.

use std::sync::Arc;

use bytes::Bytes;
use syncline_model::Catalog;
use syncline_store::Store as _;
use syncline_store_ldap::LdapStore;
use syncline_testkit::conformance::{self, Trial};

use crate::branch::{Branch, entries, person};

fn trial(catalog: &Catalog, name: &str, payloads: impl Iterator<Item = String>) -> Trial {
    Trial {
        collection: Arc::new(catalog.collections[name].clone()),
        payloads: payloads.map(Bytes::from).collect(),
    }
}

fn trials(catalog: &Catalog, people: u32) -> Vec<Trial> {
    let everything = |id: u32| {
        let payload = serde_json::json!({
            "uid": format!("p{id}"), "cn": format!("Zoë {id}"), "sn": "O'Brien (\\*)",
            "mail": [format!("a{id}@x"), format!("b{id}@x")], "jpegPhoto": "/9j/4AAQ/wA="});
        payload.to_string()
    };
    let payload = move |id: u32| {
        if id.is_multiple_of(2) {
            everything(id)
        } else {
            person(&format!("p{id}"), "N")
        }
    };
    let group = |id: u32| format!(r#"{{"cn":"g{id}","description":"Group {id}"}}"#);
    let member = |id: u32| format!(r#"{{"group":"g{}","person":"p{id}"}}"#, id % 3);
    vec![
        trial(catalog, "people", (0..people).map(payload)),
        trial(catalog, "groups", (0..3).map(group)),
        trial(catalog, "members", (0..people).map(member)),
    ]
}

#[tokio::test]
async fn a_directory_conforms_whatever_the_size_of_its_pages() {
    let Some(mut branch) = Branch::new("conformance").await else {
        return;
    };
    for (page_size, people) in [(500, 1), (7, 40)] {
        let mut settings = branch.settings();
        settings.page_size = page_size;
        let store = LdapStore::open(settings).await.unwrap();
        let catalog = store.describe().await.unwrap();
        assert_eq!(catalog.dependencies["members"].len(), 2);
        let trials = trials(&catalog, people);
        conformance::run(&store, &trials).await;
        conformance::narrow(&store, &trials).await;
        assert!(branch.look("uid").await.is_empty());
    }
    branch.remove().await;
}

#[tokio::test]
async fn entries_whose_name_does_not_follow_from_their_key_conform() {
    let Some(mut branch) = Branch::new("conformance-named").await else {
        return;
    };
    let mut settings = branch.settings();
    let people = entries(&mut settings, "people");
    people.rdn = "cn".to_owned();
    people.subtree = true;
    let store = LdapStore::open(settings).await.unwrap();
    let catalog = store.describe().await.unwrap();
    let payload = |id: u32| person(&format!("p{id}"), &format!("Ada, no. {id}+"));
    let trials = [
        trial(&catalog, "people", (0..9).map(payload)),
        trials(&catalog, 1).remove(1),
        trials(&catalog, 9).remove(2),
    ];
    conformance::run(&store, &trials).await;
    conformance::narrow(&store, &trials).await;
    branch.remove().await;
}
