//! What Onfido's own schemas say of a request.
#![allow(clippy::unwrap_used)]

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

static SPECIFICATION: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../onfido/openapi.json")).unwrap());

/// Valid by the schema, and with nothing in it that the schema does not know.
pub fn check(schema: &str, sent: &Value) {
    let components = &SPECIFICATION["components"];
    let root = json!({ "$ref": format!("#/components/schemas/{schema}"), "components": components });
    let validator = jsonschema::options().should_validate_formats(true).build(&root).unwrap();
    let errors: Vec<_> = validator.iter_errors(sent).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{schema}: {errors:?} in {sent}");
    known(&components["schemas"][schema], sent);
}

/// A request line of an operation that the specification has.
pub fn check_line(line: &str) {
    let (method, path) = line.split_once(" /v3.6").unwrap();
    let fits = |pattern: &str| {
        let (known, sent): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('/').collect());
        let fit = |(known, sent): (&&str, &&str)| known == sent || (known.starts_with('{') && is_uuid(sent));
        known.len() == sent.len() && known.iter().zip(&sent).all(fit)
    };
    let operations = SPECIFICATION["paths"].as_object().unwrap();
    let found = operations.iter().any(|(pattern, by)| fits(pattern) && by.get(method.to_lowercase()).is_some());
    assert!(found, "{line}");
}

fn is_uuid(text: &str) -> bool {
    uuid::Uuid::try_parse(text).is_ok()
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

/// The fields of a form, the file as text in place of its bytes, which are returned too.
pub fn form(content_type: &str, body: &[u8]) -> (Value, Vec<u8>) {
    let boundary = content_type.strip_prefix("multipart/form-data; boundary=").unwrap();
    let text: String = body.iter().map(|byte| *byte as char).collect();
    let (mut fields, mut file) = (Map::new(), vec![]);
    let parts: Vec<&str> = text.split(&format!("--{boundary}")).collect();
    assert_eq!((parts[0], parts[parts.len() - 1]), ("", "--\r\n"));
    for part in &parts[1..parts.len() - 1] {
        let (head, content) = part.split_once("\r\n\r\n").unwrap();
        let content = content.strip_suffix("\r\n").unwrap();
        let name = head.split("name=\"").nth(1).unwrap().split('"').next().unwrap();
        if name == "file" {
            assert!(head.contains("filename=\"") && head.contains("Content-Type: image/"), "{head}");
            file = content.chars().map(|c| c as u8).collect();
        }
        fields.insert(name.into(), content.into());
    }
    (fields.into(), file)
}
