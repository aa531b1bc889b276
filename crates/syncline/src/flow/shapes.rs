//! The shapes of the collections of a flow: the fields that it speaks of, as the target has them.
//!
//! Whatever the settings of a part say of a field that is not there, or not of that kind, is told here.

use std::collections::BTreeSet;

use syncline_engine::DeleteStyle;
use syncline_map::{Shape, fits};
use syncline_model::{Collection, Field, FieldKind, FieldRole, KeyField};

use super::settings::PartSettings;
use crate::Failure;
use crate::suggest::nearest;

/// A failure at the place where a part is described.
pub(super) fn at(settings: &PartSettings, failure: Failure) -> Failure {
    let message = format!("{}: {}", settings.place, failure.message);
    Failure { message, ..failure }
}

/// The shape of a collection: the fields that the flow speaks of, as the target has them.
pub(super) fn shape(settings: &PartSettings, target: &Collection) -> Result<Shape, Vec<Failure>> {
    let mut problems = Vec::new();
    let mut fields: Vec<Field> = Vec::new();
    let mapped = settings
        .key
        .iter()
        .chain(&settings.map)
        .map(|(name, _)| name);
    let carried = settings
        .roles
        .iter()
        .filter(|(_, role)| **role == FieldRole::Carry);
    let protected = settings.policy.protect.iter().map(|one| &one.field);
    let others = carried.map(|(name, _)| name).chain(protected);
    let mut seen = BTreeSet::new();
    for (name, is_mapped) in mapped
        .map(|name| (name, true))
        .chain(others.map(|name| (name, false)))
    {
        if !seen.insert(name.as_str()) {
            continue;
        }
        let Some(known) = known_field(settings, target, name) else {
            problems.push(no_field(settings, target, name));
            continue;
        };
        problems.extend(other_kind(settings, target, &known));
        let unsaid = if is_mapped {
            FieldRole::Compare
        } else {
            FieldRole::Carry
        };
        let role = settings.roles.get(name).copied().unwrap_or(unsaid);
        fields.push(Field { role, ..known });
    }
    let mapped: BTreeSet<&str> = settings
        .key
        .iter()
        .chain(&settings.map)
        .map(|(name, _)| name.as_str())
        .collect();
    problems.extend(unmapped(settings, &mapped));
    if !problems.is_empty() {
        return Err(problems);
    }
    fields.retain(|field| field.role != FieldRole::Ignore);
    let mut collection = Collection {
        fields,
        ..target.clone()
    };
    let key = settings.key.iter().map(|(name, _)| KeyField {
        name: name.clone(),
        path: vec![name.clone()],
    });
    collection.key = key.collect();
    Ok(Shape::new(collection, settings.rules).over(target))
}

/// Times of the source that say a zone for fields of the target that keep none, and the other way round.
pub(super) fn zones(settings: &PartSettings, source: &Collection, shape: &Shape) -> Vec<Failure> {
    let given = settings.key.iter().chain(&settings.map);
    let problem = |(name, expression): &(String, String)| {
        let from = source.field(expression)?.bounds.zoned?;
        let to = shape.collection().field(name)?.bounds.zoned?;
        if from == to {
            return None;
        }
        let (with, filter) = if to {
            ("with", "instant")
        } else {
            ("without", "local")
        };
        let message = format!(
            "`{}`: `{name}` keeps times {with} a zone, and `{expression}` of the source is not so",
            settings.name
        );
        let hint = format!("say which zone in `map`: \"{expression} | {filter}('UTC')\"");
        Some(at(
            settings,
            Failure::configuration(message).with_hint(hint),
        ))
    };
    given.filter_map(problem).collect()
}

fn known_field(settings: &PartSettings, target: &Collection, name: &str) -> Option<Field> {
    let kind = settings.kinds.get(name).copied();
    match target.field(name) {
        Some(field) => Some(Field {
            kind: kind.unwrap_or(field.kind),
            ..field.clone()
        }),
        None if target.fields.is_empty() => Some(Field::new(name, kind.unwrap_or(FieldKind::Any))),
        None => None,
    }
}

/// A kind that the field of the target is not and cannot be taken for.
fn other_kind(settings: &PartSettings, target: &Collection, field: &Field) -> Option<Failure> {
    let own = target.field(&field.name)?.kind;
    if fits(own, field.kind) {
        return None;
    }
    let message = format!(
        "`{}`: `types` takes `{}` for {}, and the target keeps it as {own}",
        settings.name, field.name, field.kind
    );
    let hint = format!("leave it out of `types`, or bring the value to {own} in `map`");
    Some(at(
        settings,
        Failure::configuration(message).with_hint(hint),
    ))
}

fn no_field(settings: &PartSettings, target: &Collection, name: &str) -> Failure {
    let message = format!("`{}` has no field `{name}`", target.name);
    let failure = at(settings, Failure::configuration(message));
    let names = target.fields.iter().map(|field| field.name.as_str());
    match nearest(name, names) {
        Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
        None => failure,
    }
}

/// Fields that settings speak of and no expression gives.
fn unmapped(settings: &PartSettings, mapped: &BTreeSet<&str>) -> Vec<Failure> {
    let mut problems = Vec::new();
    let mut require = |part: &str, name: &str| {
        if !mapped.contains(name) {
            let message = format!(
                "`{}`: `{part}` names `{name}`, which `map` does not give",
                settings.name
            );
            problems.push(at(settings, Failure::configuration(message)));
        }
    };
    for name in settings.kinds.keys() {
        require("types", name);
    }
    for (name, role) in &settings.roles {
        if *role != FieldRole::Carry {
            require("roles", name);
        }
    }
    for name in &settings.policy.rename_by {
        require("rename_by", name);
    }
    if let DeleteStyle::Set(values) = &settings.policy.delete {
        for (name, _) in values {
            require("delete.set", name);
        }
    }
    problems.extend(misused_secrets(settings));
    problems
}

/// Secrets in places where their value would have to be seen.
fn misused_secrets(settings: &PartSettings) -> Vec<Failure> {
    let roles = settings.roles.iter();
    let secrets = roles.filter(|(_, role)| role.is_secret());
    let misused = secrets.filter_map(|(name, _)| {
        let is_key = settings.key.iter().any(|(field, _)| field == name);
        let is_protected = settings.policy.protect.iter().any(|one| one.field == *name);
        let place = match (is_key, is_protected) {
            (true, _) => "part of the key",
            (_, true) => "looked at by `protect`",
            _ => return None,
        };
        let message = format!(
            "`{}`: `{name}` is {place} and cannot be a secret",
            settings.name
        );
        Some(at(settings, Failure::configuration(message)))
    });
    misused.collect()
}
