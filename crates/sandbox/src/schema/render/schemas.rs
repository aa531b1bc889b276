//! Schemas of a document: resources, references, nested objects, tracked changes.

use serde_json::{Map, Value, json};

use super::{Part, Style};
use crate::schema::naming;
use crate::schema::{
    ApiModel, Descriptor, KeyPart, Member, MemberKind, Reference, Resource, Target,
};

/// Bound on the length of a descriptor: a namespace, `#` and a code value.
const DESCRIPTOR_LENGTH: u32 = 306;

pub(super) fn all(model: &ApiModel, part: Part, style: Style) -> Value {
    let mut writer = Writer {
        model,
        style,
        found: Map::new(),
    };
    let link = json!({"type": "object", "properties": {
        "rel": {"type": "string"}, "href": {"type": "string"}
    }});
    writer.found.insert("link".to_owned(), link);
    match part {
        Part::Resources => model
            .resources
            .values()
            .for_each(|resource| writer.resource(resource)),
        Part::Descriptors => model
            .descriptors
            .values()
            .for_each(|each| writer.descriptor(each)),
    }
    Value::Object(writer.found)
}

/// `edFi_student`.
pub(super) fn schema_name(namespace: &str, singular: &str) -> String {
    format!("{}_{singular}", naming::schema_prefix(namespace))
}

/// Members that every descriptor has.
pub(super) fn descriptor_members() -> Vec<Member> {
    let text = |length| MemberKind::String {
        min_length: None,
        max_length: Some(length),
    };
    let member = |name: &str, kind, required, identity| Member {
        name: name.to_owned(),
        kind,
        required,
        identity,
    };
    vec![
        member("codeValue", text(50), true, true),
        member("namespace", text(255), true, true),
        member("description", text(1024), false, false),
        member("effectiveBeginDate", MemberKind::Date, false, false),
        member("effectiveEndDate", MemberKind::Date, false, false),
        member("shortDescription", text(75), true, false),
    ]
}

struct Writer<'a> {
    model: &'a ApiModel,
    style: Style,
    found: Map<String, Value>,
}

impl Writer<'_> {
    fn resource(&mut self, resource: &Resource) {
        let prefix = naming::schema_prefix(&resource.namespace);
        let name = schema_name(&resource.namespace, &resource.singular);
        let mut schema = self.object(&resource.members, &prefix);
        add_server_members(&mut schema);
        self.found.insert(name.clone(), schema);
        let tracked = resource.key.iter().filter_map(|part| {
            let kind = kind_at(&resource.members, part)?;
            Some((part.query_name.clone(), scalar(kind)))
        });
        let tracked = tracked.collect();
        self.tracked_changes(&name, &tracked);
    }

    fn descriptor(&mut self, descriptor: &Descriptor) {
        let name = schema_name(&descriptor.namespace, &descriptor.singular);
        let members = descriptor_members();
        let mut schema = self.object(&members, "");
        add_server_members(&mut schema);
        self.found.insert(name.clone(), schema);
        let keyed = members.iter().filter(|member| member.identity);
        let key = keyed
            .map(|member| (member.name.clone(), scalar(&member.kind)))
            .collect();
        self.tracked_changes(&name, &key);
    }

    fn object(&mut self, members: &[Member], prefix: &str) -> Value {
        let mut properties = Map::new();
        for member in members {
            let mut property = self.property(member, prefix);
            let is_scalar = member.kind.is_scalar();
            if member.identity && is_scalar {
                property["x-Ed-Fi-isIdentity"] = json!(true);
            }
            if is_scalar && !member.required && self.style == Style::OpenApi3 {
                property["x-nullable"] = json!(true);
            }
            properties.insert(member.name.clone(), property);
        }
        let required = members.iter().filter(|member| member.required);
        let required: Vec<&str> = required.map(|member| member.name.as_str()).collect();
        let mut schema = json!({"type": "object", "properties": properties});
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        schema
    }

    fn property(&mut self, member: &Member, prefix: &str) -> Value {
        match &member.kind {
            MemberKind::Reference(reference) => self.reference(reference),
            MemberKind::Object { schema, members } => {
                self.nested(&full_name(&member.name, schema, prefix), members, prefix)
            }
            MemberKind::Array { schema, members } => {
                let items = self.nested(&full_name(&member.name, schema, prefix), members, prefix);
                json!({"type": "array", "items": items})
            }
            kind => scalar(kind),
        }
    }

    fn nested(&mut self, name: &str, members: &[Member], prefix: &str) -> Value {
        if !self.found.contains_key(name) {
            let schema = self.object(members, prefix);
            self.found.insert(name.to_owned(), schema);
        }
        self.style.schema_link(name)
    }

    fn reference(&mut self, reference: &Reference) -> Value {
        let namespace = match self.model.target(&reference.target) {
            Some(Target::Resource(resource)) => resource.namespace.as_str(),
            _ => "ed-fi",
        };
        let name = schema_name(namespace, &format!("{}Reference", reference.target));
        if !self.found.contains_key(&name) {
            let mut schema = self.object(&reference.members, "");
            schema["properties"]["link"] = self.style.schema_link("link");
            self.found.insert(name.clone(), schema);
        }
        self.style.schema_link(&name)
    }

    fn tracked_changes(&mut self, name: &str, key: &Map<String, Value>) {
        let key_name = format!("trackedChanges_{name}Key");
        let link = self.style.schema_link(&key_name);
        let base = json!({"id": {"type": "string"}, "changeVersion": {
            "type": "integer", "format": "int64"
        }});
        let mut deleted = json!({"type": "object", "properties": base});
        let mut changed = deleted.clone();
        deleted["properties"]["keyValues"] = link.clone();
        changed["properties"]["oldKeyValues"] = link.clone();
        changed["properties"]["newKeyValues"] = link;
        self.found
            .insert(format!("trackedChanges_{name}Delete"), deleted);
        self.found
            .insert(format!("trackedChanges_{name}KeyChange"), changed);
        self.found
            .insert(key_name, json!({"type": "object", "properties": key}));
    }
}

