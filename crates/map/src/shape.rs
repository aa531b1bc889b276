//! What both sides are brought to before they are compared.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use syncline_model::{
    Alike, Bounds, Canonicaliser, Collection, Field, FieldKind, FieldRole, Key, NullRule,
    RawObject, plain_length, write_text,
};

use crate::bounds::exceeds;
use crate::cell::{Cell, Given};
use crate::convert::{Blank, ValueRules, Whitespace, convert};

/// The fields of a collection as a flow sees them, and what blank text means in them.
#[derive(Clone, Debug)]
pub struct Shape {
    collection: Arc<Collection>,
    rules: ValueRules,
    /// What is written of each field.
    members: Arc<[Member]>,
    /// Whether all of them are read, and keep text that is some.
    keeps_text: bool,
    /// Fields that the target keeps as another kind, with that.
    own: BTreeMap<String, FieldKind>,
    /// What reads the target's own keys, where one of those fields is part of the key.
    own_keys: Option<Arc<Collection>>,
}

/// A field as a member of a payload.
#[derive(Debug)]
struct Member {
    /// Its name as JSON, and a colon.
    name: Vec<u8>,
    is_key: bool,
    /// Whether any text that is some stays as it is.
    keeps_text: bool,
    /// Most bytes of a text that the target is sure to keep.
    text_max: usize,
}

/// Members with the JSON text by which the target has them.
pub(crate) type Spelled<'text> = BTreeMap<String, &'text str>;

/// Why a row cannot be brought to a shape: each field with what was expected, as clauses without
/// values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct RowProblem(pub Vec<String>);

impl RowProblem {
    pub(crate) const NO_OBJECT: &'static str = "it is no JSON object";

    pub(crate) fn of(reason: impl Into<String>) -> Self {
        Self(vec![reason.into()])
    }
}

impl Shape {
    /// The shape of a collection whose fields are all that is looked at. How its payloads are
    /// compared follows from the roles.
    pub fn new(mut collection: Collection, rules: ValueRules) -> Self {
        let uncompared = |field: &&Field| !field.role.is_compared();
        let fields = collection.fields.iter();
        collection.rules.ignored_at_root = fields
            .filter(uncompared)
            .map(|field| field.name.clone())
            .collect();
        collection.rules.nulls = NullRule::Absent;
        let member = |field: &Field| {
            let mut name = Vec::new();
            write_text(&field.name, &mut name);
            name.push(b':');
            let is_key = collection.key.iter().any(|key| key.name == field.name);
            let Bounds { length, bytes, .. } = field.bounds;
            let text_max = length.into_iter().chain(bytes).min();
            let others = Bounds {
                length: None,
                bytes: None,
                // Which texts are the same alters none.
                alike: Alike::default(),
                ..field.bounds
            };
            Member {
                name,
                is_key,
                keeps_text: matches!(field.kind, FieldKind::Text | FieldKind::Any)
                    && rules.whitespace == Whitespace::Keep
                    && others.is_empty()
                    && field.labels.is_free(),
                text_max: text_max.map_or(usize::MAX, |most| most as usize),
            }
        };
        let is_left_out =
            |field: &Field| matches!(field.role, FieldRole::WriteOnly | FieldRole::Ignore);
        let members: Arc<[Member]> = collection.fields.iter().map(member).collect();
        Self {
            keeps_text: members.iter().all(|member| member.keeps_text)
                && !collection.fields.iter().any(is_left_out),
            members,
            collection: Arc::new(collection),
            rules,
            own: BTreeMap::new(),
            own_keys: None,
        }
    }

    /// The same shape over a target that keeps some fields as other kinds than they are compared.
    pub fn over(mut self, target: &Collection) -> Self {
        let fields = self.collection.fields.iter();
        let others = fields.filter_map(|field| {
            let own = target.field(&field.name)?.kind;
            (own != field.kind).then(|| (field.name.clone(), own))
        });
        self.own = others.collect();
        let mut key = self.collection.key.iter();
        if key.any(|field| self.own.contains_key(&field.name)) {
            self.own_keys = Some(Arc::clone(&self.collection));
        }
        self
    }

