//! Bodies of POST: the first byte chooses the version, the second the collection.

#![no_main]

use http::Method;
use libfuzzer_sys::fuzz_target;
use syncline_fuzz::servers;

fuzz_target!(|data: &[u8]| {
    if let [version, collection, body @ ..] = data {
        servers().ask((*version, *collection), &Method::POST, "", body);
    }
});
