//! What stands in an event as free text is no personal data: that is sealed (invariant 5).

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

/// Fields of free text, and why they may be read by everybody who reads events. What people say of themselves or of
/// others is not among them: it belongs under the person's key, as `Sealed`.
const OPEN: [(&str, &str); 27] = [
    ("allow", "payees, their trades and countries"),
    ("authorization", "a third party's id"),
    ("block", "payees, their trades and countries"),
    ("country", "a country's code"),
    ("device_id", "a random name that an app chose for itself"),
    ("gateway", "our name of a third party"),
    ("gateway_code", "a third party's code"),
    ("gateway_reference", "a third party's id"),
    ("issuer", "our name of a third party"),
    ("issuer_reference", "a third party's id"),
    ("issuer_code", "a third party's code"),
    ("language", "a language tag"),
    ("last_four", "all of a card's number that may be shown"),
    ("locked_to", "a payee"),
    ("merchant", "a payee"),
    ("merchant_category", "a payee's trade"),
    ("name", "of a program"),
    ("provider", "our name of a third party"),
    ("provider_reference", "a third party's id"),
    ("provider_references", "third parties' ids"),
    ("reason", "a code"),
    ("reasons", "codes"),
    ("redirect_uris", "of a program"),
    ("reference", "a third party's id"),
    ("request_digest", "a hash"),
    ("time_zone", "a region's name"),
    ("topic", "a code"),
];

/// The names of all fields below `schema` that may hold any text, with where they stand.
fn free_texts(name: &str, schema: &Value, definitions: &Value, found: &mut BTreeMap<String, String>, event: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let definition = reference.rsplit('/').next().unwrap_or_default();
        if !matches!(definition, "Sealed" | "BlindIndex") {
            free_texts(name, &definitions[definition], definitions, found, event);
        }
        return;
    }
    let bounded = ["format", "enum", "const", "pattern"].iter().any(|bound| schema.get(bound).is_some());
    let kinds = schema["type"].as_array().cloned().unwrap_or_else(|| vec![schema["type"].clone()]);
    if kinds.contains(&"string".into()) && !bounded {
        found.insert(name.into(), event.into());
    }
    for several in ["anyOf", "oneOf", "allOf"] {
        for one in schema[several].as_array().into_iter().flatten() {
            free_texts(name, one, definitions, found, event);
        }
    }
    for (field, schema) in schema["properties"].as_object().into_iter().flatten() {
        free_texts(field, schema, definitions, found, event);
    }
    for values in ["items", "additionalProperties"] {
        if schema[values].is_object() {
            free_texts(name, &schema[values], definitions, found, event);
        }
    }
}

#[test]
fn every_free_text_in_an_event_is_known_to_be_nobodys_data() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/events");
    let mut found = BTreeMap::new();
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let schema: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let event = path.file_stem().unwrap_or_default().to_string_lossy();
        free_texts("data", &schema["properties"]["data"], &schema["$defs"], &mut found, &event);
    }
    assert!(found.len() >= 15, "{} fields are not all of them", found.len());
    for (field, event) in &found {
        let known = OPEN.iter().any(|(open, _)| open == field);
        assert!(known, "`{field}` of {event} holds any text: seal it, or say above why everybody may read it");
    }
}