    /// A value, given as JSON text, as the target keeps it. One that it cannot keep stays as it is,
    /// and is the target's to refuse.
    pub(crate) fn own_value<'text>(&self, field: &str, json: &'text str) -> Cow<'text, str> {
        let Some(own) = self.own.get(field) else {
            return Cow::Borrowed(json);
        };
        let rules = ValueRules {
            blank: Blank::Text,
            whitespace: Whitespace::Keep,
        };
        let Ok(cell) = convert(Cell::of_json(json), *own, rules) else {
            return Cow::Borrowed(json);
        };
        let mut out = Vec::new();
        cell.write(&mut out);
        Cow::Owned(String::from_utf8_lossy(&out).into_owned())
    }

    /// The key that the target knows a record by, if that is not the one by which it is compared.
    pub(crate) fn own_key(&self, payload: &[u8]) -> Option<Key> {
        let read = Canonicaliser::new(self.own_keys.as_ref()?).read(payload);
        read.ok().map(|(key, _)| key)
    }

    /// Whether the target knows records by other keys than those by which they are compared.
    pub(crate) const fn has_own_key(&self) -> bool {
        self.own_keys.is_some()
    }

    /// Whether the target keeps any field as another kind.
    pub(crate) fn has_own_kinds(&self) -> bool {
        !self.own.is_empty()
    }

    /// The collection, with the rules by which its payloads are compared.
    pub const fn collection(&self) -> &Arc<Collection> {
        &self.collection
    }

    /// A value, given as JSON text, in the form of its field, which can keep it.
    pub fn value(&self, field: &str, json: &str) -> Result<String, RowProblem> {
        let known = self.collection.field(field);
        let kind = known.map_or(FieldKind::Any, |field| field.kind);
        let problem = |reason: &str| RowProblem::of(format!("`{field}`: {reason}"));
        let cell = convert(Cell::of_json(json), kind, self.rules).map_err(problem)?;
        if let Some(reason) = known.and_then(|known| exceeds(&cell, known)) {
            return Err(problem(&reason));
        }
        let mut out = Vec::new();
        cell.write(&mut out);
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    /// Whether a payload is in this shape already, as far as that is seen at a glance: its members
    /// are the fields in their order, and each is text that stays as it is.
    pub(crate) fn has(&self, payload: &[u8]) -> bool {
        if !self.keeps_text {
            return false;
        }
        let mut rest = payload;
        for (place, member) in self.members.iter().enumerate() {
            let begins: &[u8] = if place == 0 { b"{" } else { b"," };
            let value = rest
                .strip_prefix(begins)
                .and_then(|rest| rest.strip_prefix(&*member.name))
                .and_then(|rest| rest.strip_prefix(b"\""));
            let Some(value) = value else {
                return false;
            };
            let length = plain_length(value);
            let Some((b'"', after)) = value.get(length..).and_then(<[u8]>::split_first) else {
                return false;
            };
            if length == 0 {
                return false;
            }
            rest = after;
        }
        rest == b"}"
    }

    /// A record of the target in this shape: its fields only, each in the form of its kind. What
    /// is only ever written is not read back. Members that the target spells otherwise are noted.
    pub(crate) fn of_target<'text>(
        &self,
        payload: &'text [u8],
    ) -> Result<(Bytes, Spelled<'text>), RowProblem> {
        let members =
            RawObject::of(payload).ok_or_else(|| RowProblem::of(RowProblem::NO_OBJECT))?;
        let shaped = self.write(payload.len(), |_, field| match field.role {
            FieldRole::WriteOnly | FieldRole::Ignore => Ok(None),
            _ => Ok(members.get(&field.name).map(Given::Json)),
        })?;
        let mut spelled = Spelled::new();
        if let Some(shaped) = RawObject::of(&shaped) {
            for (name, json) in shaped.iter() {
                // A handle is kept, and nothing of a secret is.
                let is_secret = |name| {
                    let field = self.collection.field(name);
                    field.is_some_and(|field| field.role.is_secret())
                };
                let own = members
                    .get(name)
                    .filter(|own| *own != json && !is_secret(name));
                spelled.extend(own.map(|own| (name.to_owned(), own)));
            }
        }
        Ok((shaped, spelled))
    }

    /// A payload, of about so many bytes, of what each field is given, by its place; nothing leaves
    /// a member out.
    pub(crate) fn write<'text>(
        &self,
        size: usize,
        cell_of: impl FnMut(usize, &Field) -> Result<Option<Given<'text>>, String>,
    ) -> Result<Bytes, RowProblem> {
        self.write_checked(size, cell_of, |_field, _cell| None)
    }

    /// The same, of values that the target has to be able to keep.
    pub(crate) fn write_kept<'text>(
        &self,
        size: usize,
        cell_of: impl FnMut(usize, &Field) -> Result<Option<Given<'text>>, String>,
    ) -> Result<Bytes, RowProblem> {
        self.write_checked(size, cell_of, |field, cell| exceeds(cell, field))
    }

    fn write_checked<'text>(
        &self,
        size: usize,
        mut cell_of: impl FnMut(usize, &Field) -> Result<Option<Given<'text>>, String>,
        unkept: impl Fn(&Field, &Cell<'_>) -> Option<String>,
    ) -> Result<Bytes, RowProblem> {
        let mut out = Vec::with_capacity(size);
        out.push(b'{');
        let mut problems = Vec::new();
        let fields = self.collection.fields.iter().zip(&*self.members);
        for (place, (field, member)) in fields.enumerate() {
            let cell = match cell_of(place, field) {
                Ok(None) => continue,
                Ok(Some(given)) => {
                    if let Some(text) = given.plain_text().filter(|text| member.keeps(text)) {
                        member.begin(&mut out);
                        out.extend_from_slice(text.as_bytes());
                        continue;
                    }
                    let cell = convert(given.into_cell(), field.kind, self.rules);
                    cell.map_err(str::to_owned)
                }
                Err(reason) => Err(reason),
            };
            match cell {
                Ok(Cell::Null) if member.is_key => {
                    problems.push(format!(
                        "`{}` is part of the key and has no value",
                        field.name
                    ));
                }
                Ok(Cell::Null) if !field.nullable && field.role.is_written() => {
                    problems.push(format!("`{}` has to have a value", field.name));
                }
                Ok(cell) => match unkept(field, &cell) {
                    None => {
                        member.begin(&mut out);
                        cell.write(&mut out);
                    }
                    Some(reason) => problems.push(format!("`{}`: {reason}", field.name)),
                },
                Err(reason) => problems.push(format!("`{}`: {reason}", field.name)),
            }
        }
        if !problems.is_empty() {
            return Err(RowProblem(problems));
        }
        out.push(b'}');
        Ok(out.into())
    }
}

