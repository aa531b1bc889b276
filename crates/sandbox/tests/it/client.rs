//! HTTP/1.1 by hand: one connection per request, everything checked that every answer must hold.

use std::fmt::Write as _;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(given, _)| given.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("a text body")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    /// The last segment of `Location`.
    pub(crate) fn id(&self) -> String {
        let location = self.header("location").expect("a Location");
        location.rsplit('/').next().expect("a segment").to_owned()
    }

    /// The length announced, where one is.
    pub(crate) fn announced(&self) -> Option<usize> {
        self.header("content-length")
            .map(|length| length.parse().expect("a length"))
    }
}

/// One exchange; errors are those of the connection.
pub(crate) fn exchange(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for (name, value) in headers {
        write!(request, "{name}: {value}\r\n").expect("text");
    }
    write!(request, "Content-Length: {}\r\n\r\n", body.len()).expect("text");
    let mut bytes = request.into_bytes();
    bytes.extend_from_slice(body);
    stream.write_all(&bytes)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    parse(&answer)
}

fn parse(bytes: &[u8]) -> io::Result<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.ok_or(io::ErrorKind::UnexpectedEof)?;
    let head = String::from_utf8(bytes[..end].to_vec()).expect("an ASCII head");
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .expect("a status line");
    let headers: Vec<(String, String)> = lines
        .map(|line| {
            let (name, value) = line.split_once(':').expect("a header line");
            (name.to_owned(), value.trim().to_owned())
        })
        .collect();
    let chunked = headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("transfer-encoding"));
    let rest = &bytes[end + 4..];
    let body = if chunked {
        joined(rest)?
    } else {
        rest.to_vec()
    };
    let status = status.parse().expect("a status");
    Ok(Answer {
        status,
        headers,
        body,
    })
}

/// The chunks of a body that came to its end.
fn joined(mut rest: &[u8]) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|window| window == b"\r\n");
        let line = line.ok_or(io::ErrorKind::UnexpectedEof)?;
        let length = std::str::from_utf8(&rest[..line]).expect("an ASCII length");
        let length = usize::from_str_radix(length, 16).expect("a length");
        if length == 0 {
            return Ok(body);
        }
        let chunk = rest.get(line + 2..line + 2 + length);
        body.extend_from_slice(chunk.ok_or(io::ErrorKind::UnexpectedEof)?);
        rest = rest
            .get(line + length + 4..)
            .ok_or(io::ErrorKind::UnexpectedEof)?;
    }
}
