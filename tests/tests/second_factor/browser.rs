//! A passkey in headless Chromium, with its own implementation of WebAuthn and a virtual authenticator.

use serde_json::json;
use tests::{client::PASSWORD, peers, system::TestSystem};

#[tokio::test]
async fn a_passkey_is_registered_and_used_in_a_browser() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let api = system.processes.apis[0].url();
    let input = json!({ "api": api, "email": person.email, "password": PASSWORD, "token": person.token });
    let walked = peers::run("passkey.mjs", &input).await;

    assert_eq!(walked["registered"]["passkey"]["label"], "Chromium", "{walked}");
    assert_eq!(walked["registered"]["recovery_codes"].as_array().map(Vec::len), Some(10));
    assert_eq!(walked["alone"]["user_id"], person.user_id.as_str());
    assert_eq!(walked["half"]["factors"], json!(["passkey", "recovery_code"]));
    assert_eq!(walked["second"]["user_id"], person.user_id.as_str());
    assert_eq!(walked["stepUp"]["operation"], "account");
    assert!(walked["factors"]["passkeys"][0]["last_used_at"].is_string());
    // It names its owner by itself, and its counter grows: 1 when it was made, then three signatures.
    let kept = &walked["kept"];
    assert_eq!((&kept["isResidentCredential"], &kept["rpId"]), (&json!(true), &json!("localhost")));
    assert!(kept["signCount"].as_u64() >= Some(3), "{kept}");
    assert_eq!(walked["unverified"], "NotAllowedError", "without its owner's finger or PIN it does not sign");
    for token in [&walked["alone"]["access_token"], &walked["second"]["access_token"]] {
        let me = system.client().get("/api/v1/users/me", token.as_str()).await.unwrap();
        assert_eq!(me.status, 200, "{}", me.text());
    }
}