impl Member {
    /// Whether a text, with its quotes, stays as it is and is kept.
    fn keeps(&self, text: &str) -> bool {
        self.keeps_text && text.len().saturating_sub(2) <= self.text_max
    }

    fn begin(&self, out: &mut Vec<u8>) {
        if out.len() > 1 {
            out.push(b',');
        }
        out.extend_from_slice(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use syncline_model::{CollectionName, KeyField};

    use super::*;

    fn shape() -> Shape {
        let mut collection = Collection::named(CollectionName::new("users"));
        collection.key = vec![KeyField {
            name: "id".to_owned(),
            path: vec!["id".to_owned()],
        }];
        collection.fields = vec![
            Field::new("id", FieldKind::Text),
            Field::new("grade", FieldKind::Integer),
            Field::new("dbid", FieldKind::Any).with_role(FieldRole::Carry),
            Field::new("password", FieldKind::Text).with_role(FieldRole::WriteOnly),
        ];
        Shape::new(collection, ValueRules::default())
    }

    fn of(payload: &str) -> Result<String, RowProblem> {
        let (shaped, _) = shape().of_target(payload.as_bytes())?;
        Ok(String::from_utf8_lossy(&shaped).into_owned())
    }

    #[test]
    fn a_target_is_seen_by_its_declared_fields_only() {
        let shaped = of(r#"{"other":1,"id":7,"grade":"07","dbid":12,"password":"x"}"#).unwrap();
        assert_eq!(shaped, r#"{"id":"7","grade":7,"dbid":12}"#);
    }

    #[test]
    fn a_payload_in_shape_stays_as_it_is() {
        let mut collection = (**shape().collection()).clone();
        collection.fields.truncate(1);
        collection.fields.push(Field::new("name", FieldKind::Text));
        let shape = Shape::new(collection, ValueRules::default());
        let payload = r#"{"id":"7","name":"O'Neil, Ann"}"#;
        assert!(shape.has(payload.as_bytes()));
        let (shaped, spelled) = shape.of_target(payload.as_bytes()).unwrap();
        assert!(shaped == payload && spelled.is_empty());
        for other in [
            r#"{"id":"7","name":""}"#,
            r#"{"id":"7","name":"a\"b"}"#,
            r#"{"id":"7","name":null}"#,
            r#"{"id":7,"name":"x"}"#,
            r#"{"name":"x","id":"7"}"#,
            r#"{"id":"7","name":"x","more":"y"}"#,
            r#"{"id":"7"}"#,
            r#"{"id":"7","name":"x"#,
            "{}",
            "",
        ] {
            assert!(!shape.has(other.as_bytes()), "{other}");
        }
        assert!(!self::shape().has(br#"{"id":"7","grade":"7"}"#));
        let mut bounded = (**shape.collection()).clone();
        let bounds = Bounds {
            spelled_numbers: true,
            ..Bounds::default()
        };
        bounded
            .fields
            .push(Field::new("code", FieldKind::Text).bounded(bounds));
        let shape = Shape::new(bounded, ValueRules::default());
        assert!(!shape.has(br#"{"id":"7","name":"x","code":"y"}"#));
    }

    #[test]
    fn text_of_some_length_is_passed_on_and_only_longer_text_is_told() {
        let mut collection = (**shape().collection()).clone();
        collection.fields.truncate(1);
        collection.fields[0].bounds.length = Some(4);
        let shape = Shape::new(collection, ValueRules::default());
        assert!(
            shape.has(br#"{"id":"longer"}"#),
            "what the target has, it keeps"
        );
        let written = |json| shape.write_kept(0, |_, _| Ok(Some(Given::Json(json))));
        for kept in ["\"abcd\"", "\"\u{e9}\u{e9}\u{e9}\u{e9}\""] {
            assert_eq!(written(kept).unwrap(), format!("{{\"id\":{kept}}}"));
        }
        let problem = written("\"abcde\"").unwrap_err();
        let told = "`id`: it has more characters than the target keeps (4)";
        assert_eq!(problem.to_string(), told);
        assert_eq!(shape.value("id", "\"abcde\"").unwrap_err(), problem);
    }

    #[test]
    fn what_is_carried_makes_no_difference() {
        let shape = shape();
        let mut canonicaliser = Canonicaliser::new(shape.collection());
        let mut digest = |payload: &str| {
            let (shaped, _) = shape.of_target(payload.as_bytes()).unwrap();
            canonicaliser.read(&shaped).unwrap()
        };
        let one = digest(r#"{"id":"7","grade":7,"dbid":1}"#);
        assert_eq!(one, digest(r#"{"dbid":2,"grade":"7","id":"7"}"#));
        assert_ne!(one.1, digest(r#"{"id":"7","grade":8}"#).1);
        assert_eq!(one.0.as_str(), "[\"7\"]");
    }

    #[test]
    fn every_field_that_does_not_fit_is_named_without_its_value() {
        let problem = of(r#"{"id":null,"grade":"seven"}"#).unwrap_err();
        let expected =
            "`id` is part of the key and has no value; `grade`: a whole number was expected";
        assert_eq!(problem.to_string(), expected);
    }
}
