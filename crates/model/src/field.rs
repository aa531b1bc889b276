//! Fields: what the records of a collection are made of, and what each part is for.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// One field of the records of a collection: a member at the root of its payloads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What its values are.
    pub kind: FieldKind,
    /// What it is for.
    pub role: FieldRole,
    /// Whether it may be without a value.
    pub nullable: bool,
    /// What its values are bounded to besides.
    #[serde(default, skip_serializing_if = "Bounds::is_empty")]
    pub bounds: Bounds,
    /// Which texts it has, if only some are known to it.
    #[serde(default, skip_serializing_if = "Labels::is_free")]
    pub labels: Labels,
}

/// Texts that a field is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Labels {
    /// Any text.
    #[default]
    Free,
    /// One of these.
    One(Vec<String>),
    /// Some of these in their order, each at most once, with commas between.
    Several(Vec<String>),
}

impl Labels {
    /// Whether it may be any text.
    pub fn is_free(&self) -> bool {
        *self == Self::Free
    }

    /// Whether a text is made of them, letter by letter.
    pub fn have(&self, text: &str) -> bool {
        match self {
            Self::Free => true,
            Self::One(labels) => labels.iter().any(|label| label == text),
            Self::Several(labels) => {
                let mut rest = labels.iter();
                text.is_empty() || text.split(',').all(|part| rest.any(|label| label == part))
            }
        }
    }
}

/// Which characters a text may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Characters {
    /// Those of ASCII.
    Ascii,
    /// Those of ISO 8859-1.
    Latin1,
    /// Those of Windows-1252, which databases may call latin1.
    Windows1252,
    /// Those of Unicode up to U+FFFF.
    Basic,
}

/// Characters of Windows-1252 that ISO 8859-1 has not.
const WINDOWS_1252: &str = "\u{20ac}\u{201a}\u{192}\u{201e}\u{2026}\u{2020}\u{2021}\u{2c6}\u{2030}\
    \u{160}\u{2039}\u{152}\u{17d}\u{2018}\u{2019}\u{201c}\u{201d}\u{2022}\u{2013}\u{2014}\u{2dc}\
    \u{2122}\u{161}\u{203a}\u{153}\u{17e}\u{178}\u{81}\u{8d}\u{8f}\u{90}\u{9d}";

impl Characters {
    /// Whether a character is one of them.
    pub fn have(self, character: char) -> bool {
        match self {
            Self::Ascii => character.is_ascii(),
            Self::Latin1 => character <= '\u{ff}',
            Self::Windows1252 => {
                character.is_ascii()
                    || ('\u{a0}'..='\u{ff}').contains(&character)
                    || WINDOWS_1252.contains(character)
            }
            Self::Basic => character <= '\u{ffff}',
        }
    }

    /// How a person knows them.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ascii => "ASCII",
            Self::Latin1 => "Latin-1 (ISO 8859-1)",
            Self::Windows1252 => "Latin-1 (Windows-1252)",
            Self::Basic => "Unicode up to U+FFFF, which leaves out emoji",
        }
    }
}

/// What does not tell texts of a field apart where its store compares them, as with a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Alike {
    /// Small and capital letters.
    pub case: bool,
    /// Letters with and without accents.
    pub accents: bool,
    /// Spaces at the end.
    pub spaces: bool,
}

impl Alike {
    /// Whether each text is told from each other.
    pub fn is_exact(&self) -> bool {
        *self == Self::default()
    }

    /// What is the same for all texts that are not told apart, and mostly for no others.
    pub fn fold(self, text: &str) -> String {
        let text = if self.spaces {
            text.trim_end_matches(' ')
        } else {
            text
        };
        let mut folded: String = if self.accents {
            text.nfkd().filter(|one| !is_combining_mark(*one)).collect()
        } else {
            text.nfc().collect()
        };
        if self.case {
            folded = folded.to_lowercase();
        }
        folded
    }
}

