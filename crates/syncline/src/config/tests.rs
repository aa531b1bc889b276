//! Both kinds of files, and what is said about mistakes in them.

use syncline_store_restream::Place;

use super::*;

fn load(name: &str, text: &str, variables: &[(&str, &str)]) -> Result<Config, Failure> {
    let arguments = ConfigArgs {
        current_folder: PathBuf::from("/here"),
        environment: variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..ConfigArgs::default()
    };
    let read = Config::parse(Path::new(name), text, &arguments);
    let is_ours = text.contains("stores:");
    match &read {
        Ok(_) if is_ours => assert_eq!(objection(text), None, "{text}"),
        Err(failure) if failure.message.contains("unknown key") => {
            assert!(objection(text).is_some(), "{text}");
        }
        _ => {}
    }
    read
}

/// The first thing that the schema has against a configuration, if it has anything.
fn objection(text: &str) -> Option<String> {
    let schema = jsonschema::validator_for(&config_schema()).unwrap();
    let value: serde_json::Value = serde_saphyr::from_str(text).unwrap();
    let first = schema.iter_errors(&value).next();
    first.map(|error| format!("{}: {error}", error.instance_path()))
}

const NATIVE: &str = "\
stores:
  district:
    kind: files
    path: data
  api:
    kind: edfi
    base_url: https://host/api
    client_id: ${KEY}
    client_secret: ${SECRET}
    pool_size: ${POOL:-32}
";

const LIGHTBEAM: &str = "\
state_dir: ${STATE_DIR}
data_dir: ${DATA_DIR}
verbose: True
edfi_api:
  base_url: ${EDFI_API_BASE_URL}
  version: 3
  mode: district_specific
  year: ${API_YEAR}
  client_id: ${EDFI_API_CLIENT_ID}
  client_secret: ${EDFI_API_CLIENT_SECRET}
connection:
  pool_size: 8
  timeout: 6000
  num_retries: 10
  backoff_factor: 1.5
  retry_statuses: [429, 500, 502, 503, 504]
  verify_ssl: True
log_level: DEBUG
";

#[track_caller]
fn check_failure(text: &str, message: &str, hint: &str) {
    let variables = [("KEY", "k"), ("SECRET", "s")];
    let failure = load("conf/syncline.yaml", text, &variables).unwrap_err();
    assert_eq!(failure.message, message);
    assert!(
        failure.hints.join(" ").contains(hint),
        "{:?}",
        failure.hints
    );
}

#[test]
fn only_who_sends_has_to_know_between_which_stores() {
    let second = "  other: {kind: edfi, base_url: https://host, client_id: k, client_secret: s}\n";
    let variables = [("KEY", "k"), ("SECRET", "s")];
    let config = load("syncline.yaml", &format!("{NATIVE}{second}"), &variables).unwrap();
    assert_eq!(config.data_folder().unwrap(), Path::new("/here/data"));
    assert_eq!(
        config.api().unwrap_err().message,
        "syncline.yaml: it is not clear which store to send to"
    );
}

#[test]
fn a_file_of_ours_names_its_stores() {
    let config = load(
        "conf/syncline.yaml",
        NATIVE,
        &[("KEY", "k"), ("SECRET", "s")],
    )
    .unwrap();
    assert_eq!(
        (config.source.as_deref(), config.target.as_deref()),
        (Some("district"), Some("api"))
    );
    assert_eq!(config.data_folder().unwrap(), Path::new("/here/conf/data"));
    assert_eq!(
        config.state_folder.as_deref(),
        Some(Path::new("/here/conf/.syncline"))
    );
    let api = config.api().unwrap();
    assert_eq!(
        (
            api.concurrency_max,
            api.settings.credentials.client_id.as_str()
        ),
        (32, "k")
    );
    assert!(
        !format!("{config:?}").contains("\"s\""),
        "secrets are never shown"
    );
}

#[test]
fn mistakes_are_named_with_place_and_fix() {
    check_failure(
        &NATIVE.replace("client_id", "clientid"),
        "conf/syncline.yaml:8:5: `stores.api.client_id` is missing",
        "is `clientid` meant to be `client_id`?",
    );
    check_failure(
        &NATIVE.replace("pool_size", "pool_sise"),
        "conf/syncline.yaml:10:5: unknown key `stores.api.pool_sise`",
        "did you mean `pool_size`?",
    );
    check_failure(
        &NATIVE.replace("${KEY}", "${NO_SUCH}"),
        "conf/syncline.yaml:8:16: `stores.api.client_id` needs the variable NO_SUCH, which is not set",
        "export NO_SUCH=",
    );
    check_failure(
        &NATIVE.replace("https://", "ftp://"),
        "conf/syncline.yaml:7:15: `stores.api.base_url` must begin with https:// or http://",
        "",
    );
    check_failure(
        &NATIVE.replace("${POOL:-32}", "many"),
        "conf/syncline.yaml:10:16: `stores.api.pool_size` must be a whole number",
        "",
    );
}

