//! The server that answers every POST with the same words, in a process of its own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::program::Workshop;

pub(super) const CLIENT_ID: &str = "populated";
pub(super) const CLIENT_SECRET: &str = "populatedSecret";
/// The two above as HTTP says them.
const BASIC: &str = "cG9wdWxhdGVkOnBvcHVsYXRlZFNlY3JldA==";

/// A running server; it ends when dropped.
#[derive(Debug)]
pub(super) struct Server {
    process: Child,
    pub(super) url: String,
}

impl Server {
    pub(super) fn start(workshop: &Workshop) -> Result<Self> {
        Self::start_with(workshop, &["--constant"])
    }

    /// A server that keeps what it is sent, in memory, and knows descriptor values.
    pub(super) fn start_keeping(workshop: &Workshop) -> Result<Self> {
        Self::start_with(workshop, &[])
    }

    /// A server with options of `sandbox edfi`.
    pub(super) fn start_with(workshop: &Workshop, options: &[&str]) -> Result<Self> {
        Self::start_kind(workshop, "edfi", options)
    }

    /// A simulated service of time series, with options of `sandbox restream`.
    pub(super) fn start_restream(workshop: &Workshop, options: &[&str]) -> Result<Self> {
        Self::start_kind(workshop, "restream", options)
    }

    fn start_kind(workshop: &Workshop, kind: &str, options: &[&str]) -> Result<Self> {
        let mut process = Command::new(&workshop.program)
            .args(["sandbox", kind, "--listen", "127.0.0.1:0"])
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("start the server")?;
        let output = process.stdout.take().context("the server says nothing")?;
        let mut server = Self {
            process,
            url: String::new(),
        };
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        line.trim().clone_into(&mut server.url);
        ensure!(server.url.starts_with("http://"), "no address of a server");
        Ok(server)
    }

    pub(super) fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// How many resources it has besides descriptors.
    pub(super) fn resources(&self) -> Result<usize> {
        let discovery = request(&self.url, "GET", "")?;
        let order = request(text(&discovery["urls"], "dependencies")?, "GET", "")?;
        let entries = order.as_array().into_iter().flatten();
        let names = entries.filter_map(|entry| entry["resource"].as_str());
        let resources = names.filter(|name| !name.ends_with("Descriptors"));
        Ok(resources.collect::<std::collections::BTreeSet<_>>().len())
    }

    /// Where students are sent to, and a token for it.
    pub(super) fn students_and_token(&self) -> Result<(String, String)> {
        let discovery = request(&self.url, "GET", "")?;
        let urls = &discovery["urls"];
        let data = text(urls, "dataManagementApi")?.trim_end_matches('/');
        let token = request(
            text(urls, "oauth")?,
            "POST",
            "grant_type=client_credentials",
        )?;
        let token = text(&token, "access_token")?.to_owned();
        Ok((format!("{data}/ed-fi/students"), token))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.process.kill();
        let _ended = self.process.wait();
    }
}

/// One request, one answer, one connection.
fn request(url: &str, method: &str, form: &str) -> Result<Value> {
    let rest = url
        .strip_prefix("http://")
        .with_context(|| format!("{url} is no address of a server"))?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut stream = TcpStream::connect(host)?;
    write!(
        stream,
        "{method} /{path} HTTP/1.0\r\nHost: {host}\r\nAuthorization: Basic {BASIC}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, body) = answer
        .split_once("\r\n\r\n")
        .with_context(|| format!("{url} answered nothing"))?;
    serde_json::from_str(body).with_context(|| format!("{url} answered no JSON"))
}

fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str> {
    value[name]
        .as_str()
        .with_context(|| format!("the server names no {name}"))
}
