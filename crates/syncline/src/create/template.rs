//! Payloads as templates: Jinja that becomes JSON when it is filled in.
//!
//! Members of embedded objects are variables of their own, `reference_member`; lists are loops
//! over `item`. A template stays right when its line breaks are taken out, which earthmover does.

use super::shape::{Member, Shape};

/// One level of indentation.
const STEP: &str = "  ";
/// The member that holds extensions, whose own name says nothing.
const EXTENSIONS: &str = "_ext";

/// The template of a collection's payloads; the grain is what one of its records stands for.
pub(super) fn template(name: &str, grain: &[String], members: &[Member]) -> String {
    let grain = if grain.is_empty() {
        String::new()
    } else {
        format!("\n  There is one for each: {}.", grain.join(", "))
    };
    let mut writer = Writer::default();
    let payload = writer.object(members, &Place::default());
    format!(
        "{{#\n  A template for earthmover, made by `syncline create`: one payload of `{name}`.{grain}\
         \n#}}\n{{%- set descriptor_uri = descriptor_namespace() if descriptor_namespace is defined \
         else \"uri://ed-fi.org\" -%}}\n{payload}\n"
    )
}

/// Where in a template something stands.
#[derive(Clone, Default)]
struct Place {
    /// What its variables begin with: `item.` in a loop, and names of embedded objects.
    prefix: String,
    /// Loops around it.
    loops: usize,
    indent: usize,
}

impl Place {
    fn variable(&self, name: &str) -> String {
        let letters = name.chars();
        let clean = letters.map(|letter| {
            let fits = letter.is_ascii_alphanumeric() || letter == '_';
            if fits { letter } else { '_' }
        });
        format!("{}{}", self.prefix, clean.collect::<String>())
    }

    fn deeper(&self) -> Self {
        Self {
            indent: self.indent + 1,
            ..self.clone()
        }
    }

    fn margin(&self) -> String {
        STEP.repeat(self.indent)
    }
}

/// Writes values; counts the commas that have to be named.
#[derive(Default)]
struct Writer {
    commas: usize,
}

impl Writer {
    fn object(&mut self, members: &[Member], place: &Place) -> String {
        let (required, optional): (Vec<&Member>, Vec<&Member>) =
            members.iter().partition(|member| member.required);
        let inner = place.deeper();
        let mut lines = Vec::new();
        for (number, member) in required.iter().enumerate() {
            let comma = if number + 1 < required.len() { "," } else { "" };
            let pair = self.pair(member, &inner);
            lines.push(format!("{pair}{comma}{}", said(&member.shape, "required")));
        }
        // Without a member that is always there, the first that is there takes no comma.
        let comma = if required.is_empty() && !optional.is_empty() {
            self.commas += 1;
            let name = format!("comma{}", self.commas);
            lines.push(format!("{{%- set {name} = joiner(\",\") %}}"));
            format!("{{{{ {name}() }}}}")
        } else {
            ",".to_owned()
        };
        for member in optional {
            let condition = condition(&member.shape, &member.name, &inner);
            let pair = self.pair(member, &inner);
            let said = said(&member.shape, "optional");
            lines.push(format!(
                "{{% if {condition} %}}{comma} {pair}{{% endif %}}{said}"
            ));
        }
        let margin = inner.margin();
        let lines: String = lines
            .iter()
            .flat_map(|line| [&margin, line, "\n"])
            .collect();
        format!("{{\n{lines}{}}}", place.margin())
    }

    fn pair(&mut self, member: &Member, place: &Place) -> String {
        let value = self.value(&member.shape, &member.name, place);
        format!("\"{}\": {value}", member.name)
    }

    fn value(&mut self, shape: &Shape, name: &str, place: &Place) -> String {
        match shape {
            Shape::Object(members) => self.object(members, &embedded(name, place)),
            Shape::List(item) => self.list(item, &place.variable(name), place),
            scalar => filled(scalar, &place.variable(name)),
        }
    }

    fn list(&mut self, item: &Shape, variable: &str, place: &Place) -> String {
        let loops = place.loops + 1;
        let each = if loops == 1 {
            "item".to_owned()
        } else {
            format!("item{loops}")
        };
        let inner = Place {
            prefix: format!("{each}."),
            loops,
            indent: place.indent + 1,
        };
        let value = match item {
            Shape::Object(members) => self.object(members, &inner),
            Shape::List(item) => self.list(item, &each, &inner),
            scalar => filled(scalar, &each),
        };
        let margin = inner.margin();
        format!(
            "[\n{margin}{{% for {each} in {variable} %}}\n{margin}{value}\
             {{% if not loop.last %}},{{% endif %}}\n{margin}{{% endfor %}}\n{}]",
            place.margin()
        )
    }
}

/// A place within an embedded object of that name.
fn embedded(name: &str, place: &Place) -> Place {
    let mut inner = place.clone();
    if name != EXTENSIONS {
        inner.prefix = format!("{}_", place.variable(name));
    }
    inner
}

/// A value that holds no others, written so that any content is right.
fn filled(shape: &Shape, variable: &str) -> String {
    match shape {
        Shape::Text(_) => format!("{{{{ {variable} | string | tojson }}}}"),
        Shape::Descriptor(name) => {
            format!("{{{{ (descriptor_uri ~ \"/{name}#\" ~ {variable}) | tojson }}}}")
        }
        Shape::Number(_) => format!("{{{{ {variable} }}}}"),
        // `True` is how Python writes it.
        Shape::Switch => format!("{{{{ {variable} | lower }}}}"),
        Shape::Anything | Shape::Object(_) | Shape::List(_) => {
            format!("{{{{ {variable} | tojson }}}}")
        }
    }
}

/// When an optional member is there.
fn condition(shape: &Shape, name: &str, place: &Place) -> String {
    let variable = place.variable(name);
    match shape {
        // Zero and false are values, too.
        Shape::Number(_) | Shape::Switch => {
            format!("{variable} is defined and {variable} not in [none, \"\"]")
        }
        Shape::Object(members) => {
            let inner = embedded(name, place);
            let decisive = members.iter().find(|member| member.required);
            let these: Vec<&Member> = match decisive {
                Some(member) => vec![member],
                None => members.iter().collect(),
            };
            let each = these
                .iter()
                .map(|member| condition(&member.shape, &member.name, &inner));
            each.collect::<Vec<_>>().join(" or ")
        }
        _ => variable,
    }
}

/// A comment about a value that holds no others.
fn said(shape: &Shape, whether: &str) -> String {
    let what = match shape {
        Shape::Text(what) => what.clone(),
        Shape::Descriptor(name) => format!("code of a {name}"),
        Shape::Number(what) => (*what).to_owned(),
        Shape::Switch => "true or false".to_owned(),
        Shape::List(_) => "list".to_owned(),
        Shape::Object(_) | Shape::Anything => return format!(" {{# {whether} #}}"),
    };
    format!(" {{# {whether}: {what} #}}")
}
