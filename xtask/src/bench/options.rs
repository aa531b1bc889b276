//! The options of benchmarks, which are few enough to be read by hand.

use std::str::FromStr;

use anyhow::{Context as _, Result, bail};

/// What was asked for; what was not is for each benchmark to choose.
#[derive(Clone, Debug, Default)]
pub(super) struct Options {
    pub(super) rounds: Option<usize>,
    pub(super) records: Option<u64>,
    pub(super) pool: Option<usize>,
    pub(super) only: Option<Vec<String>>,
}

impl Options {
    pub(super) fn parse(arguments: &[String]) -> Result<Self> {
        let mut options = Self::default();
        let mut arguments = arguments.iter();
        while let Some(name) = arguments.next() {
            let value = arguments
                .next()
                .with_context(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--rounds" => options.rounds = Some(positive(name, value)?),
                "--records" => options.records = Some(positive(name, value)?),
                "--pool" => options.pool = Some(positive(name, value)?),
                "--only" => options.only = Some(value.split(',').map(str::to_owned).collect()),
                other => bail!("there is no option {other}"),
            }
        }
        Ok(options)
    }

    /// Refuses options that a benchmark would not heed.
    pub(super) fn only_with(self, heeded: &[&str]) -> Result<Self> {
        let given = [
            ("--rounds", self.rounds.is_some()),
            ("--records", self.records.is_some()),
            ("--pool", self.pool.is_some()),
            ("--only", self.only.is_some()),
        ];
        for (name, given) in given {
            if given && !heeded.contains(&name) {
                bail!("{name} means nothing to this benchmark");
            }
        }
        Ok(self)
    }

    /// Refuses names that are none of the contestants'.
    pub(super) fn only_among(&self, contestants: &[&str]) -> Result<()> {
        for name in self.only.iter().flatten() {
            if !contestants.contains(&name.as_str()) {
                let all = contestants.join(", ");
                bail!("there is no {name} to compare: name {all}");
            }
        }
        Ok(())
    }

    /// Whether one of several contestants takes part.
    pub(super) fn takes(&self, name: &str) -> bool {
        self.only
            .as_ref()
            .is_none_or(|only| only.iter().any(|chosen| chosen == name))
    }
}

/// A whole number above 0; `_` may separate digits.
fn positive<T: FromStr + PartialOrd + Default>(name: &str, text: &str) -> Result<T> {
    text.replace('_', "")
        .parse()
        .ok()
        .filter(|number| *number > T::default())
        .with_context(|| format!("{name}: {text} is no whole number above 0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Options::parse(&words)
    }

    #[test]
    fn digits_may_be_separated() {
        assert_eq!(parse("--records 10_000").unwrap().records, Some(10_000));
    }

    #[test]
    fn nothing_and_words_are_no_numbers_and_values_must_follow() {
        for line in ["--rounds 0", "--pool many", "--rounds", "--fast yes"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn an_option_without_meaning_is_refused() {
        let options = parse("--rounds 3 --only ours,wrk").unwrap();
        assert!(options.takes("wrk") && !options.takes("lightbeam"));
        assert!(options.only_among(&["ours", "wrk", "lightbeam"]).is_ok());
        assert!(options.only_among(&["ours", "curl"]).is_err());
        assert!(options.clone().only_with(&["--rounds"]).is_err());
        assert!(options.only_with(&["--rounds", "--only"]).is_ok());
    }
}
