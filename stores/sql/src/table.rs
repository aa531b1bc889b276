//! What a collection is in its database: where its rows come from, and what each column holds.

use std::collections::BTreeMap;

use syncline_model::{Binary, Bounds, Field, FieldKind, Labels};

/// Where rows come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A table or a view.
    Table { schema: String, name: String },
    /// A query, which has a name in the configuration alone.
    Query(String),
}

/// A table, a view or a query.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) source: Source,
    pub(crate) columns: Vec<Column>,
    /// Names of the columns that tell rows apart.
    pub(crate) key: Vec<String>,
    /// Which columns a constraint is about.
    pub(crate) constraints: BTreeMap<String, Vec<String>>,
    pub(crate) foreign_keys: Vec<ForeignKey>,
    /// Whether rows can be written.
    pub(crate) is_writable: bool,
    /// Whether it is in the schema that is meant where none is named.
    pub(crate) is_usual: bool,
}

/// Columns that refer to another table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ForeignKey {
    pub(crate) columns: Vec<String>,
    pub(crate) target: Source,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) form: Form,
    /// Which values of its kind it keeps.
    pub(crate) bounds: Bounds,
    /// Which texts it has, if these are told one by one.
    pub(crate) labels: Labels,
    /// The database's own name of the type, as a statement may hold it.
    pub(crate) type_name: String,
    pub(crate) nullable: bool,
    /// Whether the database works its values out.
    pub(crate) computed: bool,
}

/// What the values of a column are, and how they are spelled in a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Integer,
    /// With so many digits after the point, if that is bounded.
    Decimal {
        scale: Option<u32>,
    },
    Float {
        single: bool,
    },
    Boolean,
    Date,
    Time {
        digits: u32,
    },
    /// With a zone, values are said in UTC.
    Timestamp {
        zoned: bool,
        digits: u32,
    },
    Bytes,
    Json,
    List,
    /// Whatever there is, which is told by each value (columns of SQLite without a type). Where the
    /// column has a type that SQLite does not know, a text that spells a number becomes one.
    Loose {
        numbers: bool,
    },
}

impl Form {
    pub(crate) const fn kind(self) -> FieldKind {
        match self {
            Self::Text => FieldKind::Text,
            Self::Integer => FieldKind::Integer,
            Self::Decimal { .. } => FieldKind::Decimal,
            Self::Float { .. } => FieldKind::Number,
            Self::Boolean => FieldKind::Boolean,
            Self::Date => FieldKind::Date,
            Self::Time { .. } => FieldKind::Time,
            Self::Timestamp { .. } => FieldKind::Timestamp,
            Self::Bytes => FieldKind::Bytes,
            Self::List => FieldKind::List,
            Self::Json | Self::Loose { .. } => FieldKind::Any,
        }
    }

    /// Which values of its kind a column keeps, if nothing else bounds it.
    pub(crate) fn bounds(self) -> Bounds {
        let none = Bounds::default();
        match self {
            Self::Decimal { scale } => Bounds {
                digits: scale,
                ..none
            },
            Self::Float { single } => Bounds {
                binary: Some(if single {
                    Binary::Single
                } else {
                    Binary::Double
                }),
                ..none
            },
            Self::Time { digits } => Bounds {
                digits: Some(digits),
                ..none
            },
            Self::Timestamp { zoned, digits } => Bounds {
                zoned: Some(zoned),
                digits: Some(digits),
                ..none
            },
            Self::Loose { numbers } => Bounds {
                spelled_numbers: numbers,
                ..none
            },
            _ => none,
        }
    }
}

impl Column {
    pub(crate) fn field(&self) -> Field {
        let field = Field::new(self.name.clone(), self.form.kind()).bounded(self.bounds);
        let field = field.labelled(self.labels.clone());
        if self.nullable {
            field
        } else {
            field.required()
        }
    }
}

impl Table {
    /// The place of a column.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// How a person calls it.
    pub(crate) fn shown(&self) -> String {
        match &self.source {
            Source::Table { schema, name } if schema.is_empty() || self.is_usual => name.clone(),
            Source::Table { schema, name } => format!("{schema}.{name}"),
            Source::Query(_) => "the query".to_owned(),
        }
    }

    /// A constraint with its columns, for a message.
    pub(crate) fn constraint(&self, name: &str) -> String {
        match self.constraints.get(name) {
            Some(columns) => format!("`{name}` ({})", columns.join(", ")),
            None => format!("`{name}`"),
        }
    }

    /// The name of a column as far as it is one, so that no other text gets into a message.
    pub(crate) fn known_column(&self, name: &str) -> Option<&str> {
        let at = self.column(name)?;
        self.columns.get(at).map(|column| column.name.as_str())
    }
}
