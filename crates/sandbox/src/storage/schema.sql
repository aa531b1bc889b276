CREATE TABLE IF NOT EXISTS collection (
    number INTEGER PRIMARY KEY,
    path   TEXT NOT NULL UNIQUE
);
-- `family` is the abstract type's number where the collection specialises one, else its own:
-- within a family a key is unique, so one look-up resolves abstract and concrete references.
CREATE TABLE IF NOT EXISTS item (
    aggregate  INTEGER PRIMARY KEY AUTOINCREMENT,
    collection INTEGER NOT NULL,
    family     INTEGER NOT NULL,
    key        TEXT NOT NULL,
    id         TEXT NOT NULL UNIQUE,
    modified   INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    body       TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS item_by_key ON item (family, key);
CREATE INDEX IF NOT EXISTS item_by_collection ON item (collection, aggregate);
CREATE INDEX IF NOT EXISTS item_by_version ON item (collection, version);
-- What was deleted, with the values its natural key had.
CREATE TABLE IF NOT EXISTS tombstone (
    version    INTEGER PRIMARY KEY,
    collection INTEGER NOT NULL,
    family     INTEGER NOT NULL,
    key        TEXT NOT NULL,
    id         TEXT NOT NULL,
    key_values TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS tombstone_by_collection ON tombstone (collection, version);
-- The parts of the keys of what was deleted, also of keys of one part.
CREATE TABLE IF NOT EXISTS tombstone_part (
    collection INTEGER NOT NULL,
    part       INTEGER NOT NULL,
    value      TEXT NOT NULL,
    version    INTEGER NOT NULL,
    PRIMARY KEY (collection, part, value, version)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tombstone_part_by_version ON tombstone_part (version, part);
CREATE TABLE IF NOT EXISTS rekey (
    version    INTEGER PRIMARY KEY,
    collection INTEGER NOT NULL,
    id         TEXT NOT NULL,
    old_values TEXT NOT NULL,
    new_values TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS rekey_by_collection ON rekey (collection, version);
CREATE INDEX IF NOT EXISTS rekey_by_record ON rekey (collection, id, version);
CREATE TABLE IF NOT EXISTS note (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS key_part (
    collection INTEGER NOT NULL,
    part       INTEGER NOT NULL,
    value      TEXT NOT NULL,
    aggregate  INTEGER NOT NULL,
    PRIMARY KEY (collection, part, value, aggregate)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reference (
    target INTEGER NOT NULL,
    source INTEGER NOT NULL,
    PRIMARY KEY (target, source)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS reference_by_source ON reference (source);
