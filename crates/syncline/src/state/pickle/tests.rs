//! The reader against what Python really writes, and against what nobody should write.

use std::process::{Command, Stdio};

use proptest::prelude::*;

use super::*;

fn read(pickle: &[u8]) -> Result<Vec<Entry>> {
    Entries::new(pickle).collect()
}

/// What python3 makes of a script; nothing, with a reason, where there is no python3.
fn python(script: &str, arguments: &[String]) -> Option<Vec<u8>> {
    let output = Command::new("python3")
        .arg("-c")
        .arg(script)
        .args(arguments)
        .stderr(Stdio::inherit())
        .output();
    let Ok(output) = output else {
        eprintln!("skipped: there is no python3 to write pickles");
        return None;
    };
    assert!(output.status.success(), "{script}");
    Some(output.stdout)
}

/// Writes dicts as lightbeam does, from the MD5 of a line to a time and a status: for each
/// protocol and number of entries, the length of the pickle and the pickle.
const DUMP: &str = "
import hashlib, pickle, sys
def state(count):
    entries = {}
    for n in range(count):
        key = hashlib.md5(('{\"n\": %d}' % n).encode('utf-8')).digest()
        entries[key] = (int(1700000000.4 + n * 1000003), 200 + n % 400)
    return entries
for protocol in range(2, 6):
    for count in sys.argv[1:]:
        dumped = pickle.dumps(state(int(count)), protocol)
        sys.stdout.buffer.write(len(dumped).to_bytes(8, 'little') + dumped)
";

#[test]
fn what_python_writes_is_read_back() {
    // Around the 1,000 entries that Python puts together, and more than are remembered.
    let counts = [0_u16, 1, 5, 999, 1_000, 1_001, 2_000, 20_000];
    let Some(written) = python(DUMP, &counts.map(|count| count.to_string())) else {
        return;
    };
    let mut rest = &written[..];
    for protocol in 2..=5 {
        for count in counts {
            let (length, after) = rest.split_first_chunk().unwrap();
            let length = usize::try_from(u64::from_le_bytes(*length)).unwrap();
            let (pickle, after) = after.split_at(length);
            rest = after;
            let expected: Vec<Entry> = (0..i64::from(count)).map(entry_number).collect();
            let found = read(pickle).unwrap();
            assert!(found == expected, "{count} entries, protocol {protocol}");
        }
    }
    assert_eq!(rest, b"");
}

fn entry_number(n: i64) -> Entry {
    let status = u16::try_from(200 + n % 400).unwrap();
    let line = format!("{{\"n\": {n}}}");
    (md5(&line), 1_700_000_000 + n * 1_000_003, status)
}

fn md5(line: &str) -> [u8; 16] {
    use md5::{Digest as _, Md5};
    Md5::digest(line).into()
}

