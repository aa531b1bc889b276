//! `sandbox edfi` under attack: whatever is sent to it, its memory has a bound.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;

use crate::desk::Desk;
use crate::interruption::signal;

/// Kilobytes that the process may have had in memory at most.
const BOUND: u64 = 900_000;
const ATTACKERS: usize = 10;
const ENDLESS: usize = 3;

/// The most memory that a process has had, in kilobytes; nothing where the system does not tell.
fn peak(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Sends a head and pieces of a body for as long as they are taken; gives the first line of the
/// answer, which a server that has hung up may not have been able to give.
fn attack(address: &str, token: &str, length: &str, pieces: &[&[u8]]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST /data/v3/ed-fi/students HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Authorization: {token}\r\nContent-Type: application/json\r\n{length}\r\n\r\n"
    );
    let sent = stream.write_all(head.as_bytes()).is_ok();
    let _all = sent && pieces.iter().all(|piece| stream.write_all(piece).is_ok());
    let mut said = Vec::new();
    let _broken = stream.read_to_end(&mut said);
    let said = String::from_utf8_lossy(&said);
    said.lines().next().unwrap_or_default().to_owned()
}

fn log_in(address: &str) -> String {
    let body = "grant_type=client_credentials&client_id=populated&client_secret=populatedSecret";
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!(
        "POST /oauth/token HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let token = answer.split("\"access_token\":\"").nth(1).unwrap();
    format!("Bearer {}", token.split('"').next().unwrap())
}

/// Bodies that cost as much as they can: 100 MB announced and not, 29 MB that are read whole, many
/// small values, and nesting as deep as a body is long.
fn attacks(address: &str, token: &str) -> Vec<String> {
    let chunk = [&b"100000\r\n"[..], &vec![b' '; 0x10_0000], b"\r\n"].concat();
    let endless: Vec<&[u8]> = vec![&chunk; 100];
    let long = vec![b'x'; 29_000_000];
    let deep = vec![b'['; 29_000_000];
    let shallow = vec![b'['; 900_000];
    let mut wide = b"{\"addresses\":[0".to_vec();
    wide.extend(b",0".repeat(3_000_000));
    wide.extend(b"]}");
    let whole = |body: &[u8]| {
        let length = format!("Content-Length: {}", body.len());
        attack(address, token, &length, &[body])
    };
    let text = [&b"{\"firstName\":\""[..], &long, b"\"}"].concat();
    let mut answers = Vec::new();
    for _ in 0..ENDLESS {
        answers.push(attack(address, token, "Content-Length: 100000000", &[]));
        let chunked = "Transfer-Encoding: chunked";
        answers.push(attack(address, token, chunked, &endless));
    }
    answers.extend([&text, &deep, &shallow, &wide].map(|body| whole(body)));
    answers
}

#[test]
fn memory_has_a_bound_whatever_is_sent() {
    let desk = Desk::new();
    let mut child = desk
        .command(&["sandbox", "edfi"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let address = line.trim().trim_start_matches("http://").to_owned();
    let token = log_in(&address);
    let answers: Vec<String> = std::thread::scope(|scope| {
        let begin = |_| scope.spawn(|| attacks(&address, &token));
        let attackers: Vec<_> = (0..ATTACKERS).map(begin).collect();
        let answers = attackers.into_iter().flat_map(|one| one.join().unwrap());
        answers.collect()
    });
    for answer in &answers {
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert!(["", "400", "413", "503"].contains(&status), "{answer}");
    }
    let said = |status: &str| answers.iter().any(|answer| answer.contains(status));
    assert!(said(" 400 ") && said(" 413 "), "{answers:?}");
    let peak = peak(child.id());
    signal(&child, "-TERM");
    assert!(child.wait().unwrap().success());
    let Some(peak) = peak else {
        println!("skipped: the memory of a server under attack, as there is no /proc");
        return;
    };
    assert!(peak < BOUND, "{peak} kB");
}
