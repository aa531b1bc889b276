//! Reading from a mark on.

use futures_util::StreamExt as _;
use syncline_model::Mark;
use syncline_store::{Batch, ErrorKind, Query, Store as _, Want};
use syncline_store_ldap::LdapStore;

use crate::branch::{Branch, collection, person, put};

/// Who is read since a mark, and the next mark.
async fn since(store: &LdapStore, mark: Option<Mark>) -> (Vec<String>, Option<Mark>) {
    let query = Query {
        since: mark,
        ..Query::records(collection(store, "people").await)
    };
    let mut stream = store.read(query).await.unwrap();
    let mut records = Vec::new();
    while let Some(batch) = stream.next().await {
        match batch.unwrap() {
            Batch::Put(found) => {
                records.extend(found.iter().map(|record| record.key.as_str().to_owned()));
            }
            Batch::End { mark, coverage, .. } => {
                assert!(coverage.is_complete());
                records.sort_unstable();
                return (records, mark);
            }
            other => panic!("{other:?}"),
        }
    }
    panic!("it did not end")
}

#[tokio::test]
async fn what_was_modified_since_a_mark_is_read_and_no_mark_goes_back() {
    let Some(mut branch) = Branch::new("feed").await else {
        return;
    };
    let store = branch.store().await;
    put(&store, "people", &[person("1", "Ada"), person("2", "Bea")]).await;
    let (records, mark) = since(&store, None).await;
    assert_eq!(records, ["[\"1\"]", "[\"2\"]"]);
    // What was written just now is read again, since clocks differ.
    let (records, next) = since(&store, mark.clone()).await;
    assert_eq!(records, ["[\"1\"]", "[\"2\"]"]);
    assert!(next.as_ref().unwrap().0 >= mark.as_ref().unwrap().0);
    // Nothing was modified after a mark of the future, which stays.
    let future = Some(Mark("modifyTimestamp:29990101000000Z".to_owned()));
    assert_eq!(since(&store, future.clone()).await, (vec![], future));
    branch.remove().await;
}

#[tokio::test]
async fn what_was_not_modified_since_a_mark_is_left_out() {
    let Some(mut branch) = Branch::new("feed-filter").await else {
        return;
    };
    let store = branch.store().await;
    // The directory takes the word of its administrator for when an entry was modified.
    for (uid, modified) in [("1", "20250101000000Z"), ("2", "20250601000000Z")] {
        branch.add_as_of(uid, modified).await;
    }
    put(&store, "people", &[person("3", "Cy")]).await;
    let mark = |time: &str| Some(Mark(format!("modifyTimestamp:{time}Z")));
    for (time, expected) in [
        ("20241231235959", &["[\"1\"]", "[\"2\"]", "[\"3\"]"][..]),
        ("20250101000000", &["[\"1\"]", "[\"2\"]", "[\"3\"]"]),
        ("20250101000001", &["[\"2\"]", "[\"3\"]"]),
        ("20250601000001", &["[\"3\"]"]),
    ] {
        assert_eq!(since(&store, mark(time)).await.0, expected, "{time}");
    }
    // Whoever is changed is read again.
    let first = format!("uid=1,ou=people,{}", branch.base);
    branch.replace(&first, "cn", &["Ada King"]).await;
    let (records, _) = since(&store, mark("20250601000001")).await;
    assert_eq!(records, ["[\"1\"]", "[\"3\"]"]);
    branch.remove().await;
}

#[tokio::test]
async fn deletes_are_not_told_and_foreign_marks_are_declined() {
    let Some(mut branch) = Branch::new("feed-declined").await else {
        return;
    };
    let store = branch.store().await;
    let people = collection(&store, "people").await;
    let mark = |text: &str| Some(Mark(text.to_owned()));
    let good = "modifyTimestamp:20260101000000Z";
    for (want, mark, name) in [
        (Want::Gone, mark(good), "people"),
        (Want::Rekeyed, mark(good), "people"),
        (Want::Records, mark("modifyTimestamp:*)(uid=*"), "people"),
        (Want::Records, mark(good), "members"),
    ] {
        let query = Query {
            want,
            since: mark,
            ..Query::records(collection(&store, name).await)
        };
        let error = store.read(query).await.err().unwrap();
        assert_eq!(error.kind, ErrorKind::Unsupported, "{error}");
    }
    assert_eq!(people.name.as_str(), "people");
    branch.remove().await;
}
