//! The promises of every store, on each system.

use bytes::Bytes;
use syncline_testkit::conformance::{self, Trial};

use crate::server::{Server, collection};

const TABLES: &str = "
    CREATE TABLE schools (id INTEGER PRIMARY KEY, name VARCHAR(200) NOT NULL);
    CREATE TABLE students (
        school INTEGER NOT NULL REFERENCES schools (id), number VARCHAR(40) NOT NULL,
        name VARCHAR(200), balance NUMERIC(12, 2), PRIMARY KEY (school, number))";

#[tokio::test]
async fn it_conforms() {
    for server in Server::all().await {
        server.run(TABLES).await;
        let store = server.open(&[]).await;
        let school = |id: u32| format!("{{\"id\":{id},\"name\":\"School {id}\"}}");
        let student = |id: u32| {
            format!(
                "{{\"school\":{},\"number\":\"n{id}\",\"name\":\"{id} 'n\\\" \\u2603\",\
                 \"balance\":{id}.5}}",
                id % 7
            )
        };
        let trials = [
            Trial {
                collection: collection(&store, "schools").await,
                payloads: (0..7).map(|id| Bytes::from(school(id))).collect(),
            },
            Trial {
                collection: collection(&store, "students").await,
                payloads: (0..1200).map(|id| Bytes::from(student(id))).collect(),
            },
        ];
        conformance::run(&store, &trials).await;
        conformance::narrow(&store, &trials).await;
    }
}
