//! What was planned or done as one page that a person reads in a browser.
//!
//! The page holds everything it needs and asks nothing of a network; its own policy forbids it to.
//! Everything in it is text to the template, which escapes all of it. What a person may not see
//! without asking is not in the page, and a bounded part of the changes stands for all of them.

mod charts;
mod outcomes;
mod page;
mod words;

use std::path::Path;

use minijinja::{Environment, context};

use crate::flow::{ApplySummary, PlanSummary};
use crate::replace::replace_privately;
use crate::{Failure, FailureKind};
use page::Page;

/// The page.
const TEMPLATE: &str = include_str!("page.html");
/// How it looks.
const STYLE: &str = include_str!("page.css");
/// How its table is searched.
const SCRIPT: &str = include_str!("page.js");

/// Writes what was planned as a page. Values of fields are part of it only if they are asked for,
/// and those of secrets never.
pub fn write_plan_report(
    path: &Path,
    summary: &PlanSummary,
    show_values: bool,
) -> Result<(), Failure> {
    write(path, &Page::of_plan(summary, show_values)?)
}

/// Writes what was done as a page, in the same way.
pub fn write_run_report(
    path: &Path,
    summary: &ApplySummary,
    show_values: bool,
) -> Result<(), Failure> {
    write(path, &Page::of_run(summary, show_values)?)
}

fn write(path: &Path, page: &Page) -> Result<(), Failure> {
    replace_privately(path, render(page)?.as_bytes())
}

fn render(page: &Page) -> Result<String, Failure> {
    let mut environment = Environment::new();
    let rendered = environment
        .add_template("page.html", TEMPLATE)
        .and_then(|()| environment.get_template("page.html"))
        .and_then(|template| {
            template.render(context! { page => page, style => STYLE, script => SCRIPT })
        });
    rendered.map_err(|error| {
        // Its own words may quote what it was given.
        Failure::new(
            FailureKind::Defect,
            format!("the page cannot be made: {}", error.kind()),
        )
    })
}

#[cfg(test)]
mod tests;
