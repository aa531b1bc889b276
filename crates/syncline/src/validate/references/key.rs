//! Keys as they are compared here: as the model writes them, but descriptor values without case,
//! because servers look them up so, and in the order of fields that the target has.

use syncline_model::Digest;

use super::targets::TargetId;

/// How the keys of a target are compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// Which fields hold descriptor values; empty if none does.
    descriptors: Vec<bool>,
}

impl Shape {
    /// The shape of a key with fields of these names.
    pub(super) fn new<'name>(names: impl Iterator<Item = &'name str>) -> Self {
        let descriptors: Vec<bool> = names.map(|name| name.ends_with("Descriptor")).collect();
        let any = descriptors.contains(&true);
        Self {
            descriptors: if any { descriptors } else { Vec::new() },
        }
    }
}

/// Digests keys, with room that is used again.
#[derive(Debug, Default)]
pub(super) struct Digester {
    bytes: Vec<u8>,
}

impl Digester {
    /// The digest of a target's key, out of canonical text. With an `order`, field `i` of the
    /// target is field `order[i]` of the text.
    pub(super) fn digest(
        &mut self,
        target: TargetId,
        shape: &Shape,
        (text, order): (&str, Option<&[usize]>),
    ) -> Digest {
        self.bytes.clear();
        self.bytes.extend_from_slice(&target.0.to_be_bytes());
        if order.is_none() && shape.descriptors.is_empty() {
            self.bytes.extend_from_slice(text.as_bytes());
            return Digest::of(&self.bytes);
        }
        let fields = fields(text);
        let count = fields.len();
        self.bytes.push(b'[');
        for index in 0..count {
            if index > 0 {
                self.bytes.push(b',');
            }
            let place = order.map_or(Some(index), |order| order.get(index).copied());
            let field = place.and_then(|place| fields.get(place)).unwrap_or(&"null");
            if shape.descriptors.get(index) == Some(&true) {
                self.bytes
                    .extend_from_slice(field.to_lowercase().as_bytes());
            } else {
                self.bytes.extend_from_slice(field.as_bytes());
            }
        }
        self.bytes.push(b']');
        Digest::of(&self.bytes)
    }
}

/// The key text with its fields in another order: field `i` is field `order[i]` of `text`.
pub(super) fn reordered(text: &str, order: &[usize]) -> String {
    let fields = fields(text);
    let chosen: Vec<&str> = order
        .iter()
        .map(|place| fields.get(*place).copied().unwrap_or("null"))
        .collect();
    format!("[{}]", chosen.join(","))
}

/// The fields of a key's canonical text, as they stand there.
pub(super) fn fields(text: &str) -> Vec<&str> {
    let inner = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or_default();
    let mut found = Vec::with_capacity(8);
    let (mut begin, mut quoted, mut escaped) = (0, false, false);
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                found.extend(inner.get(begin..at));
                begin = at + 1;
            }
            _ => {}
        }
    }
    found.extend(inner.get(begin..).filter(|field| !field.is_empty()));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: TargetId = TargetId(7);

    fn digest(names: &[&str], text: &str, order: Option<&[usize]>) -> Digest {
        let shape = Shape::new(names.iter().copied());
        Digester::default().digest(TARGET, &shape, (text, order))
    }

    #[test]
    fn fields_are_divided_outside_of_texts() {
        let text = r#"["a,b","c\"],[",12,true]"#;
        assert_eq!(fields(text), [r#""a,b""#, r#""c\"],[""#, "12", "true"]);
        assert_eq!(fields("[]"), Vec::<&str>::new());
    }

    #[test]
    fn descriptors_are_compared_without_case_and_other_texts_with_it() {
        let names = ["programName", "programTypeDescriptor"];
        let one = digest(&names, r#"["Gifted","uri://ed-fi.org/X#Gifted"]"#, None);
        let other = digest(&names, r#"["Gifted","uri://ED-FI.org/x#gifted"]"#, None);
        assert_eq!(one, other);
        let other = digest(&names, r#"["gifted","uri://ed-fi.org/X#Gifted"]"#, None);
        assert_ne!(one, other);
    }

    #[test]
    fn the_order_of_fields_is_that_of_the_target() {
        let straight = digest(&["a", "b"], r#"[1,"x"]"#, None);
        assert_eq!(digest(&["a", "b"], r#"["x",1]"#, Some(&[1, 0])), straight);
        assert_eq!(reordered(r#"["x",1]"#, &[1, 0]), r#"[1,"x"]"#);
    }

    #[test]
    fn keys_of_different_targets_differ() {
        let shape = Shape::default();
        let mut digester = Digester::default();
        let one = digester.digest(TargetId(1), &shape, ("[1]", None));
        assert_ne!(one, digester.digest(TargetId(2), &shape, ("[1]", None)));
    }
}
