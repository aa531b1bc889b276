//! A server whose clock is another one than that of the machine.

use jiff::{SignedDuration, Timestamp};
use syncline_sandbox::{ApiVersion, SandboxConfig};

use crate::fixture::{Fixture, model, student};

#[tokio::test(flavor = "multi_thread")]
async fn times_are_told_by_the_clock_of_the_server() {
    let days = 400;
    for ahead in [days, -days] {
        let ahead = SignedDuration::from_hours(24 * ahead);
        let fixture = Fixture::with(SandboxConfig {
            api: ApiVersion::V6_2,
            clock_ahead_s: ahead.as_secs(),
            ..SandboxConfig::new(model())
        })
        .await;
        let from = Timestamp::now() + ahead - SignedDuration::from_secs(1);
        let id = fixture.create("/ed-fi/students", &student("a"));
        let record = fixture.get(&format!("/ed-fi/students/{id}"));
        fixture.sandbox.take_snapshot("now").unwrap();
        let snapshots = fixture.outside("GET", "/changeQueries/v1/snapshots");
        let until = Timestamp::now() + ahead;
        let told = [
            record.json()["_lastModifiedDate"].clone(),
            snapshots.json()[0]["snapshotDateTime"].clone(),
        ];
        for told in told {
            let told = format!("{}Z", told.as_str().unwrap().trim_end_matches('Z'));
            let told: Timestamp = told.parse().unwrap();
            assert!(from <= told && told <= until, "{told}");
        }
        let date = record.header("date").unwrap();
        let date = jiff::fmt::rfc2822::parse(date).unwrap().timestamp();
        assert!(from <= date && date <= until, "{date}");
    }
}
