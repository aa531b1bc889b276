//! The keys of `flows:`.

use syncline_model::{FieldKind, FieldRole};

use crate::config::HANDLER;
use crate::config::shape::{
    Body, Kind, LISTS, Shape, TEXTS, Variant, WHOLE, When, key, section, sections,
};

/// The keys of a flow.
pub(crate) const SHAPE: Shape = Shape::of(&[
    key("from", Kind::Text, "The store to read."),
    key("to", Kind::Text, "The store to bring in step."),
    key(
        "lookups",
        Kind::Sections(LOOKUPS),
        "Tables that expressions look values up in, by name.",
    ),
    sections(
        "derived",
        &DERIVED,
        "Collections that queries make of those of the source, by name.",
    ),
    sections(
        "handlers",
        &HANDLER,
        "Programs that do some changes instead of the target, by the names of events.",
    ),
    sections(
        "collections",
        &PART,
        "The collections of the target that are written, by name.",
    ),
])
.requiring(&["from", "to", "collections"]);

/// A table of texts, or what the records of a collection say.
const LOOKUPS: Body = Body::Variants(&[
    Variant {
        when: When::Says("from"),
        shape: &RECORDS,
    },
    Variant {
        when: When::Otherwise,
        shape: &TABLE,
    },
]);

const TABLE: Shape = Shape::open();

pub(super) const RECORDS: Shape = Shape::of(&[
    key(
        "from",
        Kind::Text,
        "The collection, as source.NAME or target.NAME.",
    ),
    key("key", Kind::Text, "The field that is looked up."),
    key("value", Kind::Text, "The field that is found."),
])
.requiring(&["from", "key", "value"]);

const DERIVED: Shape =
    Shape::of(&[key("sql", Kind::Text, "The query that makes it.")]).requiring(&["sql"]);

/// A collection of the target.
const PART: Shape = Shape::of(&[
    key(
        "from",
        Kind::Text,
        "The collection of the source; the same name if nothing is said.",
    ),
    key(
        "sql",
        Kind::Text,
        "The query over the source that makes it, in place of `from`.",
    ),
    key(
        "key",
        Kind::Either(&[TEXTS, Kind::List]),
        "The fields of its key, with expressions, or the columns of its query.",
    ),
    key("map", TEXTS, "Its other fields, with expressions."),
    key(
        "where",
        Kind::Text,
        "Which rows take part, as an expression.",
    ),
    section("each", &EACH, "A list whose elements are records."),
    key(
        "types",
        Kind::Each(&Kind::Words(|| {
            FieldKind::ALL.map(FieldKind::name).to_vec()
        })),
        "Types of fields, where they are others than the target says.",
    ),
    key(
        "roles",
        Kind::Each(&Kind::Words(|| {
            FieldRole::ALL.map(FieldRole::name).to_vec()
        })),
        "What fields are for.",
    ),
    key(
        "blank",
        Kind::Words(|| vec!["null", "text"]),
        "What an empty text is.",
    ),
    key(
        "whitespace",
        Kind::Words(|| vec!["keep", "trim", "collapse"]),
        "What becomes of spaces.",
    ),
    section("limits", &LIMITS, "How much may be done unasked."),
    key(
        "baseline",
        Kind::Words(|| vec!["target", "ledger"]),
        "With what the source is compared.",
    ),
    section("delete", &DELETE, "What becomes of records that went."),
    key(
        "protect",
        LISTS,
        "Records that are never deleted: patterns by field.",
    ),
    key(
        "duplicates",
        Kind::Words(|| vec!["error", "same", "first", "last"]),
        "What becomes of a key that is there twice.",
    ),
    key(
        "rows",
        Kind::Words(|| vec!["stop", "skip"]),
        "What becomes of rows that do not fit.",
    ),
    key(
        "nulls",
        Kind::Words(|| vec!["clear", "keep"]),
        "What a field without a value does to the target.",
    ),
    key(
        "rename_by",
        Kind::List,
        "Fields by which a record with another key is known again.",
    ),
    key(
        "after",
        Kind::List,
        "Collections that are written before it.",
    ),
])
.requiring(&["key"]);

const EACH: Shape = Shape::of(&[
    key("in", Kind::Text, "The list."),
    key("as", Kind::Text, "What an element is called."),
])
.requiring(&["in"]);

const DELETE: Shape = Shape::of(&[
    key(
        "style",
        Kind::Words(|| vec!["hold", "mark", "disable", "delete"]),
        "Whether it stays, is marked, disabled or deleted.",
    ),
    key("set", TEXTS, "The fields that mark or disable it."),
    key(
        "grace",
        Kind::Text,
        "How long it stays, such as 3 runs or 7 days.",
    ),
])
.requiring(&["style"]);

const LIMITS: Shape = Shape::of(&[
    key(
        "delete_share",
        Kind::Text,
        "Largest share of deletes, such as 5 %.",
    ),
    key(
        "update_share",
        Kind::Text,
        "Largest share of updates, such as 50 %.",
    ),
    key(
        "shrink",
        Kind::Text,
        "By how much the source may have shrunk.",
    ),
    key("delete_count", WHOLE, "Most deletes."),
    key(
        "small_set",
        WHOLE,
        "Collections of up to so many records are exempt from shares.",
    ),
    key(
        "empty_source",
        Kind::Switch,
        "Whether an empty source is believed.",
    ),
]);
