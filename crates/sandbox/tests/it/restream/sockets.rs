//! Sockets of both versions: what they send, how they go on, how they end.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use syncline_sandbox::restream::{Behaviour, Correction, Cut, Effect};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::{Fixture, range};

const NEW: &str = "/external/thirdparty/v2/ws";
/// Nothing here may take this long.
const LONGEST: Duration = Duration::from_secs(20);

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn try_open(fixture: &Fixture, path: &str, token: &str) -> Result<Stream, Error> {
    let url = format!("ws://{}{path}", fixture.restream.address());
    let mut request = url.into_client_request()?;
    request
        .headers_mut()
        .insert("Authorization", token.parse().unwrap());
    connect_async(request).await.map(|(stream, _)| stream)
}

async fn open(fixture: &Fixture, path: &str) -> Stream {
    try_open(fixture, path, &fixture.token).await.unwrap()
}

/// The status that a handshake is refused with.
async fn refused(fixture: &Fixture, path: &str, token: &str) -> u16 {
    match try_open(fixture, path, token).await {
        Err(Error::Http(answer)) => answer.status().as_u16(),
        other => unreachable!("{other:?}"),
    }
}

/// The next frame that is not a ping.
async fn frame(stream: &mut Stream) -> Option<Value> {
    loop {
        let next = tokio::time::timeout(LONGEST, stream.next()).await;
        match next.expect("a frame in time")? {
            Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).unwrap()),
            Ok(Message::Ping(_)) => {}
            Ok(Message::Close(_)) | Err(_) => return None,
            Ok(other) => unreachable!("{other:?}"),
        }
    }
}

async fn frames(stream: &mut Stream, count: usize) -> Vec<Value> {
    let mut all = Vec::new();
    while all.len() < count {
        all.push(frame(stream).await.expect("an open socket"));
    }
    all
}

fn seconds(frames: &[Value]) -> Vec<i64> {
    frames
        .iter()
        .map(|frame| frame["message"]["timestamp"].as_i64().unwrap())
        .collect()
}

/// Waits until so many sockets are open; one that goes on would take what the next is to get.
async fn opened(fixture: &Fixture, count: usize) {
    let waiting = async {
        while fixture.restream.sockets() != count {
            tokio::task::yield_now().await;
        }
    };
    let ended = tokio::time::timeout(LONGEST, waiting).await;
    ended.expect("sockets that end");
}

