use tests::{client::PASSWORD, system::TestSystem};

use super::browser::{
    CALLBACK, a_client, authorize, decide, exchange, log_in, opens, post_form, refused, request, ticket, title, told,
};

#[tokio::test]
async fn a_client_gets_what_the_person_allows_and_no_more() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let client = a_client(&system, "confidential", &[CALLBACK], "openid email profile:read cards:read").await;
    let http = &mut system.client();

    let page = authorize(http, &request(&client, "openid email profile:read")).await;
    assert_eq!((page.status.as_u16(), title(&page).as_str()), (200, "Log in"));
    assert!(page.contains("Budget &lt;b&gt;&amp;"), "a name is text: {}", page.text());
    let policy = page.header("content-security-policy").unwrap();
    for rule in ["default-src 'none'", "frame-ancestors 'none'", "form-action 'self' https://budget.example;"] {
        assert!(policy.contains(rule), "{policy}");
    }
    assert!(!page.headers.contains_key("set-cookie") && !page.contains("<script"));
    assert_eq!(page.header("cache-control"), Some("no-store"));

    let page = log_in(http, &page, &person.email, PASSWORD).await;
    assert_eq!(title(&page), "Allow access");
    assert!(page.contains("know your e-mail address") && !page.contains("see your cards"), "{}", page.text());
    let told = told(&decide(http, &page, "continue").await);
    assert_eq!((told["state"].as_str(), told["iss"].as_str()), ("a state", "https://api.virtualcards.com"));

    let answer = exchange(http, &client, &told["code"]).await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, Some("no-store")), "{}", answer.text());
    let json = answer.json();
    assert_eq!((&json["token_type"], &json["scope"]), (&"Bearer".into(), &"profile:read openid email".into()));
    assert!(json.get("refresh_token").is_none(), "offline access was not asked for");
    let token = json["access_token"].as_str().unwrap();
    assert_eq!(opens(http, token).await, 200);
    for closed in ["/api/v1/cards", "/api/v1/transactions", "/api/v2/me/consents"] {
        assert_eq!(http.get(closed, Some(token)).await.unwrap().status, 403, "{closed}");
    }
    let info = http.get("/oauth/userinfo", Some(token)).await.unwrap().json();
    assert_eq!((&info["sub"], &info["email"]), (&person.user_id.as_str().into(), &person.email.as_str().into()));
    assert!(info.get("name").is_none(), "the name was not asked for: {info}");
}

#[tokio::test]
async fn nobody_is_sent_where_the_client_has_not_registered() {
    let system = TestSystem::start().await;
    let registered = [CALLBACK, "http://127.0.0.1/callback"];
    let client = a_client(&system, "public", &registered, "openid").await;
    let http = &mut system.client();
    for uri in [
        "",
        "https://budget.example/callback/",
        "https://budget.example/callback2",
        "https://budget.example/Callback",
        "https://BUDGET.example/callback",
        "https://budget.example:443/callback",
        "https://budget.example:8443/callback",
        "https://budget.example/x/../callback",
        "https://budget.example/callback?next=https://evil.example",
        "https://budget.example/callback#x",
        "https://budget.example@evil.example/callback",
        "https://evil.example/callback",
        "https://budget.example.evil.example/callback",
        "//evil.example/callback",
        "http://budget.example/callback",
        "http://127.0.0.1:8123/callback2",
        "http://localhost:8123/callback",
        "javascript:alert(1)",
    ] {
        let mut parameters = request(&client, "openid");
        parameters.insert("redirect_uri", uri.into());
        let answer = authorize(http, &parameters).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (400, None), "{uri}");
        assert!(!answer.contains("evil"), "an error page repeats nothing: {}", answer.text());
    }
    for id in ["", "nobody", "0198c5a2-7b1e-7c3d-8000-000000000000"] {
        let mut parameters = request(&client, "openid");
        parameters.insert("client_id", id.into());
        assert_eq!(authorize(http, &parameters).await.status, 400, "{id}");
    }
    let query = "/oauth/authorize?client_id=a&client_id=b";
    assert_eq!(http.get(query, None).await.unwrap().status, 400);
    // An app on a device may choose its port.
    let mut parameters = request(&client, "openid");
    parameters.insert("redirect_uri", "http://127.0.0.1:8123/callback".into());
    assert_eq!(title(&authorize(http, &parameters).await), "Log in");
}

#[tokio::test]
async fn a_wrong_request_goes_back_with_its_reason() {
    let system = TestSystem::start().await;
    let client = a_client(&system, "confidential", &[CALLBACK], "openid profile:read").await;
    let http = &mut system.client();
    let table: [(&str, Option<&str>, &str); 20] = [
        ("state", None, "invalid_request"),
        ("response_type", None, "invalid_request"),
        ("response_type", Some("token"), "unsupported_response_type"),
        ("response_type", Some("code id_token"), "unsupported_response_type"),
        ("response_mode", Some("fragment"), "invalid_request"),
        ("response_mode", Some("form_post"), "invalid_request"),
        ("scope", None, "invalid_scope"),
        ("scope", Some("cards:read"), "invalid_scope"),
        ("scope", Some("openid security:manage"), "invalid_scope"),
        ("scope", Some("openid everything"), "invalid_scope"),
        ("code_challenge", None, "invalid_request"),
        ("code_challenge", Some("short"), "invalid_request"),
        ("code_challenge_method", None, "invalid_request"),
        ("code_challenge_method", Some("plain"), "invalid_request"),
        ("prompt", Some("none"), "login_required"),
        ("prompt", Some("none login"), "invalid_request"),
        ("prompt", Some("create"), "invalid_request"),
        ("request", Some("eyJhbGciOiJub25lIn0.e30."), "request_not_supported"),
        ("request_uri", Some("https://evil.example/"), "request_uri_not_supported"),
        ("nonce", Some("\u{7}"), "invalid_request"),
    ];
    for (name, value, error) in table {
        let mut parameters = request(&client, "openid");
        match value {
            Some(value) => drop(parameters.insert(name, value.to_owned())),
            None => drop(parameters.remove(name)),
        }
        let told = told(&authorize(http, &parameters).await);
        assert_eq!(told["error"], error, "{name}={value:?}");
        assert!(!told.contains_key("code") && told["iss"] == "https://api.virtualcards.com");
        assert_eq!(told.get("state").map(String::as_str), (name != "state").then_some("a state"));
    }
}

