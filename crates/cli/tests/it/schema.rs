//! `config schema`: what it accepts can be read, and unknown keys and wrong values are refused by it
//! as they are by the program.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::desk::Desk;

/// The first thing that the schema has against a configuration, if it has anything.
pub(crate) fn objection(text: &str) -> Option<String> {
    static SCHEMA: OnceLock<Validator> = OnceLock::new();
    let schema =
        SCHEMA.get_or_init(|| jsonschema::validator_for(&syncline::config_schema()).unwrap());
    against(schema, text)
}

fn against(schema: &Validator, text: &str) -> Option<String> {
    let value: Value = serde_saphyr::from_str(text).unwrap();
    // An empty file is an empty section.
    let value = if value.is_null() { json!({}) } else { value };
    let first = schema.iter_errors(&value).next();
    first.map(|error| format!("{}: {error}", error.instance_path()))
}

/// The configurations in the documents, by file and line; fragments that stand further in are left
/// out.
fn documented() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files: Vec<PathBuf> = std::fs::read_dir(root.join("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    files.push(root.join("README.md"));
    let mut found = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let mut block: Option<String> = None;
        for (number, line) in (1..).zip(text.lines()) {
            match (&mut block, line.strip_prefix("```")) {
                (None, Some(label)) if label.starts_with("yaml") => block = Some(String::new()),
                (None, _) => {}
                (Some(lines), None) => lines.extend([line, "\n"]),
                (Some(lines), Some(_)) => {
                    if lines.starts_with(|letter: char| !letter.is_whitespace()) {
                        found.push((format!("{}:{number}", file.display()), lines.clone()));
                    }
                    block = None;
                }
            }
        }
    }
    found
}

#[test]
fn it_accepts_every_configuration_of_the_documents() {
    let jobs = jsonschema::validator_for(&syncline::jobs_schema()).unwrap();
    let documented = documented();
    assert!(documented.len() >= 9, "{documented:?}");
    for (place, text) in documented {
        let is_jobs = text.contains("\njobs:");
        let objection = if is_jobs {
            against(&jobs, &text)
        } else {
            objection(&text)
        };
        assert_eq!(objection, None, "{place}");
    }
}

#[test]
fn it_accepts_the_configuration_of_the_school() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/school/syncline.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    assert_eq!(objection(&text), None);
    let mistaken = text.replace("rename_by:", "rename_bi:");
    assert!(objection(&mistaken).is_some_and(|told| told.contains("rename_bi")));
}

#[test]
fn it_is_printed_is_a_schema_and_says_what_keys_mean() {
    let desk = Desk::new();
    for (arguments, known) in [
        (
            &["config", "schema"][..],
            "/properties/publish/properties/overlap",
        ),
        (&["config", "schema", "--jobs"], "/properties/at_once"),
    ] {
        let ran = desk.run(arguments);
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran}");
        let printed: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert!(jsonschema::meta::is_valid(&printed));
        let key = printed.pointer(known).unwrap();
        assert!(key["description"].as_str().unwrap().len() > 10, "{key}");
    }
}

const API: &str = "kind: edfi, base_url: https://a/b, client_id: 007, client_secret: '${S}'";

#[test]
fn what_can_be_read_is_accepted_however_it_is_written() {
    for text in [
        "",
        "state_dir:\nstores:\n",
        &format!("stores: {{a: {{{API}}}}}"),
        &format!("stores: {{a: {{{API}, pool_size: 8, verify_tls: no, http2: 1}}}}"),
        &format!("stores: {{a: {{{API}, pool_size: '${{POOL:-8}}', verify_tls: '${{TLS}}'}}}}"),
        &format!(
            "stores: {{a: {{{API}, page_sizes: {{ed-fi/students: 20}}, retry: {{attempts: 3}}}}}}"
        ),
        &format!("stores: {{a: {{{API}, timeout: 0.5, mode: year_specific, year: '2026'}}}}"),
        "connections: {store: plaintext, file: a.json}\nstores: {a: {connection: North}}",
        "stores: {a: {kind: files, path: data, csv: {delimiter: ';'}, tables: {t: {key: id}}}}",
        "stores: {a: {kind: sql, url: 'sqlite:a.db', queries: {q: {sql: select 1, key: [id]}}}}",
        "send: {from: a, to: b, guards: {delete_share_max: 0.1, allow_empty_source: Yes}}",
        "publish: {include: students, exclude: [schools, staffs], overlap: 0}",
        "validate: {methods: all, references: {behavior: include, selector: [a.b]}}",
    ] {
        assert_eq!(objection(text), None, "{text}");
    }
}

#[test]
fn unknown_keys_and_wrong_values_are_refused_by_the_schema_and_by_the_program() {
    let desk = Desk::new();
    let api = API.replace("${S}", "s");
    for text in [
        "storse: {}".to_owned(),
        "stores: []".to_owned(),
        "stores: {a: {kind: ftp}}".to_owned(),
        "stores: {a: {path: data}}".to_owned(),
        "stores: {a: {kind: files}}".to_owned(),
        "stores: {a: {kind: files, path: data, pat: x}}".to_owned(),
        "stores: {a: {kind: files, path: [data]}}".to_owned(),
        "stores: {a: {kind: exec, command: [x], reader: 2}}".to_owned(),
        "stores: {a: {kind: exec, command: [x], readers: 0}}".to_owned(),
        "stores: {a: {kind: sql, url: 'sqlite:a.db', queries: {q: {sql: select 1}}}}".to_owned(),
        "stores: {a: {kind: ldap, url: 'ldap://localhost'}}".to_owned(),
        format!("stores: {{a: {{{api}, pool_sise: 8}}}}"),
        format!("stores: {{a: {{{api}, pool_size: many}}}}"),
        format!("stores: {{a: {{{api}, verify_tls: perhaps}}}}"),
        format!("stores: {{a: {{{api}, page_size: 0}}}}"),
        format!("stores: {{a: {{{api}, paging: sideways}}}}"),
        format!("stores: {{a: {{{api}, timeout: 0}}}}"),
        format!("stores: {{a: {{{api}, retry: {{attempt: 1}}}}}}"),
        format!("stores: {{a: {{{api}, retry: 3}}}}"),
        format!("stores: {{a: {{{api}, urls: {{data: ftp://a}}}}}}"),
        "publish: {overlap: -1}".to_owned(),
        "publish: {guards: {delete_share_max: 5}}".to_owned(),
        "send: {remediation: {timeout_seconds: 0}}".to_owned(),
        "validate: {references: {behavior: both}}".to_owned(),
        "connections: {store: plaintext, file: a.json, region: x}".to_owned(),
        "flows: {f: {from: a, to: b, collections: {c: {key: {i: i}, blank: none}}}}".to_owned(),
        "flows: {f: {from: a, to: b, collections: {c: {key: {i: i}, wher: x}}}}".to_owned(),
        "flows: {f: {from: a, to: b, collections: {c: {map: {i: i}}}}}".to_owned(),
        "flows: {f: {from: a, to: b, handlers: {new_c: {comand: [x]}}, collections: {c: {key: {i: \
         i}}}}}"
            .to_owned(),
        "flows: {f: {from: a, to: b, lookups: {l: {from: source.x, kee: y}}, collections: {c: {key: \
         {i: i}}}}}"
            .to_owned(),
    ] {
        assert!(objection(&text).is_some(), "{text}");
        desk.write("syncline.yaml", &text);
        let ran = desk.run(&["config", "check"]);
        assert_eq!(ran.status, 2, "{text}: {ran}");
    }
}
