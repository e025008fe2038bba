//! Read models: behind by little, never wrong, and gone without harm.

mod deletion;
mod freshness;

use serde_json::Value;
use tests::{client::Person, system::TestSystem};

/// Everything that a person sees.
async fn seen_by(system: &TestSystem, person: &Person) -> Vec<Value> {
    let mut client = system.client();
    let mut seen = Vec::new();
    for path in ["/users/me", "/kyc/status", "/cards", "/transactions", "/notifications"] {
        let answer = client.get(&format!("/api/v1{path}"), Some(&person.token)).await.unwrap();
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        seen.push(answer.json());
    }
    seen
}
