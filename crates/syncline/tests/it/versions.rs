//! Every version of the API, with tenants, contexts, instances and years in its URLs.

use syncline_sandbox::generate::{GenerateConfig, Manifest, write};
use syncline_sandbox::{ApiVersion, Sandbox};

use crate::site::{STUDENTS, Site, report, sandbox_with};

/// Writes a small district into the data of a site.
pub(crate) fn district(site: &Site) -> Manifest {
    write(&GenerateConfig {
        students: 4,
        seed: 3,
        out: site.data(),
        defects: None,
        school_year: 2026,
    })
    .unwrap()
}

/// Every collection holds as many records as its file has lines.
#[track_caller]
pub(crate) fn assert_whole(sandbox: &Sandbox, manifest: &Manifest) {
    for file in &manifest.files {
        let held = sandbox
            .count(&format!("ed-fi/{}", file.collection))
            .unwrap();
        assert_eq!(held, file.lines, "{}", file.file);
    }
}

async fn a_district_goes_in_whole(api: ApiVersion) {
    let sandbox = sandbox_with(|config| config.api = api).await;
    let site = Site::new();
    let manifest = district(&site);
    let summary = site.send(sandbox.url()).await;
    assert_eq!(summary.exit_status(true), 0, "{:?}", summary.report);
    assert_whole(&sandbox, &manifest);
    let sent = sandbox.requests().count("POST", "/ed-fi/");
    assert_eq!(sent, manifest.lines());
    let again = site.send(sandbox.url()).await;
    assert_eq!(again.exit_status(true), 0);
    assert_eq!(sandbox.requests().count("POST", "/ed-fi/"), sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_district_goes_into_5_4() {
    a_district_goes_in_whole(ApiVersion::V5_4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_district_goes_into_6_2() {
    a_district_goes_in_whole(ApiVersion::V6_2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_district_goes_into_7_1() {
    a_district_goes_in_whole(ApiVersion::V7_1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_district_goes_into_7_3() {
    a_district_goes_in_whole(ApiVersion::V7_3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_district_goes_into_8_0() {
    a_district_goes_in_whole(ApiVersion::V8_0).await;
}

/// Sends students to an API whose URLs have more in them; gives the path they were posted to.
async fn posted_to(
    api: ApiVersion,
    route: &[&str],
    school_year: Option<u16>,
    settings: &[&str],
) -> String {
    let sandbox = sandbox_with(|config| {
        config.api = api;
        config.route = route.iter().map(|segment| (*segment).to_owned()).collect();
        config.school_year = school_year;
        config.record = true;
    })
    .await;
    let mut site = Site::with_students(3);
    site.settings = settings.iter().map(|line| (*line).to_owned()).collect();
    let summary = site.send(sandbox.url()).await;
    assert_eq!(summary.exit_status(true), 0, "{:?}", summary.report);
    assert_eq!(report(&summary).created, 3);
    assert_eq!(sandbox.count(STUDENTS).unwrap(), 3);
    let mut requests = sandbox.requests().requests.into_iter();
    requests
        .find(|request| request.method == "POST" && request.path.ends_with("/students"))
        .expect("a POST")
        .path
}

#[tokio::test(flavor = "multi_thread")]
async fn years_and_instances_before_7() {
    let year = ["mode: year_specific", "year: 2025"];
    let path = posted_to(ApiVersion::V5_4, &[], Some(2025), &year).await;
    assert_eq!(path, "/data/v3/2025/ed-fi/students");
    let instance = [
        "mode: instance_year_specific",
        "instance_code: abc",
        "year: 2025",
    ];
    let path = posted_to(ApiVersion::V6_2, &["abc"], Some(2025), &instance).await;
    assert_eq!(path, "/data/v3/abc/2025/ed-fi/students");
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_and_contexts_from_7_on() {
    let tenant = ["tenant: one", "context: { schoolYearFromRoute: 2025 }"];
    let path = posted_to(ApiVersion::V7_3, &["one", "2025"], None, &tenant).await;
    assert_eq!(path, "/one/2025/data/v3/ed-fi/students");
    let path = posted_to(ApiVersion::V7_1, &["one"], None, &["tenant: one"]).await;
    assert_eq!(path, "/one/data/v3/ed-fi/students");
    let path = posted_to(ApiVersion::V8_0, &["one"], None, &["tenant: one"]).await;
    assert_eq!(path, "/one/data/ed-fi/students");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_is_not_given_is_asked_for() {
    let sandbox = sandbox_with(|config| config.route = vec!["one".to_owned()]).await;
    let failure = Site::with_students(1)
        .try_send(sandbox.url())
        .await
        .unwrap_err();
    assert!(
        failure.message.contains("placeholder without a value"),
        "{failure:?}"
    );
    assert_eq!(failure.hints, ["set `tenant` in the configuration"]);
}
