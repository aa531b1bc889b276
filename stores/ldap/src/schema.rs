//! What the directory says of its attributes: their kinds, and whether one value is the most.

use std::collections::BTreeMap;

use syncline_model::{Alike, FieldKind};

/// How far an attribute may inherit from others.
const ANCESTORS_MAX: usize = 16;

/// An attribute as it is described.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Described {
    parent: Option<String>,
    syntax: Option<String>,
    /// The rule by which values are the same.
    equality: Option<String>,
}

/// The attributes of a directory, by each of their names in lower case.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schema {
    attributes: BTreeMap<String, Described>,
    /// As they are written, for suggestions.
    names: Vec<String>,
}

impl Schema {
    /// Reads the descriptions of a subschema entry; what is no description is passed over.
    pub(crate) fn read<'a>(descriptions: impl Iterator<Item = &'a str>) -> Self {
        let mut schema = Self::default();
        for description in descriptions {
            let words = words(description);
            let described = Described {
                parent: after(&words, "SUP").map(str::to_lowercase),
                syntax: after(&words, "SYNTAX").map(|syntax| {
                    let oid = syntax.split('{').next().unwrap_or_default();
                    oid.trim_matches('\'').to_owned()
                }),
                equality: after(&words, "EQUALITY").map(str::to_owned),
            };
            for name in names(&words) {
                schema
                    .attributes
                    .insert(name.to_lowercase(), described.clone());
                schema.names.push(name.to_owned());
            }
        }
        schema
    }

    /// Whether anything is known.
    pub(crate) fn is_empty(&self) -> bool {
        self.attributes.is_empty()
    }

    /// The kind of an attribute, options such as `;binary` included; nothing if there is none of
    /// this name.
    pub(crate) fn kind(&self, attribute: &str) -> Option<FieldKind> {
        let (name, options) = attribute.split_once(';').unwrap_or((attribute, ""));
        self.attributes.get(&name.to_lowercase())?;
        if options.split(';').any(|option| option == "binary") {
            return Some(FieldKind::Bytes);
        }
        let syntax = self.inherited(name, |described| described.syntax.as_deref());
        Some(syntax.map_or(FieldKind::Text, kind_of))
    }

    /// What does not tell values of an attribute apart.
    pub(crate) fn alike(&self, attribute: &str) -> Alike {
        let name = attribute.split(';').next().unwrap_or_default();
        let rule = self.inherited(name, |described| described.equality.as_deref());
        let rule = rule.unwrap_or_default();
        Alike {
            case: rule.starts_with("caseIgnore"),
            accents: false,
            spaces: rule.starts_with("caseIgnore") || rule.starts_with("caseExact"),
        }
    }

    /// What an attribute says, or the one it is derived from.
    fn inherited<'s>(
        &'s self,
        attribute: &str,
        said: impl Fn(&'s Described) -> Option<&'s str>,
    ) -> Option<&'s str> {
        let mut described = self.attributes.get(&attribute.to_lowercase())?;
        for _ in 0..ANCESTORS_MAX {
            if let Some(said) = said(described) {
                return Some(said);
            }
            described = self.attributes.get(described.parent.as_ref()?)?;
        }
        None
    }

    /// The attribute whose name is most like this one.
    pub(crate) fn nearest(&self, attribute: &str) -> Option<&str> {
        let wanted = attribute.to_lowercase();
        let alike = self.names.iter().map(|name| {
            let likeness = strsim::jaro_winkler(&wanted, &name.to_lowercase());
            (likeness, name)
        });
        let (likeness, name) = alike.max_by(|one, other| one.0.total_cmp(&other.0))?;
        (likeness > 0.85).then_some(name)
    }
}

/// The syntaxes that have a form of their own; all others are text.
fn kind_of(syntax: &str) -> FieldKind {
    match syntax.strip_prefix("1.3.6.1.4.1.1466.115.121.1.") {
        Some("7") => FieldKind::Boolean,
        Some("24") => FieldKind::Timestamp,
        Some("27") => FieldKind::Integer,
        Some("4" | "5" | "8" | "9" | "10" | "23" | "28" | "40" | "49") => FieldKind::Bytes,
        _ => FieldKind::Text,
    }
}

/// The words of a description; what is in quotes is one word, with its quotes.
fn words(description: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    for letter in description.chars() {
        let ends = !quoted && (letter.is_whitespace() || matches!(letter, '(' | ')'));
        if ends {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            if !letter.is_whitespace() {
                words.push(letter.to_string());
            }
            continue;
        }
        quoted ^= letter == '\'';
        word.push(letter);
    }
    words
}

/// The word after another one.
fn after<'a>(words: &'a [String], keyword: &str) -> Option<&'a str> {
    let at = words.iter().position(|word| word == keyword)?;
    words.get(at + 1).map(String::as_str)
}

/// The names of an attribute: one, or several in brackets.
fn names(words: &[String]) -> impl Iterator<Item = &str> {
    let start = words.iter().position(|word| word == "NAME");
    let rest = start.and_then(|at| words.get(at + 1..)).unwrap_or_default();
    let named = rest
        .iter()
        .map(String::as_str)
        .skip_while(|word| *word == "(")
        .take_while(|word| word.starts_with('\''));
    named.map(|word| word.trim_matches('\''))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESCRIPTIONS: [&str; 5] = [
        "( 2.5.4.41 NAME 'name' DESC 'common (NAME \"x\")' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15{32768} )",
        "( 2.5.4.4 NAME ( 'sn' 'surname' ) DESC 'last' SUP name )",
        "( 1.3 NAME 'uidNumber' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )",
        "( 0.9.2342.19200300.100.1.60 NAME 'jpegPhoto' SYNTAX 1.3.6.1.4.1.1466.115.121.1.28 )",
        "( 9.9 NAME 'loop' SUP loop )",
    ];

    #[test]
    fn kinds_come_from_the_syntax_or_from_what_an_attribute_inherits() {
        let schema = Schema::read(DESCRIPTIONS.into_iter());
        for (name, kind) in [
            ("name", Some(FieldKind::Text)),
            ("Surname", Some(FieldKind::Text)),
            ("uidnumber", Some(FieldKind::Integer)),
            ("jpegPhoto", Some(FieldKind::Bytes)),
            ("sn;binary", Some(FieldKind::Bytes)),
            ("loop", Some(FieldKind::Text)),
            ("x", None),
        ] {
            assert_eq!(schema.kind(name), kind, "{name}");
        }
        let alike = |name: &str| schema.alike(name);
        assert!(alike("name").case && alike("Surname;lang-de").spaces && !alike("name").accents);
        for name in ["uidNumber", "loop", "x"] {
            assert!(alike(name).is_exact(), "{name}");
        }
        assert_eq!(schema.nearest("surnam"), Some("surname"));
        assert_eq!(schema.nearest("gidNumber2000"), None);
    }
}
