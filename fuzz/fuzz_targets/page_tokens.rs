//! Page tokens: as they come, and wrapped as the server wraps its own, so that what is within one
//! is reached too.

#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use libfuzzer_sys::fuzz_target;
use syncline_fuzz::servers;

/// The place of 7.3 among the versions; the ones before it know no tokens.
const CURSORS: u8 = 3;

fuzz_target!(|data: &[u8]| {
    if let [version, collection, token @ ..] = data {
        let place = (CURSORS + version % 2, *collection);
        let wrapped = URL_SAFE_NO_PAD.encode(token);
        servers().ask(place, &Method::GET, &format!("?pageToken={wrapped}"), b"");
        if let Ok(bare) = std::str::from_utf8(token) {
            servers().ask(place, &Method::GET, &format!("?pageToken={bare}"), b"");
        }
    }
});
