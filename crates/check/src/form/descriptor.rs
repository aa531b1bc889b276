//! Descriptor values: `uri://ed-fi.org/GradeLevelDescriptor#Ninth grade`.

/// What is wrong with a descriptor value, or with a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DescriptorFault {
    /// There is no `#` between namespace and code value.
    NoSeparator,
    /// There is more than one `#`, and a code value holds none.
    ManySeparators,
    /// Nothing stands behind the `#`.
    NoCodeValue,
    /// The namespace is not `uri://organization/NameDescriptor`.
    Namespace,
    /// A well-formed value of another descriptor type.
    OtherType,
}

/// Characters of an organization that are neither letters nor digits.
const ORGANIZATION_MARKS: &[u8] = b"$-_.+!*'(),";

/// Checks a whole value, and that its name fits the member: it is that of `kind`, where the type
/// of the descriptor is known, or one that the member's own name ends with more of.
pub(crate) fn descriptor(
    value: &str,
    kind: Option<&str>,
    member: &str,
) -> Result<(), DescriptorFault> {
    let separator = memchr::memchr(b'#', value.as_bytes());
    let parts = separator.and_then(|at| Some((value.get(..at)?, value.get(at + 1..)?)));
    let (space, code) = parts.ok_or(DescriptorFault::NoSeparator)?;
    if !code_value(code) {
        return Err(DescriptorFault::ManySeparators);
    }
    if code.is_empty() {
        return Err(DescriptorFault::NoCodeValue);
    }
    namespace(space, kind, member)
}

/// Checks the part before the `#`.
pub(crate) fn namespace(
    space: &str,
    kind: Option<&str>,
    member: &str,
) -> Result<(), DescriptorFault> {
    let name = name(space).ok_or(DescriptorFault::Namespace)?;
    let Some(kind) = kind else {
        return Ok(());
    };
    let closer = || name.len() > kind.len() && ends_with(member, name);
    if name.eq_ignore_ascii_case(kind) || closer() {
        Ok(())
    } else {
        Err(DescriptorFault::OtherType)
    }
}

/// Whether a code value stands behind a beginning that is known to be right.
#[inline]
pub(crate) fn is_usual(value: &str, beginning: &str) -> bool {
    let code = value.as_bytes().strip_prefix(beginning.as_bytes());
    code.is_some_and(|code| !code.is_empty() && memchr::memchr(b'#', code).is_none())
}

/// Whether a text can be a code value.
pub(crate) fn code_value(code: &str) -> bool {
    memchr::memchr(b'#', code.as_bytes()).is_none()
}

/// `GradeLevelDescriptor` of `uri://ed-fi.org/GradeLevelDescriptor`.
fn name(space: &str) -> Option<&str> {
    let (organization, name) = space.strip_prefix("uri://")?.split_once('/')?;
    let well_formed = !organization.is_empty()
        && organization.bytes().all(is_of_organization)
        && name.len() > "Descriptor".len()
        && name.ends_with("Descriptor")
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    well_formed.then_some(name)
}

fn is_of_organization(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || ORGANIZATION_MARKS.contains(&byte)
}

/// Whether `text` ends with `end`, whatever the case.
pub(crate) fn ends_with(text: &str, end: &str) -> bool {
    let start = text.len().checked_sub(end.len());
    start
        .and_then(|start| text.get(start..))
        .is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use DescriptorFault::{ManySeparators, Namespace, NoCodeValue, NoSeparator, OtherType};

    #[track_caller]
    fn check(value: &str, expected: Result<(), DescriptorFault>) {
        let member = "entryGradeLevelDescriptor";
        let found = descriptor(value, Some("gradeLevelDescriptor"), member);
        assert_eq!(found, expected, "{value}");
    }

    #[test]
    fn values_have_a_namespace_and_a_code() {
        check("uri://ed-fi.org/GradeLevelDescriptor#Ninth grade", Ok(()));
        check("uri://a-b_c.org/gradelevelDescriptor#9/10 \"x\"", Ok(()));
        check("uri://ed-fi.org/GradeLevelDescriptor", Err(NoSeparator));
        check("uri://ed-fi.org/GradeLevelDescriptor#", Err(NoCodeValue));
        check(
            "uri://ed-fi.org/GradeLevelDescriptor#a#b",
            Err(ManySeparators),
        );
        for space in [
            "",
            "uri://",
            "uri:///GradeLevelDescriptor",
            "http://ed-fi.org/GradeLevelDescriptor",
            "uri://ed fi/GradeLevelDescriptor",
            "uri://ed-fi.org/GradeLevel",
            "uri://ed-fi.org/Descriptor",
            "uri://ed-fi.org/x/GradeLevelDescriptor",
        ] {
            check(&format!("{space}#x"), Err(Namespace));
        }
    }

    #[test]
    fn the_name_fits_the_member() {
        check("uri://ed-fi.org/SexDescriptor#Female", Err(OtherType));
        check("uri://ed-fi.org/LevelDescriptor#x", Err(OtherType));
        check("uri://x.org/EntryGradeLevelDescriptor#x", Ok(()));
        let unknown = descriptor("uri://x.org/AnyDescriptor#x", None, "otherDescriptor");
        assert_eq!(unknown, Ok(()));
    }
}
