//! Records that are right, of about 1 KB, with lists, references and ten descriptor values each,
//! as districts send them.

use std::io::{BufWriter, Write as _};
use std::path::PathBuf;

use anyhow::Result;
use fs_err::File;

use crate::bench::program::Workshop;

/// The collection.
pub(super) const COLLECTION: &str = "studentEducationOrganizationAssociations";

/// A folder with so many records of [`COLLECTION`]; kept from run to run.
pub(super) fn folder(workshop: &Workshop, records: u64) -> Result<PathBuf> {
    let folder = workshop.folder.join(format!("data-checked-{records}"));
    let file = folder.join(format!("{COLLECTION}.jsonl"));
    if !file.is_file() {
        fs_err::create_dir_all(&folder)?;
        let beside = folder.join("records.part");
        let mut writer = BufWriter::with_capacity(1 << 20, File::create(&beside)?);
        for index in 0..records {
            writer.write_all(record(index).as_bytes())?;
            writer.write_all(b"\n")?;
        }
        writer.flush()?;
        fs_err::rename(beside, file)?;
    }
    Ok(folder)
}

/// One record; the same for the same index, and with a key of its own.
fn record(index: u64) -> String {
    let (house, zip) = (index % 9973, 10_000 + index % 80_021);
    let value = |name: &str, code: &str| format!("uri://ed-fi.org/{name}Descriptor#{code}");
    format!(
        "{{\"addresses\":[{{\"addressTypeDescriptor\":\"{}\",\"city\":\"Lakewood\",\
         \"postalCode\":\"{zip}\",\"stateAbbreviationDescriptor\":\"{}\",\
         \"streetNumberName\":\"{house} River Road\"}}],\
         \"educationOrganizationReference\":{{\"educationOrganizationId\":{}}},\
         \"electronicMails\":[{{\"electronicMailAddress\":\"s{index}@students.example.org\",\
         \"electronicMailTypeDescriptor\":\"{}\"}}],\"hispanicLatinoEthnicity\":false,\
         \"languages\":[{{\"languageDescriptor\":\"{}\",\
         \"uses\":[{{\"languageUseDescriptor\":\"{}\"}}]}}],\
         \"limitedEnglishProficiencyDescriptor\":\"{}\",\
         \"races\":[{{\"raceDescriptor\":\"{}\"}}],\"sexDescriptor\":\"{}\",\
         \"studentReference\":{{\"studentUniqueId\":\"{:09}\"}}}}",
        value("AddressType", "Home"),
        value("StateAbbreviation", "TX"),
        866_901 + index % 7,
        value("ElectronicMailType", "Organization"),
        value("Language", "eng"),
        value("LanguageUse", "Home language"),
        value("LimitedEnglishProficiency", "NotLimited"),
        value("Race", "Asian"),
        value("Sex", "Female"),
        200_000_000 + index,
    )
}