/// Nothing is sent for a moment.
async fn is_silent(stream: &mut Stream) -> bool {
    tokio::time::timeout(Duration::from_millis(100), stream.next())
        .await
        .is_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_filters_only_the_present_is_told() {
    let fixture = Fixture::new().await;
    let now = fixture.restream.now();
    let mut stream = open(
        &fixture,
        &format!("{NEW}/sites/1001/data/?session_key=k&si_units=false&resolution=raw"),
    )
    .await;
    assert!(is_silent(&mut stream).await);
    fixture.restream.advance(3);
    let told = frames(&mut stream, 3).await;
    assert_eq!(seconds(&told), [now + 1, now + 2, now + 3]);
    assert!(told.iter().all(|frame| frame["session_key"] == "k"));
    let path = format!("/sites/1001/data/?{}", range(now + 1, now + 3));
    let messages: Vec<Value> = told.iter().map(|frame| frame["message"].clone()).collect();
    assert_eq!(messages, fixture.list(&path), "as over REST");
    assert!(is_silent(&mut stream).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_filters_the_past_comes_first() {
    let fixture = Fixture::new().await;
    let now = fixture.restream.now();
    let past = range(now - 20, now - 18);
    let mut stream = open(
        &fixture,
        &format!("{NEW}/sites/1001/data/?fields=swab_valve&{past}"),
    )
    .await;
    let told = frames(&mut stream, 3).await;
    assert_eq!(seconds(&told), [now - 20, now - 19, now - 18]);
    assert_eq!(
        told[0]["session_key"].as_str().map(str::len),
        Some(32),
        "a key of its own"
    );
    fixture.restream.advance(2);
    assert_eq!(
        seconds(&frames(&mut stream, 2).await),
        [now + 1, now + 2],
        "then the present"
    );
    let always = Fixture::behaving(Behaviour {
        replay_always: true,
        ..Behaviour::default()
    })
    .await;
    let mut stream = open(&always, &format!("{NEW}/sites/1001/data/?resolution=hour")).await;
    assert_eq!(seconds(&frames(&mut stream, 2).await)[0], 1_735_689_600);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_key_goes_on_where_it_stopped() {
    let fixture = Fixture::new().await;
    let now = fixture.restream.now();
    let path = format!("{NEW}/pads/101/data/?session_key=k&routed=true");
    let mut stream = open(&fixture, &path).await;
    fixture.restream.advance(2);
    let told = frames(&mut stream, 6).await;
    let sites: Vec<u64> = told
        .iter()
        .map(|frame| frame["message"]["site_id"].as_u64().unwrap())
        .collect();
    assert_eq!(
        sites,
        [1001, 1002, 1003, 1001, 1002, 1003],
        "second by second"
    );
    stream.close(None).await.unwrap();
    opened(&fixture, 0).await;
    fixture.restream.advance(60);
    let mut stream = open(&fixture, &path).await;
    let told = frames(&mut stream, 180).await;
    let expected: Vec<i64> = (now + 3..=now + 62)
        .flat_map(|second| [second; 3])
        .collect();
    assert_eq!(seconds(&told), expected);
    let mut other = open(&fixture, &format!("{NEW}/pads/101/data/?session_key=other")).await;
    assert!(
        is_silent(&mut other).await,
        "another key begins at the present"
    );
    drop((stream, other));
    opened(&fixture, 0).await;
    fixture.restream.advance(90_000);
    let mut stream = open(&fixture, &path).await;
    assert!(is_silent(&mut stream).await, "an old key is forgotten");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_version_waits_for_acknowledgements_and_repeats_what_had_none() {
    let fixture = Fixture::new().await;
    let now = fixture.restream.now();
    let mut stream = open(&fixture, "/ws/data/site/1001/?session_key=k").await;
    fixture.restream.advance(30);
    assert_eq!(
        seconds(&frames(&mut stream, 10).await).last(),
        Some(&(now + 10))
    );
    assert!(is_silent(&mut stream).await, "ten are not acknowledged");
    stream
        .send(Message::text(r#"{"ack":"true"}"#))
        .await
        .unwrap();
    assert_eq!(
        seconds(&frames(&mut stream, 5).await).last(),
        Some(&(now + 15))
    );
    drop(stream);
    opened(&fixture, 0).await;
    let mut stream = open(&fixture, "/ws/data/site/1001/?session_key=k").await;
    assert_eq!(seconds(&frames(&mut stream, 1).await), [now + 11]);
    let mut pad = open(&fixture, "/ws/data/pad/101/").await;
    fixture.restream.advance(1);
    assert!(frame(&mut pad).await.unwrap()["message"]["timestamp"].is_i64());
    let both = Fixture::behaving(Behaviour {
        acks: true,
        frame_records: 4,
        ..Behaviour::default()
    })
    .await;
    let mut stream = open(&both, &format!("{NEW}/sites/1001/data/")).await;
    both.restream.advance(100);
    let told = frames(&mut stream, 10).await;
    assert!(
        told.iter()
            .all(|frame| frame["message"].as_array().unwrap().len() == 4)
    );
    assert!(is_silent(&mut stream).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn buckets_are_told_once_they_are_over() {
    let fixture = Fixture::new().await;
    let now = fixture.restream.now();
    let path = format!("{NEW}/sites/1001/data/?resolution=minute&agg=max&fields=wellhead_pressure");
    let mut stream = open(&fixture, &path).await;
    fixture.restream.advance(58);
    assert!(is_silent(&mut stream).await);
    fixture.restream.advance(70);
    let told = frames(&mut stream, 2).await;
    let rest = format!(
        "/sites/1001/data/?resolution=minute&agg=max&fields=wellhead_pressure&{}",
        range(now + 60, now + 119)
    );
    assert_eq!(told[1]["message"], fixture.list(&rest)[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sites_and_pads_are_told_when_their_stage_changes() {
    let fixture = Fixture::new().await;
    let mut site = open(&fixture, &format!("{NEW}/sites/1001/")).await;
    let mut pad = open(&fixture, &format!("{NEW}/pads/101/")).await;
    let first = frame(&mut site).await.unwrap();
    assert_eq!(
        (first["id"].as_u64(), first["pad_id"].as_u64()),
        (Some(1001), Some(101))
    );
    let last = first["metadata"]["last_timestamp"].as_str().unwrap();
    assert_eq!(
        last, "2025-01-03T00:00:00Z",
        "times, where REST has numbers"
    );
    assert!(first["current_data_sources"]["frac"].is_array());
    assert_eq!(frame(&mut pad).await.unwrap(), fixture.json("/pads/101/"));
    assert!(is_silent(&mut site).await);
    fixture.restream.advance(2 * 5_400);
    let next = frame(&mut site).await.unwrap();
    let stage = |one: &Value| {
        (
            one["current_state"].clone(),
            one["current_stage_number"].clone(),
        )
    };
    assert_ne!(stage(&next), stage(&first));
    assert!(frame(&mut pad).await.is_some());
    let quiet = Fixture::behaving(Behaviour {
        greet: false,
        ..Behaviour::default()
    })
    .await;
    assert!(is_silent(&mut open(&quiet, &format!("{NEW}/sites/1001/")).await).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_told_until_they_are_confirmed() {
    let fixture = Fixture::new().await;
    let correct = |site: u64| {
        let correction = Correction {
            site,
            start: 1_735_700_000,
            end: 1_735_700_009,
            effect: Effect::Delete,
            fields: [].into(),
        };
        fixture.restream.correct(correction).unwrap()
    };
    let (first, _elsewhere, second) = (correct(1001), correct(1004), correct(1002));
    let path = format!("{NEW}/pads/101/data_changes/");
    let mut stream = open(&fixture, &path).await;
    let told = frames(&mut stream, 2).await;
    assert_eq!(
        [&told[0]["id"], &told[1]["id"]],
        [&json!(first), &json!(second)]
    );
    let body = json!({"change_log": [{"id": first, "update_received": true}]});
    fixture.send("POST", "/sites/1001/data_changes/", &body);
    let third = correct(1003);
    assert_eq!(frame(&mut stream).await.unwrap()["id"], third);
    let mut again = open(&fixture, &path).await;
    let told = frames(&mut again, 2).await;
    assert_eq!(
        [&told[0]["id"], &told[1]["id"]],
        [&json!(second), &json!(third)]
    );
    let mut site = open(&fixture, &format!("{NEW}/sites/1003/data_changes/")).await;
    assert_eq!(frame(&mut site).await.unwrap()["id"], third);
}

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_without_right_or_reason_are_refused() {
    let fixture = Fixture::behaving(Behaviour {
        forbidden: [1002].into(),
        ..Behaviour::default()
    })
    .await;
    let path = format!("{NEW}/sites/1001/data/");
    assert_eq!(refused(&fixture, &path, "Bearer nobody's").await, 403);
    let token = fixture.token.clone();
    assert_eq!(
        refused(&fixture, &format!("{NEW}/sites/7/"), &token).await,
        404
    );
    assert_eq!(
        refused(&fixture, &format!("{NEW}/sites/1002/data/"), &token).await,
        403
    );
    assert_eq!(
        refused(&fixture, &format!("{path}?resolution=second"), &token).await,
        400
    );
    let long = format!("{path}?session_key={}", "k".repeat(129));
    assert_eq!(refused(&fixture, &long, &token).await, 400);
    fixture.arm(&json!([{"match": {"path": "/ws/", "first": 1}, "action": {"kind": "status", "status": 429}}]));
    assert_eq!(refused(&fixture, &path, &token).await, 429);
    let plain = fixture.ask("GET", &path, &[("Authorization", &token)], "");
    assert_eq!(plain.status, 400, "a request that is no handshake");
    assert_eq!(fixture.restream.sockets(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_are_cut_dropped_and_closed_on_purpose() {
    let fixture = Fixture::new().await;
    let path = format!("{NEW}/sites/1001/data/?session_key=k");
    for cut in [Cut::Drop, Cut::Reset, Cut::Close { code: 1011 }] {
        let mut stream = open(&fixture, &path).await;
        assert_eq!(fixture.restream.cut_sockets(cut), 1);
        let next = tokio::time::timeout(LONGEST, stream.next()).await.unwrap();
        match (cut, next) {
            (Cut::Close { code }, Some(Ok(Message::Close(Some(frame))))) => {
                assert_eq!(u16::from(frame.code), code);
            }
            (Cut::Drop | Cut::Reset, None | Some(Err(_))) => {}
            other => unreachable!("{other:?}"),
        }
        drop(stream);
        opened(&fixture, 0).await;
    }
    fixture.arm(&json!([{"match": {"path": "/ws/"}, "action": {"kind": "cut", "records": 2}}]));
    let mut stream = open(&fixture, &path).await;
    fixture.restream.advance(5);
    frames(&mut stream, 2).await;
    assert_eq!(frame(&mut stream).await, None);
    opened(&fixture, 0).await;
    fixture.arm(&json!([{"match": {"path": "/ws/"}, "action": {"kind": "stall", "records": 1}}]));
    let mut stream = open(&fixture, &path).await;
    frames(&mut stream, 1).await;
    assert!(is_silent(&mut stream).await);
    let closed = fixture.admin("POST", "sockets", &json!({"kind": "close", "code": 4003}));
    assert!(closed.json()["closed"].as_u64() >= Some(1));
    assert_eq!(frame(&mut stream).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_that_send_nonsense_do_no_harm_and_a_server_closes_its_sockets() {
    let fixture = Fixture::new().await;
    let mut stream = open(&fixture, "/ws/data/site/1001/?session_key=k").await;
    for text in ["", "{", "[]", "null", "{\"ack\":{}}", "7"] {
        stream.send(Message::text(text)).await.unwrap();
    }
    stream.send(Message::binary(vec![0_u8; 100])).await.unwrap();
    fixture.restream.advance(1);
    assert!(frame(&mut stream).await.is_some());
    let large = "x".repeat(100_000);
    // The server ends the socket at the head of the frame.
    let _sent = stream.send(Message::text(large)).await;
    assert_eq!(frame(&mut stream).await, None);
    let mut stream = open(&fixture, &format!("{NEW}/sites/1001/data/")).await;
    fixture.restream.stop().await;
    assert_eq!(frame(&mut stream).await, None);
}
