use std::path::Path;

use aggregates::{Permission, Role};
use hyper::Method;
use serde_json::{Value, json};

/// An operation as a document has it.
#[derive(Clone)]
pub struct Operation {
    pub method: Method,
    /// With `{names}` of parameters.
    pub template: String,
    /// The right that it demands; none: it is open.
    pub permission: Option<Permission>,
    pub roles: Vec<Role>,
    /// A body that the document gives as an example, if the operation has one.
    pub body: Option<Value>,
}

/// Every operation of both published documents.
pub fn operations() -> Vec<Operation> {
    ["openapi.v1.json", "openapi.v2.json"].into_iter().flat_map(of_document).collect()
}

fn of_document(name: &str) -> Vec<Operation> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas").join(name);
    let document: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let each = paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(|(method, operation)| read(path, method, operation, &document))
    });
    each.collect()
}

fn read(path: &str, method: &str, operation: &Value, document: &Value) -> Operation {
    let permission = operation["x-permission"].as_str();
    assert_eq!(permission.is_some(), !operation["security"].is_null(), "{method} {path}");
    let roles = operation["x-roles"].as_array().map(Vec::as_slice).unwrap_or_default();
    Operation {
        method: method.to_uppercase().parse().unwrap(),
        template: path.into(),
        permission: permission.map(|text| Permission::parse(text).unwrap()),
        roles: roles.iter().map(|role| Role::parse(role.as_str().unwrap()).unwrap()).collect(),
        body: (!operation["requestBody"].is_null()).then(|| example(operation, document)),
    }
}

fn example(operation: &Value, document: &Value) -> Value {
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    let named = schema["$ref"].as_str().and_then(|reference| document.pointer(reference.trim_start_matches('#')));
    let example = &named.unwrap_or(schema)["example"];
    if example.is_null() { json!({}) } else { example.clone() }
}

impl Operation {
    /// As the list of open operations names it.
    pub fn name(&self) -> String {
        format!("{} {}", self.method.as_str().to_lowercase(), self.template)
    }

    /// The path with its parameters filled in.
    pub fn path(&self, fill: impl Fn(&str) -> String) -> String {
        let parts = self.template.split('/').map(|part| match part.strip_prefix('{') {
            Some(name) => fill(name.trim_end_matches('}')),
            None => part.to_owned(),
        });
        parts.collect::<Vec<_>>().join("/")
    }

    pub fn has_parameters(&self) -> bool {
        self.template.contains('{')
    }
}
