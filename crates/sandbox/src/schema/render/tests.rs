//! Documents that are read back, and the order of loading.

use super::*;
use crate::schema::{embedded, openapi, published};

fn read_back(model: &ApiModel, style: Style) -> ApiModel {
    let render = |part| {
        openapi(
            model,
            part,
            style,
            "http://localhost/data/v3",
            "http://localhost/oauth/token",
        )
        .to_string()
    };
    let (resources, descriptors) = (render(Part::Resources), render(Part::Descriptors));
    openapi::load_texts(&[resources.as_bytes(), descriptors.as_bytes()]).unwrap()
}

fn without_values(mut model: ApiModel) -> ApiModel {
    model
        .descriptors
        .values_mut()
        .for_each(|descriptor| descriptor.values.clear());
    model
}

fn assert_same(read: &ApiModel, model: &ApiModel) {
    for (path, resource) in &model.resources {
        assert_eq!(read.resources.get(path), Some(resource));
    }
    assert_eq!(read, model);
}

#[test]
fn the_embedded_model_survives_both_styles() {
    let model = without_values(embedded().unwrap());
    assert!(model.resources.len() > 50);
    for style in [Style::Swagger2, Style::OpenApi3] {
        assert_same(&read_back(&model, style), &model);
    }
}

#[test]
fn every_tag_of_an_operation_is_described_once() {
    let model = embedded().unwrap();
    for part in [Part::Resources, Part::Descriptors] {
        let document = openapi(&model, part, Style::Swagger2, "", "");
        let tags = document["tags"].as_array().unwrap();
        let described: BTreeMap<_, _> = tags
            .iter()
            .map(|tag| {
                (
                    tag["name"].to_string(),
                    tag["description"].as_str().unwrap(),
                )
            })
            .collect();
        assert_eq!(described.len(), tags.len());
        for (path, item) in document["paths"].as_object().unwrap() {
            let tag = item["get"]["tags"][0].to_string();
            assert!(described[&tag].starts_with("Records of "), "{path}");
        }
    }
}

#[test]
fn published_models_survive_both_styles() {
    let Some(directory) = published::directory() else {
        return;
    };
    for standard in ["3.3", "4.0", "5.0", "6.0"] {
        let model = openapi::load_standard(&directory.join("openapi"), standard).unwrap();
        for style in [Style::Swagger2, Style::OpenApi3] {
            assert_same(&read_back(&model, style), &model);
        }
    }
}

#[test]
fn both_styles_say_where_the_server_and_its_tokens_are() {
    let model = embedded().unwrap();
    let url = "http://127.0.0.1:9/data/v3";
    let render = |style| {
        openapi(
            &model,
            Part::Descriptors,
            style,
            url,
            "http://t/oauth/token",
        )
    };
    let old = render(Style::Swagger2);
    assert_eq!(
        (&old["host"], &old["basePath"]),
        (&json!("127.0.0.1:9"), &json!("/data/v3"))
    );
    let flow = &old["securityDefinitions"]["oauth2_client_credentials"];
    assert_eq!(flow["tokenUrl"], "http://t/oauth/token");
    let new = render(Style::OpenApi3);
    assert_eq!(new["servers"][0]["url"], url);
}

/// Order and operations of every entry.
fn entries(model: &ApiModel) -> BTreeMap<(String, String), u64> {
    let list = dependencies(model);
    let entry = |entry: &Value| {
        let resource = entry["resource"].as_str().unwrap().to_owned();
        (
            (resource, entry["operations"].to_string()),
            entry["order"].as_u64().unwrap(),
        )
    };
    list.as_array().unwrap().iter().map(entry).collect()
}

#[test]
fn persons_are_created_early_and_updated_after_their_associations() {
    let orders = entries(&embedded().unwrap());
    let order = |resource: &str, operations: &str| {
        orders[&(format!("/ed-fi/{resource}"), operations.to_owned())]
    };
    let both = r#"["Create","Update"]"#;
    let enrolled = order("studentSchoolAssociations", both);
    assert!(order("students", r#"["Create"]"#) < enrolled);
    assert!(enrolled < order("students", r#"["Update"]"#));
    assert!(order("students", r#"["Update"]"#) < order("grades", both));
    assert!(order("schools", both) < order("courses", both));
    assert_eq!(order("gradeLevelDescriptors", both), 1);
    assert!(
        !orders
            .keys()
            .any(|(resource, _)| resource == "/ed-fi/schoolYearTypes")
    );
}

#[test]
fn graphml_has_every_node_once_and_only_known_ends() {
    let text = dependencies_graphml(&embedded().unwrap());
    let nodes = text
        .lines()
        .filter(|line| line.starts_with("<node"))
        .count();
    assert_eq!(nodes, entries(&embedded().unwrap()).len());
    assert!(text.contains(r#"<node id="/ed-fi/students#Retry"/>"#));
    let edge =
        r#"<edge source="/ed-fi/studentSchoolAssociations" target="/ed-fi/students#Retry"/>"#;
    assert!(text.contains(edge));
}

#[test]
fn the_order_of_a_published_model_is_the_published_order() {
    let Some(directory) = published::directory() else {
        return;
    };
    let model = openapi::load_standard(&directory.join("openapi"), "6.0").unwrap();
    let text = fs_err::read(directory.join("dependencies/6.0.0.json")).unwrap();
    let theirs: Vec<Value> = serde_json::from_slice(&text).unwrap();
    let ours = entries(&model);
    assert_eq!(ours.len(), theirs.len());
    // The standard has a cycle (credentials, staffs, report cards, academic records), which a
    // server may cut at any edge; it begins at order 14, everything before is determined.
    let determined: Vec<_> = theirs
        .iter()
        .filter(|entry| entry["order"].as_u64() < Some(14))
        .collect();
    assert!(determined.len() > 350);
    for entry in determined {
        let resource = entry["resource"].as_str().unwrap().to_owned();
        let order = ours.get(&(resource, entry["operations"].to_string()));
        assert_eq!(order.copied(), entry["order"].as_u64(), "{entry}");
    }
}
