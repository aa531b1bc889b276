//! Which keys a section has, and what may stand there: one table for whoever reads the section and
//! for the JSON Schema, so that neither knows a key that the other does not.
//!
//! A table stands beside the code that reads its section. Keys that it does not name are unknown
//! to a person who writes a file, too; a reader that asks for one, or asks for another kind of
//! value, is a defect that every test of the section finds.

/// A section: its keys.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) keys: &'static [Key],
    /// Keys that have to be there.
    pub(crate) required: &'static [&'static str],
    /// Whether further names may stand there, with texts: names that the file chooses.
    pub(crate) is_open: bool,
}

/// A key of a section.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// What it says, for whoever writes the file.
    pub(crate) about: &'static str,
}

/// What may stand under a key. Texts may be written as numbers, and numbers as texts with
/// variables.
#[derive(Debug)]
pub(crate) enum Kind {
    /// One value, as it is written.
    Text,
    /// One of some words.
    Words(fn() -> Vec<&'static str>),
    /// Yes or no.
    Switch,
    /// A whole number within bounds.
    Whole(u64, u64),
    /// A number within bounds.
    Number(f64, f64),
    /// A number of seconds above 0, a day at most.
    Seconds,
    /// An address of http or https; an empty text is none.
    Url,
    /// A list of texts; a single text is a list of one.
    List,
    /// Names that the file chooses, each with the same kind of value.
    Each(&'static Self),
    /// A section of its own.
    Section(Body),
    /// Names that the file chooses, each with a section.
    Sections(Body),
    /// One of several kinds.
    Either(&'static [Self]),
}

/// What a section looks like.
#[derive(Debug)]
pub(crate) enum Body {
    /// Always the same.
    One(&'static Shape),
    /// As the first of these that fits; whoever reads it finds out which.
    Variants(&'static [Variant]),
}

/// A form that a section may have.
#[derive(Debug)]
pub(crate) struct Variant {
    pub(crate) when: When,
    pub(crate) shape: &'static Shape,
}

/// By what a form is known.
#[derive(Debug)]
pub(crate) enum When {
    /// By a key that is there.
    Says(&'static str),
    /// By a word under a key.
    Word(&'static str, &'static str),
    /// By nothing else.
    Otherwise,
}

/// How a reader asks for a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Text,
    Number,
    Switch,
    Seconds,
    Url,
    List,
    Texts,
    Lists,
    Section,
    Sections,
    /// Whether it is there, whatever it is.
    Presence,
}

impl Shape {
    /// A section of these keys, none of which has to be there.
    pub(crate) const fn of(keys: &'static [Key]) -> Self {
        Self {
            keys,
            required: &[],
            is_open: false,
        }
    }

    /// The same with keys that have to be there.
    pub(crate) const fn requiring(self, required: &'static [&'static str]) -> Self {
        Self { required, ..self }
    }

    /// Names that the file chooses, with texts.
    pub(crate) const fn open() -> Self {
        Self {
            is_open: true,
            ..Self::of(&[])
        }
    }

    /// What stands under a key, if there is such a key.
    pub(crate) fn kind(&self, name: &str) -> Option<&'static Kind> {
        let key = self.keys.iter().find(|key| key.name == name);
        key.map(|key| &key.kind)
    }

    /// Whether a reader may ask for a key in this way.
    pub(crate) fn gives(&self, name: &str, asked: Asked) -> bool {
        self.kind(name).is_some_and(|kind| kind.gives(asked))
    }
}

impl Kind {
    fn gives(&self, asked: Asked) -> bool {
        if let Self::Either(kinds) = self {
            return kinds.iter().any(|kind| kind.gives(asked));
        }
        match asked {
            Asked::Presence => true,
            Asked::Text => matches!(self, Self::Text | Self::Words(_)),
            Asked::Number => matches!(self, Self::Whole(..) | Self::Number(..)),
            Asked::Switch => matches!(self, Self::Switch),
            Asked::Seconds => matches!(self, Self::Seconds),
            Asked::Url => matches!(self, Self::Url),
            Asked::List => matches!(self, Self::List),
            Asked::Lists => matches!(self, Self::Each(Self::List)),
            Asked::Texts => matches!(
                self,
                Self::Each(Self::Text | Self::Words(_) | Self::Whole(..))
            ),
            Asked::Section => matches!(self, Self::Section(_) | Self::Each(_)),
            Asked::Sections => matches!(self, Self::Sections(_)),
        }
    }

    /// The words that may stand there, if it is words.
    pub(crate) fn words(&self) -> Option<Vec<&'static str>> {
        match self {
            Self::Words(words) | Self::Each(Self::Words(words)) => Some(words()),
            _ => None,
        }
    }

    /// What the section under a key looks like; nothing where that is for the reader to find out,
    /// or there is no section.
    pub(crate) fn shape(&self) -> Option<&'static Shape> {
        const NAMES: Shape = Shape::open();
        match self {
            Self::Section(Body::One(shape)) | Self::Sections(Body::One(shape)) => Some(shape),
            Self::Each(_) => Some(&NAMES),
            Self::Either(kinds) => kinds.iter().find_map(Self::shape),
            _ => None,
        }
    }
}

/// A key of a section.
pub(crate) const fn key(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { name, kind, about }
}

/// A key with a section of its own.
pub(crate) const fn section(name: &'static str, shape: &'static Shape, about: &'static str) -> Key {
    key(name, Kind::Section(Body::One(shape)), about)
}

/// A key with sections under names that the file chooses.
pub(crate) const fn sections(
    name: &'static str,
    shape: &'static Shape,
    about: &'static str,
) -> Key {
    key(name, Kind::Sections(Body::One(shape)), about)
}

/// A whole number from 0 on.
pub(crate) const WHOLE: Kind = Kind::Whole(0, u64::MAX);
/// A share of the whole.
pub(crate) const SHARE: Kind = Kind::Number(0.0, 1.0);
/// Texts under names that the file chooses.
pub(crate) const TEXTS: Kind = Kind::Each(&Kind::Text);
/// Lists of texts under names that the file chooses.
pub(crate) const LISTS: Kind = Kind::Each(&Kind::List);
