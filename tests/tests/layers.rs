//! The direction of imports between the crates of this workspace, and who speaks to which outside system.

use std::{collections::BTreeSet, path::Path};

use cargo_metadata::{Metadata, MetadataCommand};

/// From the bottom up. A crate sees those below its own tier and none beside it.
const TIERS: [&[&str]; 7] = [
    &["aggregates"],
    &["fraud"],
    &["store", "nats", "providers", "projections"],
    &["flows"],
    &["api", "workers"],
    &["cli"],
    &["tests"],
];

/// One crate for each outside system; the tests may look behind all of them.
const OUTSIDE: [(&str, &[&str]); 7] = [
    ("sqlx", &["store", "tests"]),
    ("postgres-es", &["tests"]),
    ("async-nats", &["nats", "tests"]),
    ("reqwest", &["providers", "tests"]),
    ("poem", &["api", "providers", "tests"]),
    ("poem-openapi", &["api", "tests"]),
    ("redis", &["api", "projections", "tests"]),
];

/// What the pure crates may not have at all: a runtime, a clock's or a dice's crate.
const IMPURE: [&str; 3] = ["tokio", "rand", "getrandom"];

type Edge = (String, String);

fn metadata() -> Metadata {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    MetadataCommand::new().manifest_path(manifest).no_deps().exec().unwrap()
}

/// Who names whom in its manifest, for building and for tests alike.
fn edges(metadata: &Metadata) -> Vec<Edge> {
    let packages = metadata.workspace_packages();
    let edges = packages.iter().flat_map(|package| {
        package.dependencies.iter().map(|dependency| (package.name.to_string(), dependency.name.clone()))
    });
    edges.filter(|(from, to)| from != to).collect()
}

fn offences(edges: &[Edge]) -> Vec<String> {
    edges.iter().filter_map(|(from, to)| offence(from, to)).collect()
}

fn tier(name: &str) -> Option<usize> {
    TIERS.iter().position(|tier| tier.contains(&name))
}

fn offence(from: &str, to: &str) -> Option<String> {
    if let (Some(above), Some(below)) = (tier(from), tier(to)) {
        return (below >= above).then(|| format!("`{from}` imports `{to}`, which is not below it"));
    }
    if let Some((_, allowed)) = OUTSIDE.iter().find(|(name, _)| *name == to) {
        return (!allowed.contains(&from)).then(|| format!("`{from}` imports `{to}`, which only {allowed:?} may"));
    }
    (tier(from) < tier("store") && IMPURE.contains(&to)).then(|| format!("`{from}` is pure, yet imports `{to}`"))
}

#[test]
fn imports_go_downwards_and_each_outside_system_has_one_crate() {
    let offences = offences(&edges(&metadata()));
    assert!(offences.is_empty(), "{}", offences.join("; "));
}

#[test]
fn every_crate_has_its_tier() {
    let metadata = metadata();
    let members: BTreeSet<_> = metadata.workspace_packages().iter().map(|package| package.name.to_string()).collect();
    let placed: BTreeSet<_> = TIERS.iter().flat_map(|tier| tier.iter()).map(|name| (*name).to_owned()).collect();
    assert_eq!(members, placed);
}

#[test]
fn an_offending_import_is_named() {
    for (from, to, sentence) in [
        ("store", "nats", "`store` imports `nats`, which is not below it"),
        ("aggregates", "store", "`aggregates` imports `store`, which is not below it"),
        ("flows", "workers", "`flows` imports `workers`, which is not below it"),
        ("flows", "sqlx", "`flows` imports `sqlx`, which only [\"store\", \"tests\"] may"),
        ("fraud", "tokio", "`fraud` is pure, yet imports `tokio`"),
    ] {
        assert_eq!(offence(from, to).as_deref(), Some(sentence));
    }
    assert_eq!(offences(&[("flows".into(), "store".into()), ("store".into(), "sqlx".into())]), [""; 0]);
}
