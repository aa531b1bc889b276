//! What becomes of entries: only what differs is changed, and what somebody else did is kept.

use syncline_model::{Change, Key};
use syncline_store::{ErrorKind, Query, Store as _};
use syncline_store_ldap::LdapStore;
use syncline_testkit::conformance::walk;

use crate::branch::{Branch, collection, entries, held, person, put, record, write};

#[tokio::test]
async fn only_what_differs_is_changed() {
    let Some(mut branch) = Branch::new("differs").await else {
        return;
    };
    let store = branch.store().await;
    let all = r#"{"uid":"1","cn":"Ada","sn":"L","mail":["a@x","b@x"],"title":"Dr"}"#;
    assert_eq!(put(&store, "people", &[all.to_owned()]).await, ["Created"]);
    let versions = branch.look("entryCSN").await;
    assert_eq!(
        put(&store, "people", &[all.to_owned()]).await,
        ["Unchanged"]
    );
    assert_eq!(branch.look("entryCSN").await, versions);
    // A member that a record does not have stays; null takes it away; order means nothing.
    let less = r#"{"uid":"1","sn":"L","mail":["c@x","a@x"],"title":null}"#;
    let people = collection(&store, "people").await;
    let update = Change::update(record(&people, less));
    assert_eq!(write(&store, &people, &[update]).await, ["Updated"]);
    let expected = r#"{"uid":"1","cn":"Ada","sn":"L","mail":["a@x","c@x"]}"#;
    assert_eq!(held(&store, "people").await.unwrap(), [expected]);
    branch.remove().await;
}

