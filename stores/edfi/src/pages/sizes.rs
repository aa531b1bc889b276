//! Page sizes of single collections, under the names that the API has for them.

use std::collections::BTreeMap;

use syncline_model::CollectionName;
use syncline_store::{ErrorKind, Result, StoreError};

use crate::metadata::parameters::nearest;
use crate::settings::EdfiSettings;

/// The sizes that settings name; one for a collection that the API does not have is refused.
pub(crate) fn sizes<'names>(
    settings: &EdfiSettings,
    names: &(impl Iterator<Item = &'names CollectionName> + Clone),
) -> Result<BTreeMap<String, u32>> {
    let mut sizes = BTreeMap::new();
    for (written, size) in &settings.reading.page_sizes {
        let mut wanted = written.trim_start_matches('/').to_owned();
        if !wanted.contains('/') {
            wanted = format!("{}/{wanted}", settings.namespace);
        }
        let same = |name: &&CollectionName| name.as_str().eq_ignore_ascii_case(&wanted);
        let Some(known) = names.clone().find(same) else {
            let message =
                format!("a page size is set for `{written}`, which the API does not have");
            let error = StoreError::new(ErrorKind::Configuration, message);
            return Err(
                match nearest(&wanted, names.clone().map(CollectionName::as_str)) {
                    Some(near) => error.with_hint(format!("did you mean `{near}`?")),
                    None => error,
                },
            );
        };
        sizes.insert(known.to_string(), *size);
    }
    Ok(sizes)
}