#[test]
fn broken_yaml_is_named_with_its_place() {
    let failure = load("syncline.yaml", "stores:\n  a: [1,\n", &[]).unwrap_err();
    assert!(
        failure.message.starts_with("syncline.yaml:"),
        "{}",
        failure.message
    );
}

#[test]
fn a_lightbeam_file_is_taken_as_it_is() {
    let variables = [
        ("STATE_DIR", "/state"),
        ("DATA_DIR", "/data/"),
        ("EDFI_API_BASE_URL", "https://host/api"),
        ("EDFI_API_CLIENT_ID", "k"),
        ("EDFI_API_CLIENT_SECRET", "pa$$word"),
        ("API_YEAR", "2025"),
    ];
    let config = load("lightbeam.yaml", LIGHTBEAM, &variables).unwrap();
    assert_eq!(config.dialect, Dialect::Lightbeam);
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    assert_eq!(config.data_folder().unwrap(), Path::new("/data/"));
    let api = config.api().unwrap();
    assert_eq!(api.settings.mode, syncline_store_edfi::Mode::Shared);
    assert_eq!((api.concurrency_max, api.retry.attempts_max), (8, 10));
    let secret = secrecy::ExposeSecret::expose_secret(&api.settings.credentials.client_secret);
    assert_eq!(secret, "pa$$word");
}

#[test]
fn a_lightbeam_file_without_mode_means_the_current_year() {
    let text = "edfi_api:\n  base_url: https://h\n  client_id: a\n  client_secret: b\n";
    let config = load("lightbeam.yaml", text, &[]).unwrap();
    let mode = &config.api().unwrap().settings.mode;
    assert_eq!(mode, &syncline_store_edfi::Mode::Year(current_year()));
    assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
}

#[test]
fn unknown_keys_of_a_lightbeam_file_are_warnings() {
    let text = "edfi_api:\n  base_url: https://h\n  client_id: a\n  client_secret: b\n  clientid: x\nstate_dir: s\n";
    let config = load("lightbeam.yaml", text, &[]).unwrap();
    let expected =
        "lightbeam.yaml:5:3: unknown key `edfi_api.clientid`, ignored: did you mean `client_id`?";
    assert_eq!(config.warnings, [expected]);
}

#[test]
fn values_given_on_the_command_line_win() {
    let mut arguments = ConfigArgs {
        current_folder: PathBuf::from("/here"),
        environment: BTreeMap::from([("KEY".to_owned(), "k".to_owned())]),
        ..ConfigArgs::default()
    };
    let set = [
        ("stores.api.client_secret", "x"),
        ("stores.api.pool_size", "3"),
    ];
    arguments.set = set
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
    let config = Config::parse(Path::new("syncline.yaml"), NATIVE, &arguments).unwrap();
    assert_eq!(config.api().unwrap().concurrency_max, 3);
}

/// Files as lightbeam's users have them: bundles, pipelines, odd servers.
#[test]
fn every_kind_of_lightbeam_file_loads_unchanged() {
    let variables = [
        ("STATE_DIR", "/tmp/state"),
        ("DATA_DIR", "/tmp/data"),
        ("EDFI_API_BASE_URL", "https://host/api"),
        ("API_YEAR", "2026"),
        ("EDFI_API_CLIENT_ID", "key"),
        ("EDFI_API_CLIENT_SECRET", "pa$$word"),
        ("HOME", "/home/me"),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lightbeam");
    let files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(files.len(), 11, "{files:?}");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.display().to_string();
        let config = load(&name, &text, &variables).unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(config.dialect, Dialect::Lightbeam, "{name}");
        assert_eq!(
            config.data_folder().unwrap(),
            Path::new("/tmp/data"),
            "{name}"
        );
        let api = config.api().unwrap();
        assert_eq!(api.settings.base_url.as_str(), "https://host/api", "{name}");
        assert_eq!(api.settings.credentials.client_id, "key", "{name}");
        let unknown = config
            .warnings
            .iter()
            .any(|each| each.contains("unknown key"));
        assert_eq!(
            unknown,
            text.contains("some_future_key"),
            "{:?}",
            config.warnings
        );
    }
}

