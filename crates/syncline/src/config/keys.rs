//! The keys of our own configuration, as far as they are read in this folder: those of the file
//! itself, of stores, and of `send`.

use super::common;
use super::exec;
#[cfg(feature = "ldap")]
use super::ldap;
use super::restream;
use super::shape::{Body, Kind, LISTS, Shape, TEXTS, Variant, WHOLE, When, key, section, sections};
#[cfg(feature = "sql")]
use super::sql;
use crate::{connections, flow, guards, publish, remedy, validate};

/// The keys of a `syncline.yaml`.
pub(super) const ROOT: Shape = Shape::of(&[
    key(
        "state_dir",
        Kind::Text,
        "Where the ledger and caches are kept; .syncline if nothing is said.",
    ),
    key(
        "stores",
        Kind::Sections(STORES),
        "Where records are: stores by name, each of a kind.",
    ),
    section("send", &SEND, "What `send` sends where."),
    section(
        "publish",
        &publish::SHAPE,
        "What `publish` publishes where.",
    ),
    section("validate", &validate::SHAPE, "What `validate` checks."),
    sections(
        "flows",
        &flow::SHAPE,
        "Flows by name: which collections of a store become which of another.",
    ),
    key(
        "connections",
        Kind::Section(connections::FORMS),
        "Where connections are kept that stores name.",
    ),
]);

const STORES: Body = Body::Variants(&[
    Variant {
        when: When::Says("connection"),
        shape: &CONNECTED,
    },
    Variant {
        when: When::Word("kind", "files"),
        shape: &FILES,
    },
    Variant {
        when: When::Word("kind", "edfi"),
        shape: &EDFI,
    },
    Variant {
        when: When::Word("kind", "exec"),
        shape: &exec::SHAPE,
    },
    #[cfg(feature = "ldap")]
    Variant {
        when: When::Word("kind", "ldap"),
        shape: &ldap::SHAPE,
    },
    Variant {
        when: When::Word("kind", "restream"),
        shape: &restream::SHAPE,
    },
    #[cfg(feature = "sql")]
    Variant {
        when: When::Word("kind", "sql"),
        shape: &sql::SHAPE,
    },
]);

/// A folder of files.
pub(super) const FILES: Shape = Shape::of(&[
    common::KIND,
    key(
        "path",
        Kind::Text,
        "The folder, seen from that of this file.",
    ),
    section(
        "csv",
        &flow::CSV,
        "How the cells of all its tables are written.",
    ),
    sections(
        "tables",
        &flow::TABLE,
        "What is declared about single tables.",
    ),
])
.requiring(&["kind", "path"]);

/// An Ed-Fi API.
pub(super) const EDFI: Shape =
    Shape::of(API).requiring(&["kind", "base_url", "client_id", "client_secret"]);

/// An Ed-Fi API whose connection is kept elsewhere.
pub(super) const CONNECTED: Shape = Shape::of(API).requiring(&["connection"]);

const API: &[super::shape::Key] = &[
    common::KIND,
    key(
        "connection",
        Kind::Text,
        "The name of its connection where connections are kept.",
    ),
    key("base_url", Kind::Url, "Where the API is."),
    common::CLIENT_ID,
    common::CLIENT_SECRET,
    key(
        "scope",
        Kind::Text,
        "The scope that is asked for with a token.",
    ),
    key(
        "profile",
        Kind::Text,
        "The API profile to read and write by.",
    ),
    key(
        "namespace",
        Kind::Text,
        "The namespace of collections without one; ed-fi if nothing is said.",
    ),
    key(
        "namespace_overrides",
        LISTS,
        "Collections of other namespaces, by namespace.",
    ),
    key(
        "mode",
        Kind::Words(|| {
            vec![
                "shared_instance",
                "sandbox",
                "district_specific",
                "year_specific",
                "instance_year_specific",
                "",
            ]
        }),
        "The mode of an older API.",
    ),
    key(
        "year",
        Kind::Whole(0, 65_535),
        "The school year of its routes.",
    ),
    key("instance_code", Kind::Text, "The instance of its routes."),
    key("tenant", Kind::Text, "The tenant of its routes."),
    key("context", TEXTS, "Other parts of its routes, by name."),
    section(
        "urls",
        &URLS,
        "Addresses that the API does not tell, or tells wrong.",
    ),
    key(
        "pool_size",
        WHOLE,
        "Most requests under way at once; 16 if nothing is said.",
    ),
    common::REQUESTS_PER_SECOND,
    key(
        "page_size",
        Kind::Whole(1, 4_294_967_295),
        "Most records in a page.",
    ),
    key(
        "page_sizes",
        Kind::Each(&Kind::Whole(1, 4_294_967_295)),
        "The same for single collections.",
    ),
    key(
        "paging",
        Kind::Words(|| vec!["auto", "offset", "reverse", "cursor"]),
        "How pages are asked for.",
    ),
    key(
        "partitions",
        Kind::Whole(0, 4_294_967_295),
        "Walks side by side where pages are read by cursor.",
    ),
    key(
        "version_window",
        Kind::Whole(1, u64::MAX),
        "Change versions that are read at once.",
    ),
    common::CONNECT_TIMEOUT,
    key("timeout", Kind::Seconds, "Longest time for a request."),
    common::RETRIES,
    common::VERIFY_TLS,
    common::CA_FILE,
    common::HTTP2,
];

/// Addresses of an API.
const URLS: Shape = Shape::of(&[
    key("oauth", Kind::Url, "Where tokens are given."),
    key("dependencies", Kind::Url, "The order of collections."),
    key("open_api_metadata", Kind::Url, "The list of documents."),
    key(
        "resources_document",
        Kind::Url,
        "The document of resources.",
    ),
    key(
        "descriptors_document",
        Kind::Url,
        "The document of descriptors.",
    ),
    key("data", Kind::Url, "The root of all records."),
]);

const WEEK: f64 = 604_800.0;

/// How failures are tried again.
pub(super) const RETRY: Shape = Shape::of(&[
    key(
        "attempts",
        Kind::Whole(0, 4_294_967_295),
        "Attempts in all.",
    ),
    key(
        "wait_first_seconds",
        Kind::Number(0.0, WEEK),
        "The first wait.",
    ),
    key(
        "wait_factor",
        Kind::Number(1.0, 10.0),
        "By how much each wait is longer than the one before.",
    ),
    key(
        "wait_max_seconds",
        Kind::Number(0.0, WEEK),
        "The longest wait.",
    ),
    key(
        "total_seconds",
        Kind::Number(0.0, WEEK),
        "The longest time in all.",
    ),
]);

/// What `send` sends where.
const SEND: Shape = Shape::of(&[
    key("from", Kind::Text, "The store of files to send."),
    key("to", Kind::Text, "The API to send to."),
    section(
        "guards",
        &guards::SHAPE,
        "How much `send --prune` may delete.",
    ),
    section(
        "remediation",
        &remedy::SHAPE,
        "The program that mends refused records.",
    ),
]);