#[tokio::test]
async fn two_spellings_of_one_value_are_a_mistake_and_no_conflict() {
    let Some(mut branch) = Branch::new("spellings").await else {
        return;
    };
    let store = branch.store().await;
    let with = |mail: &str| format!(r#"{{"uid":"1","cn":"A","sn":"A","mail":{mail}}}"#);
    assert_eq!(
        put(&store, "people", &[with(r#"["a@x"]"#)]).await,
        ["Created"]
    );
    let people = collection(&store, "people").await;
    let update = |mail: &str| [Change::update(record(&people, with(mail)))];
    let told = write(&store, &people, &update(r#"["A@x","a@x"]"#)).await;
    assert!(told[0].starts_with("refused Content"), "{told:?}");
    // Another spelling in its place is a change like any other.
    assert_eq!(
        write(&store, &people, &update(r#"["A@x"]"#)).await,
        ["Updated"]
    );
    assert_eq!(held(&store, "people").await.unwrap(), [with(r#"["A@x"]"#)]);
    let told = put(&store, "people", &[person("1", "A").replace('1', "1 ")]).await;
    assert!(told[0].contains("spelled in another way"), "{told:?}");
    branch.remove().await;
}

#[tokio::test]
async fn passwords_are_given_once_and_never_read() {
    let Some(mut branch) = Branch::new("passwords").await else {
        return;
    };
    let store = branch.store().await;
    let with = |password: &str| {
        let name = person("1", "Ada");
        name.replace('}', &format!(r#","userPassword":"{password}"}}"#))
    };
    assert_eq!(put(&store, "people", &[with("first")]).await, ["Created"]);
    assert_eq!(
        put(&store, "people", &[with("second")]).await,
        ["Unchanged"]
    );
    assert_eq!(
        held(&store, "people").await.unwrap(),
        [r#"{"uid":"1","cn":"Ada","sn":"Ada"}"#]
    );
    let name = format!("uid=1,ou=people,{}", branch.base);
    let (connection, mut other) = ldap3::LdapConnAsync::new(&branch.url).await.unwrap();
    ldap3::drive!(connection);
    let bound = other.simple_bind(&name, "first").await.unwrap();
    assert_eq!(bound.rc, 0);
    branch.remove().await;
}

#[tokio::test]
async fn what_somebody_else_changed_is_left_alone() {
    let Some(mut branch) = Branch::new("conflict").await else {
        return;
    };
    let store = branch.store().await;
    put(&store, "people", &[person("1", "Ada")]).await;
    let people = collection(&store, "people").await;
    let name = format!("uid=1,ou=people,{}", branch.base);
    branch.replace(&name, "sn", &["Byron"]).await;
    let from_to = |before: &str, after: &str| Change {
        before: Some(record(&people, person("1", before))),
        ..Change::update(record(&people, person("1", after)))
    };
    let told = write(&store, &people, &[from_to("Ada", "Bea")]).await;
    assert!(told[0].starts_with("refused Conflict"), "{told:?}");
    let delete = Change::delete(record(&people, person("1", "Ada")));
    let told = write(&store, &people, std::slice::from_ref(&delete)).await;
    assert!(told[0].starts_with("refused Conflict"), "{told:?}");
    // A change of something else is no reason to stop.
    branch.replace(&name, "sn", &["Ada"]).await;
    branch.replace(&name, "description", &["new"]).await;
    assert_eq!(
        write(&store, &people, &[from_to("Ada", "Bea")]).await,
        ["Updated"]
    );
    // Offered again, as after an answer that was lost, it is done already.
    assert_eq!(
        write(&store, &people, &[from_to("Ada", "Bea")]).await,
        ["Unchanged"]
    );
    let delete = Change::delete(record(&people, person("1", "Bea")));
    let told = write(&store, &people, std::slice::from_ref(&delete)).await;
    assert_eq!(told, ["Deleted"]);
    assert_eq!(write(&store, &people, &[delete]).await, ["Unchanged"]);
    branch.remove().await;
}

#[tokio::test]
async fn a_record_known_by_its_digest_goes_by_its_name_and_only_as_it_was() {
    let Some(mut branch) = Branch::new("digest").await else {
        return;
    };
    let store = branch.store().await;
    put(&store, "people", &[person("1", "Ada"), person("2", "Bea")]).await;
    let people = collection(&store, "people").await;
    let known = |uid: &str, name: &str, handle: Option<String>| {
        let mut record = record(&people, person(uid, name));
        record.key = Key::of_digest(record.key.digest());
        record.payload = "".into();
        record.handle = handle.map(|name| syncline_model::Handle(name.into()));
        Change::delete(record)
    };
    let name = |uid: &str| Some(format!("uid={uid},ou=people,{}", branch.base));
    let changes = [
        known("1", "Ada", None),
        known("1", "Eve", name("1")),
        known("1", "Ada", name("2")),
        known("1", "Ada", name("1")),
    ];
    let told = write(&store, &people, &changes).await;
    let words: Vec<&str> = told
        .iter()
        .map(|told| told.split(':').next().unwrap())
        .collect();
    let expected = [
        "refused Unsupported",
        "refused Conflict",
        "refused Conflict",
        "Deleted",
    ];
    assert_eq!(words, expected);
    branch.remove().await;
}

#[tokio::test]
async fn a_record_takes_another_key_once() {
    let Some(mut branch) = Branch::new("rekey").await else {
        return;
    };
    let key = |uid: &str| Key::from_canonical(format!("[\"{uid}\"]"));
    for rdn in ["uid", "cn"] {
        let mut settings = branch.settings();
        entries(&mut settings, "people").rdn = rdn.to_owned();
        let store = LdapStore::open(settings).await.unwrap();
        put(&store, "people", &[person("1", "Ada"), person("2", "Bea")]).await;
        let people = collection(&store, "people").await;
        let mut told = Vec::new();
        for (from, to) in [("1", "1"), ("1", "9"), ("1", "9"), ("5", "6")] {
            let change = Change::rekey(key(from), key(to));
            told.extend(write(&store, &people, &[change]).await);
        }
        let words: Vec<&str> = told
            .iter()
            .map(|told| told.split(':').next().unwrap())
            .collect();
        assert_eq!(words, ["Unchanged", "Updated", "Unchanged", "refused Gone"]);
        if rdn == "uid" {
            let taken = Change::rekey(key("9"), key("2"));
            let told = write(&store, &people, &[taken]).await;
            assert_eq!(told, ["refused Content: another entry has the new name"]);
        }
        let expected = [person("2", "Bea"), person("9", "Ada")];
        let found = held(&store, "people").await.unwrap();
        let uids: Vec<bool> = found
            .iter()
            .zip(&expected)
            .map(|(found, expected)| {
                let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
                json(found) == json(expected)
            })
            .collect();
        assert_eq!(uids, [true, true], "{found:?}");
        let deletes = expected.map(|payload| Change::delete(record(&people, &payload)));
        assert_eq!(
            write(&store, &people, &deletes).await,
            ["Deleted", "Deleted"]
        );
    }
    branch.remove().await;
}

#[tokio::test]
async fn an_entry_is_renamed_when_its_naming_attribute_changes() {
    let Some(mut branch) = Branch::new("renamed").await else {
        return;
    };
    let mut settings = branch.settings();
    entries(&mut settings, "people").rdn = "cn".to_owned();
    let store = LdapStore::open(settings).await.unwrap();
    put(&store, "people", &[person("1", "Ada")]).await;
    let told = put(&store, "people", &[person("1", "Ada, Countess")]).await;
    assert_eq!(told, ["Updated"]);
    let found = branch.look("uid").await;
    assert_eq!(found.len(), 1);
    let name = found.keys().next().unwrap();
    assert!(name.starts_with("cn=Ada\\2C Countess,"), "{name}");
    branch.remove().await;
}

#[tokio::test]
async fn refusals_are_told_by_their_sort() {
    let Some(mut branch) = Branch::new("refusals").await else {
        return;
    };
    let store = branch.store().await;
    let told = put(
        &store,
        "people",
        &[
            r#"{"uid":"1","cn":"Ada"}"#.to_owned(),
            r#"{"uid":"2","cn":"A","sn":"L","nickname":"x"}"#.to_owned(),
            r#"{"uid":"3","cn":7,"sn":"L"}"#.to_owned(),
            r#"{"uid":"4","cn":"","sn":"L"}"#.to_owned(),
            r#"{"uid":"5","cn":"A","sn":"L","mail":"a@x"}"#.to_owned(),
            r#"{"uid":null,"cn":"A","sn":"L"}"#.to_owned(),
        ],
    )
    .await;
    for (told, expected) in told.iter().zip([
        "object class violation (65)",
        "no attribute `nickname`",
        "`cn` must be text",
        "`cn` is an empty text",
        "`mail` must be a list",
        "its key is not one that an entry can have",
    ]) {
        assert!(
            told.starts_with("refused Content") && told.contains(expected),
            "{told}"
        );
    }
    // Where the parent is missing, that is what is missing.
    let mut settings = branch.settings();
    entries(&mut settings, "people").base = format!("ou=gone,{}", branch.base);
    let store = LdapStore::open(settings).await.unwrap();
    let told = put(&store, "people", &[person("1", "Ada")]).await;
    assert!(told[0].starts_with("refused MissingReference"), "{told:?}");
    let error = held(&store, "people").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
    assert_eq!(store.probe().await.unwrap_err().kind, ErrorKind::NotFound);
    branch.remove().await;
}

#[tokio::test]
async fn entries_that_are_no_records_are_told_and_nothing_is_covered() {
    let Some(mut branch) = Branch::new("unreadable").await else {
        return;
    };
    let name = |uid: &str| format!("uid={uid},ou=people,{}", branch.base);
    let (one, two) = (name("1"), name("2"));
    let class = ("objectClass", &["inetOrgPerson"][..]);
    let plain = [class, ("cn", &["A"]), ("sn", &["A"])];
    branch.add(&one, &plain).await;
    branch
        .add(&two, &[class, ("cn", &["A", "B"]), ("sn", &["A"])])
        .await;
    let store = branch.store().await;
    let query = Query::records(collection(&store, "people").await);
    let found = walk(&store, query).await.unwrap();
    assert_eq!((found.records.len(), found.rejected.len()), (1, 1));
    assert!(found.rejected[0].reason.contains("`cn` has 2 values"));
    assert!(!found.end.unwrap().0.is_complete());
    branch.remove().await;
}

#[tokio::test]
async fn an_attribute_that_is_not_there_is_a_mistake_of_the_settings() {
    let Some(mut branch) = Branch::new("attributes").await else {
        return;
    };
    let mut settings = branch.settings();
    entries(&mut settings, "people")
        .attributes
        .push("givenNam".to_owned());
    let error = LdapStore::open(settings).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Configuration);
    assert!(error.message.contains("`givenNam`"), "{error}");
    assert_eq!(error.hint.as_deref(), Some("did you mean `givenName`?"));
    let mut settings = branch.settings();
    entries(&mut settings, "people").filter = Some("(uid=*".to_owned());
    let error = LdapStore::open(settings).await.unwrap_err();
    assert!(error.message.contains("a filter that is none"), "{error}");
    branch.remove().await;
}

#[tokio::test]
async fn kinds_come_from_the_directory() {
    let Some(mut branch) = Branch::new("kinds").await else {
        return;
    };
    let mut settings = branch.settings();
    let people = entries(&mut settings, "people");
    people.object_classes.push("posixAccount".to_owned());
    let more = ["uidNumber", "gidNumber", "homeDirectory", "createTimestamp"];
    people.attributes.extend(more.map(str::to_owned));
    let store = LdapStore::open(settings).await.unwrap();
    let people = collection(&store, "people").await;
    let kinds: Vec<String> = people
        .fields
        .iter()
        .map(|field| format!("{} {}", field.name, field.kind))
        .collect();
    for expected in [
        "uidNumber integer",
        "mail set",
        "jpegPhoto bytes",
        "createTimestamp timestamp",
    ] {
        assert!(kinds.contains(&expected.to_owned()), "{kinds:?}");
    }
    let payload =
        r#"{"uid":"1","cn":"A","sn":"A","uidNumber":1007,"gidNumber":7,"homeDirectory":"/h"}"#;
    assert_eq!(
        put(&store, "people", &[payload.to_owned()]).await,
        ["Created"]
    );
    let found = held(&store, "people").await.unwrap().remove(0);
    assert!(found.contains(r#""uidNumber":1007"#), "{found}");
    assert!(found.contains(r#""createTimestamp":"20"#), "{found}");
    assert!(store.describe().await.unwrap().capabilities.delete);
    branch.remove().await;
}
