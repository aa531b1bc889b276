//! "Did you mean": the nearest of the names that would have been right.

/// Least likeness of a name worth suggesting, between 0 and 1.
const LIKENESS_MIN: f64 = 0.75;

/// The candidate most like a name, if one is alike at all.
pub(crate) fn nearest<'name>(
    name: &str,
    candidates: impl IntoIterator<Item = &'name str>,
) -> Option<&'name str> {
    let wanted = name.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| {
            (
                strsim::jaro_winkler(&wanted, &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested_and_far_ones_are_not() {
        let names = ["students", "staffs", "schools"];
        assert_eq!(nearest("studnets", names), Some("students"));
        assert_eq!(nearest("Student", names), Some("students"));
        assert_eq!(nearest("xyzzy", names), None);
    }
}
