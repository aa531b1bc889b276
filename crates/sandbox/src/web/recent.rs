//! The latest requests, kept for the page, and the file that every request is written to.
//!
//! What is kept in memory is bounded: so many requests, and so much of each body. Bodies of the
//! login endpoints hold secrets and are kept nowhere.

use std::collections::VecDeque;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use bytes::Bytes;
use fs_err::File;
use serde_json::{Value, json};
use tokio::sync::watch;

const KEPT: usize = 200;
const BODY_KEPT: usize = 4_096;

/// One request and its answer.
#[derive(Clone, Debug)]
pub(crate) struct Exchange<'a> {
    pub(crate) method: &'a str,
    /// Path and query as sent.
    pub(crate) path: &'a str,
    /// The media types asked for and sent; empty if none.
    pub(crate) accept: &'a str,
    pub(crate) content_type: &'a str,
    /// Status sent; 0 where the connection was broken instead.
    pub(crate) status: u16,
    pub(crate) micros: u64,
    pub(crate) body: &'a Bytes,
}

/// A request as it is kept.
#[derive(Debug)]
struct Kept {
    number: u64,
    method: String,
    path: String,
    status: u16,
    micros: u64,
    body: Bytes,
}

/// The latest requests and the file of all of them.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    last: u64,
    kept: VecDeque<Kept>,
    /// The number of the latest request, for those who wait for it.
    news: watch::Sender<u64>,
    file: Option<BufWriter<File>>,
}

impl Recent {
    /// Begins, and goes on with a file where one is wanted.
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Self> {
        let open = |path: &Path| {
            let mut options = fs_err::OpenOptions::new();
            options
                .create(true)
                .append(true)
                .open(path)
                .map(BufWriter::new)
        };
        Ok(Self {
            file: path.map(open).transpose()?,
            ..Self::default()
        })
    }

    /// Hears of every request from now on, by its number.
    pub(crate) fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    /// Adds a request; the oldest makes room.
    pub(crate) fn add(&mut self, exchange: &Exchange<'_>) {
        self.last += 1;
        // A part of a large body is copied, since it would keep the whole in memory.
        let body = match exchange.body.get(..BODY_KEPT) {
            Some(part) => Bytes::copy_from_slice(part),
            None => exchange.body.clone(),
        };
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(Kept {
            number: self.last,
            method: exchange.method.to_owned(),
            path: exchange.path.to_owned(),
            status: exchange.status,
            micros: exchange.micros,
            body,
        });
        self.news.send_replace(self.last);
        if let Err(error) = self.write(exchange) {
            tracing::error!(%error, "cannot record requests any longer");
            self.file = None;
        }
    }

    /// The requests after a number, oldest first.
    pub(crate) fn after(&self, number: u64) -> Vec<Value> {
        let newer = self.kept.iter().filter(|kept| kept.number > number);
        newer.map(Kept::to_json).collect()
    }

    fn write(&mut self, exchange: &Exchange<'_>) -> io::Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let body = match serde_json::from_slice(exchange.body) {
            Ok(body) => body,
            Err(_) if exchange.body.is_empty() => Value::Null,
            Err(_) => json!(String::from_utf8_lossy(exchange.body)),
        };
        let line = json!({
            "time": format!("{:.6}", jiff::Timestamp::now()),
            "method": exchange.method,
            "path": exchange.path,
            "status": exchange.status,
            "ms": milliseconds(exchange.micros),
            "body": body,
        });
        writeln!(file, "{line}")?;
        file.flush()
    }
}

impl Kept {
    fn to_json(&self) -> Value {
        json!({
            "number": self.number,
            "method": self.method,
            "path": self.path,
            "status": self.status,
            "ms": milliseconds(self.micros),
            "body": String::from_utf8_lossy(&self.body),
        })
    }
}

fn milliseconds(micros: u64) -> Value {
    let text = format!("{}.{:03}", micros / 1_000, micros % 1_000);
    text.parse()
        .map_or(Value::Null, |number: f64| json!(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded() {
        let mut recent = Recent::default();
        let body = Bytes::from(vec![b'x'; BODY_KEPT * 2]);
        for _ in 0..KEPT + 5 {
            recent.add(&Exchange {
                method: "POST",
                path: "/",
                accept: "",
                content_type: "",
                status: 201,
                micros: 1_500,
                body: &body,
            });
        }
        let all = recent.after(0);
        assert_eq!(all.len(), KEPT);
        assert_eq!(all[0]["number"], 6);
        assert_eq!(all[0]["ms"], 1.5);
        assert_eq!(all[0]["body"].as_str().unwrap().len(), BODY_KEPT);
        assert_eq!(recent.after(204).len(), 1);
    }
}
