//! Collections of an extension, of which nothing is known but what the documents say.

use serde_json::{Value, json};
use syncline_model::Outcome;
use syncline_sandbox::schema::{ApiModel, KeyPart, Member, MemberKind, Resource, embedded};
use syncline_sandbox::{ApiVersion, Sandbox, SandboxConfig};

use crate::publishing_pair::Pair;

use ApiVersion::V7_3;

const ROUTES: &str = "sample/busRoutes";

/// The core with bus routes, whose names may be changed.
fn model() -> ApiModel {
    let mut model = embedded().unwrap();
    let member = |name: &str, identity| Member {
        name: name.to_owned(),
        kind: MemberKind::String {
            min_length: None,
            max_length: Some(30),
        },
        required: true,
        identity,
    };
    let name = "routeName".to_owned();
    let routes = Resource {
        namespace: "sample".to_owned(),
        name: "busRoutes".to_owned(),
        singular: "busRoute".to_owned(),
        members: vec![member(&name, true), member("driver", false)],
        key: vec![KeyPart {
            query_name: name.clone(),
            path: vec![name.clone()],
        }],
        query: [(name.clone(), vec![name])].into(),
        key_updatable: true,
        specialises: None,
    };
    model.resources.insert(ROUTES.to_owned(), routes);
    model
}

async fn server() -> Sandbox {
    let config = SandboxConfig {
        api: V7_3,
        ..SandboxConfig::new(model())
    };
    Sandbox::start(config).await.unwrap()
}

fn route(name: &str) -> Value {
    json!({"routeName": name, "driver": "Ada"})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_key_of_an_extension_arrives_and_the_old_record_goes() {
    let pair = Pair {
        source: server().await,
        target: server().await,
        ..Pair::empty(V7_3, V7_3).await
    };
    let hand = pair.hand().await;
    for name in ["North", "South"] {
        hand.put(ROUTES, &route(name)).await;
    }
    assert_eq!(pair.publish().await.exit_status(), 0);
    let changed = hand.rekey(ROUTES, &route("North"), &route("East")).await;
    assert!(matches!(changed, Outcome::Done { .. }), "{changed:?}");
    let summary = pair.publish().await;
    assert_eq!(summary.exit_status(), 0, "{summary:#?}");
    assert_eq!(summary.parts[ROUTES].rekeyed, 1);
    let there = pair.target_hand().await.list(ROUTES).await;
    let keys: Vec<&str> = there.iter().map(|record| record.key.as_str()).collect();
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert!(keys.contains(&r#"["East"]"#) && keys.contains(&r#"["South"]"#));
    pair.must_be_equal("after a change of a key").await;
}