/// Which values of its kind a field can keep, as far as its store says so. A value beyond would be
/// refused, or be another one when it is read again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bounds {
    /// Most characters of a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<u32>,
    /// Most bytes of a text in UTF-8, or of bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u32>,
    /// Most digits before the point of a number; so many zeros behind it at least, if that is below 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whole_digits: Option<i32>,
    /// How many bits a whole number has, its sign included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bits: Option<u8>,
    /// Whether there are no numbers below zero, and whole ones have no bit for the sign.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unsigned: bool,
    /// Most digits after the point, of a number or of a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digits: Option<u32>,
    /// Whether points in time say a zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zoned: Option<bool>,
    /// Whether numbers are binary ones, and of which precision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binary: Option<Binary>,
    /// Whether a text that spells a number becomes that number.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub spelled_numbers: bool,
    /// Which characters its texts have, if not all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub characters: Option<Characters>,
    /// Which of its texts are the same to it.
    #[serde(skip_serializing_if = "Alike::is_exact")]
    pub alike: Alike,
}

/// The precision of binary numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Binary {
    /// 24 bits, about 7 digits.
    Single,
    /// 53 bits, about 16 digits.
    Double,
}

impl Bounds {
    /// Whether nothing is bounded.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Field {
    /// A field that is compared and may be without a value.
    pub fn new(name: impl Into<String>, kind: FieldKind) -> Self {
        Self {
            name: name.into(),
            kind,
            role: FieldRole::Compare,
            nullable: true,
            bounds: Bounds::default(),
            labels: Labels::Free,
        }
    }

    /// The same field, which keeps only some values of its kind.
    pub const fn bounded(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// The same field, which has only some texts.
    pub fn labelled(mut self, labels: Labels) -> Self {
        self.labels = labels;
        self
    }

    /// The same field, for something else.
    pub fn with_role(mut self, role: FieldRole) -> Self {
        self.role = role;
        self
    }

    /// The same field, which always has a value.
    pub fn required(mut self) -> Self {
        self.nullable = false;
        self
    }
}

/// What the values of a field are. In a payload each has one form, so that two stores that mean
/// the same say the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldKind {
    /// Whatever JSON there is; nothing is known of it.
    #[default]
    Any,
    /// Text.
    Text,
    /// Whole numbers of any size: JSON numbers without fraction and exponent.
    Integer,
    /// Exact numbers with a fraction: JSON numbers with all their digits.
    Decimal,
    /// Binary floating-point numbers: JSON numbers.
    Number,
    /// True or false.
    Boolean,
    /// Dates: the text `2026-08-14`.
    Date,
    /// Times of day: the text `12:30:00`, with a fraction of a second if there is one.
    Time,
    /// Points in time, as text: `2026-08-14T12:30:00Z`, or without the `Z` where no zone is known.
    Timestamp,
    /// Bytes: Base64 text.
    Bytes,
    /// A list of values, as a JSON list.
    List,
    /// Values without order, each once: a JSON list in a fixed order. One without values is none.
    Set,
}

impl FieldKind {
    /// The word by which configuration and messages call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Decimal => "decimal",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Time => "time",
            Self::Timestamp => "timestamp",
            Self::Bytes => "bytes",
            Self::List => "list",
            Self::Set => "set",
        }
    }

    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::Any,
        Self::Text,
        Self::Integer,
        Self::Decimal,
        Self::Number,
        Self::Boolean,
        Self::Date,
        Self::Time,
        Self::Timestamp,
        Self::Bytes,
        Self::List,
        Self::Set,
    ];
}

impl fmt::Display for FieldKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What a field is for when records are compared and written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FieldRole {
    /// It is compared and written.
    #[default]
    Compare,
    /// It goes with the record and is not compared: a difference in it alone is none. It is
    /// written with whatever else is.
    Carry,
    /// It is written with a new record, never again, and never read back: a first password.
    WriteOnly,
    /// It is neither compared nor written.
    Ignore,
    /// It is compared by a digest and written, and its values are never shown.
    Secret,
}

