//! Text in a picture: made safe, and measured without fonts.

/// Longest text of a name that is drawn, in characters.
const CHARACTERS_MAX: usize = 200;

/// A name as a document may hold it: without control characters, and not without end.
pub(crate) fn clean(text: &str) -> String {
    let fits = |one: &char| !one.is_control() && !matches!(one, '\u{fffe}' | '\u{ffff}');
    text.chars().filter(fits).take(CHARACTERS_MAX).collect()
}

/// Text between tags or in an attribute.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for one in clean(text).chars() {
        match one {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            one => safe.push(one),
        }
    }
    safe
}

/// About how wide a text is, rather too wide than too narrow. The fonts are those of the viewer.
pub(crate) fn width_px(text: &str, size_px: i32) -> i32 {
    let characters = i32::try_from(text.chars().count()).unwrap_or(i32::MAX / 200);
    characters * size_px * 3 / 5
}

/// As much of a text as is not wider; nothing if that is not worth it.
pub(crate) fn fitted(text: &str, size_px: i32, room_px: i32) -> Option<String> {
    if width_px(text, size_px) <= room_px {
        return Some(text.to_owned());
    }
    let characters = usize::try_from(room_px * 5 / (size_px * 3).max(1)).ok()?;
    let kept = characters.checked_sub(1).filter(|kept| *kept >= 4)?;
    let start: String = text.chars().take(kept).collect();
    Some(format!("{}\u{2026}", start.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_out() {
        let hostile = "</title><script>alert('1')</script>\u{0}\u{1b} \"&";
        let safe = escaped(hostile);
        assert!(!safe.contains(['<', '>', '"', '\'', '\u{0}', '\u{1b}']));
        assert!(safe.ends_with("&quot;&amp;"), "{safe}");
        assert_eq!(clean(&"x".repeat(10_000)).len(), CHARACTERS_MAX);
    }

    #[test]
    fn long_names_are_cut_where_there_is_no_room() {
        assert_eq!(fitted("Mesa", 10, 24).as_deref(), Some("Mesa"));
        assert_eq!(
            fitted("Blue Mesa", 10, 42).as_deref(),
            Some("Blue M\u{2026}")
        );
        assert_eq!(fitted("Blue Mesa", 10, 18), None);
    }
}
