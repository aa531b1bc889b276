//! The password file of PostgreSQL's clients: `host:port:database:user:password`, a line each.

/// The password for a place and a user, by the first line that fits; `*` fits everything, and a
/// backslash takes the next letter as it is.
pub(crate) fn password(text: &str, wanted: [&str; 4]) -> Option<String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(fields).find_map(|fields| {
        let [host, port, database, user, password] = fields.try_into().ok()?;
        let fits = [host, port, database, user]
            .iter()
            .zip(wanted)
            .all(|(field, wanted)| field == "*" || field == wanted);
        fits.then_some(password)
    })
}

fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut letters = line.trim_end_matches('\r').chars();
    while let Some(letter) = letters.next() {
        let letter = match letter {
            ':' => {
                fields.push(String::new());
                continue;
            }
            '\\' => letters.next().unwrap_or('\\'),
            letter => letter,
        };
        if let Some(field) = fields.last_mut() {
            field.push(letter);
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_fits_counts() {
        let text =
            "# passwords\nhost:5432:other:me:no\n*:*:kept:me:a\\:b\\\\c\n*:*:*:*:last\nodd\n";
        let of = |database: &str| password(text, ["host", "5432", database, "me"]);
        assert_eq!(of("kept").as_deref(), Some("a:b\\c"));
        assert_eq!(of("more").as_deref(), Some("last"));
        assert_eq!(password("odd", ["h", "1", "d", "u"]), None);
    }
}
