//! Variables of the environment in the texts of a file.

use super::section::Scope;

/// Fills in variables: `${NAME}`, `${NAME:-default}`, and `$NAME` where that is the custom.
/// `$$` is a dollar sign where it is not. The name of a variable that is not set is the error.
pub(super) fn expand(text: &str, scope: &Scope<'_>) -> Result<String, String> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        if let Some((inside, tail)) = after
            .strip_prefix('{')
            .and_then(|rest| rest.split_once('}'))
        {
            expanded.push_str(&braced(inside, scope)?);
            rest = tail;
        } else if let Some(tail) = after.strip_prefix('$').filter(|_| !scope.bare_variables) {
            expanded.push('$');
            rest = tail;
        } else {
            let length = if scope.bare_variables {
                name_length(after)
            } else {
                0
            };
            let (name, tail) = after.split_at(length);
            if let Some(value) = scope.environment.get(name) {
                expanded.push_str(value);
            } else {
                expanded.push('$');
                expanded.push_str(name);
            }
            rest = tail;
        }
    }
    expanded.push_str(rest);
    Ok(expanded)
}

fn braced(inside: &str, scope: &Scope<'_>) -> Result<String, String> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    let value = scope.environment.get(name).map(String::as_str);
    value
        .filter(|value| default.is_none() || !value.is_empty())
        .or(default)
        .map(ToOwned::to_owned)
        .ok_or_else(|| name.to_owned())
}

fn name_length(text: &str) -> usize {
    text.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
        .unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[track_caller]
    fn check(text: &str, bare_variables: bool, expected: Result<&str, &str>) {
        let environment = BTreeMap::from([("KEY".to_owned(), "k".to_owned())]);
        let scope = Scope {
            file: "f",
            environment: &environment,
            bare_variables,
        };
        let expected = expected.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(expand(text, &scope), expected, "{text}");
    }

    #[test]
    fn variables_are_filled_in_and_dollars_survive() {
        check("a${KEY}b", false, Ok("akb"));
        check("${NONE}", false, Err("NONE"));
        check("${NONE:-x}-${KEY:-x}", false, Ok("x-k"));
        check("pa$$word$KEY", false, Ok("pa$word$KEY"));
        check("$KEY/$NONE/$$x", true, Ok("k/$NONE/$$x"));
        check("cost: 5$", true, Ok("cost: 5$"));
    }
}
