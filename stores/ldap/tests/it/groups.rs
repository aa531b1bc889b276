//! Groups and who is in them.

use syncline_model::Change;
use syncline_store_ldap::{CollectionSettings, LdapStore};

use crate::branch::{Branch, NOBODY, collection, held, person, put, record, write};

fn member(group: &str, person: &str) -> String {
    serde_json::json!({"group": group, "person": person}).to_string()
}

fn group(name: &str) -> String {
    serde_json::json!({"cn": name}).to_string()
}

#[tokio::test]
async fn members_come_and_go_one_by_one_and_others_stay() {
    let Some(mut branch) = Branch::new("members").await else {
        return;
    };
    let store = branch.store().await;
    let people: Vec<String> = ["a", "b", "c"].map(|uid| person(uid, "N")).to_vec();
    put(&store, "people", &people).await;
    put(&store, "groups", &[group("one"), group("two")]).await;
    assert_eq!(
        held(&store, "members").await.unwrap(),
        [""; 0],
        "a placeholder is no member"
    );
    let payloads = [
        member("one", "a"),
        member("two", "a"),
        member("one", "b"),
        member("none", "a"),
    ];
    let told = put(&store, "members", &payloads).await;
    assert_eq!(told[..3], ["Created", "Created", "Created"]);
    assert_eq!(told[3], "refused MissingReference: its group is not there");
    // Some are there, some are not, and each is told for itself.
    let payloads = [member("one", "a"), member("one", "c")];
    assert_eq!(
        put(&store, "members", &payloads).await,
        ["Unchanged", "Created"]
    );

    // A service that is in the group besides is none of ours.
    let name = format!("cn=one,ou=groups,{}", branch.base);
    let at = |uid: &str| format!("uid={uid},ou=people,{}", branch.base);
    let values = [
        at("a").to_uppercase(),
        at("b"),
        "cn=service,dc=example,dc=org".to_owned(),
    ];
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    branch.replace(&name, "member", &values).await;
    let expected = [member("one", "a"), member("one", "b"), member("two", "a")];
    assert_eq!(held(&store, "members").await.unwrap(), expected);
    let members = collection(&store, "members").await;
    let deletes: Vec<Change> = expected
        .iter()
        .map(|payload| Change::delete(record(&members, payload)))
        .collect();
    assert_eq!(write(&store, &members, &deletes).await, ["Deleted"; 3]);
    assert_eq!(write(&store, &members, &deletes).await, ["Unchanged"; 3]);
    let left = branch.look("member").await;
    assert_eq!(left["cn=one,ou=groups"], ["cn=service,dc=example,dc=org"]);
    assert_eq!(left["cn=two,ou=groups"], [NOBODY]);
    branch.remove().await;
}

#[tokio::test]
async fn the_last_member_makes_room_for_the_placeholder() {
    let Some(mut branch) = Branch::new("last-member").await else {
        return;
    };
    let mut settings = branch.settings();
    let with = LdapStore::open(settings.clone()).await.unwrap();
    if let Some(CollectionSettings::Members(members)) = settings.collections.get_mut("members") {
        members.placeholder = None;
    }
    let without = LdapStore::open(settings).await.unwrap();
    put(&with, "people", &[person("a", "N")]).await;
    let told = put(&without, "groups", &[group("one")]).await;
    assert!(told[0].contains("object class violation"), "{told:?}");
    put(&with, "groups", &[group("one")]).await;
    put(&with, "members", &[member("one", "a")]).await;
    let name = format!("cn=one,ou=groups,{}", branch.base);
    let only = format!("uid=a,ou=people,{}", branch.base);
    branch.replace(&name, "member", &[&only]).await;
    let members = collection(&with, "members").await;
    let delete = [Change::delete(record(&members, member("one", "a")))];
    let told = write(&without, &members, &delete).await;
    assert!(told[0].contains("name a `placeholder` for it"), "{told:?}");
    assert_eq!(write(&with, &members, &delete).await, ["Deleted"]);
    assert_eq!(branch.look("member").await["cn=one,ou=groups"], [NOBODY]);
    branch.remove().await;
}

#[tokio::test]
async fn members_may_be_plain_text() {
    let Some(mut branch) = Branch::new("memberuid").await else {
        return;
    };
    let mut settings = branch.settings();
    let groups = crate::branch::entries(&mut settings, "groups");
    groups.object_classes = vec!["posixGroup".to_owned()];
    groups.attributes.push("gidNumber".to_owned());
    if let Some(CollectionSettings::Members(members)) = settings.collections.get_mut("members") {
        members.attribute = "memberUid".to_owned();
        members.who = None;
        members.placeholder = None;
    }
    let store = LdapStore::open(settings).await.unwrap();
    let payload = r#"{"cn":"one","gidNumber":7}"#.to_owned();
    assert_eq!(put(&store, "groups", &[payload]).await, ["Created"]);
    let payloads = [member("one", "a,b"), member("one", "c")];
    assert_eq!(
        put(&store, "members", &payloads).await,
        ["Created", "Created"]
    );
    assert_eq!(held(&store, "members").await.unwrap(), payloads);
    branch.remove().await;
}
