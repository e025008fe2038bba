use hyper::Method;
use tests::{client::PASSWORD, system::TestSystem};

use super::browser::{
    CALLBACK, a_client, a_code, authorize, exchange, log_in, opens, refresh, refused, request, title, tokens, told,
};

const SCOPE: &str = "openid offline_access profile:read";

#[tokio::test]
async fn a_consent_is_asked_for_once_and_can_be_taken_back() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let client = a_client(&system, "confidential", &[CALLBACK], "openid offline_access profile:read cards:read").await;
    let http = &mut system.client();
    let held = tokens(http, &client, &person.email, SCOPE).await;
    assert_eq!(opens(http, &held.access).await, 200);

    // The same or less is not asked for again; more is, and so is what the client wants to be asked for.
    let after_login = async |scope: &str, prompt: Option<&str>| {
        let http = &mut system.client();
        let mut parameters = request(&client, scope);
        if let Some(prompt) = prompt {
            parameters.insert("prompt", prompt.into());
        }
        let page = authorize(http, &parameters).await;
        log_in(http, &page, &person.email, PASSWORD).await
    };
    assert!(told(&after_login(SCOPE, None).await).contains_key("code"));
    assert!(told(&after_login("openid", Some("login")).await).contains_key("code"));
    assert_eq!(title(&after_login("openid", Some("consent")).await), "Allow access");
    assert_eq!(title(&after_login("openid cards:read", None).await), "Allow access");

    let consents = http.get("/api/v2/me/consents", Some(&person.token)).await.unwrap().json();
    let consent = &consents["items"][0];
    assert_eq!((&consent["client_id"], &consent["client_name"]), (&client.id.as_str().into(), &"Budget <b>&".into()));
    assert_eq!(consent["scopes"], serde_json::json!(["profile:read", "openid", "offline_access"]));

    let code = a_code(http, &client, &person.email, SCOPE).await;
    let path = format!("/api/v2/me/consents/{}", client.id);
    let withdrawn = http.request(Method::DELETE, &path, Some(&person.token), None, &[]).await.unwrap();
    assert_eq!(withdrawn.status, 204, "{}", withdrawn.text());
    assert_eq!(opens(http, &held.access).await, 401);
    assert_eq!(refused(&refresh(http, &client, &held.refresh, None).await), (400, "invalid_grant".into()));
    assert_eq!(refused(&exchange(http, &client, &code).await), (400, "invalid_grant".into()), "not even a code");
    assert_eq!(title(&after_login(SCOPE, None).await), "Allow access");
    assert_eq!(opens(http, &person.token).await, 200);
    let again = http.request(Method::DELETE, &path, Some(&person.token), None, &[]).await.unwrap();
    assert_eq!(again.status, 404);
}

/// Another program on the device could have the same address, and would get in without anybody noticing.
#[tokio::test]
async fn an_app_on_a_device_is_consented_to_each_time() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let local = "http://127.0.0.1/callback";
    let client = a_client(&system, "public", &[local], "openid").await;
    let http = &mut system.client();
    for _ in 0..2 {
        let mut parameters = request(&client, "openid");
        parameters.insert("redirect_uri", "http://127.0.0.1:8123/callback".into());
        let page = authorize(http, &parameters).await;
        let page = log_in(http, &page, &person.email, PASSWORD).await;
        assert_eq!(title(&page), "Allow access");
        let answer = super::browser::decide(http, &page, "continue").await;
        assert!(answer.header("location").unwrap().starts_with("http://127.0.0.1:8123/callback?code="));
    }
}
