//! What came of comparing, and what is to be said about one record, as a person wants to read it.

use serde_json::Value;
use syncline::{Explanation, MemberDifference, Remembered, SideState, Verified, VerifySummary};

use crate::summary::{count, number};

/// Keys that are shown for each sort of difference.
const KEYS_SHOWN: usize = 3;
/// Letters of a digest that are shown: enough to see whether two are the same.
const DIGEST_SHOWN: usize = 16;

/// Collections that differ, or of which nothing certain is known, and how many there are.
pub(crate) fn of_verify(summary: &VerifySummary) -> String {
    let mut lines = Vec::new();
    let unequal = summary
        .collections
        .iter()
        .filter(|(_, verified)| !verified.is_equal());
    let mut differing = 0_u64;
    for (name, verified) in unequal {
        differing += 1;
        lines.push(format!(
            "{}: {} in {}, {} in {}; {} missing, {} extra, {} different",
            name.short(),
            number(verified.source),
            summary.from,
            number(verified.target),
            summary.to,
            number(verified.missing),
            number(verified.extra),
            number(verified.different),
        ));
        lines.extend(sorts(summary, verified));
        if let Some(reason) = &verified.uncertain {
            lines.push(format!("  not certain: {reason}"));
        }
    }
    lines.push(conclusion(summary, differing));
    lines.join("\n") + "\n"
}

/// Each sort of difference with its reason, if that was asked for, and some keys.
fn sorts(summary: &VerifySummary, verified: &Verified) -> Vec<String> {
    let sorts = verified.reasons.iter().map(|((wrong, why), found)| {
        let keys = verified
            .examples
            .iter()
            .filter(|one| one.wrong == *wrong && one.why == *why)
            .map(|one| one.key.as_str());
        let mut keys: Vec<&str> = keys.take(KEYS_SHOWN).collect();
        if *found > keys.len() as u64 {
            keys.push("...");
        }
        let keys = keys.join(", ");
        let sort = wrong.text();
        match why {
            None => format!("  {sort}: {keys}"),
            Some(why) => {
                let reason = why.text(&summary.from, &summary.to);
                format!("  {} {sort}, {reason}: {keys}", number(*found))
            }
        }
    });
    sorts.collect()
}

fn conclusion(summary: &VerifySummary, differing: u64) -> String {
    let records: u64 = summary.collections.values().map(|one| one.source).sum();
    let compared = count(summary.collections.len() as u64, "collection");
    let (from, to) = (&summary.from, &summary.to);
    if differing == 0 {
        let records = count(records, "record");
        return format!("{records} in {compared}: the same in {from} and {to}.");
    }
    let knows_why = |one: &Verified| one.reasons.keys().any(|(_, why)| why.is_some());
    let further = if summary.collections.values().any(knows_why) {
        " `syncline explain COLLECTION KEY` tells of one record."
    } else {
        ""
    };
    let differing = number(differing);
    format!("{differing} of {compared} differ between {from} and {to}.{further}")
}

/// What is to be said about one record.
pub(crate) fn of_explain(found: &Explanation, shows_values: bool) -> String {
    let mut lines = vec![format!("{} {}", found.collection, found.key)];
    let width = found.from.len().max(found.to.len()).max("ledger".len());
    let mut line = |name: &str, text: String| lines.push(format!("  {name:width$}  {text}"));
    line(&found.from, side(&found.source));
    line(&found.to, side(&found.target));
    match &found.memory {
        None => line("ledger", "knows nothing of it".to_owned()),
        Some(memory) => {
            line("ledger", remembered(memory));
            if let Some(owed) = &memory.owed {
                let attempts = count(owed.attempts.into(), "attempt");
                let (class, since) = (&owed.class, &owed.since);
                line(
                    "",
                    format!("owed since {since}, {attempts} ({class}): {}", owed.reason),
                );
            }
        }
    }
    if let Some(mark) = &found.mark {
        line(
            "",
            format!("its collection is published up to change version {mark}"),
        );
    }
    lines.push(match &found.why {
        None if found.source == SideState::Absent => "Neither holds it.".to_owned(),
        None => "Both hold the same.".to_owned(),
        Some(why) => format!("They differ: {}.", why.text(&found.from, &found.to)),
    });
    lines.extend(
        found
            .members
            .iter()
            .map(|one| member(found, one, shows_values)),
    );
    if !found.members.is_empty() && !shows_values {
        lines.push("`--show-values` shows the values, which may be personal data.".to_owned());
    }
    lines.join("\n") + "\n"
}

fn side(side: &SideState) -> String {
    match side {
        SideState::There(digest) => format!("has it, content {}", shortened(digest)),
        SideState::Absent => "does not have it".to_owned(),
    }
}

fn remembered(memory: &Remembered) -> String {
    let held = match &memory.held {
        Some(held) => format!("content {} is there since", shortened(held)),
        None => "not known to be there".to_owned(),
    };
    let status = match memory.status {
        0 => String::new(),
        status => format!(" (status {status})"),
    };
    format!("{} at {}{status}; {held}", memory.outcome, memory.at)
}

fn shortened(digest: &str) -> &str {
    digest.get(..DIGEST_SHOWN).unwrap_or(digest)
}

fn member(found: &Explanation, member: &MemberDifference, shows_values: bool) -> String {
    let shown = |value: Option<&Value>| match value {
        Some(value) if shows_values => value.to_string(),
        value => MemberDifference::masked(value),
    };
    format!(
        "  {}: {} in {}, {} in {}",
        member.path,
        shown(member.source.as_ref()),
        found.from,
        shown(member.target.as_ref()),
        found.to
    )
}
