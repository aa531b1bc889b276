//! Collections that a flow derives from its source by SQL.

use std::path::Path;
use std::sync::Arc;

use syncline_derive::{DerivedQuery, DerivedStore, SqlProblem};
use syncline_model::CollectionName;
use syncline_store::Store;

use super::settings::{DerivedSettings, FlowSettings};
use crate::Failure;
use crate::suggest::nearest;

/// The source with the collections that the flow derives from it.
pub(crate) async fn with_derived(
    state: &Path,
    settings: &FlowSettings,
    source: Arc<dyn Store>,
) -> Result<Arc<dyn Store>, Failure> {
    if settings.derived.is_empty() {
        return Ok(source);
    }
    let catalog = source.describe().await?;
    let queries = settings.derived.iter().map(|one| DerivedQuery {
        name: one.name.clone(),
        sql: one.sql.clone(),
    });
    let work = (queries.collect(), state.to_owned());
    let tables = catalog.collections.keys().map(CollectionName::short);
    match DerivedStore::new(source, &catalog, work) {
        Ok(derived) => Ok(Arc::new(derived)),
        Err(problems) => {
            let names = settings.derived.iter().map(|one| one.name.as_str());
            let names: Vec<&str> = tables.chain(names).collect();
            Err(one_failure(settings, problems, &names))
        }
    }
}

/// All problems as one failure: the first, and the others beneath it.
fn one_failure(settings: &FlowSettings, problems: Vec<SqlProblem>, names: &[&str]) -> Failure {
    let mut failure: Option<Failure> = None;
    for problem in problems {
        let declared = settings.derived.iter();
        let mut declared = declared.filter(|one| one.name == problem.collection);
        let next = failure_of(declared.next(), problem, names);
        match &mut failure {
            None => failure = Some(next),
            Some(first) => {
                first.causes.push(next.message);
                first.hints.extend(next.hints);
            }
        }
    }
    failure.unwrap_or_else(|| Failure::configuration("a query cannot be used"))
}

fn failure_of(declared: Option<&DerivedSettings>, problem: SqlProblem, names: &[&str]) -> Failure {
    let place = declared.map_or("", |one| one.place.as_str());
    let failure = Failure::configuration(format!("{place}: {problem}"));
    let near = problem.unknown.as_deref();
    match (
        near.and_then(|name| nearest(name, names.iter().copied())),
        problem.hint,
    ) {
        (Some(near), _) => failure.with_hint(format!("did you mean `{near}`?")),
        (None, Some(hint)) => failure.with_hint(hint),
        (None, None) => failure,
    }
}
