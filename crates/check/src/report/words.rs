//! The sentences.

use crate::finding::{Finding, Kind, Moment, Range};
use crate::form::{DateFault, DescriptorFault};
use crate::report::Method;
use crate::table::{DescriptorType, ObjectNode, Role};
use crate::walk::{DEPTH_MAX, Reason};

/// Longest unknown name that is repeated in a message, in characters.
const NAME_MAX: usize = 60;

/// Longest descriptor value that is repeated in a message, in characters.
const VALUE_MAX: usize = 306;

/// How alike two names have to be for one to be proposed, from 0 to 1.
const ALIKE: f64 = 0.85;

/// A message and what to do.
type Said = (String, Option<String>);

pub(super) fn method(finding: &Finding<'_>) -> Method {
    match finding {
        Finding::NotAnObject { .. } => Method::Json,
        Finding::Descriptor { .. } | Finding::Code => Method::Descriptors,
        Finding::RepeatedItem { .. } => Method::Uniqueness,
        _ => Method::Schema,
    }
}

pub(super) fn say(finding: &Finding<'_>) -> Said {
    match *finding {
        Finding::NotAnObject { found } => (
            format!("a record is an object, but this is {}", kind(found)),
            None,
        ),
        Finding::OtherKind { expected, found } => other_kind(expected, found),
        Finding::Coerced { expected } => (
            format!("{} is written as another type", kind(expected)),
            Some("servers convert it; write it without quotes, a boolean as true or false".into()),
        ),
        Finding::NotWhole => (
            "a whole number is written with a fraction or an exponent".into(),
            Some("write digits only".into()),
        ),
        Finding::Null => (
            "a required member is null".into(),
            Some("give it a value".into()),
        ),
        Finding::Missing { object, absent } => missing(object, absent),
        Finding::Unknown { object, name } => unknown(object, name),
        Finding::Repeated => (
            "the member is there more than once, and only one of them would count".into(),
            Some("keep one of them".into()),
        ),
        Finding::ServerOwned => (
            "the server assigns this member and refuses records that bring it".into(),
            Some("remove it".into()),
        ),
        Finding::RepeatedItem { first } => (
            "the item repeats the identity of an earlier item of its list".into(),
            Some(format!(
                "compare it with item [{first}] and keep one of them"
            )),
        ),
        _ => say_of_value(finding),
    }
}

fn say_of_value(finding: &Finding<'_>) -> Said {
    match *finding {
        Finding::Empty { kind: Kind::List } => (
            "a required list has no items".into(),
            Some("give it at least one".into()),
        ),
        Finding::Empty { .. } => (
            "a required text is empty".into(),
            Some("give it a value".into()),
        ),
        Finding::EmptyOptional => (
            "an optional text is empty, which some servers refuse".into(),
            Some("leave the member out".into()),
        ),
        Finding::TooShort { least } => (
            format!("the text is shorter than {least} {}", characters(least)),
            (least == 1).then(|| "leave the member out if there is nothing to say".into()),
        ),
        Finding::TooLong { most } => (
            format!("the text is longer than {most} {}", characters(most)),
            None,
        ),
        Finding::Spaces => (
            "a text by which records are told apart begins or ends with a space".into(),
            Some("trim it, or references to it may not match".into()),
        ),
        Finding::OutOfRange { range } => (out_of_range(range), None),
        Finding::Date { form, fault } => date(form, fault),
        Finding::NotListed { listed } => (
            "the text is none of those allowed".into(),
            Some(format!("allowed are {}", listed.join(", "))),
        ),
        Finding::Descriptor {
            fault,
            expected,
            value,
        } => descriptor(fault, expected, value),
        _ => (
            "a code value holds a #, which separates it from the namespace elsewhere".into(),
            Some("choose a code value without #".into()),
        ),
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Object => "an object",
        Kind::List => "a list",
        Kind::Text => "a text",
        Kind::Number => "a number",
        Kind::Whole => "a whole number",
        Kind::Boolean => "a boolean",
        Kind::Null => "null",
    }
}

fn other_kind(expected: Kind, found: Kind) -> Said {
    let hint = match (expected, found) {
        (Kind::Text, Kind::Number | Kind::Boolean) => Some("put it in quotes"),
        (Kind::List, Kind::Object) => Some("put it in square brackets"),
        (Kind::Object, Kind::List) => Some("one object belongs here, without square brackets"),
        _ => None,
    };
    (
        format!(
            "{} belongs here, but this is {}",
            kind(expected),
            kind(found)
        ),
        hint.map(str::to_owned),
    )
}

fn characters(count: usize) -> &'static str {
    if count == 1 {
        "character"
    } else {
        "characters"
    }
}

fn missing(object: &ObjectNode, absent: u128) -> Said {
    let of = |set: u128| {
        let names = object.names.iter().enumerate();
        let within = names.filter(move |(bit, _)| set & (1 << bit) != 0);
        within.map(|(_, name)| name).collect::<Vec<_>>()
    };
    let names = of(absent);
    let list = names.join(", ");
    if let Role::Reference(_) = object.role {
        let message = format!("the reference lacks {list}");
        let all = of(object.required).join(", ");
        let hint = format!("a reference has all its members ({all}) or is left out");
        return (message, Some(hint));
    }
    let message = match names.as_slice() {
        [name] => format!("the required member {name} is missing"),
        _ => format!("required members are missing: {list}"),
    };
    (message, None)
}