fn add_server_members(schema: &mut Value) {
    let properties = &mut schema["properties"];
    properties["id"] = json!({"type": "string"});
    properties["_etag"] = json!({"type": "string"});
    properties["_lastModifiedDate"] = json!({"type": "string", "format": "date-time"});
}

/// Stems belong to the resource's own namespace; other names and the bridge to extensions are
/// whole already.
fn full_name(member: &str, stem: &str, prefix: &str) -> String {
    if member == "_ext" || stem.contains('_') {
        return stem.to_owned();
    }
    format!("{prefix}_{stem}")
}

/// The type of a key part, through a reference where it is in one.
pub(super) fn kind_at<'a>(members: &'a [Member], part: &KeyPart) -> Option<&'a MemberKind> {
    at_path(members, &part.path)
}

/// The type of the member at a path, through references and objects.
pub(super) fn at_path<'a>(members: &'a [Member], path: &[String]) -> Option<&'a MemberKind> {
    let (first, rest) = path.split_first()?;
    let kind = &members.iter().find(|member| member.name == *first)?.kind;
    if rest.is_empty() {
        Some(kind)
    } else {
        at_path(kind.members(), rest)
    }
}

/// A scalar type with its bounds.
pub(super) fn scalar(kind: &MemberKind) -> Value {
    let mut schema = match kind {
        MemberKind::Boolean => json!({"type": "boolean"}),
        MemberKind::Integer { wide, .. } => {
            json!({"type": "integer", "format": if *wide { "int64" } else { "int32" }})
        }
        MemberKind::Number { .. } => json!({"type": "number", "format": "double"}),
        MemberKind::Date => json!({"type": "string", "format": "date"}),
        MemberKind::DateTime => json!({"type": "string", "format": "date-time"}),
        _ => json!({"type": "string"}),
    };
    match kind {
        MemberKind::String {
            min_length,
            max_length,
        } => {
            bound(&mut schema, "minLength", *min_length);
            bound(&mut schema, "maxLength", *max_length);
        }
        MemberKind::Descriptor(_) => bound(&mut schema, "maxLength", Some(DESCRIPTOR_LENGTH)),
        MemberKind::Integer {
            minimum, maximum, ..
        } => {
            bound(&mut schema, "minimum", *minimum);
            bound(&mut schema, "maximum", *maximum);
        }
        MemberKind::Number { minimum, maximum } => {
            bound(&mut schema, "minimum", *minimum);
            bound(&mut schema, "maximum", *maximum);
        }
        _ => {}
    }
    schema
}

fn bound(schema: &mut Value, name: &str, value: Option<impl serde::Serialize>) {
    if let Some(value) = value {
        schema[name] = json!(value);
    }
}
