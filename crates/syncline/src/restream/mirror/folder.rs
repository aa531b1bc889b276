//! A folder as the target of a mirror: a file for each segment, named by its time and site.
//!
//! A file of a span that is not over keeps its spool beside it, so that later seconds are added without
//! reading the others again.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use fs_err::File;
use jiff::Timestamp;
use syncline_model::Digest;
use syncline_store_restream::{Place, Restream};
use tokio_util::sync::CancellationToken;

use super::journal::Journal;
use super::segment::{Recorded, SegmentId};
use super::{Fill, Filled};
use crate::Failure;
use crate::restream::save::{Growing, file_in};
use crate::restream::{Partition, SaveFormat};

/// What is told of a segment without records, which has no file.
const NOTHING: &str = "nothing";
/// Bytes of a file that are digested at once.
const PIECE_BYTES: usize = 1 << 20;

/// A folder of files.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    pub(super) root: PathBuf,
    pub(super) partition: Partition,
    pub(super) format: SaveFormat,
}

impl Folder {
    /// The file of a segment.
    pub(super) fn file(&self, id: SegmentId) -> PathBuf {
        let time = Timestamp::from_second(id.start).unwrap_or_default();
        let folder = self.root.join(self.partition.folder(time));
        file_in(&folder, Place::Site(id.site), self.format)
    }

    /// Segments of a site that are recorded and are, from a quick look, not there any more.
    pub(super) fn lacking(&self, journal: &Journal, site: u64) -> BTreeSet<SegmentId> {
        let recorded = journal.of_site(site);
        let lacking = recorded.filter(|known| self.lacks(known));
        lacking.map(|known| known.id).collect()
    }

    fn lacks(&self, recorded: &Recorded) -> bool {
        let length = fs_err::metadata(self.file(recorded.id)).map(|file| file.len());
        let written = recorded.held.split(' ').next().unwrap_or_default();
        let found = length.map_or_else(|_missing| NOTHING.to_owned(), |bytes| bytes.to_string());
        found != written
    }

    /// What the target has of a segment.
    pub(super) fn held(&self, id: SegmentId) -> Result<String, Failure> {
        held(&self.file(id))
    }

    /// What is said of a segment that does not hold what was written.
    pub(super) fn told_wrong(&self, id: SegmentId) -> String {
        let file = self.file(id);
        let what = if file.exists() {
            "is not as it was written"
        } else {
            "is missing"
        };
        format!("{} {what}", file.display())
    }

    /// Reads a segment, as far as an earlier run has not, and puts its file into its place.
    pub(super) async fn fill(
        &self,
        api: &Restream,
        fill: &Fill,
        stop: &CancellationToken,
    ) -> Result<Option<Filled>, Failure> {
        let Some(growing) = self.growing(api, fill, stop).await? else {
            return Ok(None);
        };
        let grown = growing.publish(fill.is_over).await?;
        Ok(Some(Filled {
            content: grown.content,
            held: self.held(fill.id)?,
            notes: grown.notes,
        }))
    }

    /// The spool of a segment with all that the source has of it so far.
    async fn growing(
        &self,
        api: &Restream,
        fill: &Fill,
        stop: &CancellationToken,
    ) -> Result<Option<Growing>, Failure> {
        let host = &api.settings().base_url;
        let (id, listing) = (fill.id, fill.listing);
        let asked = (&fill.query.fields, fill.query.si_units);
        // What was read before a correction was listed is not gone on with.
        let wish = format!("mirror\n{host}\n{id:?}\n{asked:?}\nlisting {listing}\n");
        let wanted = (Place::Site(id.site), fill.query.clone(), self.file(id));
        Growing::read(api, wanted, wish, &|_| {}, stop).await
    }
}

/// Length and digest of a file.
fn held(path: &Path) -> Result<String, Failure> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(NOTHING.to_owned()),
        Err(error) => return Err(error.into()),
    };
    let (mut length, mut digest, mut piece) = (0, Digest::of(b""), Vec::new());
    loop {
        piece.clear();
        (&mut file)
            .take(PIECE_BYTES as u64)
            .read_to_end(&mut piece)?;
        if piece.is_empty() {
            return Ok(format!("{length} {digest}"));
        }
        length += piece.len();
        let both = [*digest.as_bytes(), *Digest::of(&piece).as_bytes()];
        digest = Digest::of(both.as_flattened());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_holds_is_its_length_and_all_of_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        assert_eq!(held(&path).unwrap(), NOTHING);
        let mut bytes = vec![7; PIECE_BYTES + 10];
        std::fs::write(&path, &bytes).unwrap();
        let whole = held(&path).unwrap();
        assert!(whole.starts_with("1048586 "), "{whole}");
        for place in [0, PIECE_BYTES - 1, PIECE_BYTES] {
            bytes[place] = 8;
            std::fs::write(&path, &bytes).unwrap();
            assert_ne!(held(&path).unwrap(), whole);
            bytes[place] = 7;
        }
    }
}
