//! Descriptor values in the data files, whichever collections are selected.

use std::borrow::Cow;
use std::ops::ControlFlow;

use serde::Deserialize;
use syncline_store_files::DataFiles;

use super::Values;
use crate::Failure;
use crate::validate::blocks::Block;
use crate::validate::pass::each_block;

/// How the names of descriptor collections end.
const ENDING: &str = "descriptors";

/// What is wanted of a descriptor.
#[derive(Deserialize)]
struct Descriptor<'a> {
    #[serde(borrow)]
    namespace: Cow<'a, str>,
    #[serde(borrow, rename = "codeValue")]
    code_value: Cow<'a, str>,
}

/// Adds the values of all files of descriptors. Lines that are none are reported by the pass over
/// their own file.
pub(crate) fn read_local(files: &DataFiles, values: &mut Values) -> Result<(), Failure> {
    let of_descriptors = files
        .collections
        .iter()
        .filter(|(name, _)| name.ends_with(ENDING));
    for file in of_descriptors.flat_map(|(_, files)| files) {
        let reader = file.open()?;
        each_block(reader, 1, found, |pairs| -> Result<_, Failure> {
            for (namespace, code) in pairs {
                values.add(&namespace, &code);
            }
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok(())
}

fn found(block: &Block) -> Vec<(String, String)> {
    let read = |text| serde_json::from_slice::<Descriptor<'_>>(text).ok();
    let descriptors = block.lines().filter_map(|line| read(line.text));
    descriptors
        .map(|one| (one.namespace.into_owned(), one.code_value.into_owned()))
        .collect()
}
