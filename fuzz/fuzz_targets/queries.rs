//! Query strings of lists and histories: the first bytes choose version, collection and which.

#![no_main]

use http::Method;
use libfuzzer_sys::fuzz_target;
use syncline_fuzz::servers;

const LISTS: [&str; 4] = ["", "/partitions", "/deletes", "/keyChanges"];

fuzz_target!(|data: &[u8]| {
    if let [version, collection, list, query @ ..] = data
        && let Ok(query) = std::str::from_utf8(query)
    {
        let list = LISTS[usize::from(*list) % LISTS.len()];
        let place = (*version, *collection);
        servers().ask(place, &Method::GET, &format!("{list}?{query}"), b"");
    }
});
