//! The adapter for Stripe Issuing against Stripe's own specification, and the sandbox's network against it, too.
#![allow(clippy::unwrap_used)]

mod finding;
mod holders;
mod requests;
mod status;
mod told;
mod webhooks;

use std::sync::{Arc, Mutex};

use serde_json::{Map, Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::harness::answer;

/// MIT; where it is from stands in it.
fn specification() -> Value {
    serde_json::from_str(include_str!("../stripe.openapi.json")).unwrap()
}

/// What breaks the schema, with the specification's components at hand.
fn violations(schema: Value, value: &Value) -> Vec<String> {
    let schema = json!({ "components": specification()["components"], "allOf": [schema] });
    let validator = jsonschema::validator_for(&schema).unwrap();
    validator.iter_errors(value).map(|error| format!("{} at {}", error, error.instance_path())).collect()
}

/// A request as it arrived.
#[derive(Clone, Debug)]
struct Received {
    method: String,
    path: String,
    query: String,
    head: String,
    body: String,
}

impl Received {
    fn header(&self, name: &str) -> Option<String> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).next()
    }
}

/// Answers each request by `script`, in order, over connections of one request each; and what was asked.
async fn a_stripe_that_answers(script: Vec<(u16, Value)>) -> (String, Arc<Mutex<Vec<Received>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let received = Arc::new(Mutex::new(Vec::new()));
    let kept = received.clone();
    tokio::spawn(async move {
        for (status, body) in script {
            let (mut stream, _) = listener.accept().await.unwrap();
            let request = read(&mut stream).await;
            kept.lock().unwrap().push(request);
            let _ = stream.write_all(answer(status, &body.to_string()).as_bytes()).await;
        }
    });
    (base, received)
}

async fn read(stream: &mut TcpStream) -> Received {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let n = stream.read(&mut chunk).await.unwrap();
        bytes.extend(&chunk[..n]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() < length.unwrap_or(0) {
            continue;
        }
        let mut first = head.lines().next().unwrap().split(' ');
        let (method, target) = (first.next().unwrap().to_owned(), first.next().unwrap());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        return Received { method, path: path.into(), query: query.into(), head: head.into(), body: body.into() };
    }
}

/// A form with bracketed names as the nested value that it stands for, its texts read as `schema` wants them.
fn nested(form: &str, schema: &Value) -> Value {
    let mut whole = Value::Object(Map::new());
    for (name, text) in url::form_urlencoded::parse(form.as_bytes()) {
        let keys: Vec<&str> = name.split('[').map(|key| key.trim_end_matches(']')).collect();
        put(&mut whole, &keys, &text);
    }
    typed(whole, schema)
}

fn put(at: &mut Value, keys: &[&str], text: &str) {
    match keys {
        [] => *at = Value::String(text.to_owned()),
        ["", rest @ ..] => {
            if !at.is_array() {
                *at = Value::Array(vec![]);
            }
            let mut item = Value::Null;
            put(&mut item, rest, text);
            at.as_array_mut().unwrap().push(item);
        }
        [key, rest @ ..] => {
            if !at.is_object() {
                *at = Value::Object(Map::new());
            }
            put(at.as_object_mut().unwrap().entry(*key).or_insert(Value::Null), rest, text);
        }
    }
}

fn typed(value: Value, schema: &Value) -> Value {
    match (value, schema["type"].as_str()) {
        (Value::String(text), Some("integer")) => text.parse::<i64>().map_or(Value::String(text), Value::from),
        (Value::String(text), Some("boolean")) => text.parse::<bool>().map_or(Value::String(text), Value::from),
        (Value::Object(fields), _) => {
            let properties = match &schema["anyOf"][0]["properties"] {
                Value::Null => &schema["properties"],
                range => range,
            };
            Value::Object(
                fields.into_iter().map(|(key, value)| (key.clone(), typed(value, &properties[&key]))).collect(),
            )
        }
        (Value::Array(items), _) => Value::Array(items.into_iter().map(|item| typed(item, &schema["items"])).collect()),
        (value, _) => value,
    }
}
