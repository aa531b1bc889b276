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
    body       TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS item_by_key ON item (family, key);
CREATE INDEX IF NOT EXISTS item_by_collection ON item (collection, aggregate);
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
