//! What settings of the publisher amount to, and which of them are refused.

use syncline_store_edfi::Paging;

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
    assert_eq!(source.settings.reading.version_window, Some(25_000));
    assert_eq!(source.settings.reading.paging, Paging::Automatic);
    let warnings = found.warnings.join("\n");
    let stays = "named.json stays as it is";
    assert!(warnings.contains(stays), "{warnings}");
    let mut lines = found.text.lines();
    assert!(
        lines.any(|line| line.starts_with("  # the last change version") && line.contains(stays)),
        "{}",
        found.text
    );
    assert!(
        warnings.contains("resourcesWithUpdatableKeys".to_lowercase().as_str()),
        "{warnings}"
    );
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

/// Flags that a text names in backticks.
fn flags_of(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter_map(|word| word.strip_prefix("--"))
}

#[test]
fn the_table_of_options_names_each_that_is_known_and_no_other() {
    let text = include_str!("../../../../../docs/coming-from-api-publisher.md");
    let (_, table) = text.split_once("### Every option").unwrap();
    let (table, _) = table.split_once("\n\n`").unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
    let named: Vec<&str> = rows
        .filter_map(|row| row.split(" | ").next())
        .flat_map(|first| first.split(['`', ',', ' ']))
        .filter_map(|word| word.strip_prefix("--"))
        .collect();
    assert!(named.len() > 40, "{named:?}");
    for flag in &named {
        keys::key_of_flag(flag).unwrap();
    }
    let everywhere: Vec<&str> = flags_of(text).collect();
    for flag in keys::flags() {
        let is_named = everywhere.iter().any(|one| one.eq_ignore_ascii_case(&flag));
        assert!(is_named, "{flag} has no place in the table");
    }
}

#[test]
fn a_database_of_connections_is_taken_over_without_its_secrets() {
    let store = r#"{"configurationStore": {"provider": "postgreSql", "postgreSql": {
        "connectionString": "Host=db.example;Port=5433;Database=it's;Username=me;Password=p-1;Pooling=true",
        "encryptionPassword": "e-1"}}}"#;
    let flags = [
        "--sourceName=North",
        "--targetName=South",
        "--targetUrl=https://x.example",
    ];
    let found = with_file("store.json", store, &flags).unwrap();
    let connections = found.config.connections.as_ref();
    assert!(connections.is_some(), "{found:?}");
    for line in [
        "store: postgresql",
        "url: \"host='db.example' port='5433' dbname='it\\\\'s' user='me'\"",
        "password: \"${CONNECTIONS_PASSWORD}\"",
        "encryption_password: \"${CONNECTIONS_ENCRYPTION_PASSWORD}\"",
        "    connection: North",
        "    base_url: \"https://x.example\"",
    ] {
        assert!(found.text.contains(line), "{line} in {}", found.text);
    }
    assert!(!found.text.contains("stays as it is"), "{}", found.text);
    assert!(
        !found.text.contains("p-1") && !found.text.contains("e-1"),
        "{}",
        found.text
    );
    let warnings = found.warnings.join(" ");
    assert!(
        warnings.contains("`pooling` of the connection string"),
        "{warnings}"
    );

    let flags = [
        &flags[..],
        &["--configurationStoreProvider=awsParameterStore"],
    ]
    .concat();
    let aws =
        r#"{"configurationStore": {"awsParameterStore": {"Region": "us-east-1", "Profile": "p"}}}"#;
    let found = with_file("store.json", aws, &flags).unwrap();
    assert!(
        found
            .text
            .contains("store: aws\n  region: us-east-1\n  profile: p\n"),
        "{}",
        found.text
    );
    let flags = [
        "--sourceName=North",
        "--targetName=South",
        "--configurationStoreProvider=sqlServer",
    ];
    let failure = with_file("store.json", "{}", &flags).unwrap_err();
    assert!(failure.message.contains("SQL Server"), "{failure}");
}