#[test]
fn requests_in_a_second_may_be_limited() {
    let variables = [("KEY", "k"), ("SECRET", "s")];
    let with = |most: &str| format!("{NATIVE}    requests_per_second: {most}\n");
    let config = load("syncline.yaml", &with("2.5"), &variables).unwrap();
    let client = &config.api().unwrap().settings.client;
    assert_eq!(client.requests_per_second, Some(2.5));
    for wrong in ["0", "-1", "many"] {
        let failure = load("syncline.yaml", &with(wrong), &variables).unwrap_err();
        assert!(
            failure.message.contains("`stores.api.requests_per_second`"),
            "{failure}"
        );
    }
}

#[test]
fn waits_of_the_configuration_rule_at_work_and_while_getting_in_touch() {
    let retry = "    retry:\n      attempts: 2\n      wait_first_seconds: 0.1\n      wait_factor: 3\n      \
                 wait_max_seconds: 9\n      total_seconds: 60\n";
    let variables = [("KEY", "k"), ("SECRET", "s")];
    let config = load("syncline.yaml", &(NATIVE.to_owned() + retry), &variables).unwrap();
    let api = config.api().unwrap();
    for policy in [api.retry, api.touch] {
        assert_eq!(policy.attempts_max, 2);
        assert_eq!(policy.wait_first, std::time::Duration::from_millis(100));
        assert!((policy.wait_factor - 3.0).abs() < f64::EPSILON);
        assert_eq!(policy.wait_max, std::time::Duration::from_secs(9));
        assert_eq!(policy.total_max, std::time::Duration::from_mins(1));
    }
    let config = load("syncline.yaml", NATIVE, &variables).unwrap();
    assert_eq!(config.api().unwrap().touch.attempts_max, 4);
    let wrong = NATIVE.to_owned() + "    retry:\n      wait_factor: 0.5\n";
    check_failure(
        &wrong,
        "conf/syncline.yaml:12:20: `stores.api.retry.wait_factor` must be a number from 1 to 10",
        "",
    );
}

/// A file with one store, `lms`, given as the lines of its section.
fn with_store(lines: &str) -> String {
    let lines = lines.replace('\n', "\n    ");
    format!("stores:\n  lms:\n    {lines}\n")
}

