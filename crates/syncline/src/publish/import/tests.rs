//! What settings of the publisher amount to, and which of them are refused.

use super::*;

const SETTINGS: &str = r#"{
  "options": {"maxRetryAttempts": 5, "streamingPageSize": 75, "includeDescriptors": false,
    "useChangeVersionPaging": true, "changeVersionPagingWindowSize": 25000},
  "authorizationFailureHandling": [{"path": "/ed-fi/students", "updatePrerequisitePaths": []}],
  "resourcesWithUpdatableKeys": ["/ed-fi/sessions"]
}"#;
const NAMED: &str = r#"{"connections": [
  {"name": "District", "url": "https://district.example/api", "key": "k1", "secret": "s\"1",
   "ignoreIsolation": true, "include": "students", "lastChangeVersionsProcessed": "{\"State\": 17}"},
  {"name": "State", "url": "https://state.example/api", "key": "k2", "secret": "s2",
   "treatForbiddenPostAsWarning": true, "schoolYear": 2026}
]}"#;

fn imported(flags: &[&str], variables: &[(&str, &str)]) -> Result<Imported, Failure> {
    let folder = tempfile::tempdir()?;
    let files = [("settings.json", SETTINGS), ("named.json", NAMED)].map(|(name, text)| {
        let path = folder.path().join(name);
        fs_err::write(&path, text).unwrap();
        path
    });
    let text = |text: &&str| -> String { (*text).to_owned() };
    let environment = variables
        .iter()
        .map(|(name, value)| (text(name), text(value)));
    let arguments = ConfigArgs {
        environment: environment.collect::<BTreeMap<_, _>>(),
        ..ConfigArgs::default()
    };
    let flags: Vec<String> = flags.iter().map(text).collect();
    import_api_publisher(&files, &flags, &arguments)
}

const PAIR: [&str; 2] = ["--sourceName=District", "--targetName=State"];

#[test]
fn named_connections_become_stores_and_secrets_stay_out_of_the_text() {
    let found = imported(&PAIR, &[]).unwrap();
    let settings = found.config.publish.clone().unwrap();
    assert_eq!(settings.from.as_deref(), Some("District"));
    assert_eq!(settings.choice.include, ["students"]);
    assert!(settings.ignore_isolation && settings.forbidden_as_warning);
    assert_eq!(settings.since, Some(17));
    let crate::StoreConfig::Edfi(source) = &found.config.stores["District"] else {
        panic!("no API");
    };
    assert_eq!(source.settings.reading.page_records, 75);
    assert_eq!(source.retry.attempts_max, 6);
    assert_eq!(source.settings.credentials.client_id, "k1");
    assert!(
        found.text.contains("client_secret: \"${SOURCE_SECRET}\""),
        "{}",
        found.text
    );
    assert!(
        !found.text.contains("s2") && !found.text.contains("s\\\"1"),
        "{}",
        found.text
    );
    assert!(found.text.contains("year: 2026"));
    let warnings = found.warnings.join("\n");
    assert!(warnings.contains("usechangeversionpaging"), "{warnings}");
}

#[test]
fn flags_beat_the_environment_and_both_beat_files() {
    let variables = [
        ("EdFi__ApiPublisher__Options__StreamingPageSize", "100"),
        ("EdFi__ApiPublisher__Options__IncludeDescriptors", "true"),
    ];
    let flags = [&PAIR[..], &["--streamingPageSize", "200"]].concat();
    let found = imported(&flags, &variables).unwrap();
    assert!(found.text.contains("page_size: 200"), "{}", found.text);
    assert!(found.text.contains("descriptors: true"));
    let flags = [&PAIR[..], &["--sourceUrl=https://other.example"]].concat();
    let found = imported(&flags, &[]).unwrap();
    assert!(
        found.text.contains("https://other.example"),
        "beats the named one"
    );
}

#[test]
fn a_remediation_module_runs_as_it_is() {
    let flags = [&PAIR[..], &["--remediationsScriptFile", "mend.js"]].concat();
    let found = imported(&flags, &[]).unwrap();
    let remediation = found.config.publish.unwrap().remediation.unwrap();
    assert_eq!(remediation.script.as_deref(), Some("mend.js"));
    assert!(remediation.command.is_empty());
}

#[test]
fn options_that_nobody_knows_are_refused() {
    for (flag, hint) in [
        ("--resources=students", None),
        (
            "--includOnly=students",
            Some("did you mean `--includeOnly`?"),
        ),
        (
            "--Options:StreamingPagSize=7",
            Some("did you mean `--streamingPageSize`?"),
        ),
    ] {
        let flags = [&PAIR[..], &[flag]].concat();
        let failure = imported(&flags, &[]).unwrap_err();
        assert!(failure.message.contains("is no option"), "{failure}");
        if let Some(hint) = hint {
            assert_eq!(failure.hints, [hint]);
        }
    }
    let variables = [("EdFi__ApiPublisher__Options__Nonsense", "1")];
    assert!(imported(&PAIR, &variables).is_err());
}

#[test]
fn a_connection_that_is_not_described_is_named() {
    let failure = imported(&["--sourceName=Nowhere", "--targetName=State"], &[]).unwrap_err();
    assert_eq!(
        failure.message,
        "no file describes the connection `Nowhere`"
    );
    let failure = imported(&["--sourceUrl=https://x.example"], &[]).unwrap_err();
    assert!(
        failure.message.contains("source is not fully described"),
        "{failure}"
    );
}
