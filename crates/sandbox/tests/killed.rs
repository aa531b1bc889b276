//! A server that is killed under load has lost nothing it acknowledged.
//!
//! The test runs itself as the server, in a process of its own that can be killed; that is why
//! it stands outside the other tests and answers the runner's questions by hand.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on fails; the runner and the parent read its output"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc;

use syncline_sandbox::schema::embedded;
use syncline_sandbox::{Sandbox, SandboxConfig};

const NAME: &str = "acknowledged_writes_outlive_a_killed_server";
const WRITERS: usize = 4;
const ENOUGH: usize = 300;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["serve", file] => serve(Path::new(file)),
        list if list.contains(&"--list") => {
            if !list.contains(&"--ignored") {
                println!("{NAME}: test");
            }
        }
        _ => check(),
    }
    ExitCode::SUCCESS
}

fn config(file: &Path) -> SandboxConfig {
    SandboxConfig {
        data: Some(file.to_owned()),
        ..SandboxConfig::new(embedded().unwrap())
    }
}

fn serve(file: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let sandbox = Sandbox::start(config(file)).await.unwrap();
        println!("{}", sandbox.address());
        std::future::pending::<()>().await;
    });
}

fn check() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ods.sqlite");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg("serve")
        .arg(&file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let address: SocketAddr = line.trim().parse().unwrap();
    let token = log_in(address);
    let (sender, receiver) = mpsc::channel();
    for writer in 0..WRITERS {
        let (sender, token) = (sender.clone(), token.clone());
        std::thread::spawn(move || write(address, &token, writer, &sender));
    }
    drop(sender);
    let mut acknowledged: Vec<String> = receiver.iter().take(ENOUGH).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    acknowledged.extend(receiver.iter());
    assert!(acknowledged.len() >= ENOUGH);
    verify(&file, &acknowledged);
}

/// Posts student after student until the connection breaks; tells of each acknowledged one.
fn write(address: SocketAddr, token: &str, writer: usize, sender: &mpsc::Sender<String>) {
    for number in 0.. {
        let id = format!("{writer}-{number}");
        let body = format!(
            "{{\"studentUniqueId\":\"{id}\",\"firstName\":\"A\",\"lastSurname\":\"B\",\
             \"birthDate\":\"2010-01-31\"}}"
        );
        let head = format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n");
        let answer = post(address, "/data/v3/ed-fi/students", &head, &body);
        match answer {
            Ok(answer) if answer.starts_with("HTTP/1.1 201") => sender.send(id).unwrap_or(()),
            _ => return,
        }
    }
}

fn log_in(address: SocketAddr) -> String {
    let body = "grant_type=client_credentials&client_id=populated&client_secret=populatedSecret";
    let head = "Content-Type: application/x-www-form-urlencoded\r\n";
    let answer = post(address, "/oauth/token", head, body).unwrap();
    let start = answer.split("\"access_token\":\"").nth(1).unwrap();
    start.split('"').next().unwrap().to_owned()
}

fn post(address: SocketAddr, path: &str, head: &str, body: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{head}\
         Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn verify(file: &Path, acknowledged: &[String]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let count = runtime.block_on(async {
        let sandbox = Sandbox::start(config(file)).await.unwrap();
        let count = sandbox.count("ed-fi/students").unwrap();
        sandbox.stop().await;
        count
    });
    let connection = rusqlite::Connection::open(file).unwrap();
    let sound: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(sound, "ok");
    let mut find = connection
        .prepare("SELECT count(*) FROM item WHERE key = ?1 AND body LIKE '%studentUniqueId%'")
        .unwrap();
    for id in acknowledged {
        let found: i64 = find.query_row([id], |row| row.get(0)).unwrap();
        assert_eq!(found, 1, "{id} was acknowledged");
    }
    let acknowledged = u64::try_from(acknowledged.len()).unwrap();
    let writers = u64::try_from(WRITERS).unwrap();
    assert!((acknowledged..=acknowledged + writers).contains(&count));
}
