//! Noting what records refer to, and which records there are, while files are read.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use syncline_check::ReferenceSeen;
use syncline_model::{CollectionName, Digest};

use super::choice::{Choice, general};
use super::key::Digester;
use super::row::{KeyRow, Note, ROW, Spot};
use super::targets::{Role, TargetId, Targets};

/// Keys of records that were read before. What refers to one of them need not be noted.
pub(super) type Known = HashSet<Digest>;

/// What is to be noted of one file.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(super) targets: Arc<Targets>,
    pub(super) collection: CollectionName,
    pub(super) unit: u32,
    pub(super) choice: Choice,
    /// What its records are found as.
    pub(super) roles: Vec<Role>,
}

/// What was noted of some lines of a file. What stands between two calls of [`Notes::begin`]
/// belongs to one line; a line that is begun again is noted anew.
#[derive(Debug)]
pub(crate) struct Notes<'a> {
    pub(super) subject: &'a Subject,
    pub(super) rows: Vec<[u8; ROW]>,
    /// References without a target that is known, by path.
    pub(super) untold: BTreeMap<String, u64>,
    /// References that are looked for.
    pub(super) wanted: u64,
    /// Of those, the ones whose record stood in an earlier file.
    pub(super) found: u64,
    /// Keys of the records.
    pub(super) keys: Vec<Digest>,
    known: Arc<Known>,
    line: Line,
    reader: Reader,
}

/// The line at hand.
#[derive(Debug, Default)]
struct Line {
    number: u64,
    ordinal: u16,
    /// Length of the rows before it.
    rows: usize,
    /// Length of the keys before it.
    keys: usize,
    wanted: u64,
    found: u64,
    untold: Vec<String>,
}

/// Works out which key of which target a reference holds.
#[derive(Debug, Default)]
pub(super) struct Reader {
    text: String,
    digester: Digester,
    /// Targets of references met before, of which a collection has few.
    singles: Vec<(CollectionName, Option<TargetId>)>,
    /// Those of references to something abstract, by its name.
    abstracts: Vec<(Box<str>, Option<TargetId>)>,
}

impl Reader {
    /// The target, if it is known.
    pub(super) fn target(
        &mut self,
        subject: &Subject,
        seen: &ReferenceSeen<'_>,
    ) -> Option<TargetId> {
        if let Some(collection) = seen.collection {
            let known = self.singles.iter().find(|(name, _)| name == collection);
            if let Some((_, target)) = known {
                return *target;
            }
            let target = subject.targets.of_collection(collection);
            self.singles.push((collection.clone(), target));
            return target;
        }
        let known = self
            .abstracts
            .iter()
            .find(|(name, _)| **name == *seen.target);
        if let Some((_, target)) = known {
            return *target;
        }
        let paths = subject.targets.of_references(&subject.collection);
        let path = general(&seen.place.to_string());
        let target = paths.and_then(|paths| paths.get(&path).copied().flatten());
        self.abstracts.push((seen.target.into(), target));
        target
    }

    /// The canonical text of the key, good until the next call.
    pub(super) fn text(&mut self, seen: &ReferenceSeen<'_>) -> &str {
        self.text.clear();
        seen.write_key(&mut self.text);
        &self.text
    }

    /// The digest of the key as one of that target.
    pub(super) fn digest(
        &mut self,
        subject: &Subject,
        seen: &ReferenceSeen<'_>,
        target: TargetId,
    ) -> Option<Digest> {
        self.text(seen);
        let shape = &subject.targets.get(target)?.shape;
        Some(self.digester.digest(target, shape, (&self.text, None)))
    }
}

impl<'a> Notes<'a> {
    pub(super) fn new(subject: &'a Subject, known: Arc<Known>) -> Self {
        Self {
            subject,
            rows: Vec::new(),
            untold: BTreeMap::new(),
            wanted: 0,
            found: 0,
            keys: Vec::new(),
            known,
            line: Line::default(),
            reader: Reader::default(),
        }
    }

    /// What follows is of this line. Noting a line a second time replaces the first.
    pub(crate) fn begin(&mut self, line: u64) {
        if line == self.line.number {
            self.rows.truncate(self.line.rows);
            self.keys.truncate(self.line.keys);
        } else {
            self.close_line();
        }
        self.line = Line {
            number: line,
            rows: self.rows.len(),
            keys: self.keys.len(),
            ..Line::default()
        };
    }

    /// A reference of the line.
    pub(crate) fn reference(&mut self, seen: &ReferenceSeen<'_>) {
        let ordinal = self.line.ordinal;
        self.line.ordinal = ordinal.saturating_add(1);
        let path = || general(&seen.place.to_string());
        if !self.subject.choice.takes(path) {
            return;
        }
        let Some(target) = self.reader.target(self.subject, seen) else {
            self.line.untold.push(path());
            return;
        };
        let Some(key) = self.reader.digest(self.subject, seen, target) else {
            return;
        };
        self.line.wanted += 1;
        if self.known.contains(&key) {
            self.line.found += 1;
            return;
        }
        let note = Note::Wanted(Spot {
            unit: self.subject.unit,
            line: self.line.number,
            ordinal,
        });
        self.rows.push(KeyRow { key, target, note }.encode());
    }

    /// The canonical text of the key of the record on the line.
    pub(crate) fn key(&mut self, text: &str) {
        for role in &self.subject.roles {
            let Some(target) = self.subject.targets.get(role.target) else {
                continue;
            };
            let text = (text, role.order.as_deref());
            let digester = &mut self.reader.digester;
            let row = KeyRow {
                key: digester.digest(role.target, &target.shape, text),
                target: role.target,
                note: Note::Exists,
            };
            self.rows.push(row.encode());
            self.keys.push(row.key);
        }
    }

