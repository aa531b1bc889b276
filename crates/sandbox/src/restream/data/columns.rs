//! Which values a record has, and which of them come from where.

use super::ask::Ask;
use crate::restream::objects::EXCEPTED;
use crate::restream::world::fields::Field;
use crate::restream::world::{Pad, World};

/// Where a value of an unrouted record comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The site that the crew of a source fractures.
    Crew(usize),
    /// The site that the wireline of the first source is at.
    Wireline,
    /// The first site of the pad.
    First,
}

/// A value of a record.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// The name with quotes and colon, ready to be written.
    pub(crate) key: String,
    /// The place of the field.
    pub(crate) field: usize,
    pub(crate) origin: Origin,
}

/// The columns of records of one site.
pub(crate) fn of_site(world: &World, ask: &Ask) -> Vec<Column> {
    let chosen = chosen(world, |_, field| is_wanted(ask, &field.name, field));
    chosen
        .map(|(place, field)| column(&field.name, place, Origin::First))
        .collect()
}

/// The columns of records of a whole pad.
pub(crate) fn of_pad(world: &World, pad: &Pad, ask: &Ask) -> Vec<Column> {
    let mut columns = Vec::new();
    for (place, field) in chosen(world, |_, _| true) {
        let by_source = pad.simops && field.is_simops() && !EXCEPTED.contains(&&*field.name);
        if by_source {
            for (number, source) in pad.sources.iter().enumerate() {
                let name = format!("{}_{}", source.name, field.name);
                let listed = ask.sources.is_empty() || ask.sources.contains(&source.name);
                let wanted = is_wanted(ask, &name, field) || ask.fields.contains(&field.name);
                if listed && wanted {
                    columns.push(column(&name, place, Origin::Crew(number)));
                }
            }
        } else if is_wanted(ask, &field.name, field) {
            columns.push(column(&field.name, place, origin(field)));
        }
    }
    columns
}

fn chosen(
    world: &World,
    fits: impl Fn(usize, &Field) -> bool,
) -> impl Iterator<Item = (usize, &Field)> {
    let all = world.fields.iter().enumerate();
    all.filter(move |(place, field)| fits(*place, field))
}

fn is_wanted(ask: &Ask, name: &String, field: &Field) -> bool {
    if ask.fields.is_empty() {
        field.exposed
    } else {
        ask.fields.contains(name)
    }
}

fn origin(field: &Field) -> Origin {
    use crate::restream::world::fields::Curve;
    match field.curve {
        Curve::Line(_) => Origin::Wireline,
        _ if field.is_simops() => Origin::Crew(0),
        _ => Origin::First,
    }
}

fn column(name: &str, field: usize, origin: Origin) -> Column {
    Column {
        key: format!("\"{name}\":"),
        field,
        origin,
    }
}
