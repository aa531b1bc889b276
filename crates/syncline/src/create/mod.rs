//! `create`: a skeleton of an earthmover project, out of what an API says of its payloads.
//!
//! Every selected collection gets a template, `templates/<name>.jsont`, and a destination in
//! `earthmover.yml`. Nothing is written before it is clear that nothing is in the way.

mod project;
mod shape;
mod template;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use syncline_model::{Catalog, CollectionName};
use syncline_plan::LoadOrder;
use syncline_store_edfi::documents;

use crate::replace::replace_file;
use crate::{Config, Failure, Selection, open};
use shape::Shapes;

/// The file of a project.
const PROJECT: &str = "earthmover.yml";
/// The folder of its templates.
const TEMPLATES: &str = "templates";
/// Files in the way that are named; the rest is counted.
const NAMES_SHOWN: usize = 5;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct CreateArgs {
    /// Which collections.
    pub selection: Selection,
    /// The folder of the project.
    pub folder: PathBuf,
    /// Whether templates that are there are replaced.
    pub overwrite: bool,
}

/// What was made.
#[derive(Clone, Debug)]
pub struct CreateSummary {
    /// The templates that were written, in load order.
    pub templates: Vec<PathBuf>,
    /// The project's file.
    pub project: PathBuf,
    /// Destinations that the project has now and had not before.
    pub destinations_added: usize,
    /// What is odd but no error, each one clause.
    pub notes: Vec<String>,
}

/// Writes templates and a project for the selected collections of the API.
///
/// # Errors
/// An API that cannot be reached or shows no documents, a selection of nothing, files in the way.
pub async fn create(config: &Config, arguments: CreateArgs) -> Result<CreateSummary, Failure> {
    let api = config.api()?;
    let (_, catalog) = open::api(api).await?;
    let documents = open::briefly(|| documents(&api.settings)).await?;
    let order = LoadOrder::new(&catalog.dependencies);
    let known = order.sequence().iter();
    let known: Vec<CollectionName> = known
        .filter(|name| catalog.collections.contains_key(*name))
        .cloned()
        .collect();
    let selected = arguments.selection.apply(&known)?;
    let (templates, mut notes) = templates(&selected, &catalog, &documents);
    let (project, added) = project(&arguments, &templates)?;
    if !project.contains(project::NAMESPACE_MACRO) {
        notes.push(format!(
            "{PROJECT} has no macro `{}`, so descriptors are written with uri://ed-fi.org",
            project::NAMESPACE_MACRO
        ));
    }
    let folder = arguments.folder.join(TEMPLATES);
    fs_err::create_dir_all(&folder)?;
    let mut written = Vec::with_capacity(templates.len());
    for (name, text) in &templates {
        let path = folder.join(format!("{name}.jsont"));
        replace_file(&path, text.as_bytes())?;
        written.push(path);
    }
    let path = arguments.folder.join(PROJECT);
    replace_file(&path, project.as_bytes())?;
    Ok(CreateSummary {
        templates: written,
        project: path,
        destinations_added: added,
        notes,
    })
}

/// Names and texts of the templates, and what could not be made.
fn templates(
    selected: &[CollectionName],
    catalog: &Catalog,
    documents: &[Value],
) -> (Vec<(String, String)>, Vec<String>) {
    let shapes = Shapes::new(documents);
    let mut made = Vec::with_capacity(selected.len());
    let mut notes = Vec::new();
    let shorts = selected.iter().map(|name| name.short().to_lowercase());
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for short in shorts {
        *times.entry(short).or_default() += 1;
    }
    for name in selected {
        let Some(members) = shapes.payload(name) else {
            notes.push(format!("the documents say nothing of payloads of {name}"));
            continue;
        };
        let key = catalog
            .collections
            .get(name)
            .map(|each| each.key.as_slice());
        let grain: Vec<String> = key
            .unwrap_or_default()
            .iter()
            .map(|field| field.path.join("_"))
            .collect();
        // Two of one name have their namespaces before it, as files of records do.
        let file = match times.get(&name.short().to_lowercase()) {
            Some(2..) => name.as_str().replace('/', "."),
            _ => name.short().to_owned(),
        };
        made.push((file, template::template(name.as_str(), &grain, &members)));
    }
    (made, notes)
}

/// The project as it is to be, and how many destinations are new in it.
fn project(
    arguments: &CreateArgs,
    templates: &[(String, String)],
) -> Result<(String, usize), Failure> {
    let path = arguments.folder.join(PROJECT);
    let names: Vec<String> = templates.iter().map(|(name, _)| name.clone()).collect();
    let before = match fs_err::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(error.into()),
    };
    let there = before.as_deref().map(project::destinations);
    let there = there.unwrap_or_default();
    if !arguments.overwrite {
        nothing_in_the_way(&arguments.folder, &names, &there)?;
    }
    let Some(before) = before else {
        return Ok((project::new(&names), names.len()));
    };
    let mut missing = names;
    missing.retain(|name| !there.contains(name));
    let text = project::extended(&before, &missing).map_err(|refused| {
        let section = refused.0;
        let message = format!(
            "{}: `{section}:` is not written line by line, so nothing can be added to it",
            path.display()
        );
        Failure::configuration(message).with_hint(format!(
            "write each entry of `{section}:` on lines of its own"
        ))
    })?;
    Ok((text, missing.len()))
}

fn nothing_in_the_way(folder: &Path, names: &[String], there: &[String]) -> Result<(), Failure> {
    let templates = names
        .iter()
        .map(|name| folder.join(TEMPLATES).join(format!("{name}.jsont")))
        .filter(|path| path.exists())
        .map(|path| path.display().to_string());
    let destinations = names
        .iter()
        .filter(|name| there.contains(name))
        .map(|name| format!("destination `{name}` in {PROJECT}"));
    let found: Vec<String> = templates.chain(destinations).collect();
    if found.is_empty() {
        return Ok(());
    }
    let shown = found.iter().take(NAMES_SHOWN).cloned().collect::<Vec<_>>();
    let shown = shown.join(", ");
    let more = match found.len().saturating_sub(NAMES_SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Err(Failure::configuration(format!(
        "already there, and nothing was written: {shown}{more}"
    ))
    .with_hint(
        "add --overwrite to replace templates; destinations that are there stay as they are",
    ))
}

#[cfg(test)]
mod tests;
