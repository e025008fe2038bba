use std::{collections::BTreeSet, path::Path};

use aggregates::Permission;
use serde_json::Value;

use crate::documents;

fn both() -> [(&'static str, Value); 2] {
    let (first, second) = documents();
    [("v1", serde_json::from_str(&first).unwrap()), ("v2", serde_json::from_str(&second).unwrap())]
}

/// Every operation of a document, with a name for messages.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let each = paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, operation)| (format!("{method} {path}"), operation))
    });
    each.collect()
}

#[test]
fn the_published_documents_are_those_of_this_code() {
    let (first, second) = documents();
    for (name, document) in [("openapi.v1.json", first), ("openapi.v2.json", second)] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas").join(name);
        let published = std::fs::read_to_string(path).unwrap();
        assert!(published == document, "schemas/{name} is out of date: run `virtual-cards dev schemas`");
    }
}

#[test]
fn documents_are_the_same_each_time() {
    assert_eq!(documents(), documents());
}

#[test]
fn every_operation_is_described() {
    for (version, document) in both() {
        let mut ids = BTreeSet::new();
        for (name, operation) in operations(&document) {
            for text in ["summary", "description", "operationId"] {
                assert!(operation[text].as_str().is_some_and(|text| !text.is_empty()), "{version} {name}: {text}");
            }
            assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{version} {name}: operationId is taken");
            for (status, response) in operation["responses"].as_object().unwrap() {
                assert!(!response["description"].as_str().unwrap().is_empty(), "{version} {name} {status}");
            }
        }
    }
}

/// Two parts of the API that share a path would hide each other's operations.
#[test]
fn every_operation_that_is_served_is_in_its_document() {
    let documented: usize = both().iter().map(|(_, document)| operations(document).len()).sum();
    assert_eq!(documented, crate::docs::paths().len());
}

/// Which operations are open to strangers is listed, with reasons, beside the sweep that tries all of them.
#[test]
fn an_operation_that_demands_a_right_names_it_and_says_how_it_refuses() {
    let mut secured = 0;
    for (version, document) in both() {
        for (name, operation) in operations(&document) {
            let Some(permission) = operation["x-permission"].as_str() else {
                assert!(operation["security"].is_null(), "{version} {name}");
                continue;
            };
            secured += 1;
            assert_eq!(operation["security"][0], serde_json::json!({"accessToken": []}), "{version} {name}");
            assert!(Permission::parse(permission).is_some(), "{version} {name}: {permission}");
            assert!(operation["x-roles"].as_array().is_some_and(|roles| !roles.is_empty()), "{version} {name}");
            for status in ["401", "403"] {
                assert!(!operation["responses"][status].is_null(), "{version} {name} lacks {status}");
            }
        }
    }
    assert!(secured > 10, "{secured} operations are not all of them");
}

#[test]
fn every_refusal_is_a_problem() {
    for (version, document) in both() {
        let schema = if version == "v1" { "ProblemV1" } else { "Problem" };
        for (name, operation) in operations(&document) {
            let responses = operation["responses"].as_object().unwrap();
            for always in ["429", "500", "503", "504"] {
                assert!(responses.contains_key(always), "{version} {name} lacks {always}");
            }
            let body = !operation["requestBody"].is_null();
            for status in ["400", "408", "413", "415", "422"].iter().filter(|_| body) {
                assert!(responses.contains_key(*status), "{version} {name} has a body and lacks {status}");
            }
            let refusals = responses.iter().filter(|(status, _)| !status.starts_with('2'));
            for (status, response) in refusals {
                let reference = &response["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(reference, &format!("#/components/schemas/{schema}"), "{version} {name} {status}");
            }
        }
    }
}

/// Version 2 refuses members that it does not know, and says so; version 1 ignores them.
#[test]
fn a_request_of_version_2_has_no_other_members_than_the_documented() {
    fn open_objects<'a>(schema: &'a Value, document: &'a Value, found: &mut Vec<&'a Value>) {
        if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
            return open_objects(&document["components"]["schemas"][name], document, found);
        }
        if schema["properties"].is_object() && schema["additionalProperties"] != Value::Bool(false) {
            found.push(schema);
        }
        let members = schema["properties"].as_object().into_iter().flat_map(|members| members.values());
        let parts = ["allOf", "oneOf", "anyOf"].into_iter().filter_map(|name| schema[name].as_array()).flatten();
        members.chain(parts).for_each(|part| open_objects(part, document, found));
    }
    for (version, document) in both() {
        let mut bodies = 0;
        for (name, operation) in operations(&document) {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            if schema.is_null() {
                continue;
            }
            bodies += 1;
            let mut open = Vec::new();
            open_objects(schema, &document, &mut open);
            assert_eq!(open.is_empty(), version == "v2", "{version} {name}: {open:?}");
        }
        assert!(bodies > 5, "{version}: {bodies}");
    }
}
