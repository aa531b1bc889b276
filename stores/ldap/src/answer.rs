//! What the codes of a directory mean for a change.

use ldap3::LdapResult;
use syncline_model::{Done, FailureClass, Handle, Outcome, Refusal};

/// Codes of RFC 4511 and RFC 4528 that are looked at by name.
pub(crate) mod code {
    pub(crate) const NO_SUCH_ATTRIBUTE: u32 = 16;
    pub(crate) const ATTRIBUTE_OR_VALUE_EXISTS: u32 = 20;
    pub(crate) const NO_SUCH_OBJECT: u32 = 32;
    pub(crate) const OBJECT_CLASS_VIOLATION: u32 = 65;
    pub(crate) const ENTRY_ALREADY_EXISTS: u32 = 68;
    pub(crate) const ASSERTION_FAILED: u32 = 122;
}

/// The words for the codes that people meet.
const NAMES: [(u32, &str); 27] = [
    (1, "operations error"),
    (2, "protocol error"),
    (3, "time limit exceeded"),
    (4, "size limit exceeded"),
    (8, "stronger authentication required"),
    (10, "referral to another directory"),
    (11, "administrative limit exceeded"),
    (12, "unavailable critical extension"),
    (13, "confidentiality required"),
    (16, "no such attribute"),
    (17, "undefined attribute type"),
    (18, "inappropriate matching"),
    (19, "constraint violation"),
    (20, "attribute or value exists"),
    (21, "invalid attribute syntax"),
    (32, "no such object"),
    (34, "invalid name"),
    (49, "invalid credentials"),
    (50, "insufficient access"),
    (51, "busy"),
    (52, "unavailable"),
    (53, "unwilling to perform"),
    (64, "naming violation"),
    (65, "object class violation"),
    (66, "not allowed on an entry with others below it"),
    (68, "entry already exists"),
    (122, "assertion failed"),
];

/// A refusal of the directory as a clause for a person.
pub(crate) fn shown(result: &LdapResult) -> String {
    let name = NAMES.iter().find(|(code, _)| *code == result.rc);
    let name = name.map_or("refused", |(_, name)| name);
    let text = result.text.trim();
    if text.is_empty() {
        return format!("{name} ({})", result.rc);
    }
    format!("{name} ({}): {text}", result.rc)
}

/// What became of a change that the directory refused.
pub(crate) fn refused(result: &LdapResult) -> Outcome {
    let class = match result.rc {
        8 | 13 | 50 => FailureClass::Denied,
        48 | 49 => FailureClass::Unauthenticated,
        code::NO_SUCH_OBJECT => FailureClass::MissingReference,
        1 | 3 | 51 | 52 | 80 => FailureClass::Unavailable,
        2 | 10 | 12 | 53 => FailureClass::Unsupported,
        code::ASSERTION_FAILED => FailureClass::Conflict,
        _ => FailureClass::Content,
    };
    let status = u16::try_from(result.rc).unwrap_or(u16::MAX);
    let refusal = Refusal::new(class, status, shown(result));
    match class {
        FailureClass::Unavailable | FailureClass::Unauthenticated => Outcome::Failed(refusal),
        _ => Outcome::Refused(refusal),
    }
}

/// A change that was declined before the directory was asked.
pub(crate) fn declined(class: FailureClass, message: impl Into<String>) -> Outcome {
    Outcome::Refused(Refusal::new(class, 0, message))
}

/// A change that is done.
pub(crate) fn done(done: Done, name: Option<&str>) -> Outcome {
    Outcome::Done {
        done,
        handle: name.map(|name| Handle(name.into())),
        status: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rc: u32, class: FailureClass, transient: bool) {
        let result = LdapResult {
            rc,
            matched: String::new(),
            text: "why".to_owned(),
            refs: vec![],
            ctrls: vec![],
        };
        match refused(&result) {
            Outcome::Refused(refusal) if !transient => assert_eq!(refusal.class, class),
            Outcome::Failed(refusal) if transient => assert_eq!(refusal.class, class),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn codes_have_classes() {
        check(19, FailureClass::Content, false);
        check(65, FailureClass::Content, false);
        check(50, FailureClass::Denied, false);
        check(32, FailureClass::MissingReference, false);
        check(51, FailureClass::Unavailable, true);
        check(52, FailureClass::Unavailable, true);
        check(122, FailureClass::Conflict, false);
        check(9999, FailureClass::Content, false);
    }
}
