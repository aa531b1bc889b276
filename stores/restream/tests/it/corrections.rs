//! Corrections: found, read again, confirmed.

use syncline_sandbox::restream::{Behaviour, Correction, Effect, RestreamConfig};
use syncline_store_restream::merged;

use crate::{AT, all, client, with};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_corrected_is_read_again_and_confirmed_however_the_service_counts() {
    for single_confirmation in [false, true] {
        let service = with(RestreamConfig {
            behaviour: Behaviour {
                single_confirmation,
                ..Behaviour::default()
            },
            ..RestreamConfig::default()
        })
        .await;
        let api = client(&service);
        let site = service.sites()[0];
        for later in [0, 5, 100] {
            let correction = Correction {
                site,
                start: AT + later,
                end: AT + later + 9,
                effect: Effect::Delete,
                fields: [].into(),
            };
            service.correct(correction).unwrap();
        }
        let events = api.site(site).changes().await.unwrap();
        let ranges = merged(events.iter().map(|event| &**event));
        assert_eq!(ranges.len(), 2, "{ranges:?}");
        for range in &ranges {
            let (records, _) =
                all(api.site(range.site).data(range.query()).stream().unwrap()).await;
            let expected = range.end.as_second() - range.start.as_second() + 1;
            assert!(i64::try_from(records.len()).unwrap() <= expected);
        }
        assert!(api.confirm(&ranges).await.unwrap().is_empty());
        assert!(api.site(site).changes().await.unwrap().is_empty());
        assert_eq!(api.site(site).all_changes().await.unwrap().len(), 3);
        let counted: Vec<u32> = service
            .changes()
            .iter()
            .map(|one| one.confirmations)
            .collect();
        assert_eq!(counted, [1, 1, 1]);
    }
}