impl FieldRole {
    /// The word by which configuration and messages call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Compare => "compare",
            Self::Carry => "carry",
            Self::WriteOnly => "write-only",
            Self::Ignore => "ignore",
            Self::Secret => "secret",
        }
    }

    /// Whether two records that differ in such a field differ.
    pub const fn is_compared(self) -> bool {
        matches!(self, Self::Compare | Self::Secret)
    }

    /// Whether such a field is written.
    pub const fn is_written(self) -> bool {
        !matches!(self, Self::Ignore)
    }

    /// Whether the values of such a field are never shown.
    pub const fn is_secret(self) -> bool {
        matches!(self, Self::WriteOnly | Self::Secret)
    }

    /// Every role.
    pub const ALL: [Self; 5] = [
        Self::Compare,
        Self::Carry,
        Self::WriteOnly,
        Self::Ignore,
        Self::Secret,
    ];
}

impl fmt::Display for FieldRole {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_told_letter_by_letter_and_several_in_their_order() {
        let labels = || ["a", "B", "c d"].map(str::to_owned).into();
        let check = |labels: &Labels, kept: &[&str], lost: &[&str]| {
            for text in kept {
                assert!(labels.have(text), "{text}");
            }
            for text in lost {
                assert!(!labels.have(text), "{text}");
            }
        };
        check(
            &Labels::One(labels()),
            &["a", "B", "c d"],
            &["", "b", "a,B", "a "],
        );
        check(
            &Labels::Several(labels()),
            &["", "a", "a,B", "a,c d", "a,B,c d"],
            &["B,a", "a,a", "a,", "x", "a, B", "A"],
        );
        assert!(Labels::Free.have("anything"));
    }

    #[test]
    fn characters_are_those_that_databases_keep() {
        let check = |characters: Characters, kept: &str, lost: &str| {
            assert!(kept.chars().all(|one| characters.have(one)), "{kept:?}");
            assert!(!lost.chars().any(|one| characters.have(one)), "{lost:?}");
        };
        check(Characters::Ascii, "aZ\u{7f}", "\u{80}\u{e9}\u{20ac}");
        check(Characters::Latin1, "a\u{80}\u{e9}\u{ff}", "\u{100}\u{20ac}");
        check(
            Characters::Windows1252,
            "a\u{e9}\u{ff}\u{20ac}\u{161}\u{9d}",
            "\u{80}\u{100}\u{10d}\u{1f600}",
        );
        check(
            Characters::Basic,
            "a\u{20ac}\u{4e2d}\u{ffff}",
            "\u{10000}\u{1f600}",
        );
        // Five of its bytes stand for nothing but themselves.
        assert_eq!(WINDOWS_1252.chars().count(), 27 + 5);
    }

    #[test]
    fn texts_that_are_not_told_apart_fold_to_the_same() {
        let check = |alike: Alike, one: &str, other: &str, expected: bool| {
            assert_eq!(
                alike.fold(one) == alike.fold(other),
                expected,
                "{one:?} {other:?}"
            );
        };
        let exact = Alike::default();
        let case = Alike {
            case: true,
            ..exact
        };
        let accents = Alike {
            accents: true,
            ..case
        };
        let spaces = Alike {
            spaces: true,
            ..exact
        };
        assert!(exact.is_exact() && !case.is_exact());
        check(exact, "Ann", "ann", false);
        // Composed or not is no difference to any of them, as it is none to keys.
        check(exact, "Zo\u{e9}", "Zoe\u{301}", true);
        check(case, "Ann \u{c9}", "ann \u{e9}", true);
        check(case, "Zo\u{e9}", "Zoe", false);
        check(accents, "ZO\u{c9}", "zoe", true);
        check(case, "k ", "k", false);
        check(spaces, "k  ", "k", true);
        check(spaces, " k", "k", false);
        check(spaces, "K", "k", false);
    }

    #[test]
    fn words_are_those_of_the_serialised_form() {
        for kind in FieldKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
        for role in FieldRole::ALL {
            assert_eq!(serde_json::to_value(role).unwrap(), role.name());
        }
    }

    #[test]
    fn only_what_is_compared_makes_a_difference() {
        let compared = FieldRole::ALL.map(FieldRole::is_compared);
        assert_eq!(compared, [true, false, false, false, true]);
        assert!(FieldRole::WriteOnly.is_written() && !FieldRole::Ignore.is_written());
        let secret = FieldRole::ALL.map(FieldRole::is_secret);
        assert_eq!(secret, [false, false, true, false, true]);
    }
}
