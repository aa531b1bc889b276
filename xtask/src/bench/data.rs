//! Records to send: flat, alike, and all different, in one collection, so that no order between
//! collections limits what a client can do.

use std::io::{BufWriter, Write as _};
use std::path::PathBuf;

use anyhow::Result;
use fs_err::File;

use super::program::Workshop;

/// How large a record is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Size {
    /// About 270 bytes.
    Small,
    /// About 1 KB.
    Large,
}

const DESCRIPTORS: [&str; 9] = [
    "BirthCountry",
    "BirthSex",
    "BirthStateAbbreviation",
    "CitizenshipStatus",
    "HispanicLatinoEthnicityGroup",
    "LimitedEnglishProficiency",
    "OldEthnicity",
    "ProfessionalEducation",
    "SupporterMilitaryConnection",
];

/// A folder with `students.jsonl` of so many records; kept from run to run.
pub(super) fn students(workshop: &Workshop, size: Size, records: u64) -> Result<PathBuf> {
    let name = match size {
        Size::Small => "small",
        Size::Large => "large",
    };
    let folder = workshop.folder.join(format!("data-{name}-{records}"));
    let file = folder.join("students.jsonl");
    if !file.is_file() {
        fs_err::create_dir_all(&folder)?;
        let beside = folder.join("students.part");
        let mut writer = BufWriter::with_capacity(1 << 20, File::create(&beside)?);
        for index in 0..records {
            writer.write_all(student(size, index).as_bytes())?;
            writer.write_all(b"\n")?;
        }
        writer.flush()?;
        fs_err::rename(beside, file)?;
    }
    Ok(folder)
}

/// One record; the same for the same index.
pub(super) fn student(size: Size, index: u64) -> String {
    let (year, month, day) = (2005 + index % 13, index / 13 % 12 + 1, index / 156 % 28 + 1);
    let mut text = format!(
        "{{\"studentUniqueId\":\"{:010}\",\"birthDate\":\"{year}-{month:02}-{day:02}\",\
         \"firstName\":\"First{}\",\"lastSurname\":\"Last{}\",\"middleName\":\"M{}\",\
         \"birthCity\":\"Grand Bend {}\",\
         \"birthStateAbbreviationDescriptor\":\"uri://ed-fi.org/StateAbbreviationDescriptor#TX\"",
        600_000_000 + index,
        index % 4093,
        index % 65_521,
        index % 97,
        index % 31,
    );
    if matches!(size, Size::Large) {
        for (order, name) in DESCRIPTORS.iter().enumerate() {
            let value = format!("uri://ed-fi.org/{name}Descriptor#Value number {order}");
            text.push_str(&format_member(order, &value));
        }
    }
    text.push_str(",\"multipleBirthStatus\":false}");
    text
}

fn format_member(order: usize, value: &str) -> String {
    format!(",\"additionalDescriptor{order}\":\"{value}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_json_of_the_size_they_are_named_for() {
        for (size, expected) in [(Size::Small, 240..300), (Size::Large, 950..1050)] {
            for index in [0, 1, 9_999_999] {
                let text = student(size, index);
                let value: serde_json::Value = serde_json::from_str(&text).unwrap();
                assert!(value["studentUniqueId"].is_string(), "{text}");
                assert!(expected.contains(&text.len()), "{}: {text}", text.len());
            }
        }
    }

    #[test]
    fn neighbours_differ() {
        assert_ne!(student(Size::Small, 1), student(Size::Small, 2));
    }
}
