//! The shapes that the mobile app was built against, as the product's founding document quotes them.

mod errors;
mod shapes;

use serde_json::Value;

/// Where and how `answer` is not of the shape of `quoted`: other fields, or other types. What the answer may have
/// besides is named in `additions`, by its path.
fn differences(quoted: &str, answer: &Value, additions: &[&str]) -> Vec<String> {
    let quoted: Value = serde_json::from_str(quoted).expect("the quotation is JSON");
    let mut found = Vec::new();
    compare("", &quoted, answer, additions, &mut found);
    found
}

fn compare(path: &str, quoted: &Value, answer: &Value, additions: &[&str], found: &mut Vec<String>) {
    match (quoted, answer) {
        (Value::Object(quoted), Value::Object(answer)) => {
            let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            for (name, value) in quoted {
                match answer.get(name) {
                    Some(answered) => compare(&below(name), value, answered, additions, found),
                    None => found.push(format!("`{}` is missing", below(name))),
                }
            }
            let added = answer.keys().filter(|name| !quoted.contains_key(*name)).map(|name| below(name));
            found.extend(added.filter(|name| !additions.contains(&name.as_str())).map(|n| format!("`{n}` is new")));
        }
        (quoted, answer) if kind(quoted) != kind(answer) => {
            found.push(format!("`{path}` is {}, not {}", kind(answer), kind(quoted)));
        }
        _ => {}
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[test]
fn a_difference_is_found_and_named() {
    let quoted = r#"{"success": true, "card": {"cvv": "***", "limit": 1.5}}"#;
    let found = |answer: &str| differences(quoted, &serde_json::from_str(answer).unwrap(), &["card.status"]);
    assert_eq!(found(r#"{"success": false, "card": {"cvv": "", "limit": 2, "status": "active"}}"#), [""; 0]);
    assert_eq!(
        found(r#"{"success": true, "card": {"cvv": "***", "limit": "1.50"}}"#),
        ["`card.limit` is a string, not a number"]
    );
    assert_eq!(found(r#"{"success": true, "card": {"limit": 1}}"#), ["`card.cvv` is missing"]);
    assert_eq!(found(r#"{"success": true, "card": {"cvv": "", "limit": 1, "pin": ""}}"#), ["`card.pin` is new"]);
}
