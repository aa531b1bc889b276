//! 128-bit digests: equal content has equal digests, whatever its spelling.

use std::fmt;

/// An xxh3-128 digest, ordered as its big-endian bytes.
///
/// It is not resistant against an adversary who may choose both contents; two different
/// records of one collection collide by chance with probability 2^-128 per pair.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 16]);

impl Digest {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(xxhash_rust::xxh3::xxh3_128(bytes).to_be_bytes())
    }

    /// A digest read back from where it was stored.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The sixteen bytes, most significant first.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// A well-mixed number for choosing a partition or a lane.
    pub fn spread(&self) -> u64 {
        self.0
            .first_chunk()
            .map_or(0, |head| u64::from_be_bytes(*head))
    }

    /// Appends the 32 hexadecimal digits, for whoever writes many of them.
    pub(crate) fn write_hex(&self, out: &mut String) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut digits = [0; 32];
        for (two, byte) in digits.as_chunks_mut::<2>().0.iter_mut().zip(self.0) {
            *two = [byte >> 4, byte & 15].map(|half| DIGITS[usize::from(half)]);
        }
        out.push_str(std::str::from_utf8(&digits).unwrap_or_default());
    }

    /// The digest written as 32 hexadecimal digits, read back.
    pub fn from_hex(text: &str) -> Option<Self> {
        let number = u128::from_str_radix(text, 16).ok()?;
        (text.len() == 32).then(|| Self(number.to_be_bytes()))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Digest({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_round_trips() {
        let digest = Digest::of(b"students");
        assert_eq!(Digest::from_hex(&digest.to_string()), Some(digest));
        let mut written = String::new();
        digest.write_hex(&mut written);
        assert_eq!(written, digest.to_string());
        assert_eq!(Digest::from_hex("12"), None);
        assert_eq!(Digest::from_hex("not a digest, though 32 letters."), None);
    }

    #[test]
    fn order_is_the_order_of_the_stored_bytes() {
        let mut digests: Vec<Digest> = (0..50u32).map(|n| Digest::of(&n.to_le_bytes())).collect();
        digests.sort_unstable();
        let mut spreads: Vec<u64> = digests.iter().map(Digest::spread).collect();
        let sorted = spreads.clone();
        spreads.sort_unstable();
        assert_eq!(spreads, sorted);
    }
}