fn unknown(object: &ObjectNode, name: &str) -> Said {
    let shown: String = name.chars().take(NAME_MAX).collect();
    let mut names = object.names.iter();
    if let Some(right) = names.find(|known| known.eq_ignore_ascii_case(name)) {
        return (
            format!("the member {shown} differs from {right} in upper and lower case"),
            Some(format!(
                "write {right}: ODS servers take either, DMS servers drop yours in silence"
            )),
        );
    }
    let message = match object.role {
        Role::Extensions => format!("the API has no extension {shown} here, and ignores it"),
        _ if name == "_ext" => "the API has no extension here, and ignores _ext".to_owned(),
        _ => format!("the schema has no member {shown}, and servers ignore it"),
    };
    let closest = object
        .names
        .iter()
        .map(|known| (strsim::jaro_winkler(known, name), known))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|one, other| one.0.total_cmp(&other.0));
    (
        message,
        closest.map(|(_, known)| format!("did you mean {known}?")),
    )
}

fn out_of_range(range: Range) -> String {
    match range {
        Range::Whole(least, most) => format!("the number is not within {least} to {most}"),
        Range::Number(least, most) => match (least.is_finite(), most.is_finite()) {
            (true, true) => format!("the number is not within {least} to {most}"),
            (true, false) => format!("the number is less than {least}"),
            (false, true) => format!("the number is greater than {most}"),
            (false, false) => "the number is greater than any server can hold".to_owned(),
        },
    }
}

fn date(form: Moment, fault: DateFault) -> Said {
    let (noun, pattern) = match form {
        Moment::Date => ("a date", "yyyy-MM-dd, as in 2023-08-21"),
        Moment::Time => ("a time", "HH:mm:ss, as in 08:30:00"),
        Moment::DateTime => (
            "a date and time",
            "yyyy-MM-ddTHH:mm:ssZ, as in 2023-08-21T08:30:00Z",
        ),
    };
    match fault {
        DateFault::Form => (
            format!("the text is not {noun}"),
            Some(format!("write it as {pattern}")),
        ),
        DateFault::Impossible => (format!("the text is {noun} that does not exist"), None),
        DateFault::TimeBehind => (
            "a date has a time behind it".into(),
            Some("cut the time off".into()),
        ),
        DateFault::TimeMissing => (
            "a date and time has no time".into(),
            Some("servers take it as midnight; write the time".into()),
        ),
    }
}

fn descriptor(fault: DescriptorFault, expected: &DescriptorType, value: &str) -> Said {
    let form = "write it as uri://organization/NameDescriptor#code value";
    match fault {
        DescriptorFault::NoSeparator => (
            "a descriptor value has no # between namespace and code value".into(),
            Some(form.into()),
        ),
        DescriptorFault::ManySeparators => (
            format!("a descriptor value has more than one #{}", shown(value)),
            Some("neither namespace nor code value may hold a #".into()),
        ),
        DescriptorFault::NoCodeValue => (
            format!(
                "a descriptor value has no code value behind the #{}",
                shown(value)
            ),
            Some(form.into()),
        ),
        DescriptorFault::Namespace => (
            "the namespace of a descriptor is not uri://organization/NameDescriptor".into(),
            Some(form.into()),
        ),
        DescriptorFault::OtherType => {
            let space = value.split('#').next().unwrap_or(value);
            let found = space.rsplit('/').next().unwrap_or(space);
            (
                format!("a {} belongs here, but this is a {found}", expected.name),
                None,
            )
        }
    }
}

/// A value that has the form of a descriptor at its beginning.
fn shown(value: &str) -> String {
    let space = value.split('#').next().unwrap_or_default();
    if crate::form::namespace(space, None, "").is_ok() {
        let value: String = value.chars().take(VALUE_MAX).collect();
        format!(": {value}")
    } else {
        String::new()
    }
}

pub(super) fn grammar(reason: Reason) -> String {
    let text = match reason {
        Reason::Encoding => "the bytes are not UTF-8",
        Reason::TooLong => "the payload is longer than 4 GiB",
        Reason::TooDeep => return format!("it is nested deeper than {DEPTH_MAX} levels"),
        Reason::CutOff => "the payload ends before the record does",
        Reason::Value => "a value was expected",
        Reason::MemberName => "the name of a member was expected, in double quotes",
        Reason::Colon => "a colon was expected behind the name of a member",
        Reason::ObjectEnd => "a comma or the end of the object was expected",
        Reason::ListEnd => "a comma or the end of the list was expected",
        Reason::Number => "a digit was expected",
        Reason::LeadingZero => "a number begins with a zero that does not belong to it",
        Reason::Escape => "a backslash is followed by what it cannot escape",
        Reason::Surrogate => "an escape stands for half a character",
        Reason::ControlCharacter => "a control character stands in a text unescaped",
        Reason::Behind => "there is more behind the end of the record",
    };
    text.to_owned()
}

pub(super) fn grammar_hint(reason: Reason) -> Option<&'static str> {
    match reason {
        Reason::Encoding => Some("save the file as UTF-8"),
        Reason::CutOff => Some("the line may be cut off, or one record spread over many lines"),
        Reason::MemberName | Reason::Value => Some("look for a comma too many or a single quote"),
        Reason::Behind => Some("one line holds one record"),
        Reason::ControlCharacter => Some("write it as \\n, \\t or \\u00XX"),
        _ => None,
    }
}
