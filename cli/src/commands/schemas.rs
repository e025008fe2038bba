use std::{fs, path::Path};

use crate::Failure;

/// Writes the published contracts: event schemas and OpenAPI documents. Or compares them with what is there.
pub(crate) fn run(directory: &Path, check: bool) -> Result<(), Failure> {
    let (v1, v2) = api::documents();
    let mut files = vec![("openapi.v1.json".to_owned(), v1), ("openapi.v2.json".to_owned(), v2)];
    for (name, schema) in aggregates::schema::event_schemas() {
        let text = serde_json::to_string_pretty(&schema).map_err(|e| Failure::Other(e.to_string()))?;
        files.push((format!("events/{name}"), text + "\n"));
    }
    let mut stale = stray(directory, &files)?;
    for (name, content) in &files {
        let path = directory.join(name);
        if fs::read_to_string(&path).ok().as_ref() == Some(content) {
            continue;
        }
        stale.push(name.clone());
        if !check {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(&path, content)?;
        }
    }
    match stale.is_empty() || !check {
        true => Ok(()),
        false => Err(Failure::Other(format!("out of date: {}; run `virtual-cards dev schemas`", stale.join(", ")))),
    }
}

/// Event schemas that no event has. A published event stays for ever, so they are reported, never deleted.
fn stray(directory: &Path, files: &[(String, String)]) -> Result<Vec<String>, Failure> {
    let Ok(entries) = fs::read_dir(directory.join("events")) else { return Ok(vec![]) };
    let names = entries.flatten().map(|entry| format!("events/{}", entry.file_name().to_string_lossy()));
    Ok(names.filter(|name| !files.iter().any(|(known, _)| known == name)).collect())
}
