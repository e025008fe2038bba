//! That version 2 refuses members that are not documented, in its document.
//!
//! serde refuses them; poem-openapi has no way to say so. So the finished document is gone through once: each schema of
//! a request's body, and what it refers to, is closed.

use std::collections::BTreeSet;

use serde_json::Value;

/// Where `components.schemas` has its entries, in poem-openapi's layout.
const ENTRY: &str = "      ";

/// The lines with which the schema of a form begins.
const FORM: [&str; 3] = ["\"multipart/form-data\": {", "\"schema\": {", "\"type\": \"object\","];

/// The document with the schemas of all request bodies closed.
pub fn with_closed_requests(document: &str) -> String {
    let Ok(parsed) = serde_json::from_str::<Value>(document) else { return document.to_owned() };
    let closed = of_requests(&parsed);
    let mut written = String::with_capacity(document.len() + closed.len() * 48);
    let (mut in_schemas, mut in_closed, mut in_form) = (false, false, 0);
    for line in document.lines() {
        in_schemas |= line == "    \"schemas\": {";
        if let Some(name) = line.strip_prefix(ENTRY).filter(|rest| in_schemas && rest.starts_with('"')) {
            let name = name.split('"').nth(1).unwrap_or_default();
            in_closed = closed.contains(name);
        }
        written.push_str(line);
        written.push('\n');
        // An entry's own type, not one of its members'.
        if in_closed && line == "        \"type\": \"object\"," {
            written.push_str("        \"additionalProperties\": false,\n");
        }
        // A form's schema has no name: it stands in its operation.
        let entry = line.trim_start();
        in_form = if FORM.get(in_form) == Some(&entry) { in_form + 1 } else { 0 };
        if in_form == FORM.len() {
            written.push_str(&line[..line.len() - entry.len()]);
            written.push_str("\"additionalProperties\": false,\n");
        }
    }
    written.truncate(written.trim_end().len());
    written
}

/// The names of the schemas that requests' bodies consist of.
fn of_requests(document: &Value) -> BTreeSet<String> {
    let operations = document["paths"].as_object().into_iter().flat_map(|paths| paths.values());
    let operations = operations.filter_map(Value::as_object).flat_map(|path| path.values());
    let mut to_see: Vec<String> = operations.flat_map(|operation| references(&operation["requestBody"])).collect();
    let mut seen = BTreeSet::new();
    while let Some(name) = to_see.pop() {
        to_see.extend(references(&document["components"]["schemas"][&name]).into_iter().filter(|n| !seen.contains(n)));
        seen.insert(name);
    }
    seen
}

fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Object(members) => {
            let own = members.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
            own.map(str::to_owned).into_iter().chain(members.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => vec![],
    }
}
