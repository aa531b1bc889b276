//! The lines of a plan file as they are written.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use syncline_model::Digest;

use super::{PlanCounts, PlanHeader, PlanVerdicts};

/// The format this program writes, and the only one it reads.
pub(super) const FORMAT: &str = "syncline-plan/1";

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FirstLine<'a> {
    pub(super) format: Cow<'a, str>,
    #[serde(flatten)]
    pub(super) header: Cow<'a, PlanHeader>,
}

/// How the last line begins, and no other line does.
pub(super) const LAST_LINE_PREFIX: &[u8] = b"{\"end\":";

/// The last line as it is read.
#[derive(Debug, Deserialize)]
pub(super) struct LastLine {
    pub(super) end: Totals,
    #[serde(with = "hexadecimal")]
    pub(super) digest: Digest,
}

/// The last line as far as the digest covers it.
#[derive(Debug, Serialize)]
pub(super) struct LastLineCovered<'a> {
    pub(super) end: &'a Totals,
}

/// What the last line counts.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Totals {
    pub(super) counts: PlanCounts,
    pub(super) verdicts: PlanVerdicts,
}

/// How the last line goes on after what its digest covers: everything but this member.
pub(super) fn digest_member(digest: Digest) -> String {
    format!(",\"digest\":\"{digest}\"}}\n")
}

/// The part of a last line that its digest covers.
pub(super) fn covered_by_digest(line: &[u8]) -> &[u8] {
    let member = digest_member(Digest::from_bytes([0; 16])).len();
    line.split_at_checked(line.len().saturating_sub(member))
        .map_or(line, |(covered, _)| covered)
}

/// Digests as 32 hexadecimal digits.
pub(super) mod hexadecimal {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};
    use syncline_model::Digest;

    pub(in crate::plan_file) fn serialize<S: Serializer>(
        digest: &Digest,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(digest)
    }

    pub(in crate::plan_file) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Digest, D::Error> {
        let text = String::deserialize(deserializer)?;
        Digest::from_hex(&text)
            .ok_or_else(|| D::Error::custom("a digest has 32 hexadecimal digits"))
    }
}

/// The same where there may be none.
pub(super) mod optional_hexadecimal {
    use serde::{Deserializer, Serializer};
    use syncline_model::Digest;

    #[expect(clippy::ref_option, reason = "serde hands over the field as it is")]
    pub(in crate::plan_file) fn serialize<S: Serializer>(
        digest: &Option<Digest>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match digest {
            Some(digest) => serializer.collect_str(digest),
            None => serializer.serialize_none(),
        }
    }

    pub(in crate::plan_file) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Digest>, D::Error> {
        super::hexadecimal::deserialize(deserializer).map(Some)
    }
}