/// What one settings file and flags amount to.
fn with_file(name: &str, text: &str, flags: &[&str]) -> Result<Imported, Failure> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join(name);
    fs_err::write(&path, text)?;
    let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
    import_api_publisher(&[path], &flags, &ConfigArgs::default())
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
        (
            "--resources=students",
            Some("it is obsolete: call it `--include`"),
        ),
        (
            "--includOnly=students",
            Some("did you mean `--includeOnly`?"),
        ),
        (
            "--Options:StreamingPagSize=7",
            Some("did you mean `streamingPageSize`?"),
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

#[test]
fn scopes_profiles_page_sizes_windows_and_limits_of_rate_are_taken_over() {
    let flags = [
        "--sourceScope=255901",
        "--targetScope=31",
        "--sourceProfileName=Some-Read",
        "--targetProfileName=Some-Write",
        "--useReversePaging=true",
        "--changeVersionPagingWindowSize=100",
        "--streamingPageSizeResourceOverrides=students:200, /tpdm/candidates:50",
        "--enableRateLimit=true",
        "--rateLimitNumberExecutions=45",
        "--rateLimitTimeSeconds=1.5",
        "--sourceAuthUrl=https://login.example/connect/token",
    ];
    let found = imported(&[&PAIR[..], &flags].concat(), &[]).unwrap();
    let api = |name: &str| match &found.config.stores[name] {
        crate::StoreConfig::Edfi(api) => api.settings.clone(),
        _ => panic!("no API"),
    };
    let (source, target) = (api("District"), api("State"));
    assert_eq!(source.scope.as_deref(), Some("255901"));
    assert_eq!(target.scope.as_deref(), Some("31"));
    assert_eq!(source.profile.as_deref(), Some("Some-Read"));
    assert_eq!(target.profile.as_deref(), Some("Some-Write"));
    let oauth = source.urls.oauth.map(|url| url.to_string());
    assert_eq!(
        oauth.as_deref(),
        Some("https://login.example/connect/token"),
        "without a slash at the end"
    );
    let sizes = [("students", 200), ("tpdm/candidates", 50)];
    let sizes = sizes.map(|(name, size)| (name.to_owned(), size));
    assert_eq!(source.reading.page_sizes, BTreeMap::from(sizes));
    assert_eq!(source.reading.version_window, Some(100));
    assert_eq!(source.reading.paging, Paging::Reverse);
    assert_eq!(source.client.requests_per_second, Some(30.0));
    assert_eq!(target.client.requests_per_second, Some(30.0));
    assert_eq!(target.reading.version_window, None);
}

#[test]
fn the_other_edition_s_cursors_are_taken_over_unless_windows_win() {
    let cursor = ["--useCursorPaging=true", "--cursorPartitionCount=4"];
    let found = imported(&[&PAIR[..], &cursor].concat(), &[]).unwrap();
    assert!(!found.text.contains("paging: cursor"), "{}", found.text);
    let flags = [&PAIR[..], &cursor, &["--useChangeVersionPaging=false"]].concat();
    let found = imported(&flags, &[]).unwrap();
    assert!(found.text.contains("paging: cursor"), "{}", found.text);
    assert!(found.text.contains("partitions: 4"), "{}", found.text);
}

#[test]
fn values_that_are_none_are_refused_with_their_place() {
    for (flag, wanted) in [
        (
            "--streamingPageSizeResourceOverrides=students",
            "`resource:size`",
        ),
        (
            "--streamingPageSizeResourceOverrides=students:many",
            "`resource:size`",
        ),
        ("--changeVersionPagingWindowSize=wide", "a whole number"),
        ("--lastChangeVersionProcessed=12x", "a change version"),
        ("--maxRetryAttempts=-1", "a whole number"),
        ("--includeDescriptors=yes", "true or false"),
        ("--rateLimitTimeSeconds=0", "a number above 0"),
    ] {
        let flags = [&PAIR[..], &["--enableRateLimit=true", flag]].concat();
        let failure = imported(&flags, &[]).unwrap_err();
        let (name, value) = flag.split_once('=').unwrap();
        let bare = name.trim_start_matches('-');
        let expected = format!("{name}: `{bare}` is `{value}`, and must be {wanted}");
        assert!(failure.message.starts_with(&expected), "{failure}");
    }
    for kept in [r#""[17]""#, r#""{\"State\": \"x\"}""#, r#"{"state": 1.5}"#] {
        let named = NAMED.replace(r#""{\"State\": 17}""#, kept);
        assert_ne!(named, NAMED);
        let failure = with_file("named.json", &named, &PAIR).unwrap_err();
        let expected = "named.json: the connection `District`: `lastChangeVersionsProcessed` is `";
        assert!(failure.message.contains(expected), "{failure}");
    }
    let named = NAMED.replace(r#""{\"State\": 17}""#, r#"{"sTate": 17, "Other": 3}"#);
    let found = with_file("named.json", &named, &PAIR).unwrap();
    assert!(found.text.contains("since: 17"), "{}", found.text);
}

#[test]
fn keys_of_files_that_nobody_reads_are_refused_by_file_and_name() {
    let whole = [
        "--sourceUrl=https://a.example",
        "--sourceKey=k",
        "--sourceSecret=s",
        "--targetUrl=https://b.example",
        "--targetKey=k",
        "--targetSecret=s",
    ];
    for (text, key, hint) in [
        (
            r#"{"options": {"useReversPaging": true}}"#,
            "`options.useReversPaging` is no option",
            Some("did you mean `useReversePaging`?"),
        ),
        (
            r#"{"Connections": {"Source": {"Resources": "students"}}}"#,
            "`Connections.Source.Resources` is no option",
            Some("it is obsolete: call it `include`"),
        ),
        (
            r#"{"connections": {"target": {"includeOnly": "students"}}}"#,
            "`connections.target.includeOnly` is no option",
            None,
        ),
        (
            r#"{"option": {"whatIf": false}}"#,
            "`option.whatIf` is no option",
            Some("did you mean `options`?"),
        ),
        (
            r#"{"connections": {"source": {"include": ["students"]}}}"#,
            "`connections.source.include` must be one text",
            None,
        ),
        (
            r#"{"configurationStore": {"postgreSql": {"conectionString": "Host=a"}}}"#,
            "`configurationStore.postgreSql.conectionString` is no option",
            Some("did you mean `connectionString`?"),
        ),
        (
            r#"{"configurationStore": {"providr": "postgreSql"}}"#,
            "`configurationStore.providr` is no option",
            Some("did you mean `provider`?"),
        ),
        (
            r#"{"configurationStore": {"awsParameterStore": {"region": {"name": "x"}}}}"#,
            "`configurationStore.awsParameterStore.region.name` is no option",
            None,
        ),
        // Named connections do not hide what stands beside them.
        (
            r#"{"connections": [], "options": {"nonsense": 1}}"#,
            "`options.nonsense` is no option",
            None,
        ),
    ] {
        let failure = with_file("settings.json", text, &whole).unwrap_err();
        let expected = format!("settings.json: {key}");
        assert!(failure.message.contains(&expected), "{failure}");
        if let Some(hint) = hint {
            assert_eq!(failure.hints, [hint]);
        }
    }
    let known = r#"{"connections": {"source": {"lastChangeVersionsProcessed": {"target": 4}}},
        "options": {"whatIf": null}, "resourcesWithUpdatableKeys": []}"#;
    let found = with_file("settings.json", known, &whole).unwrap();
    assert!(found.text.contains("since: 4"), "{}", found.text);
}

#[test]
fn properties_of_named_connections_that_nobody_reads_are_refused() {
    for (property, message) in [
        (
            r#""resources": "calendars""#,
            "`resources`, which is obsolete",
        ),
        (
            r#""includeOnlyy": "x""#,
            "`includeOnlyy`, which nobody reads",
        ),
        (r#""exclude": ["x"]"#, "`exclude` must be one text"),
    ] {
        let named = NAMED.replace(r#""include": "students""#, property);
        let failure = with_file("named.json", &named, &PAIR).unwrap_err();
        assert!(failure.message.contains("named.json: "), "{failure}");
        assert!(failure.message.contains(message), "{failure}");
    }
    let more = r#""type": "api", "force": true, "profileName": null, "include": "students""#;
    let named = NAMED.replace(r#""include": "students""#, more);
    let found = with_file("named.json", &named, &PAIR).unwrap();
    assert!(
        found
            .warnings
            .join(" ")
            .contains("`force`, which is obsolete")
    );
}

#[test]
fn a_flag_that_nobody_knows_is_told_without_its_value() {
    let flags = [&PAIR[..], &["--Connections:Sourc:Secret=hidden"]].concat();
    let failure = imported(&flags, &[]).unwrap_err();
    assert!(failure.message.contains("is no option"), "{failure}");
    assert!(!format!("{failure:?}").contains("hidden"), "{failure:?}");
}
