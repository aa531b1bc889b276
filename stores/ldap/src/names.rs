//! Distinguished names: made with the escapes of the library, and compared by what they mean.

use ldap3::dn_escape;

/// The name of an entry below a base.
pub(crate) fn below(base: &str, attribute: &str, value: &str) -> String {
    format!("{},{base}", relative(attribute, value))
}

/// The name of an entry below whatever its parent is.
pub(crate) fn relative(attribute: &str, value: &str) -> String {
    format!("{attribute}={}", dn_escape(value))
}

/// A name in a form that is equal for equal names, as far as that can be known without the schema:
/// attributes and values in lower case, without escapes. Nothing if it is no name.
pub(crate) fn normal(name: &str) -> Option<String> {
    let mut normal = String::with_capacity(name.len());
    for part in split(name, ',')? {
        let mut pairs = Vec::new();
        for pair in split(&part, '+')? {
            let (attribute, value) = pair.split_once('=')?;
            let attribute = attribute.trim().to_lowercase();
            if attribute.is_empty() {
                return None;
            }
            let value = unescaped(value)?.to_lowercase();
            pairs.push((attribute, value));
        }
        pairs.sort();
        for (attribute, value) in pairs {
            // Lengths keep apart what a value only seems to say.
            let length = value.len().to_string();
            normal.extend([&attribute, "=", &length, ":", &value, ";"]);
        }
        normal.push('/');
    }
    Some(normal)
}

/// The name of the parent of an entry.
pub(crate) fn parent(name: &str) -> Option<String> {
    let parts = split(name, ',')?;
    let (_, above) = parts.split_first().filter(|(_, above)| !above.is_empty())?;
    Some(above.join(","))
}

/// The parts of a name between separators that are not escaped.
fn split(name: &str, separator: char) -> Option<Vec<String>> {
    let mut parts = vec![String::new()];
    let mut letters = name.chars();
    while let Some(letter) = letters.next() {
        if letter == separator {
            parts.push(String::new());
            continue;
        }
        let part = parts.last_mut()?;
        part.push(letter);
        if letter == '\\' {
            part.push(letters.next()?);
        }
    }
    Some(parts)
}

/// A value without its escapes and without the spaces around it.
fn unescaped(value: &str) -> Option<String> {
    let value = value.trim_start();
    let mut bytes = Vec::with_capacity(value.len());
    // Where the value ends that is not merely spaces at the end.
    let mut end = 0;
    let mut letters = value.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            if letter != ' ' {
                end = bytes.len();
            }
            continue;
        }
        let first = letters.next()?;
        match (
            first.to_digit(16),
            letters.peek().and_then(|l| l.to_digit(16)),
        ) {
            (Some(high), Some(low)) => {
                letters.next();
                bytes.push(u8::try_from(high * 16 + low).ok()?);
            }
            _ => bytes.extend_from_slice(first.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        end = bytes.len();
    }
    bytes.truncate(end);
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn same(one: &str, other: &str) {
        let normals = (normal(one), normal(other));
        assert!(normals.0.is_some() && normals.0 == normals.1, "{normals:?}");
    }

    #[test]
    fn names_are_equal_by_what_they_mean() {
        same("UID=Ada, ou=People,dc=x", "uid=ada,OU=people , dc=x");
        same(r"cn=a\2cb\5C,dc=x", r"cn=a\,b\\,dc=x");
        same("cn=a+sn=b,dc=x", "sn=b+cn=a,dc=x");
        same(r"cn=\C3\A9\20,dc=x", r"cn=é\ ,dc=x");
    }

    #[test]
    fn what_a_value_seems_to_say_is_not_said() {
        let made = below("ou=people,dc=x", "uid", "ada,ou=admins");
        assert_ne!(normal(&made), normal("uid=ada,ou=admins,ou=people,dc=x"));
        for value in ["a,b=c", "a+b=c", " a ", "#a", r"a\", "a\0b", "a\"<>;=", "é"] {
            let name = below("dc=x", "cn", value);
            let expected = format!("cn={}:{};/dc=1:x;/", value.len(), value);
            assert_eq!(normal(&name).as_deref(), Some(expected.as_str()));
        }
    }

    #[test]
    fn what_is_no_name_has_no_form() {
        for text in ["ada", "=x", "cn=a,", "cn=a\\"] {
            assert_eq!(normal(text), None, "{text}");
        }
    }
}
