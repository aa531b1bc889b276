//! The largest page a server allows, where it says that the one asked for was too large.

/// What servers allow as shipped.
const SHIPPED: u32 = 500;

/// The page size to try after a refusal: what the message names as the largest; where it names
/// none what servers allow as shipped, and then half. Nothing if the refusal is about something else, or nothing smaller is left.
pub(crate) fn smaller(refused: u32, messages: &[String]) -> Option<u32> {
    let about_size = messages.iter().find(|message| {
        let message = message.to_ascii_lowercase();
        message.contains("limit") || message.contains("page size") || message.contains("pagesize")
    })?;
    let named = numbers(about_size)
        // A 1 is the smallest page, not the largest.
        .filter(|number| (2..refused).contains(number))
        .max();
    let guessed = if refused > SHIPPED {
        SHIPPED
    } else {
        refused / 2
    };
    named.or(Some(guessed)).filter(|size| *size > 0)
}

/// The whole numbers in a text.
fn numbers(text: &str) -> impl Iterator<Item = u32> {
    text.split(|letter: char| !letter.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(refused: u32, message: &str, expected: Option<u32>) {
        assert_eq!(
            smaller(refused, &[message.to_owned()]),
            expected,
            "{message}"
        );
    }

    #[test]
    fn the_message_names_the_largest_page() {
        check(1000, "Limit must be a value between 0 and 500.", Some(500));
        check(
            500,
            "Limit must be omitted or set to a value between 1 and 100.",
            Some(100),
        );
        check(
            900,
            "Page size must be a value between 0 and 500.",
            Some(500),
        );
    }

    #[test]
    fn without_a_number_half_is_tried_and_in_the_end_nothing() {
        let legacy = "Limit must be omitted or set to a value between 1 and max value defined in \
                      configuration file (defaultPageSizeLimit).";
        check(1001, legacy, Some(500));
        check(500, legacy, Some(250));
        check(1, legacy, None);
    }

    #[test]
    fn a_refusal_of_something_else_is_not_about_the_size() {
        check(500, "The value 'x' is not valid for StudentUniqueId.", None);
        check(500, "", None);
    }
}
