//! The log of a server: its events as lines on standard error.
//!
//! Events are those of the sandbox alone. They hold methods, templates of paths, statuses and
//! times, never an id, a query, a body or a secret; nothing is added to them here.

use std::fmt::{self, Write as _};

use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::args::LogFormat;
use crate::output;

/// Events of this crate are told.
const SOURCE: &str = "syncline_sandbox";

/// Tells events from now on, as long as the process lives.
pub(super) fn begin(format: LogFormat) {
    // Only one server runs in a process, so that no other log can have begun.
    let _begun_already = tracing::subscriber::set_global_default(Lines { format });
}

struct Lines {
    format: LogFormat,
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
            && *metadata.level() <= Level::DEBUG
            && metadata.target().starts_with(SOURCE)
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        output::note(&match self.format {
            LogFormat::Json => fields.json(*event.metadata().level()),
            LogFormat::Text => fields.text(),
        });
    }

    // There are no spans to keep.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// What one event says.
#[derive(Default)]
struct Fields {
    message: String,
    others: Map<String, Value>,
}

impl Fields {
    fn text(&self) -> String {
        let mut line = self.message.clone();
        for (name, value) in &self.others {
            // Writing to a string cannot fail.
            let _written = match value.as_str() {
                Some(text) => write!(line, " {name}={text}"),
                None => write!(line, " {name}={value}"),
            };
        }
        line
    }

    fn json(self, level: Level) -> String {
        let mut line = json!({
            "event": self.message,
            "level": level.as_str().to_ascii_lowercase(),
        });
        if let Some(members) = line.as_object_mut() {
            members.extend(self.others);
        }
        line.to_string()
    }

    fn set(&mut self, field: &Field, value: Value) {
        self.others.insert(field.name().to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, json!(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, json!(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, json!(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, json!(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" {
            self.message = text;
        } else {
            self.set(field, json!(text));
        }
    }
}
