#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, fs, path::PathBuf};

use super::*;
use crate::{envelope::AnyEvent, examples};

fn committed() -> BTreeMap<String, String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../schemas/events");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap()))
        .collect()
}

fn generated() -> BTreeMap<String, String> {
    let text = |schema: &Value| serde_json::to_string_pretty(schema).unwrap() + "\n";
    event_schemas().iter().map(|(file, schema)| (file.clone(), text(schema))).collect()
}

#[test]
fn the_committed_schemas_are_those_of_the_code() {
    let (committed, generated) = (committed(), generated());
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    let hint = "`virtual-cards dev schemas` writes schemas/ anew; a changed event needs a new version first";
    assert_eq!(names(&committed), names(&generated), "{hint}");
    for (file, text) in &generated {
        assert!(committed[file] == *text, "schemas/events/{file} is out of date: {hint}");
    }
}

#[test]
fn every_schema_is_a_valid_2020_12_schema() {
    for (file, schema) in event_schemas() {
        assert!(jsonschema::draft202012::meta::is_valid(&schema), "{file}");
    }
}

fn cloud_event(event: &AnyEvent) -> (String, Value) {
    let envelope = examples::recorded(event);
    let file = format!("{}.{}.v{}.json", envelope.kind, envelope.name, envelope.version);
    (file, serde_json::from_slice(&envelope.to_cloud_event()).unwrap())
}

fn validators() -> BTreeMap<String, jsonschema::Validator> {
    let options = jsonschema::options().should_validate_formats(true);
    event_schemas().into_iter().map(|(file, schema)| (file, options.build(&schema).unwrap())).collect()
}

#[test]
fn every_event_keeps_to_its_schema() {
    let validators = validators();
    for event in examples::every_event() {
        let (file, instance) = cloud_event(&event);
        let errors: Vec<_> = validators[&file].iter_errors(&instance).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{file}: {errors:?}");
    }
}

#[test]
fn data_that_the_code_never_writes_breaks_the_schema() {
    let validators = validators();
    for event in examples::every_event() {
        let (file, mut instance) = cloud_event(&event);
        instance["data"]["surplus"] = json!(true);
        assert!(!validators[&file].is_valid(&instance), "{file} accepts a surplus field");
        let (file, mut instance) = cloud_event(&event);
        instance["data"].as_object_mut().unwrap().remove("at");
        assert!(!validators[&file].is_valid(&instance), "{file} accepts data without a time");
    }
}