#[test]
fn values_that_are_one_object_in_python_are_read() {
    const SHARED: &str = "
import pickle, sys
same = (1700000000, 201)
entries = {bytes([n]) * 16: same for n in range(250)}
sys.stdout.buffer.write(pickle.dumps(entries, int(sys.argv[1])))
";
    for protocol in 2..=5 {
        let Some(pickle) = python(SHARED, &[protocol.to_string()]) else {
            return;
        };
        let entries = read(&pickle).unwrap();
        assert_eq!(entries.len(), 250);
        assert!(
            entries
                .iter()
                .all(|(_, at, status)| (*at, *status) == (1_700_000_000, 201))
        );
        assert_eq!(entries[249].0, [249; 16]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn any_dict_that_python_writes_is_read_back(
        entries in prop::collection::btree_map(
            any::<[u8; 16]>(),
            (any::<i64>(), 0_u16..1_000),
            0..40,
        ),
        protocol in 2..=5_u8,
    ) {
        const SCRIPT: &str = "
import pickle, sys
rows = [row.split(' ') for row in sys.argv[2:]]
entries = {bytes.fromhex(key): (int(at), int(status)) for key, at, status in rows}
sys.stdout.buffer.write(pickle.dumps(entries, int(sys.argv[1])))
";
        let rows = entries.iter().map(|(key, (at, status))| {
            format!("{:032x} {at} {status}", u128::from_be_bytes(*key))
        });
        let arguments: Vec<String> = std::iter::once(protocol.to_string()).chain(rows).collect();
        if let Some(pickle) = python(SCRIPT, &arguments) {
            let expected: Vec<Entry> = entries
                .iter()
                .map(|(key, (at, status))| (*key, *at, *status))
                .collect();
            prop_assert_eq!(read(&pickle).unwrap(), expected);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn arbitrary_bytes_end_in_an_error_or_a_dict(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let read = read(&bytes);
        prop_assert!(read.is_err() || bytes.last() == Some(&b'.'));
    }

    /// Bytes that are all operations get further than arbitrary ones.
    #[test]
    fn arbitrary_operations_end_in_an_error_or_a_dict(
        bytes in prop::collection::vec(
            prop::sample::select(b"\x80\x02}(KMJ\x8aCBX\x10\x86tR\x94qrhjsu.\x00\x01".to_vec()),
            0..200,
        ),
    ) {
        let read = read(&bytes);
        prop_assert!(read.is_err() || bytes.last() == Some(&b'.'));
    }

    #[test]
    fn a_damaged_file_is_never_read_as_another_number_of_entries_without_an_error(
        cut in 0_usize..200,
    ) {
        let whole = sample();
        let cut = cut.min(whole.len() - 1);
        prop_assert!(read(&whole[..cut]).is_err());
    }
}

/// Three entries in protocol 4, written by hand.
fn sample() -> Vec<u8> {
    let mut pickle = b"\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00}\x94(".to_vec();
    for number in 1..=3 {
        pickle.extend([b'C', 16]);
        pickle.extend([number; 16]);
        pickle.extend(b"\x94J\x00\xf1\x53\x65K\xc8\x86\x94");
    }
    pickle.extend(b"u.");
    pickle
}

#[track_caller]
fn refused(pickle: &[u8], expected: &str) {
    assert_eq!(read(pickle).unwrap_err().to_string(), expected);
}

#[test]
fn whatever_could_run_code_is_refused_by_name() {
    let refusal = |offset: u64, name: &str| {
        format!("byte {offset}: the operation {name} is refused: saved state does not need it")
    };
    refused(b"\x80\x04cos\nsystem\n", &refusal(2, "GLOBAL"));
    refused(b"\x80\x02c_codecs\ndecode\n", &refusal(2, "GLOBAL"));
    refused(b"\x80\x04}\x93", &refusal(3, "STACK_GLOBAL"));
    refused(b"\x80\x04}(ios\nsystem\n", &refusal(4, "INST"));
    refused(b"\x80\x04}b", &refusal(3, "BUILD"));
    refused(b"\x80\x04}(o", &refusal(4, "OBJ"));
    refused(b"\x80\x04}\x81", &refusal(3, "NEWOBJ"));
    refused(b"\x80\x04}\x92", &refusal(3, "NEWOBJ_EX"));
    refused(b"\x80\x04}Q", &refusal(3, "BINPERSID"));
    refused(b"\x80\x04}K\x01K\x02R", &refusal(7, "REDUCE"));
    refused(b"\x80\x02}c_codecs\nencode\nK\x01R", &refusal(21, "REDUCE"));
    refused(b"\x80\x04}\xff", &refusal(3, "0xff"));
}

#[test]
fn a_real_attack_is_refused() {
    const ATTACK: &str = "
import os, pickle, sys
class Attack:
    def __reduce__(self):
        return (os.system, ('exit 1',))
sys.stdout.buffer.write(pickle.dumps({b'k' * 16: Attack()}, int(sys.argv[1])))
";
    for protocol in 2..=5 {
        let Some(pickle) = python(ATTACK, &[protocol.to_string()]) else {
            return;
        };
        let error = read(&pickle).unwrap_err();
        assert!(
            matches!(
                error,
                PickleError::Refused { .. } | PickleError::Malformed { .. }
            ),
            "{error}"
        );
    }
}

#[test]
fn what_is_no_dict_of_lines_is_refused_with_its_place() {
    assert_eq!(read(&sample()).unwrap().len(), 3);
    refused(b"", "byte 0: the file ends in the middle");
    refused(b"\x80\x01}.", "byte 0: a protocol other than 2 to 5");
    refused(b"\x80\x04}}", "byte 3: a dict inside a dict");
    refused(b"\x80\x04}C\x0f", "byte 3: a key that is not 16 bytes long");
    refused(
        b"\x80\x04}\x8e\xff\xff\xff\xff\xff\xff\xff\xff",
        "byte 3: a key that is not 16 bytes long",
    );
    refused(
        b"\x80\x02}X\xff\xff\xff\xff",
        "byte 3: a text that is too long for a key",
    );
    refused(b"\x80\x04}\x8a\x09", "byte 3: a number that is too large");
    refused(b"\x80\x04}K\x01s", "byte 5: entries without a dict");
    refused(
        b"\x80\x04}K\x01K\x02s",
        "byte 7: a key that is not 16 bytes",
    );
    refused(b"\x80\x04}(K\x01u", "byte 6: a key without a value");
    refused(b"\x80\x04u", "byte 2: an operation without its mark");
    refused(
        b"\x80\x04}h\x07",
        "byte 3: a value that is not remembered is asked for again",
    );
    refused(
        b"\x80\x04K\x01.",
        "byte 4: the end of something that is no dict",
    );
    let mut longer = sample();
    longer.push(b'x');
    refused(&longer, "byte 100: something stands after the end");
}

#[test]
fn values_without_number_are_not_held() {
    let endless = b"\x80\x04}".iter().chain(b"(".iter().cycle());
    let endless: Vec<u8> = endless.take(1 << 20).copied().collect();
    refused(&endless, "byte 65538: too many values at once");
}