    /// Nothing more follows.
    pub(super) fn end(&mut self) {
        self.close_line();
        self.line = Line::default();
    }

    fn close_line(&mut self) {
        self.wanted += self.line.wanted;
        self.found += self.line.found;
        for path in self.line.untold.drain(..) {
            *self.untold.entry(path).or_default() += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use syncline_check::{KeySeen, Schemas, Visitor};
    use syncline_model::{Catalog, Collection, KeyField, PayloadRules, Reference, StoreIdentity};

    use super::*;

    /// Two kinds of programs with their key fields in different orders, and papers that refer
    /// to programs of any kind.
    fn document() -> Value {
        let text = json!({"type": "string"});
        let members = json!({"student": text, "begin": text, "kindDescriptor": text});
        let program = json!({"type": "object", "properties": members});
        let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
        let path = |schema: &str, key: &[&str]| {
            let parameter =
                |name: &&str| json!({"name": name, "in": "query", "x-Ed-Fi-isIdentity": true});
            let parameters: Vec<Value> = key.iter().map(parameter).collect();
            let schema = reference(schema);
            let body = json!({"content": {"application/json": {"schema": schema}}});
            json!({"get": {"parameters": parameters}, "post": {"requestBody": body}})
        };
        let paper = json!({"number": {"type": "integer"},
            "oldProgramReference": reference("edFi_programReference")});
        json!({
            "paths": {
                "/ed-fi/languages": path("edFi_language", LANGUAGE),
                "/ed-fi/migrants": path("edFi_migrant", MIGRANT),
                "/ed-fi/papers": path("edFi_paper", &["number"]),
            },
            "components": {"schemas": {
                "edFi_language": program,
                "edFi_migrant": program,
                "edFi_programReference": program,
                "edFi_paper": {"type": "object", "properties": paper},
            }},
        })
    }

    const LANGUAGE: &[&str] = &["student", "kindDescriptor", "begin"];
    const MIGRANT: &[&str] = &["begin", "kindDescriptor", "student"];

    fn collection(name: &str, key: &[&str], targets: &[&str]) -> Collection {
        let field = |name: &&str| KeyField {
            name: (*name).to_owned(),
            path: vec![(*name).to_owned()],
        };
        let reference = (!targets.is_empty()).then(|| Reference {
            path: vec!["oldProgramReference".to_owned()],
            targets: targets
                .iter()
                .map(|name| CollectionName::new(*name))
                .collect(),
        });
        Collection {
            name: CollectionName::new(name),
            key: key.iter().map(field).collect(),
            fields: vec![],
            references: reference.into_iter().collect(),
            rules: PayloadRules::default(),
        }
    }

    struct Hear<'n, 's>(&'n mut Notes<'s>);

    impl Visitor for Hear<'_, '_> {
        fn reference(&mut self, seen: &ReferenceSeen<'_>) {
            self.0.reference(seen);
        }

        fn key(&mut self, seen: &KeySeen<'_>) {
            self.0.key(seen.key().as_str());
        }
    }

    /// What is noted of one line, which is looked at twice.
    fn noted(collection: &Collection, targets: &Arc<Targets>, payload: &str) -> Vec<KeyRow> {
        let schemas = Schemas::read(&[document()]).unwrap();
        let checker = schemas
            .checker(&collection.name)
            .unwrap()
            .with_key(&collection.key);
        let subject = Subject {
            targets: Arc::clone(targets),
            collection: collection.name.clone(),
            unit: 0,
            choice: Choice::All,
            roles: targets.roles(&collection.name).to_vec(),
        };
        let mut notes = Notes::new(&subject, Arc::default());
        for _ in 0..2 {
            notes.begin(1);
            checker.explain(payload.as_bytes(), &mut Hear(&mut notes));
        }
        notes.end();
        notes.rows.iter().map(KeyRow::decode).collect()
    }

    #[test]
    fn a_reference_to_something_abstract_has_the_key_of_every_kind_of_it() {
        let collections = [
            collection("ed-fi/languages", LANGUAGE, &[]),
            collection("ed-fi/migrants", MIGRANT, &[]),
            collection(
                "ed-fi/papers",
                &["number"],
                &["ed-fi/languages", "ed-fi/migrants"],
            ),
        ];
        let mut catalog = Catalog::empty(StoreIdentity("test".to_owned()));
        let named = collections
            .iter()
            .map(|one| (one.name.clone(), one.clone()));
        catalog.collections = named.collect();
        let targets = Arc::new(Targets::new(&catalog));
        let program = |kind: &str| {
            format!("{{\"kindDescriptor\":\"uri://x/K#{kind}\",\"student\":\"s\",\"begin\":\"b\"}}")
        };
        let [language, migrant, paper] = &collections;
        let referring = format!(
            "{{\"number\":1,\"oldProgramReference\":{}}}",
            program("gifted")
        );
        let wanted = noted(paper, &targets, &referring);
        let [wanted] = wanted.as_slice() else {
            panic!("{wanted:?}");
        };
        assert!(matches!(wanted.note, Note::Wanted(spot) if spot.line == 1));
        for kind in [language, migrant] {
            let rows = noted(kind, &targets, &program("Gifted"));
            let [row] = rows.as_slice() else {
                panic!("{rows:?}");
            };
            assert_eq!(
                (row.key, row.note),
                (wanted.key, Note::Exists),
                "{}",
                kind.name
            );
            let other = noted(kind, &targets, &program("Other"));
            assert_ne!(other[0].key, wanted.key);
        }
    }
}
