#!/usr/bin/env python3
"""A handler of Syncline in one file: it makes accounts, changes addresses and closes accounts.

    handlers:
      new_students: {command: [python3, accounts.py], environment: {ACCOUNTS: accounts.json}}

docs/exec-protocol.md says what is spoken here. A change is answered for once it is durable, and
doing a change a second time does no harm.
"""

import json
import os
import sys


def say(**answer):
    sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")


def new_students(accounts, change):
    record = change["record"]
    if not record.get("email"):
        return {"outcome": "refused", "reason": "an account needs an address"}
    known = accounts.get(record["id"])
    accounts[record["id"]] = {"email": record["email"], "open": True}
    return {"outcome": "unchanged" if known == accounts[record["id"]] else "created"}


def update_students_email(accounts, change):
    record = change["record"]
    if any(other["email"] == record["email"] for other in accounts.values()):
        return {"outcome": "refused", "reason": "somebody else has the address"}
    accounts.setdefault(record["id"], {"open": True})["email"] = record["email"]
    return {"outcome": "updated"}


def old_students(accounts, change):
    account = accounts.get(change["key"][0])
    if account is None:
        return {"outcome": "unchanged"}
    account["open"] = False
    return {"outcome": "deleted"}


EVENTS = {
    "new_students": new_students,
    "update_students_email": update_students_email,
    "old_students": old_students,
}


def load(path):
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def save(path, accounts):
    """The file is the old one or the new one, whatever happens."""
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(accounts, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".new", path)


def main():
    path = os.environ["ACCOUNTS"]
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "hello":
            say(syncline=1, handles=sorted(EVENTS))
        elif request["do"] == "handle":
            accounts, event = load(path), EVENTS[request["event"]]
            outcomes = [event(accounts, change) for change in request["changes"]]
            save(path, accounts)
            for number, outcome in enumerate(outcomes, start=1):
                say(change=number, **outcome)
            say(end={})
        else:
            say(error={"kind": "unsupported", "message": f"this handler does not {request['do']}"})
        sys.stdout.flush()


if __name__ == "__main__":
    main()