#[test]
fn a_program_gets_what_is_meant_for_it() {
    let text = with_store(
        "kind: exec\ncommand: [./store.py, --fast]\nfolder: lms\nenvironment: {DB: '${SECRET}'}\n\
         settings: {term: 2026}\nanswer_seconds: 2.5",
    );
    let variables = [("SECRET", "hunter2"), ("PATH", "/bin"), ("OTHER", "x")];
    let config = load("conf/syncline.yaml", &text, &variables).unwrap();
    let StoreConfig::Exec(program) = config.store("lms").unwrap() else {
        panic!("{config:?}")
    };
    assert_eq!(program.command, ["/here/conf/lms/./store.py", "--fast"]);
    assert_eq!(program.folder, Path::new("/here/conf/lms"));
    assert_eq!(program.settings["term"], "2026");
    assert_eq!(program.limits.answer.as_millis(), 2500);
    let surroundings: Vec<_> = program.surroundings.iter().collect();
    assert_eq!(surroundings, [(&"PATH".to_owned(), &"/bin".to_owned())]);
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn mistakes_about_a_program_are_named() {
    check_failure(
        &with_store("kind: exec\ncomand: [a]"),
        "conf/syncline.yaml:4:5: `stores.lms.command` is missing",
        "is `comand` meant to be `command`?",
    );
    check_failure(
        &with_store("kind: exec\ncommand: python3 store.py"),
        "conf/syncline.yaml:4:14: `stores.lms.command` must be a list, since no shell splits it",
        "command: [python3",
    );
    check_failure(
        &with_store("kind: exec\ncommand: [a]\nreaders: 0"),
        "conf/syncline.yaml:5:14: `stores.lms.readers` must be a whole number from 1 to 64",
        "",
    );
    check_failure(
        &with_store("kind: exec\ncommand: [a]\nanswer_seconds: 0"),
        "conf/syncline.yaml:5:21: `stores.lms.answer_seconds` must be a number of seconds above 0, \
         at most a day",
        "",
    );
    check_failure(
        &with_store("kind: exec\ncommand: [a]\nreader: 2"),
        "conf/syncline.yaml:5:5: unknown key `stores.lms.reader`",
        "did you mean `readers`?",
    );
}

#[test]
fn a_restream_api_has_what_is_said_of_it() {
    let text = with_store(
        "kind: restream\nclient_id: me\nclient_secret: ${SECRET}\ncalls_max: 2\n\
         retry: {attempts: 7}\ndata:\n  hour:\n    pad: 681\n    routed: true\n    \
         start: 2026-01-31T03:00:00-06:00\n    resolution: minute\n    aggregation: mean\n    \
         fields: [a, b]\nstages:\n  frac: {site: 981, state: frac, numbers: [1, 2]}",
    );
    let config = load("conf/syncline.yaml", &text, &[("SECRET", "hunter2")]).unwrap();
    let StoreConfig::Restream(api) = config.store("lms").unwrap() else {
        panic!("{config:?}")
    };
    assert_eq!(
        api.settings.base_url.as_str(),
        "https://app.restreamsolutions.com/"
    );
    assert_eq!(
        (api.settings.calls_max, api.settings.retry.attempts_max),
        (2, 7)
    );
    let cache = api.settings.token_cache.clone().unwrap();
    assert!(cache.starts_with("/here/conf/.syncline/cache"), "{cache:?}");
    let Set::Data(Place::Pad(681), query) = &api.sets[0].1 else {
        panic!("{api:?}")
    };
    assert_eq!(query.start.unwrap().to_string(), "2026-01-31T09:00:00Z");
    assert_eq!(query.fields.as_deref().unwrap(), ["a", "b"]);
    let Set::Stages(Place::Site(981), filters) = &api.sets[1].1 else {
        panic!("{api:?}")
    };
    assert_eq!(filters.numbers, [1, 2]);
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn mistakes_about_a_restream_api_are_named() {
    let check = |lines: &str, message: &str, hint: &str| {
        check_failure(
            &with_store(&format!("kind: restream\n{lines}")),
            message,
            hint,
        );
    };
    check(
        "client_id: me",
        "conf/syncline.yaml: `stores.lms.client_secret` is missing",
        "",
    );
    check(
        "base_url: https://h.example",
        "conf/syncline.yaml: `stores.lms.client_id` is missing",
        "goes into `token`",
    );
    check(
        "token: t\nclient_id: me\nclient_secret: s",
        "conf/syncline.yaml:4:12: `stores.lms.token` says who asks, and so does `client_id`",
        "leave out one",
    );
    check(
        "token: t\ndata:\n  d: {site: 1, start: 2026-01-31 09:00:00}",
        "conf/syncline.yaml:6:27: `stores.lms.data.d.start` is `2026-01-31 09:00:00`, which is no \
         time with its zone",
        "`2026-01-31T09:00:00Z` for UTC",
    );
    check(
        "token: t\ndata:\n  d: {site: 1, start: 2026-01-31T09:00:01Z, end: 2026-01-31T09:00:00Z}",
        "conf/syncline.yaml:6:10: the end of the range is before its start",
        "",
    );
    check(
        "token: t\ndata:\n  d: {site: 1, state: fracc}",
        "conf/syncline.yaml:6:27: `stores.lms.data.d.state` is `fracc`, and must be one of frac, wl, \
         standby",
        "",
    );
    check(
        "token: t\nstages:\n  d: {stat: frac, site: 1}",
        "conf/syncline.yaml:6:11: unknown key `stores.lms.stages.d.stat`",
        "did you mean `state`?",
    );
    check(
        "token: t\nstages:\n  d: {state: frac}",
        "conf/syncline.yaml: `stores.lms.stages.d.site` is missing",
        "`pad: 681`",
    );
}

/// A directory with a collection of people.
#[cfg(feature = "ldap")]
const DIRECTORY: &str = "\
kind: ldap
url: ldap://ldap.example.org
bind_dn: cn=sync
password: ${SECRET}
collections:
  people:
    base: ou=people
    object_classes: [inetOrgPerson]
    rdn: uid
    attributes: [uid, cn, mail]
    lists: mail
  memberships:
    members_of: groups
    who: people";

#[cfg(feature = "ldap")]
#[test]
fn a_directory_is_described_by_its_collections() {
    use syncline_store_ldap::CollectionSettings;
    let text = with_store(DIRECTORY);
    let config = load("conf/syncline.yaml", &text, &[("SECRET", "hunter2")]).unwrap();
    let StoreConfig::Ldap(directory) = config.store("lms").unwrap() else {
        panic!("{config:?}")
    };
    assert!(
        directory.start_tls,
        "no password goes over a network in clear"
    );
    assert!(!format!("{config:?}").contains("hunter2"));
    let CollectionSettings::Entries(people) = &directory.collections["people"] else {
        panic!("{directory:?}")
    };
    assert_eq!(
        (people.key.as_slice(), people.subtree),
        (&["uid".to_owned()][..], false)
    );
    let CollectionSettings::Members(members) = &directory.collections["memberships"] else {
        panic!("{directory:?}")
    };
    assert_eq!(
        (members.owner.as_str(), members.attribute.as_str()),
        ("group", "member")
    );
    for (url, start_tls) in [("ldap://127.0.0.1:389", false), ("ldaps://host", false)] {
        let text = text.replace("ldap://ldap.example.org", url);
        let config = load("syncline.yaml", &text, &[("SECRET", "s")]).unwrap();
        let StoreConfig::Ldap(directory) = config.store("lms").unwrap() else {
            panic!("{config:?}")
        };
        assert_eq!(directory.start_tls, start_tls, "{url}");
    }
}

#[cfg(feature = "ldap")]
#[test]
fn mistakes_about_a_directory_are_named() {
    for (from, to, message, hint) in [
        (
            "ldap://ldap.example.org",
            "https://host",
            "4:10: `stores.lms.url` must begin with ldap:// or ldaps://",
            "",
        ),
        (
            "ldap://ldap.example.org",
            "ldap://cn=a:b@host/dc=x",
            "4:10: `stores.lms.url` must be a scheme and a host, and perhaps a port",
            "bind_dn",
        ),
        (
            "password: ${SECRET}",
            "password: ''",
            "6:15: `stores.lms.password` is empty",
            "",
        ),
        (
            "rdn: uid",
            "rdn: cm",
            " `stores.lms.collections.people.key` names `cm`, which is not among the `attributes`",
            "",
        ),
        (
            "lists: mail",
            "lists: mali",
            "13:16: `stores.lms.collections.people.lists` names `mali`, which is not among the \
             `attributes`",
            "",
        ),
        (
            "lists: mail",
            "list: mail",
            "13:9: unknown key `stores.lms.collections.people.list`",
            "did you mean `lists`?",
        ),
        (
            "object_classes: [inetOrgPerson]",
            "object_class: [inetOrgPerson]",
            "10:9: `stores.lms.collections.people.object_classes` is missing",
            "is `object_class` meant to be `object_classes`?",
        ),
        (
            "who: people",
            "member: group",
            "16:17: `stores.lms.collections.memberships.member` must be called otherwise than `owner`",
            "",
        ),
    ] {
        let text = with_store(DIRECTORY).replace(from, to);
        let message = format!("conf/syncline.yaml:{message}");
        check_failure(&text, &message, hint);
    }
}

#[cfg(feature = "sql")]
#[test]
fn a_database_is_read_with_its_tables_and_queries() {
    let text = with_store(
        "kind: sql\nurl: '${URL}'\nca_file: ca.pem\ntables:\n  users:\n  \
         people: {table: hr.person, key: [id]}\nqueries:\n  active: {sql: select 1 as id, key: id}",
    );
    let url = [("URL", "postgresql://ada:hunter2@db.example.org/lms")];
    let config = load("conf/syncline.yaml", &text, &url).unwrap();
    let StoreConfig::Sql(settings) = config.store("lms").unwrap() else {
        panic!("{config:?}")
    };
    let shown = settings.address.to_string();
    assert_eq!(shown, "postgresql://db.example.org:5432/lms");
    assert_eq!(
        settings.ca_file.as_deref(),
        Some(Path::new("/here/conf/ca.pem"))
    );
    let tables = settings
        .tables
        .iter()
        .map(|table| (table.name.as_str(), table.table.as_str()));
    assert!(tables.eq([("users", "users"), ("people", "hr.person")]));
    assert_eq!(
        (&settings.tables[1].key[..], &settings.queries[0].key[..]),
        (&["id".to_owned()][..], &["id".to_owned()][..])
    );
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[cfg(feature = "sql")]
#[test]
fn mistakes_about_a_database_are_named_without_its_url() {
    check_failure(
        &with_store("kind: sql\nurl: oracle://ada:hunter2@h/x"),
        "conf/syncline.yaml:4:10: `stores.lms.url` must begin with postgresql://, mysql:// or sqlite:",
        "",
    );
    check_failure(
        &with_store("kind: sql\nuri: x"),
        "conf/syncline.yaml:4:5: `stores.lms.url` is missing",
        "is `uri` meant to be `url`?",
    );
    check_failure(
        &with_store("kind: sql\nurl: sqlite:x.db\ntables: {users: {keys: [id]}}"),
        "conf/syncline.yaml:5:22: unknown key `stores.lms.tables.users.keys`",
        "did you mean `key`?",
    );
    check_failure(
        &with_store("kind: sql\nurl: sqlite:x.db\nqueries: {users: {sql: select 1}}"),
        "conf/syncline.yaml: `stores.lms.queries.users.key` is missing",
        "`key: [...]`",
    );
}
