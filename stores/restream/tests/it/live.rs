//! What is followed: complete and without repetition, however sockets end.

use syncline_sandbox::restream::{
    Behaviour, Correction, Cut, Effect, Restream as Service, RestreamConfig,
};
use syncline_store::ErrorKind;
use syncline_store_restream::{
    Access, DataQuery, Filters, LiveData, LiveQuery, Protocol, Reopen, Resolution, Restream,
    blocking,
};

use crate::{client, service, settings, time, with};

const CUTS: [Cut; 3] = [Cut::Drop, Cut::Reset, Cut::Close { code: 1011 }];

/// The next records.
async fn some(live: &mut LiveData, count: usize) -> Vec<(Option<u64>, i64)> {
    let mut found = Vec::new();
    while found.len() < count {
        let record = live.next().await.unwrap().unwrap();
        found.push((record.site, record.timestamp));
    }
    found
}

/// Follows a place while its clock runs fast and its sockets are cut; every record of each site comes
/// once, second by second.
async fn check(behaviour: Behaviour, (is_pad, replay): (bool, bool), protocol: Protocol) {
    let service = with(RestreamConfig {
        behaviour,
        ..RestreamConfig::default()
    })
    .await;
    service.set_speed(1_000);
    let api = client(&service);
    let wells = if is_pad {
        api.pad(service.pads()[0])
    } else {
        api.site(service.sites()[0])
    };
    let query = DataQuery {
        start: replay.then(|| time(service.now() - 20)),
        routed: is_pad,
        ..DataQuery::default()
    };
    let mut live = wells
        .follow(LiveQuery {
            query,
            protocol,
            ..LiveQuery::default()
        })
        .unwrap();
    let mut found = Vec::new();
    for cut in CUTS.into_iter().cycle().take(7) {
        found.extend(some(&mut live, 40).await);
        service.cut_sockets(cut);
    }
    found.extend(some(&mut live, 200).await);
    let mut sites = std::collections::BTreeMap::<_, Vec<i64>>::new();
    for (site, second) in found {
        sites.entry(site).or_default().push(second);
    }
    assert_eq!(sites.len(), if is_pad { 3 } else { 1 });
    for (site, seconds) in sites {
        let whole: Vec<i64> = (seconds[0]..).take(seconds.len()).collect();
        assert_eq!(seconds, whole, "{site:?} {protocol:?} replay: {replay}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_second_is_missed_or_told_twice_where_the_service_keeps_the_queue() {
    for protocol in [Protocol::First, Protocol::Second] {
        for replay in [false, true] {
            check(Behaviour::default(), (false, replay), protocol).await;
        }
    }
    check(Behaviour::default(), (true, false), Protocol::Second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_where_it_forgets_the_queue_and_sends_several_at_once() {
    let forgetful = Behaviour {
        session_retention: 0,
        frame_records: 7,
        ..Behaviour::default()
    };
    for replay in [false, true] {
        check(forgetful.clone(), (false, replay), Protocol::Second).await;
    }
    check(forgetful, (true, true), Protocol::First).await;
}

/// A follower of past records, with a name and a place to go on from.
fn past(
    api: &Restream,
    service: &Service,
    (key, after): (&str, Option<i64>),
    protocol: Protocol,
) -> LiveData {
    let live = LiveQuery {
        query: DataQuery {
            start: Some(time(service.now() - 50)),
            ..DataQuery::default()
        },
        session_key: Some(key.to_owned()),
        after: after.map(time),
        protocol,
        ..LiveQuery::default()
    };
    api.site(service.sites()[0]).follow(live).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_goes_on_with_the_key_where_the_first_one_was_ended() {
    let service = service().await;
    for protocol in [Protocol::First, Protocol::Second] {
        let key = format!("{protocol:?}");
        let first = service.now() - 50;
        for taken in [1, 5, 6, 23] {
            let key = format!("{key}{taken}");
            let api = client(&service);
            let mut live = past(&api, &service, (&key, None), protocol);
            assert_eq!(live.session_key(), key);
            let found = some(&mut live, taken).await;
            let last = found.last().unwrap().1;
            assert_eq!(i64::try_from(found.len()).unwrap(), last - first + 1);
            drop(live);
            let mut live = past(&client(&service), &service, (&key, Some(last)), protocol);
            let found = some(&mut live, 51 - taken).await;
            let seconds: Vec<i64> = found.iter().map(|(_, second)| *second).collect();
            let expected: Vec<i64> = (last + 1..=service.now()).collect();
            assert_eq!(seconds, expected, "{protocol:?} after {taken}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_after_the_past_is_told_when_it_is_there() {
    let service = service().await;
    let api = client(&service);
    let mut live = past(&api, &service, ("k", None), Protocol::Second);
    some(&mut live, 51).await;
    service.advance(3);
    let found = some(&mut live, 3).await;
    assert_eq!(found.last().unwrap().1, service.now());
    assert_eq!(live.filled(), 0);
    let minutes = DataQuery {
        resolution: Resolution::Minute,
        start: Some(time(service.now() - 600)),
        ..DataQuery::default()
    };
    drop(live);
    let mut live = api.site(service.sites()[0]).follow(minutes).unwrap();
    let found = some(&mut live, 9).await;
    assert!(
        found.windows(2).all(|pair| pair[1].1 == pair[0].1 + 60),
        "{found:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_may_not_be_opened_again_ends_what_is_followed() {
    let service = service().await;
    let api = client(&service);
    let site = api.site(service.sites()[0]);
    let start = Some(time(service.now()));
    for (reopen, cut, ends_well) in [
        (Reopen::Never, Cut::Close { code: 1000 }, true),
        (Reopen::AfterErrors, Cut::Close { code: 1000 }, true),
        (Reopen::Never, Cut::Reset, false),
        (Reopen::AfterCloses, Cut::Reset, false),
    ] {
        let live = LiveQuery {
            query: DataQuery {
                start,
                ..DataQuery::default()
            },
            reopen,
            ..LiveQuery::default()
        };
        let mut live = site.follow(live).unwrap();
        some(&mut live, 1).await;
        service.cut_sockets(cut);
        match live.next().await {
            Ok(next) => assert!(next.is_none() && ends_well, "{reopen:?} {cut:?}"),
            Err(error) => assert!(error.is_transient() && !ends_well, "{reopen:?} {cut:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_followed_once_and_only_by_whom_it_may() {
    let service = with(RestreamConfig {
        behaviour: Behaviour {
            forbidden: [1002].into(),
            ..Behaviour::default()
        },
        ..RestreamConfig::default()
    })
    .await;
    let api = client(&service);
    let first = api.site(1001).follow(DataQuery::default()).unwrap();
    let second = api.site(1001).follow(DataQuery::default()).unwrap_err();
    assert!(second.message.contains("followed already"), "{second}");
    api.pad(101).follow(DataQuery::default()).unwrap();
    drop(first);
    api.site(1001).follow(DataQuery::default()).unwrap();
    let mut forbidden = api.site(1002).follow(DataQuery::default()).unwrap();
    let denied = forbidden.next().await.unwrap_err();
    assert_eq!(denied.kind, ErrorKind::Denied, "{denied}");
    let mut missing = api.site(4711).follow_changes(Reopen::Always).unwrap();
    let missing = missing.next().await.unwrap_err();
    assert_eq!(missing.kind, ErrorKind::NotFound, "{missing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ends_while_a_site_is_followed_is_replaced_or_told() {
    let service = service().await;
    let api = client(&service);
    let mut live = past(&api, &service, ("a", None), Protocol::Second);
    some(&mut live, 51).await;
    service.expire_tokens();
    service.cut_sockets(Cut::Drop);
    // A socket that is still open would bring what comes next with the token it has.
    while service.sockets() > 0 {
        tokio::task::yield_now().await;
    }
    service.advance(2);
    assert_eq!(some(&mut live, 2).await.last().unwrap().1, service.now());
    assert_eq!(service.requests().count("POST", "/o/token/"), 2);

    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("token");
    let mut fetching = settings(&service, "restreamSecret");
    fetching.token_cache = Some(kept.clone());
    let fetching = Restream::open(fetching).unwrap();
    fetching.sites(&Filters::none()).await.unwrap();
    let kept: serde_json::Value = serde_json::from_slice(&std::fs::read(kept).unwrap()).unwrap();
    let token = kept["access_token"].as_str().unwrap().to_owned();
    let mut given = settings(&service, "unused");
    given.access = Access::Token(token.clone().into());
    let given = Restream::open(given).unwrap();
    let mut live = past(&given, &service, ("b", None), Protocol::Second);
    some(&mut live, 51).await;
    service.expire_tokens();
    service.cut_sockets(Cut::Drop);
    let ended = live.next().await.unwrap_err();
    assert_eq!(ended.kind, ErrorKind::Denied, "{ended}");
    assert!(!format!("{ended:?}").contains(&token));
}

#[tokio::test(flavor = "multi_thread")]
async fn corrections_are_told_once_those_from_before_first() {
    let service = service().await;
    let site = service.sites()[0];
    let correct = |from: i64| {
        let correction = Correction {
            site,
            start: from,
            end: from + 9,
            effect: Effect::Delete,
            fields: [].into(),
        };
        service.correct(correction).unwrap()
    };
    let begin = service.now() - 1_000;
    let before = [correct(begin), correct(begin + 100)];
    let api = client(&service);
    let mut live = api
        .pad(service.pads()[0])
        .follow_changes(Reopen::Always)
        .unwrap();
    for id in before {
        assert_eq!(live.next().await.unwrap().unwrap().id, id);
    }
    let third = correct(begin + 200);
    assert_eq!(live.next().await.unwrap().unwrap().id, third);
    service.cut_sockets(Cut::Reset);
    let fourth = correct(begin + 300);
    assert_eq!(live.next().await.unwrap().unwrap().id, fourth);
}

#[tokio::test(flavor = "multi_thread")]
async fn sites_pads_and_states_are_told_when_they_change() {
    let service = service().await;
    let api = client(&service);
    let site = service.sites()[0];
    let mut live = api.site(site).follow_site(Reopen::Always).unwrap();
    let first = live.next().await.unwrap().unwrap();
    assert_eq!(first.id, site);
    assert!(first.json().contains("current_data_sources"));
    // While the socket is away a stage ends: nobody tells, and it is noticed all the same.
    service.cut_sockets(Cut::Drop);
    service.advance(6 * 3_600);
    let second = live.next().await.unwrap().unwrap();
    assert_ne!(
        (second.current_state.clone(), second.current_stage_number),
        (first.current_state.clone(), first.current_stage_number)
    );
    drop(live);
    let mut live = api
        .pad(service.pads()[0])
        .follow_pad(Reopen::Always)
        .unwrap();
    assert_eq!(live.next().await.unwrap().unwrap().id, service.pads()[0]);
    assert!(api.site(site).follow_pad(Reopen::Always).is_err());

    let on_pad = Filters::none().with("pad__id", service.pads()[0]);
    let mut states = api.follow_states(&on_pad, Reopen::Always).await.unwrap();
    let mut known = std::collections::BTreeMap::new();
    for _ in 0..3 {
        let state = states.next().await.unwrap().unwrap();
        known.insert(state.site.as_ref().unwrap().id, state.current_state.clone());
    }
    assert_eq!(known.len(), 3);
    service.advance(6 * 3_600);
    let changed = states.next().await.unwrap().unwrap();
    assert!(known.contains_key(&changed.site.as_ref().unwrap().id));
    let now = api
        .site(changed.site.as_ref().unwrap().id)
        .states()
        .await
        .unwrap();
    assert_eq!(now[0].current_state, changed.current_state);
}

#[test]
fn programs_that_do_not_wait_asynchronously_get_the_same() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let service = runtime.block_on(service());
    let api = blocking::Restream::new(client(&service)).unwrap();
    let site = api.site(service.sites()[0]);
    let range = time(service.now() - 59)..=time(service.now());
    let records: Result<Vec<_>, _> = site.data(range).stream().unwrap().collect();
    assert_eq!(records.unwrap().len(), 60);
    assert_eq!(
        api.sites(&Filters::none()).unwrap().len(),
        service.sites().len()
    );
    assert_eq!(api.pad(service.pads()[0]).states().unwrap().len(), 3);
    assert!(!site.fields().unwrap().is_empty());
    let live = LiveQuery::from(DataQuery {
        start: Some(time(service.now() - 9)),
        ..DataQuery::default()
    });
    let seconds = site.follow(live).unwrap().take(10);
    let seconds: Vec<i64> = seconds.map(|record| record.unwrap().timestamp).collect();
    assert_eq!(
        seconds,
        (service.now() - 9..=service.now()).collect::<Vec<_>>()
    );
    let mut missing = api.site(4711).data(time(0)..=time(1)).stream().unwrap();
    assert_eq!(
        missing.next().unwrap().unwrap_err().kind,
        ErrorKind::NotFound
    );
    assert!(missing.next().is_none());
}
