//! What a flow may do to a collection, as written.

use syncline_engine::{
    DeleteStyle, Duplicates, FlowPolicy, Grace, KnownBy, Nulls, Protection, RowErrors,
};
use syncline_plan::GuardPolicy;

use super::words::{optional_word, word};
use crate::Failure;
use crate::config::Section;

type Result<T, E = Failure> = std::result::Result<T, E>;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// The policy of a collection, which may be made of the elements of lists.
pub(super) fn policy(
    section: &Section<'_>,
    is_child: bool,
    problems: &mut Vec<Failure>,
) -> Result<FlowPolicy> {
    let (delete, grace) = delete(section, problems)?;
    let duplicates = [
        ("error", Duplicates::Error),
        ("same", Duplicates::Same),
        ("first", Duplicates::First),
        ("last", Duplicates::Last),
    ];
    let said: Option<Duplicates> = optional_word(section, "duplicates", &duplicates)?;
    // A set that names an element twice is the same set.
    let unsaid = if is_child {
        Duplicates::Same
    } else {
        Duplicates::Error
    };
    let protect = section.named_lists("protect")?;
    let protect = protect.into_iter().flat_map(|(field, patterns)| {
        let protection = move |pattern| Protection {
            field: field.clone(),
            pattern,
        };
        patterns.into_iter().map(protection)
    });
    Ok(FlowPolicy {
        guards: guards(section, problems)?,
        known_by: word(
            section,
            "baseline",
            &[("target", KnownBy::Target), ("ledger", KnownBy::Ledger)],
        )?,
        delete,
        grace,
        protect: protect.collect(),
        duplicates: said.unwrap_or(unsaid),
        rows: word(
            section,
            "rows",
            &[("stop", RowErrors::Stop), ("skip", RowErrors::Skip)],
        )?,
        nulls: word(
            section,
            "nulls",
            &[("clear", Nulls::Clear), ("keep", Nulls::Keep)],
        )?,
        rename_by: section.list("rename_by")?.unwrap_or_default(),
    })
}

fn delete(section: &Section<'_>, problems: &mut Vec<Failure>) -> Result<(DeleteStyle, Grace)> {
    let Some(delete) = section.section("delete")? else {
        return Ok((DeleteStyle::Hold, Grace::None));
    };
    let set = match delete.section("set")? {
        None => vec![],
        Some(set) => set.ordered_texts()?,
    };
    let set: Vec<(String, String)> = set
        .into_iter()
        .map(|(name, text)| (name, json(&text)))
        .collect();
    let style = delete.required_text("style")?;
    let style = match (style.as_str(), set.is_empty()) {
        ("hold", true) => DeleteStyle::Hold,
        ("delete", true) => DeleteStyle::Delete,
        ("mark" | "disable", false) => DeleteStyle::Set(set),
        ("mark" | "disable", true) => {
            return Err(delete.failure("set", format!("is missing: `{style}` sets fields")));
        }
        ("hold" | "delete", false) => {
            return Err(delete.failure("set", format!("has no meaning with `{style}`")));
        }
        _ => {
            let message = "must be `hold`, `mark`, `disable` or `delete`";
            return Err(delete.failure("style", message));
        }
    };
    let grace = match delete.text("grace")? {
        None => Grace::None,
        Some(text) => grace(&text).ok_or_else(|| {
            delete.failure("grace", "must be such as `3 runs`, `7 days` or `12 hours`")
        })?,
    };
    problems.extend(delete.unknown());
    Ok((style, grace))
}

/// A value as it is written in YAML: numbers, booleans and null are themselves, the rest is text.
fn json(text: &str) -> String {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(value) if !value.is_array() && !value.is_object() && !value.is_string() => {
            text.to_owned()
        }
        _ => serde_json::Value::from(text).to_string(),
    }
}

fn grace(text: &str) -> Option<Grace> {
    let (number, unit) = text.trim().split_once(char::is_whitespace)?;
    let number: u32 = number.parse().ok()?;
    let seconds = match unit.trim() {
        "run" | "runs" => return Some(Grace::Runs(number)),
        "day" | "days" => DAY,
        "hour" | "hours" => 3600,
        _ => return None,
    };
    Some(Grace::Seconds(i64::from(number) * seconds))
}

fn guards(section: &Section<'_>, problems: &mut Vec<Failure>) -> Result<GuardPolicy> {
    let mut policy = GuardPolicy::default();
    let Some(limits) = section.section("limits")? else {
        return Ok(policy);
    };
    let share = |key| -> Result<Option<f64>> {
        let Some(text) = limits.text(key)? else {
            return Ok(None);
        };
        let wanted = || limits.failure(key, "must be a share such as `5 %`");
        let number = text.trim().strip_suffix('%').ok_or_else(wanted)?;
        let number: f64 = number.trim().parse().map_err(|_no_number| wanted())?;
        if (0.0..=100.0).contains(&number) {
            Ok(Some(number / 100.0))
        } else {
            Err(wanted())
        }
    };
    if let Some(share) = share("delete_share")? {
        policy.delete_share_max = share;
    }
    if let Some(share) = share("update_share")? {
        policy.update_share_max = share;
    }
    if let Some(share) = share("shrink")? {
        policy.shrink_share_max = share;
    }
    if let Some(count) = limits.parsed("delete_count", "a number of records")? {
        policy.delete_count_max = count;
    }
    if let Some(count) = limits.parsed("small_set", "a number of records")? {
        policy.small_set = count;
    }
    if let Some(allow) = limits.switch("empty_source")? {
        policy.allow_empty_source = allow;
    }
    problems.extend(limits.unknown());
    Ok(policy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grace_is_a_number_of_runs_hours_or_days() {
        for (text, expected) in [
            ("1 run", Some(Grace::Runs(1))),
            ("3 runs", Some(Grace::Runs(3))),
            ("1 hour", Some(Grace::Seconds(3_600))),
            ("12 hours", Some(Grace::Seconds(43_200))),
            ("1 day", Some(Grace::Seconds(86_400))),
            (" 7  days ", Some(Grace::Seconds(604_800))),
            (
                "4294967295 days",
                Some(Grace::Seconds(4_294_967_295 * 86_400)),
            ),
            ("0 days", Some(Grace::Seconds(0))),
            ("7", None),
            ("days", None),
            ("-7 days", None),
            ("1.5 days", None),
            ("7 weeks", None),
            ("7 days more", None),
            ("4294967296 days", None),
            ("", None),
        ] {
            assert_eq!(grace(text), expected, "{text:?}");
        }
    }
}
