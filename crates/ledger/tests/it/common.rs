//! Small makers that all tests share.

use std::path::Path;

use bytes::Bytes;
use syncline_ledger::{
    Holder, Known, Ledger, OwedClass, Receipt, ReceiptResult, RunId, RunStart, ScopeId,
};
use syncline_model::{CollectionName, Digest, Done, StoreIdentity};

pub(crate) fn holder() -> Holder {
    Holder {
        command: "send --only students".to_owned(),
        process_id: std::process::id(),
        host: "school-7".to_owned(),
        started: "2026-11-21 08:00".to_owned(),
    }
}

pub(crate) fn open(directory: &Path) -> Ledger {
    Ledger::open(directory, &holder()).unwrap()
}

pub(crate) fn target() -> StoreIdentity {
    StoreIdentity("https://api.example/2026".to_owned())
}

pub(crate) fn scope(ledger: &mut Ledger) -> ScopeId {
    ledger.scope(&target(), "nightly").unwrap()
}

pub(crate) fn begin(ledger: &mut Ledger, scope: ScopeId) -> RunId {
    let start = RunStart {
        command: "send".to_owned(),
        scope,
        started: 1_000,
    };
    ledger.begin_run(&start).unwrap()
}

pub(crate) fn students() -> CollectionName {
    CollectionName::new("ed-fi/students")
}

pub(crate) fn digest(number: u64) -> Digest {
    Digest::of(&number.to_le_bytes())
}

/// A receipt for the key of a number.
pub(crate) fn receipt(key: u64, content: u64, result: ReceiptResult) -> Receipt {
    Receipt {
        collection: students(),
        key: digest(key),
        digest: digest(content),
        at: 2_000,
        status: 201,
        handle: None,
        result,
    }
}

pub(crate) fn created(key: u64, content: u64) -> Receipt {
    receipt(key, content, ReceiptResult::Settled(Done::Created))
}

pub(crate) fn owed(key: u64, content: u64, class: impl Into<OwedClass>) -> Receipt {
    let result = ReceiptResult::Owed {
        class: class.into(),
        reason: format!("reason {content}"),
        key_text: format!("[{key}]"),
        payload: Bytes::from(format!("{{\"n\":{content}}}")),
        origin: format!("students.jsonl:{key}"),
    };
    Receipt {
        status: 400,
        ..receipt(key, content, result)
    }
}

pub(crate) fn scan(ledger: &Ledger, scope: ScopeId) -> Vec<Known> {
    ledger
        .scan(scope, &students())
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}
