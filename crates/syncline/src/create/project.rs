//! `earthmover.yml`: a new one, or an existing one with what is missing.
//!
//! An existing file may hold Jinja and is then no YAML, so it is read line by line: sections are
//! the lines without indentation, their entries the first lines indented below them.

/// The macro that templates take the namespace of descriptors from.
pub(super) const NAMESPACE_MACRO: &str = "descriptor_namespace";

const HEAD: &str = "version: 2

# An earthmover project, made by `syncline create`: rows in, Ed-Fi payloads out.
# See https://github.com/edanalytics/earthmover for everything else it can do.

config:
  macros: >
    {% macro descriptor_namespace() -%}
      uri://ed-fi.org
    {%- endmacro %}

";

/// Why an existing file cannot be added to: the section that is not written line by line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotByLines(pub(super) String);

/// A project for these destinations.
pub(super) fn new(names: &[String]) -> String {
    let sources: String = names.iter().map(|name| source(name, "  ")).collect();
    let destinations = names.iter().map(|name| destination(name, "sources", "  "));
    format!(
        "{HEAD}# One row becomes one payload; columns are named as the variables of the templates.\n\
         sources:\n{sources}\n# (If the rows need it:)\n# transformations:\n\ndestinations:\n{}",
        destinations.collect::<String>()
    )
}

/// The destinations that a project has.
pub(super) fn destinations(text: &str) -> Vec<String> {
    entries(text, "destinations")
}

/// A project with these destinations added, and sources for those that have none. Everything
/// that was there stays as it was.
pub(super) fn extended(text: &str, names: &[String]) -> Result<String, NotByLines> {
    let transformed = entries(text, "transformations");
    let sourced = entries(text, "sources");
    let without: Vec<&String> = names
        .iter()
        .filter(|name| !transformed.contains(name) && !sourced.contains(name))
        .collect();
    let text = inserted(text, "sources", |margin| {
        without.iter().map(|name| source(name, margin)).collect()
    })?;
    inserted(&text, "destinations", |margin| {
        let section = |name| {
            if transformed.contains(name) {
                "transformations"
            } else {
                "sources"
            }
        };
        let each = names.iter();
        each.map(|name| destination(name, section(name), margin))
            .collect()
    })
}

fn source(name: &str, margin: &str) -> String {
    format!("{margin}{name}:\n{margin}  file: ./sources/{name}.csv\n")
}

fn destination(name: &str, section: &str, margin: &str) -> String {
    format!(
        "{margin}{name}:\n{margin}  source: ${section}.{name}\n\
         {margin}  template: ./templates/{name}.jsont\n{margin}  extension: jsonl\n\
         {margin}  linearize: True\n"
    )
}

/// Adds lines at the end of a section, which is made if it is not there.
fn inserted(
    text: &str,
    section: &str,
    lines: impl FnOnce(&str) -> String,
) -> Result<String, NotByLines> {
    let Some(place) = Place::of(text, section) else {
        let lines = lines("  ");
        if lines.is_empty() {
            return Ok(text.to_owned());
        }
        let gap = if text.ends_with('\n') || text.is_empty() {
            ""
        } else {
            "\n"
        };
        return Ok(format!("{text}{gap}\n{section}:\n{lines}"));
    };
    let lines = lines(&place.margin);
    if lines.is_empty() {
        return Ok(text.to_owned());
    }
    if !place.by_lines {
        return Err(NotByLines(section.to_owned()));
    }
    let all: Vec<&str> = text.lines().collect();
    let (before, behind) = all.split_at(place.end.min(all.len()));
    let joined =
        |lines: &[&str]| -> String { lines.iter().flat_map(|line| [line, "\n"]).collect() };
    Ok(format!("{}{lines}{}", joined(before), joined(behind)))
}

/// Where the lines of a section are.
struct Place {
    /// Number of the line behind its last one that says something.
    end: usize,
    /// Indentation of its entries.
    margin: String,
    /// Whether nothing stands behind the colon of its heading.
    by_lines: bool,
    entries: Vec<String>,
}

impl Place {
    fn of(text: &str, section: &str) -> Option<Self> {
        let mut place: Option<Self> = None;
        for (number, line) in text.lines().enumerate() {
            let bare = line.trim();
            if bare.is_empty() || bare.starts_with('#') {
                continue;
            }
            let margin = line.strip_suffix(line.trim_start()).unwrap_or_default();
            if let Some(place) = &mut place {
                if margin.is_empty() {
                    break;
                }
                place.note(number, margin, bare);
            } else if let Some(rest) = line.strip_prefix(section) {
                let value = rest.strip_prefix(':').map(str::trim);
                place = value.map(|value| Self {
                    end: number + 1,
                    margin: "  ".to_owned(),
                    by_lines: value.is_empty() || value.starts_with('#'),
                    entries: vec![],
                });
            }
        }
        place
    }

    fn note(&mut self, number: usize, margin: &str, bare: &str) {
        self.end = number + 1;
        if self.entries.is_empty() {
            margin.clone_into(&mut self.margin);
        }
        if margin == self.margin {
            let name = bare.split(':').next().unwrap_or(bare);
            self.entries
                .push(name.trim().trim_matches(['"', '\'']).to_owned());
        }
    }
}

fn entries(text: &str, section: &str) -> Vec<String> {
    Place::of(text, section).map_or_else(Vec::new, |place| place.entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_project_is_added_to_within_its_sections() {
        let text = "version: 2\nsources:\n    rows:\n        file: x.csv\n\ndestinations:\n  # mine\n  \
                    schools:\n    source: $sources.rows\n\ntransformations:\n  students:\n    source: a";
        assert_eq!(destinations(text), ["schools"]);
        let text = extended(text, &names(&["students", "staffs"])).unwrap();
        assert_eq!(destinations(&text), ["schools", "students", "staffs"]);
        assert_eq!(entries(&text, "sources"), ["rows", "staffs"]);
        assert_eq!(entries(&text, "transformations"), ["students"]);
        assert!(
            text.contains("\n    staffs:\n      file: ./sources/staffs.csv\n"),
            "{text}"
        );
        assert!(
            text.contains("  students:\n    source: $transformations.students\n"),
            "{text}"
        );
        assert!(
            text.contains("  staffs:\n    source: $sources.staffs\n"),
            "{text}"
        );
        assert!(
            text.ends_with("transformations:\n  students:\n    source: a\n"),
            "{text}"
        );
    }

    #[test]
    fn sections_that_are_missing_are_made() {
        let text = extended("version: 2", &names(&["students"])).unwrap();
        assert_eq!(destinations(&text), ["students"]);
        assert_eq!(entries(&text, "sources"), ["students"]);
        let whole = new(&names(&["students"]));
        assert_eq!(extended(&whole, &[]).unwrap(), whole);
    }

    #[test]
    fn a_section_on_one_line_is_left_alone() {
        let text = "destinations: {}\nsources: {}\n";
        let refused = extended(text, &names(&["students"]));
        assert_eq!(refused, Err(NotByLines("sources".to_owned())));
    }
}
