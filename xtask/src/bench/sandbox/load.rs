//! `wrk` against a server.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::bench::measure;
use crate::bench::program::Workshop;
use crate::bench::server::Server;

const SECONDS: u32 = 4;

/// Requests against one server by one client.
#[derive(Debug)]
pub(super) struct Load {
    folder: PathBuf,
    students: String,
    token: String,
}

/// Whether it is installed.
pub(super) fn is_there() -> bool {
    // It has no way to say its version without ending as if something were wrong.
    Command::new("wrk").arg("--version").output().is_ok()
}

impl Load {
    pub(super) fn new(workshop: &Workshop, server: &Server) -> Result<Self> {
        let (students, token) = server.students_and_token()?;
        Ok(Self {
            folder: workshop.fresh("sandbox-wrk")?,
            students,
            token,
        })
    }

    /// New students posted in a second.
    pub(super) fn posts(&self, pool: usize) -> Result<f64> {
        let script = self.folder.join("post.lua");
        fs_err::write(&script, POSTS)?;
        self.wrk(&self.students, pool, Some(&script))
    }

    /// Pages with this query given in a second.
    pub(super) fn pages(&self, query: &str, pool: usize) -> Result<f64> {
        self.wrk(&format!("{}?{query}", self.students), pool, None)
    }

    /// The tokens at which so many stretches of all students begin.
    pub(super) fn partitions(&self, number: u32) -> Result<Vec<String>> {
        let url = format!("{}/partitions?number={number}", self.students);
        let answer = self.get(&url)?;
        let tokens = answer["pageTokens"].as_array().context("no tokens")?;
        let tokens = tokens
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        Ok(tokens)
    }

    fn wrk(&self, url: &str, pool: usize, script: Option<&PathBuf>) -> Result<f64> {
        let log = self.folder.join("wrk.log");
        let mut command = Command::new("wrk");
        command
            .args([
                "--threads",
                if pool > 1 { "2" } else { "1" },
                "--connections",
            ])
            .arg(pool.to_string())
            .args(["--duration", &format!("{SECONDS}s"), "--header"])
            .arg(format!("Authorization: Bearer {}", self.token));
        if let Some(script) = script {
            command.arg("--script").arg(script);
        }
        measure::run(command.arg(url), &log)?;
        let said = fs_err::read_to_string(&log)?;
        ensure!(
            !said.contains("Non-2xx") && !said.contains("Socket errors"),
            "requests failed: {said}"
        );
        let words: Vec<&str> = said.split_whitespace().collect();
        let rate = words.windows(2).find(|two| two[0] == "Requests/sec:");
        Ok(rate.context("wrk said no rate")?[1].parse()?)
    }

    fn get(&self, url: &str) -> Result<Value> {
        let rest = url.strip_prefix("http://").context("no address")?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let mut stream = TcpStream::connect(host)?;
        write!(
            stream,
            "GET /{path} HTTP/1.0\r\nHost: {host}\r\nAuthorization: Bearer {}\r\n\r\n",
            self.token
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (_, body) = answer.split_once("\r\n\r\n").context("no answer")?;
        serde_json::from_str(body).with_context(|| format!("{url} answered no JSON"))
    }
}

/// Each thread of wrk makes students of its own.
const POSTS: &str = r#"
local threads = 0
function setup(thread)
  thread:set("id", threads)
  threads = threads + 1
end
local made = 0
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
function request()
  made = made + 1
  return wrk.format(nil, nil, nil, string.format(
    '{"studentUniqueId":"%d%09d","firstName":"Ada %d","lastSurname":"Byron","middleName":"King",' ..
    '"birthDate":"2012-03-0%d","birthCity":"London","generationCodeSuffix":"II","maidenName":"Noel"}',
    id + 1, made, made, made % 9 + 1))
end
"#;
