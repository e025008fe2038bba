//! The JSON Schemas of the published events (2020-12), made from the types that are written.

use std::collections::BTreeSet;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::{Fact, Kind, card, client, kyc, notification, payment, user};

/// Every event is in its first version. An event that gets a second one also keeps the schema of the first.
const VERSION: i16 = 1;

const UUID: &str = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";

/// One schema for each event: its file name, such as `user.registered.v1.json`, and the schema of the whole
/// CloudEvent with its `data`. In the order of kinds and of their events, with keys sorted, so that the same code
/// gives the same bytes.
pub fn event_schemas() -> Vec<(String, Value)> {
    [
        kind_schemas::<user::Event>(),
        kind_schemas::<kyc::Event>(),
        kind_schemas::<card::Event>(),
        kind_schemas::<payment::Event>(),
        kind_schemas::<client::Event>(),
        kind_schemas::<notification::Event>(),
    ]
    .concat()
}

fn kind_schemas<E: Fact>() -> Vec<(String, Value)> {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let root = settings.into_generator().into_root_schema_for::<E>();
    let definitions = root.get("$defs").and_then(Value::as_object).cloned().unwrap_or_default();
    let variants = root.get("oneOf").and_then(Value::as_array).cloned().unwrap_or_default();
    variants.iter().filter_map(|variant| event_schema(E::KIND, variant, &definitions)).collect()
}

/// `variant` is schemars' form of an externally tagged variant: an object with the tag as its only property.
fn event_schema(kind: Kind, variant: &Value, definitions: &Map<String, Value>) -> Option<(String, Value)> {
    let (name, data) = variant.get("properties")?.as_object()?.iter().next()?;
    let event = format!("{kind}.{name}.v{VERSION}");
    let mut schema = envelope_schema(kind, &event, data);
    if let Some(description) = variant.get("description") {
        schema["description"] = description.clone();
    }
    let used = reachable(data, definitions);
    if !used.is_empty() {
        schema["$defs"] = Value::Object(used);
    }
    // Whether maps keep insertion order depends on what other crates ask of serde_json.
    schema.sort_all_objects();
    Some((format!("{event}.json"), schema))
}

/// Other extension attributes may be added to the envelope, so it is open; `data` is closed.
fn envelope_schema(kind: Kind, event: &str, data: &Value) -> Value {
    let uuid = json!({ "type": "string", "format": "uuid" });
    let count = json!({ "type": "string", "pattern": "^[1-9][0-9]*$" });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("/schemas/events/{event}.json"),
        "title": format!("virtualcards.{event}"),
        "type": "object",
        "properties": {
            "specversion": { "const": "1.0" },
            "id": uuid,
            "source": { "const": "/virtual-cards" },
            "type": { "const": format!("virtualcards.{event}") },
            "subject": { "type": "string", "pattern": format!("^{kind}/{UUID}$") },
            "time": { "type": "string", "format": "date-time" },
            "datacontenttype": { "const": "application/json" },
            "dataschema": { "const": format!("/schemas/events/{event}.json") },
            "position": count,
            "sequence": count,
            "correlationid": uuid,
            "causationid": uuid,
            "traceparent": { "type": "string" },
            "actor": { "type": "string", "pattern": "^(person|service|system):" },
            "data": data,
        },
        "required": [
            "specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema",
            "position", "sequence", "correlationid", "actor", "data",
        ],
    })
}

/// The definitions that `data` refers to, directly or through others.
fn reachable(data: &Value, definitions: &Map<String, Value>) -> Map<String, Value> {
    let mut used = Map::new();
    let mut open = references(data);
    while let Some(name) = open.pop_first() {
        if let Some(definition) = definitions.get(&name).filter(|_| !used.contains_key(&name)) {
            open.extend(references(definition));
            used.insert(name, definition.clone());
        }
    }
    used
}

fn references(schema: &Value) -> BTreeSet<String> {
    match schema {
        Value::Object(fields) => {
            let own = fields.get("$ref").and_then(Value::as_str).and_then(|to| to.strip_prefix("#/$defs/"));
            own.map(str::to_owned).into_iter().chain(fields.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => BTreeSet::new(),
    }
}

#[cfg(test)]
mod tests;
