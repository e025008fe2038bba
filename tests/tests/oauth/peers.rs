//! A program written by others, with a library written by others, works with our server.

use serde_json::json;
use tests::{client::PASSWORD, peers, system::TestSystem};

use super::browser::{CALLBACK, a_client};

const SCOPE: &str = "openid profile email offline_access profile:read";

#[tokio::test]
async fn openid_client_goes_the_whole_way() {
    let system = TestSystem::start().await;
    let issuer = system.issuer().await;
    for kind in ["confidential", "public"] {
        let person = system.a_person().await;
        let client = a_client(&system, kind, &[CALLBACK], SCOPE).await;
        let settings = json!({
            "issuer": issuer.url(), "client_id": client.id, "client_secret": client.secret, "redirect_uri": CALLBACK,
            "email": person.email, "password": PASSWORD,
        });
        let done = peers::run("client.mjs", &settings).await;

        let pages = json!([["Log in", "Allow access"], ["Log in"], ["Log in", "Allow access"]]);
        assert_eq!(done["pages"], pages, "{done}");
        assert_eq!(done["iss"], issuer.url());
        assert_eq!((&done["claims"]["sub"], &done["claims"]["aud"]), (&json!(person.user_id), &json!(client.id)));
        assert_eq!(done["claims"]["amr"], json!(["pwd"]));
        let userinfo = &done["userinfo"];
        assert_eq!((&userinfo["sub"], &userinfo["email"]), (&json!(person.user_id), &json!(person.email)));
        assert_eq!(userinfo["given_name"], "Ada");
        assert_eq!(done["refreshed"]["rotated"], true);
        assert_eq!(done["reused"], "invalid_grant");
        assert!(!done["userinfo_after"].is_null(), "the token was revoked: {done}");
        if kind == "confidential" {
            assert_eq!(done["introspection"]["before"]["active"], true);
            assert_eq!(done["introspection"]["after"], json!({ "active": false }));
        }
    }
}
