//! How the pages of an API are asked for: by the file, and by the command line in its place.

use syncline_store_edfi::{Paging, ReadSettings};

use super::section::Section;
use crate::Failure;

/// The words for ways of paging.
const WAYS: &str = "auto, offset, reverse or cursor";

/// What the command line says about pages; what it does not say stays as the file has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PagingArgs {
    /// Most records in a page, of every collection.
    pub page_size: Option<u32>,
    /// A way of paging: `auto`, `offset`, `reverse` or `cursor`.
    pub paging: Option<String>,
    /// Walks side by side where pages are read by cursor.
    pub partitions: Option<u32>,
    /// Change versions that are read at once.
    pub version_window: Option<u64>,
}

impl PagingArgs {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn apply(&self, reading: &mut ReadSettings) -> Result<(), Failure> {
        if let Some(size) = self.page_size {
            reading.page_records = size.max(1);
            reading.page_sizes.clear();
        }
        if let Some(word) = &self.paging {
            reading.paging = Paging::named(word).ok_or_else(|| {
                Failure::configuration(format!("paging is `{word}`, and must be {WAYS}"))
            })?;
        }
        reading.partitions = self.partitions.or(reading.partitions);
        reading.version_window = self.version_window.or(reading.version_window);
        Ok(())
    }
}

/// What the section of an API says.
pub(super) fn read(section: &Section<'_>) -> Result<ReadSettings, Failure> {
    let page_sizes = section.named_texts("page_sizes")?;
    let page_sizes = page_sizes.into_iter().map(|(name, size)| {
        let records = size.parse().ok().filter(|records| *records > 0);
        let records = records.ok_or_else(|| {
            let message = format!("has `{size}` for {name}, and must have whole numbers above 0");
            section.failure("page_sizes", message)
        })?;
        Ok((name, records))
    });
    let paging = match section.text("paging")? {
        None => Paging::default(),
        Some(word) => Paging::named(&word)
            .ok_or_else(|| section.failure("paging", format!("is `{word}`, and must be {WAYS}")))?,
    };
    let version_window = section.parsed("version_window", "a whole number above 0")?;
    if version_window == Some(0) {
        return Err(section.failure("version_window", "must be a whole number above 0"));
    }
    Ok(ReadSettings {
        page_records: page_size(section)?,
        page_sizes: page_sizes.collect::<Result<_, Failure>>()?,
        paging,
        partitions: section.parsed("partitions", "a whole number")?,
        version_window,
        ..ReadSettings::default()
    })
}

/// Most records in a page, as the section says.
pub(super) fn page_size(section: &Section<'_>) -> Result<u32, Failure> {
    match section.parsed("page_size", "a whole number above 0")? {
        Some(0) => Err(section.failure("page_size", "must be a whole number above 0")),
        Some(size) => Ok(size),
        None => Ok(ReadSettings::default().page_records),
    }
}
