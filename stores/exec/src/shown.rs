//! What a program writes, made fit to be shown: short, without control characters, and without the
//! values of the variables that it was given.

use secrecy::{ExposeSecret as _, SecretString};

/// Longest text of a program that is shown.
const SHOWN_CHARS_MAX: usize = 600;
/// Shorter values are no secrets, and would make holes into every text.
const SECRET_BYTES_MIN: usize = 4;

/// Words that must not be shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Veil {
    secrets: Vec<SecretString>,
}

impl Veil {
    pub(crate) fn new(secrets: impl Iterator<Item = SecretString>) -> Self {
        let mut secrets: Vec<SecretString> = secrets
            .filter(|secret| secret.expose_secret().len() >= SECRET_BYTES_MIN)
            .collect();
        // A secret that holds another one goes first, or its rest would stay.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.expose_secret().len()));
        Self { secrets }
    }

    /// The beginning of a text.
    pub(crate) fn head(&self, text: &str) -> String {
        let clean = self.clean(text);
        if clean.chars().count() <= SHOWN_CHARS_MAX {
            return clean;
        }
        let head: String = clean.chars().take(SHOWN_CHARS_MAX).collect();
        format!("{head}...")
    }

    /// The end of a text, which is where a program says why it failed.
    pub(crate) fn tail(&self, text: &str) -> String {
        let clean = self.clean(text);
        let count = clean.chars().count();
        if count <= SHOWN_CHARS_MAX {
            return clean;
        }
        let tail: String = clean.chars().skip(count - SHOWN_CHARS_MAX).collect();
        format!("...{tail}")
    }

    fn clean(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            text = text.replace(secret.expose_secret(), "***");
        }
        let words: Vec<&str> = text
            .split(|letter: char| letter.is_control() || letter == ' ')
            .filter(|word| !word.is_empty())
            .collect();
        words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn veil(secrets: &[&str]) -> Veil {
        Veil::new(secrets.iter().map(|&secret| secret.into()))
    }

    #[test]
    fn secrets_and_control_characters_do_not_pass() {
        let veil = veil(&["hunter2", "hunter2+", "abc"]);
        let text = "Traceback:\n\u{1b}[31mbad password hunter2+ for abc, not hunter2\r\n";
        assert_eq!(
            veil.head(text),
            "Traceback: [31mbad password *** for abc, not ***"
        );
    }

    #[test]
    fn long_texts_are_cut_at_either_end() {
        let text = format!("first {} last", "x".repeat(10_000));
        let veil = veil(&[]);
        assert!(veil.head(&text).starts_with("first xxx"));
        assert!(veil.tail(&text).ends_with("xxx last"));
        assert!(veil.tail(&text).len() < 700);
    }
}