/// A page's ticket is all that speaks for a person there, so it speaks once, and on its own page.
#[tokio::test]
async fn a_ticket_serves_one_answer_on_one_page() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let client = a_client(&system, "confidential", &[CALLBACK], "openid profile:read payments:write").await;
    let http = &mut system.client();
    let first = authorize(http, &request(&client, "openid")).await;
    let consent = log_in(http, &first, &person.email, PASSWORD).await;
    assert_eq!(log_in(http, &first, &person.email, PASSWORD).await.status, 400, "used");

    let other = authorize(http, &request(&client, "openid")).await;
    assert_eq!(decide(http, &other, "continue").await.status, 400, "consent without a login");
    assert_eq!(log_in(http, &other, &person.email, PASSWORD).await.status, 400, "spoilt");
    for ticket in ["", "nonsense"] {
        let fields = [("ticket", ticket), ("decision", "continue")];
        assert_eq!(post_form(http, "/oauth/authorize/consent", &fields, &[]).await.status, 400);
    }

    let fields = [("ticket", &*ticket(&consent)), ("decision", "continue")];
    for site in ["cross-site", "same-site"] {
        let answer = post_form(http, "/oauth/authorize/consent", &fields, &[("sec-fetch-site", site)]).await;
        assert_eq!(answer.status, 403, "{site}");
    }
    // What is added to the answer is not consented to.
    let more = [fields[0], fields[1], ("scope", "openid profile:read payments:write"), ("client_id", "another")];
    let told = told(&post_form(http, "/oauth/authorize/consent", &more, &[("sec-fetch-site", "same-origin")]).await);
    let answer = exchange(http, &client, &told["code"]).await;
    assert_eq!(answer.json()["scope"], "openid", "{}", answer.text());
    assert_eq!(decide(http, &consent, "continue").await.status, 400, "used");
}

#[tokio::test]
async fn a_person_who_does_not_log_in_or_consent_gives_nothing() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let client = a_client(&system, "confidential", &[CALLBACK], "openid").await;
    let http = &mut system.client();
    let mut page = authorize(http, &request(&client, "openid")).await;
    for (email, password) in
        [(&*person.email, "wrong password"), ("nobody@example.com", PASSWORD), ("", ""), (&*person.email, "")]
    {
        page = log_in(http, &page, email, password).await;
        assert_eq!(title(&page), "Log in");
        assert!(page.contains("E-mail address or password is wrong"), "{}", page.text());
        assert!(!page.contains(&person.email), "what was typed is not repeated");
    }
    let answer = log_in(http, &page, &person.email, "wrong password").await;
    assert_eq!(told(&answer)["error"], "access_denied", "five tries are enough");

    let page = authorize(http, &request(&client, "openid")).await;
    let fields = [("ticket", &*ticket(&page)), ("decision", "cancel"), ("email", ""), ("password", "")];
    let answer = post_form(http, "/oauth/authorize/login", &fields, &[]).await;
    assert_eq!(told(&answer)["error"], "access_denied");

    let page = authorize(http, &request(&client, "openid")).await;
    let page = log_in(http, &page, &person.email, PASSWORD).await;
    let told = told(&decide(http, &page, "cancel").await);
    assert_eq!(told["error"], "access_denied");
    let consents = http.get("/api/v2/me/consents", Some(&person.token)).await.unwrap().json();
    assert_eq!(consents["items"], serde_json::json!([]));
    assert_eq!(refused(&exchange(http, &client, "nonsense").await), (400, "invalid_grant".into()));
}

/// Browsers hold the redirect that answers a form to `form-action`: each page allows the address that its own request
/// came with, and no other.
#[tokio::test]
async fn a_page_leads_to_the_address_that_was_asked_for_and_nowhere_else() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let other = "https://other.example/callback";
    let client = a_client(&system, "confidential", &[CALLBACK, other], "openid").await;
    let http = &mut system.client();
    for (address, origin) in [(CALLBACK, "https://budget.example"), (other, "https://other.example")] {
        let mut parameters = request(&client, "openid");
        parameters.insert("redirect_uri", address.into());
        parameters.insert("prompt", "consent".into());
        let first = authorize(http, &parameters).await;
        let consent = log_in(http, &first, &person.email, PASSWORD).await;
        assert_eq!(title(&consent), "Allow access");
        for page in [&first, &consent] {
            let policy = page.header("content-security-policy").unwrap();
            assert!(policy.contains(&format!("form-action 'self' {origin};")), "{policy}");
        }
        let answer = decide(http, &consent, "continue").await;
        assert!(answer.header("location").unwrap().starts_with(&format!("{address}?code=")));
    }
    let mut parameters = request(&client, "openid");
    parameters.insert("redirect_uri", "https://evil.example/".into());
    let page = authorize(http, &parameters).await;
    assert!(page.header("content-security-policy").unwrap().contains("form-action 'self';"), "an error leads nowhere");
}
