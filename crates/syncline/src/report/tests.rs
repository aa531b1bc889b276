//! The page as text: whatever stands in it, it stays one page.

use syncline_model::{ChangeKind, CollectionName};

use super::charts::bars;
use super::page::{Declined, Held, Page, Row, Shown, Told};
use super::render;
use crate::flow::ShownChange;

/// Values that would become markup, script or style if they were not escaped.
const HOSTILE: [&str; 6] = [
    "<script>alert(1)</script>",
    "</td></tr></table><img src=x onerror=alert(1)>",
    "\" onmouseover=\"alert(1)\" x=\"",
    "' autofocus onfocus='alert(1)",
    "{{ 43 * 42 }}{% raw %}<!--",
    "</script></style></title>&amp;\u{202e}",
];

fn page(text: &str) -> Page {
    let owned = || text.to_owned();
    let counts = vec![vec![("create", 1)]];
    Page {
        title: owned(),
        state: ("open", owned()),
        about: vec![("From", owned())],
        totals: vec![("create", 1)],
        collections: vec![Row {
            name: owned(),
            bar: bars(&counts).remove(0),
            total: 1,
            sizes: Some((1, 0, 0)),
            notes: vec![owned()],
        }],
        guards: vec![Held {
            collection: owned(),
            guard: "delete-share",
            verdict: owned(),
            why: "",
            holds: owned(),
            command: Some(owned()),
        }],
        problems: vec![Told {
            collection: owned(),
            place: owned(),
            reason: owned(),
        }],
        failures: vec![Declined {
            collection: owned(),
            reason: owned(),
            status: 409,
            count: 1,
            places: owned(),
        }],
        changes: vec![Shown {
            word: "re-key",
            outcome: Some(("failed", owned())),
            change: ShownChange {
                collection: CollectionName::new(text),
                kind: ChangeKind::Rekey,
                leaves: false,
                key: owned(),
                new_key: Some(owned()),
                place: Some(owned()),
                held: Some(owned()),
                fields: vec![(owned(), Some(owned()), Some(owned()))],
            },
        }],
        left_out: 1,
        shows_values: true,
        version: "0",
    }
}

/// How often each tag opens, which no value may change.
fn tags(html: &str) -> std::collections::BTreeMap<String, usize> {
    let mut counts = std::collections::BTreeMap::new();
    for after in html.split('<').skip(1) {
        let name = after.split(|letter: char| letter == '>' || letter.is_whitespace());
        let name = name.take(1).collect();
        *counts.entry(name).or_insert(0) += 1;
    }
    counts
}

#[test]
fn hostile_values_stay_text() {
    let plain = tags(&render(&page("plain")).unwrap());
    for text in HOSTILE {
        let html = render(&page(text)).unwrap();
        let found = tags(&html);
        let others = found
            .iter()
            .filter(|(tag, count)| plain.get(*tag) != Some(*count));
        assert_eq!(others.collect::<Vec<_>>(), [], "{text}");
        assert_eq!(found.len(), plain.len(), "{text}");
        assert!(!html.contains(text), "{text} stands as it is");
        assert!(!html.contains("1806"), "{text} was evaluated");
    }
}

#[test]
fn every_value_is_in_the_page_as_often_as_it_is_to_be() {
    let html = render(&page("zzyzx")).unwrap();
    // The title, the collection in the chart and that of the change stand twice, the rest once;
    // why a change is held is said by its outcome.
    assert_eq!(html.matches("zzyzx").count(), 26, "{html}");
}

#[test]
fn the_page_asks_nothing_of_a_network() {
    let html = render(&page("plain")).unwrap();
    assert!(html.contains("default-src 'none'"));
    for word in ["http://", "https://", "src=", "href=", "@import", "url("] {
        assert!(!html.contains(word), "{word}");
    }
}
