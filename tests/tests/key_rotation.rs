//! Signing keys rotate while two apis serve, and nobody is sent away (`virtual-cards keys`).

use std::{fs, path::Path};

use aggregates::Proof;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use serde_json::{Value, json};
use tests::{client::Client, database::keys_dir, system::TestSystem};

use crate::members::Member;

/// A person with a token and the next refresh token, on both apis.
struct User {
    tokens: Vec<String>,
    refresh_token: String,
}

fn kid(token: &str) -> Value {
    let header = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice::<Value>(&header).unwrap()["kid"].clone()
}

impl User {
    /// Uses every token that was ever given, on every api, and gets one more from the one that signs.
    async fn goes_on(&mut self, system: &TestSystem, signs: usize) {
        let mut client = system.client_of(signs);
        let body = json!({ "refresh_token": self.refresh_token });
        let next = client.post("/api/v2/auth/refresh", None, &body).await.unwrap();
        assert_eq!(next.status, 200, "{}", next.text());
        self.tokens.push(next.json()["access_token"].as_str().unwrap().into());
        self.refresh_token = next.json()["refresh_token"].as_str().unwrap().into();
        for token in &self.tokens {
            for api in [0, 1] {
                let answer = system.client_of(api).get("/api/v2/me/sessions", Some(token)).await.unwrap();
                assert_eq!(answer.status, 200, "api {api}, key {}: {}", kid(token), answer.text());
            }
        }
    }
}

async fn published(system: &TestSystem, api: usize) -> Vec<Value> {
    let jwks = Client::new(system.processes.apis[api].address()).get("/.well-known/jwks.json", None).await.unwrap();
    jwks.json()["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect()
}

fn copied(from: &Path) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(from).unwrap().flatten().filter(|entry| entry.path().is_file()) {
        fs::copy(entry.path(), directory.path().join(entry.file_name())).unwrap();
    }
    directory
}

#[tokio::test]
async fn keys_rotate_and_nobody_is_sent_away() {
    let keys = copied(&keys_dir());
    let setting = [("VC_KEYS_DIR", keys.path().to_str().unwrap())];
    let mut system = TestSystem::start_with(2, &setting).await;
    let store = system.store();
    let first = Member::new(&store, &[]).await.log_in(&store, &[Proof::Password]).await;
    let mut user = User { tokens: vec![first.token], refresh_token: first.refresh_token };
    user.goes_on(&system, 0).await;
    let run = async |system: &TestSystem, arguments: &[&str]| {
        let output = system.environment.run(arguments).await.unwrap_or_else(|failure| panic!("{failure}"));
        String::from_utf8(output.stdout).unwrap()
    };

    // One machine after the other learns the new key, which signs nothing yet.
    assert_eq!(run(&system, &["keys", "rotate", "signing"]).await.trim(), "2");
    assert!(run(&system, &["keys", "list"]).await.contains("signing-1  in use"));
    for api in [0, 1] {
        system.processes.apis[api].restart().await.unwrap();
        assert_eq!(published(&system, api).await.len(), 2);
        user.goes_on(&system, api).await;
    }
    assert_eq!(kid(user.tokens.last().unwrap()), kid(&user.tokens[0]), "the old key still signs");

    // One machine after the other signs with it.
    run(&system, &["keys", "use", "signing", "2"]).await;
    for api in [0, 1] {
        system.processes.apis[api].restart().await.unwrap();
        user.goes_on(&system, api).await;
        assert_ne!(kid(user.tokens.last().unwrap()), kid(&user.tokens[0]), "the new key signs");
        user.goes_on(&system, 1 - api).await;
    }
    assert_eq!(published(&system, 0).await, published(&system, 1).await);

    // When the old key's last token has expired, the key goes.
    fs::remove_file(keys.path().join("signing-1.pem")).unwrap();
    system.processes.apis[0].restart().await.unwrap();
    assert_eq!(published(&system, 0).await, [kid(user.tokens.last().unwrap())]);
    let refused = system.client_of(0).get("/api/v2/me/sessions", Some(&user.tokens[0])).await.unwrap();
    assert_eq!(refused.status, 401, "a key that is gone verifies nothing");
}
