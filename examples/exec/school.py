#!/usr/bin/env python3
"""A store of Syncline in one file: people, cohorts and who is in them, in a SQLite database.

    command: [python3, school.py]
    environment: { SCHOOL_DATABASE: school.sqlite }

docs/exec-protocol.md says what is spoken here. Two rules make it safe: a change is answered for
only once it is durable, and doing a change a second time does no harm.
"""

import json
import os
import sqlite3
import sys

COLLECTIONS = {
    "people": ["id", "name", "email"],
    "cohorts": ["id", "name"],
    "members": ["cohort", "person"],
}
KEYS = {"people": ["id"], "cohorts": ["id"], "members": ["cohort", "person"]}
REFERS = {
    "members": [
        {"field": "cohort", "to": ["cohorts"]},
        {"field": "person", "to": ["people"]},
    ]
}
SCHEMA = """
CREATE TABLE IF NOT EXISTS people (id TEXT PRIMARY KEY, name TEXT, email TEXT UNIQUE);
CREATE TABLE IF NOT EXISTS cohorts (id TEXT PRIMARY KEY, name TEXT);
CREATE TABLE IF NOT EXISTS members (
    cohort TEXT REFERENCES cohorts (id) ON UPDATE CASCADE,
    person TEXT REFERENCES people (id) ON UPDATE CASCADE,
    PRIMARY KEY (cohort, person));
"""
BATCH = 200


def say(**answer):
    sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")


def hello(database, request):
    say(
        syncline=1,
        name="school",
        can=["write", "delete", "rekey", "filter", "keys", "count"],
        batch=BATCH,
        collections=[
            {
                "name": name,
                "key": KEYS[name],
                "fields": [
                    {"name": field, "kind": "text", "nullable": field not in KEYS[name]}
                    for field in fields
                ],
                "refers": REFERS.get(name, []),
            }
            for name, fields in COLLECTIONS.items()
        ],
    )


def conditions(fields):
    """Names of columns come from the table above and never from a request."""
    return " AND ".join(f"{field} = ?" for field in fields)


def read(database, request):
    name = request["collection"]
    fields = COLLECTIONS[name]
    asked = request.get("where", {})
    chosen = [field for field in fields if field in asked]
    if len(chosen) != len(asked):
        say(error={"kind": "unsupported", "message": f"{name} has no such field"})
        return
    where, values = conditions(chosen) or "TRUE", [asked[field] for field in chosen]
    if request["want"] == "count":
        (records,) = database.execute(f"SELECT count(*) FROM {name} WHERE {where}", values).fetchone()
        say(end={"complete": True, "records": records})
        return
    keys = request.get("keys")
    if keys is None:
        rows = database.execute(f"SELECT {', '.join(fields)} FROM {name} WHERE {where}", values)
    else:
        rows = (row for key in keys for row in by_key(database, name, key))
    records, batch = 0, []
    for row in rows:
        batch.append({f: value for f, value in zip(fields, row) if value is not None})
        records += 1
        if len(batch) == BATCH:
            say(records=batch)
            batch = []
    say(records=batch)
    say(end={"complete": True, "records": records})


def by_key(database, name, key):
    columns = ", ".join(COLLECTIONS[name])
    statement = f"SELECT {columns} FROM {name} WHERE {conditions(KEYS[name])}"
    return database.execute(statement, key).fetchall()


def write(database, request):
    name = request["collection"]
    outcomes = []
    for change in request["changes"]:
        database.execute("SAVEPOINT change")
        try:
            outcomes.append(change_one(database, name, change))
        except sqlite3.IntegrityError as error:
            database.execute("ROLLBACK TO change")
            missing = "FOREIGN KEY" in str(error)
            outcomes.append(
                {
                    "outcome": "refused",
                    "class": "missing-reference" if missing else "content",
                    "reason": str(error),
                }
            )
        database.execute("RELEASE change")
    # Nothing is answered for before all of it is on the disk.
    database.commit()
    for number, outcome in enumerate(outcomes, start=1):
        say(change=number, **outcome)
    say(end={})


def change_one(database, name, change):
    fields, key = COLLECTIONS[name], change["key"]
    mine = conditions(KEYS[name])
    held = by_key(database, name, key)
    if change["do"] == "delete":
        database.execute(f"DELETE FROM {name} WHERE {mine}", key)
        return {"outcome": "deleted" if held else "unchanged"}
    if change["do"] == "rekey":
        if not held:
            moved = by_key(database, name, change["to"])
            if moved:
                return {"outcome": "unchanged"}
            return {"outcome": "refused", "class": "gone", "reason": "it is not there"}
        columns = ", ".join(f"{field} = ?" for field in KEYS[name])
        database.execute(f"UPDATE {name} SET {columns} WHERE {mine}", change["to"] + key)
        return {"outcome": "updated"}
    record = change["record"]
    strange = sorted(set(record) - set(fields))
    if strange:
        return {"outcome": "refused", "reason": f"{name} has no field {strange[0]}"}
    given = [field for field in fields if field in record]
    values = [record[field] for field in given]
    if not held:
        marks = ", ".join("?" for _ in given)
        database.execute(f"INSERT INTO {name} ({', '.join(given)}) VALUES ({marks})", values)
        return {"outcome": "created"}
    now = dict(zip(fields, held[0]))
    changed = [field for field in given if now[field] != record[field]]
    if not changed:
        return {"outcome": "unchanged"}
    before = change.get("before", {})
    if any(field in before and before[field] != now[field] for field in changed):
        reason = "somebody changed it meanwhile"
        return {"outcome": "refused", "class": "conflict", "reason": reason}
    columns = ", ".join(f"{field} = ?" for field in changed)
    values = [record[field] for field in changed]
    database.execute(f"UPDATE {name} SET {columns} WHERE {mine}", values + key)
    return {"outcome": "updated"}


def complete(database, request):
    say(done=True)


def main():
    database = sqlite3.connect(os.environ["SCHOOL_DATABASE"], timeout=30)
    database.executescript(SCHEMA)
    database.execute("PRAGMA foreign_keys = ON")
    verbs = {"hello": hello, "read": read, "write": write, "complete": complete}
    for line in sys.stdin:
        request = json.loads(line)
        verb = verbs.get(request["do"])
        if verb is None:
            say(error={"kind": "unsupported", "message": f"this store does not {request['do']}"})
        elif request.get("collection", "people") not in COLLECTIONS:
            say(error={"kind": "not-found", "message": "there is no such collection"})
        else:
            try:
                verb(database, request)
            except sqlite3.OperationalError as error:
                database.rollback()
                say(error={"kind": "unavailable", "message": str(error)})
        sys.stdout.flush()


if __name__ == "__main__":
    main()
