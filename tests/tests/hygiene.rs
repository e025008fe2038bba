//! What a reader of the source may expect of every file.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A file that is longer than anybody reads at once.
const LONGEST: usize = 400;

/// Longer files, each with the reason for it.
const LONG_FOR_A_REASON: [(&str, &str); 0] = [];

/// What stands where something is missing. Split, so that this file does not hold what it looks for.
const UNFINISHED: [&str; 4] =
    [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("FIX", "ME"), concat!("XX", "X:")];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every Rust file of the workspace, by its path from the root.
fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            match entry.file_type().unwrap().is_dir() {
                true if name != "target" && name != "node_modules" && !name.starts_with('.') => folders.push(path),
                false if name.ends_with(".rs") => {
                    let short = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
                    found.push((short, fs::read_to_string(&path).unwrap()));
                }
                _ => {}
            }
        }
    }
    assert!(found.len() > 100, "{} files are not the whole workspace", found.len());
    found
}

#[test]
fn no_file_is_too_long_to_read_without_a_reason() {
    let too_long: Vec<_> = sources()
        .into_iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(path, lines)| *lines > LONGEST && !LONG_FOR_A_REASON.iter().any(|(listed, _)| listed == path))
        .collect();
    assert!(too_long.is_empty(), "longer than {LONGEST} lines: {too_long:?}");
}

#[test]
fn nothing_is_left_unfinished() {
    let unfinished: Vec<_> = sources()
        .into_iter()
        .flat_map(|(path, text)| {
            UNFINISHED.iter().filter(move |mark| text.contains(*mark)).map(move |m| (path.clone(), m))
        })
        .collect();
    assert!(unfinished.is_empty(), "{unfinished:?}");
}

#[test]
fn every_crate_says_what_it_is_for() {
    for (path, text) in sources().into_iter().filter(|(path, _)| path.ends_with("src/lib.rs")) {
        assert!(text.starts_with("//! "), "{path} does not begin with what the crate is for");
    }
}
