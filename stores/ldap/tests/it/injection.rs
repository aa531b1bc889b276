//! Keys, values and names that would mean something else if they were not taken as they are.

use syncline_model::{Change, Key, Scope};
use syncline_store::Query;
use syncline_testkit::conformance::walk;

use crate::branch::{Branch, collection, held, person, put, record, write};

const WORDS: [&str; 12] = [
    "*",
    "*)(uid=*",
    "a)(|(uid=*",
    "x,ou=groups",
    "x,ou=people",
    "a+cn=b",
    "a\\,b",
    "\\2a",
    "#414243",
    "a\"b;<c>=d",
    "( ) & | !",
    "Zoë\u{1F600}",
];

#[tokio::test]
async fn whatever_is_in_a_key_or_a_value_stays_there() {
    let Some(mut branch) = Branch::new("injection").await else {
        return;
    };
    let store = branch.store().await;
    put(&store, "people", &[person("bystander", "B")]).await;
    let groups: Vec<String> = WORDS
        .iter()
        .map(|word| serde_json::json!({"cn": word}).to_string())
        .collect();
    let people: Vec<String> = WORDS.iter().map(|word| person(word, word)).collect();
    assert_eq!(
        put(&store, "people", &people).await,
        ["Created"; WORDS.len()]
    );
    assert_eq!(
        put(&store, "groups", &groups).await,
        ["Created"; WORDS.len()]
    );
    let members: Vec<String> = WORDS
        .iter()
        .map(|word| serde_json::json!({"group": word, "person": word}).to_string())
        .collect();
    assert_eq!(
        put(&store, "members", &members).await,
        ["Created"; WORDS.len()]
    );
    assert_eq!(held(&store, "members").await.unwrap().len(), WORDS.len());
    let names = branch.look("uid").await;
    assert_eq!(names.len(), WORDS.len() + 1);
    assert!(
        names.keys().all(|name| name.ends_with(",ou=people")),
        "{names:?}"
    );

    let collection = collection(&store, "people").await;
    for word in WORDS {
        let json = serde_json::json!([word]).to_string();
        for scope in [
            Scope::Keys(vec![Key::from_canonical(json)]),
            Scope::Matching(vec![("cn".to_owned(), word.to_owned())]),
        ] {
            let query = Query {
                scope,
                ..Query::records(std::sync::Arc::clone(&collection))
            };
            let found = walk(&store, query).await.unwrap().records;
            assert_eq!(found.len(), 1, "{word}");
        }
    }
    let deletes: Vec<Change> = people
        .iter()
        .map(|payload| Change::delete(record(&collection, payload)))
        .collect();
    let told = write(&store, &collection, &deletes).await;
    assert_eq!(told, ["Deleted"; WORDS.len()]);
    assert_eq!(held(&store, "people").await.unwrap().len(), 1);
    branch.remove().await;
}

#[tokio::test]
async fn a_change_of_a_key_leads_nowhere_else() {
    let Some(mut branch) = Branch::new("injection-rekey").await else {
        return;
    };
    let store = branch.store().await;
    put(&store, "people", &[person("1", "N")]).await;
    let people = collection(&store, "people").await;
    let mut from = "1";
    for word in WORDS {
        let key = |word: &str| Key::from_canonical(serde_json::json!([word]).to_string());
        let change = Change::rekey(key(from), key(word));
        assert_eq!(
            write(&store, &people, &[change]).await,
            ["Updated"],
            "{word}"
        );
        from = word;
    }
    let names = branch.look("uid").await;
    assert!(
        names.keys().all(|name| name.ends_with(",ou=people")),
        "{names:?}"
    );
    branch.remove().await;
}
