//! One expression of a field map.
//!
//! The name of a field stands for its value as it is. Text with `{{ }}` in it is a template and
//! gives text. Anything else is an expression of the engine and gives whatever it comes to. What
//! an expression names has to exist; that it does is checked before the first row.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::{Environment, Error, ErrorKind, Value};
use syncline_model::RawObject;

use crate::cell::{Cell, Given};
use crate::filters::OwnReason;

/// The whole row, for fields whose names are no words.
pub(crate) const ROW: &str = "row";

/// How a template hands out what an expression came to.
const RESULT: &str = "result__";

/// An expression, ready to be evaluated.
#[derive(Debug)]
pub(crate) enum Expression {
    /// The value of a field as it is.
    Field(String),
    /// A template that prints its result.
    Template(String),
    /// A template that sets its result.
    Compiled(String),
}

/// Why an expression cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unusable {
    pub(crate) message: String,
    /// A name that does not exist, for a suggestion.
    pub(crate) unknown: Option<String>,
}

impl Expression {
    /// Compiles an expression under a name of its own. `known` are the fields it may use, or
    /// nothing if they are not known beforehand.
    pub(crate) fn compile(
        environment: &mut Environment<'static>,
        (name, text): (&str, &str),
        known: Option<&BTreeSet<String>>,
    ) -> Result<(Self, BTreeSet<String>), Unusable> {
        if known.is_some_and(|known| known.contains(text)) || is_word(text) {
            let used = BTreeSet::from([text.to_owned()]);
            require(&used, known)?;
            return Ok((Self::Field(text.to_owned()), used));
        }
        let is_template = text.contains("{{") || text.contains("{%");
        if !is_template {
            // The engine's own check of the grammar, before it is part of a template.
            environment
                .compile_expression(text)
                .map_err(|error| unusable(&error))?;
        }
        let source = if is_template {
            text.to_owned()
        } else {
            format!("{{% set {RESULT} = ({text}) %}}")
        };
        environment
            .add_template_owned(name.to_owned(), source)
            .map_err(|error| unusable(&error))?;
        let template = environment
            .get_template(name)
            .map_err(|error| unusable(&error))?;
        let used: BTreeSet<String> = template.undeclared_variables(false).into_iter().collect();
        require(&used, known)?;
        let expression = if is_template {
            Self::Template(name.to_owned())
        } else {
            Self::Compiled(name.to_owned())
        };
        expression.try_out(environment, &used)?;
        Ok((expression, used))
    }

    /// Names of filters, tests and functions are looked up when they are used: they are, once.
    fn try_out(
        &self,
        environment: &Environment<'static>,
        used: &BTreeSet<String>,
    ) -> Result<(), Unusable> {
        let nothing = used.iter().map(|name| (name.clone(), Value::from(())));
        let context: BTreeMap<String, Value> = nothing.collect();
        match self.evaluate(environment, &Value::from(context)) {
            Err(error) if is_about_names(&error) => Err(unusable(&error)),
            Err(error) => match own_reason(&error) {
                Some(reason) if reason.starts_with("there is no lookup") => Err(Unusable {
                    message: reason.to_owned(),
                    unknown: None,
                }),
                _ => Ok(()),
            },
            Ok(_) => Ok(()),
        }
    }

    /// What it gives for a row.
    pub(crate) fn given<'text>(
        &self,
        environment: &Environment<'static>,
        row: &RawObject<'text>,
        context: &Value,
    ) -> Result<Given<'text>, String> {
        if let Self::Field(name) = self
            && let Some(text) = row.get(name)
        {
            return Ok(Given::Json(text));
        }
        self.evaluate(environment, context)
            .map(|value| Given::Cell(Cell::of_value(&value)))
            .map_err(|error| reason(&error))
    }

    /// The value as the engine has it.
    pub(crate) fn evaluate(
        &self,
        environment: &Environment<'static>,
        context: &Value,
    ) -> Result<Value, Error> {
        match self {
            Self::Field(name) => Ok(context.get_attr(name).unwrap_or_default()),
            Self::Template(name) => environment
                .get_template(name)?
                .render(context)
                .map(Value::from),
            Self::Compiled(name) => {
                let template = environment.get_template(name)?;
                let captured = template.render_captured(context)?;
                Ok(captured.state().lookup(RESULT).unwrap_or_default())
            }
        }
    }
}

/// Whether a text is a name as expressions have them, and no word of theirs.
fn is_word(text: &str) -> bool {
    let mut letters = text.chars();
    let begins = letters
        .next()
        .is_some_and(|first| first.is_alphabetic() || first == '_');
    let is_name = begins && letters.all(|letter| letter.is_alphanumeric() || letter == '_');
    is_name
        && !matches!(
            text,
            "true" | "false" | "none" | "null" | "True" | "False" | "None"
        )
}

fn require(used: &BTreeSet<String>, known: Option<&BTreeSet<String>>) -> Result<(), Unusable> {
    let Some(known) = known else {
        return Ok(());
    };
    match used
        .iter()
        .find(|name| *name != ROW && !known.contains(*name))
    {
        None => Ok(()),
        Some(name) => Err(Unusable {
            message: format!("there is no field `{name}`"),
            unknown: Some(name.clone()),
        }),
    }
}

fn is_about_names(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction
    )
}

/// What is wrong with an expression itself; its text is the configuration's, not a record's.
fn unusable(error: &Error) -> Unusable {
    let message = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    Unusable {
        message,
        unknown: None,
    }
}

/// Why a row has no value, without the values that took part.
pub(crate) fn reason(error: &Error) -> String {
    own_reason(error).map_or_else(|| error.kind().to_string(), ToOwned::to_owned)
}

fn own_reason(error: &Error) -> Option<&str> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(OwnReason(reason)) = error.downcast_ref() {
            return Some(reason);
        }
        next = error.source();
    }
    None
}
