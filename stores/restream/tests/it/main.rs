//! The client against a simulated service, over real sockets.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of a test that cannot go on fails the test"
)]

mod beside;
mod calls;
mod conformance;
mod corrections;
mod live;
mod odd;
mod streams;

use std::time::Duration;

use jiff::Timestamp;
use syncline_sandbox::restream::{Restream as Service, RestreamConfig};
use syncline_sandbox::{FaultAction, FaultMatch, FaultPlan, FaultRule};
use syncline_store::layers::RetryPolicy;
use syncline_store_restream::{
    Access, Credentials, DataRecord, DataStream, Restream, RestreamSettings,
};
use url::Url;

/// A second at which much has been measured.
const AT: i64 = 1_735_689_600 + 30 * 3_600;

fn time(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

async fn service() -> Service {
    with(RestreamConfig::default()).await
}

async fn with(config: RestreamConfig) -> Service {
    let config = RestreamConfig { speed: 0, ..config };
    Service::start(config).await.unwrap()
}

/// A client that does not wait long.
fn client(service: &Service) -> Restream {
    let settings = settings(service, "restreamSecret");
    Restream::open(settings).unwrap()
}

fn settings(service: &Service, secret: &str) -> RestreamSettings {
    RestreamSettings {
        access: Access::Client(Credentials {
            client_id: "restream".to_owned(),
            client_secret: secret.to_owned().into(),
        }),
        retry: RetryPolicy {
            attempts_max: 4,
            wait_first: Duration::from_millis(1),
            wait_max: Duration::from_millis(5),
            ..RetryPolicy::default()
        },
        ..RestreamSettings::new(Url::parse(service.url()).unwrap())
    }
}

/// A client that takes a short silence for the end of a connection.
fn impatient(service: &Service) -> Restream {
    let settings = RestreamSettings {
        idle: Duration::from_millis(300),
        ..settings(service, "restreamSecret")
    };
    Restream::open(settings).unwrap()
}

/// A plan with one rule for streams of data.
fn data_fault(action: FaultAction, first_requests: u64) -> FaultPlan {
    let rule = FaultRule {
        on: FaultMatch {
            path: Some("/data/".to_owned()),
            first: Some(first_requests),
            ..FaultMatch::default()
        },
        action,
        ..FaultRule::default()
    };
    FaultPlan {
        rules: vec![rule],
        ..FaultPlan::default()
    }
}

/// All records of a stream.
async fn all(mut stream: DataStream) -> (Vec<DataRecord>, u32) {
    let mut records = Vec::new();
    while let Some(record) = stream.next().await.unwrap() {
        records.push(record);
    }
    (records, stream.resumed())
}
