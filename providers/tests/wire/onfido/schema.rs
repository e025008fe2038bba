//! What is sent, against Onfido's own schemas.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

static SPECIFICATION: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../onfido/openapi.json")).unwrap());

/// Valid by the schema, and with nothing in it that the schema does not know.
pub fn check(schema: &str, sent: &Value) {
    let components = &SPECIFICATION["components"];
    let root = json!({ "$ref": format!("#/components/schemas/{schema}"), "components": components });
    let validator = jsonschema::options().should_validate_formats(true).build(&root).unwrap();
    let errors: Vec<_> = validator.iter_errors(sent).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{schema}: {errors:?} in {sent}");
    known(&components["schemas"][schema], sent);
}

fn known(schema: &Value, sent: &Value) {
    let mut properties = Map::new();
    collect(schema, &mut properties);
    for (name, value) in sent.as_object().into_iter().flatten() {
        let property = properties.get(name).unwrap_or_else(|| panic!("{name} is not in the schema"));
        if value.is_object() {
            known(property, value);
        }
    }
}

fn collect(schema: &Value, properties: &mut Map<String, Value>) {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        collect(&SPECIFICATION["components"]["schemas"][name], properties);
    }
    schema["allOf"].as_array().into_iter().flatten().for_each(|part| collect(part, properties));
    properties.extend(schema["properties"].as_object().cloned().unwrap_or_default());
}
