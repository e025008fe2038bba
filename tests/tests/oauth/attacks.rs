//! What is tried at the token endpoint and its neighbours.

use tests::system::TestSystem;

use super::browser::{
    CALLBACK, CHALLENGE, Registered, VERIFIER, a_client, a_code, ask, exchange, opens, post_form, refresh, refused,
    tokens,
};

const SCOPE: &str = "openid offline_access profile:read";

fn grant() -> (u16, String) {
    (400, "invalid_grant".into())
}

#[tokio::test]
async fn a_code_serves_its_own_client_once_and_with_its_own_secret() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let client = a_client(&system, "confidential", &[CALLBACK], SCOPE).await;
    let other = a_client(&system, "confidential", &[CALLBACK], SCOPE).await;
    let http = &mut system.client();

    let good = [("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)];
    let wrong: [&[(&str, &str)]; 5] = [
        &[("redirect_uri", CALLBACK), ("code_verifier", CHALLENGE)],
        &[("redirect_uri", CALLBACK), ("code_verifier", "x")],
        &[("redirect_uri", "https://budget.example/callback2"), ("code_verifier", VERIFIER)],
        &[("redirect_uri", ""), ("code_verifier", VERIFIER)],
        &[("code_verifier", VERIFIER)],
    ];
    for fields in wrong {
        let code = a_code(http, &client, &person.email, SCOPE).await;
        let with = |fields: &[(&'static str, &'static str)]| [fields, &[("grant_type", "authorization_code")]].concat();
        let mut all: Vec<(&str, &str)> = with(fields);
        all.push(("code", &code));
        assert_eq!(refused(&ask(http, "/oauth/token", &client, &all).await), grant(), "{fields:?}");
        let mut all: Vec<(&str, &str)> = with(&good);
        all.push(("code", &code));
        assert_eq!(refused(&ask(http, "/oauth/token", &client, &all).await), grant(), "a try uses it up");
    }
    let code = a_code(http, &client, &person.email, SCOPE).await;
    let fields = [("grant_type", "authorization_code"), ("code", &*code), ("redirect_uri", CALLBACK)];
    let answer = ask(http, "/oauth/token", &client, &fields).await;
    assert_eq!(refused(&answer), (400, "invalid_request".into()), "without a verifier");
    assert_eq!(refused(&exchange(http, &other, &code).await), grant(), "of another client");

    // The second use ends what the first one opened.
    let code = a_code(http, &client, &person.email, SCOPE).await;
    let first = exchange(http, &client, &code).await.json();
    let token = first["access_token"].as_str().unwrap();
    assert_eq!(opens(http, token).await, 200);
    assert_eq!(refused(&exchange(http, &other, &code).await), grant());
    assert_eq!(opens(http, token).await, 200, "a stranger cannot end it");
    assert_eq!(refused(&exchange(http, &client, &code).await), grant());
    assert_eq!(opens(http, token).await, 401);
    let answer = refresh(http, &client, first["refresh_token"].as_str().unwrap(), None).await;
    assert_eq!(refused(&answer), grant());
}

#[tokio::test]
async fn a_client_proves_who_it_is_in_the_way_of_its_kind() {
    let system = TestSystem::start().await;
    let confidential = a_client(&system, "confidential", &[CALLBACK], SCOPE).await;
    let public = a_client(&system, "public", &[CALLBACK], SCOPE).await;
    let service = a_client(&system, "service", &[], "users:verify").await;
    let http = &mut system.client();
    let secret = confidential.secret.clone();
    let (none, wrong) = (None, Some("wrong".to_owned()));
    let as_client = |id: &str, secret: &Option<String>| Registered { id: id.to_owned(), secret: secret.clone() };
    for client in [
        as_client(&confidential.id, &none),
        as_client(&confidential.id, &wrong),
        as_client(&confidential.id, &service.secret),
        as_client(&service.id, &secret),
        as_client(&service.id, &none),
        as_client(&public.id, &secret),
        as_client(&public.id, &wrong),
        as_client("nobody", &secret),
        as_client("", &secret),
        as_client("0198c5a2-7b1e-7c3d-8000-000000000000", &secret),
    ] {
        for path in ["/oauth/token", "/oauth/revoke", "/oauth/introspect"] {
            let answer = ask(http, path, &client, &[("grant_type", "client_credentials"), ("token", "x")]).await;
            assert_eq!(refused(&answer), (401, "invalid_client".into()), "{path} {}", client.id);
        }
    }
    let basic = |id: &str, secret: &str| {
        use base64::prelude::{BASE64_STANDARD, Engine};
        format!("Basic {}", BASE64_STANDARD.encode(format!("{id}:{secret}")))
    };
    let grant = [("grant_type", "client_credentials")];
    let good = basic(&service.id, service.secret.as_deref().unwrap());
    let answer = post_form(http, "/oauth/token", &grant, &[("authorization", &good)]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let bad = basic(&service.id, "wrong");
    let answer = post_form(http, "/oauth/token", &grant, &[("authorization", &bad)]).await;
    assert_eq!(refused(&answer), (401, "invalid_client".into()));
    assert!(answer.header("www-authenticate").unwrap().starts_with("Basic"));
    // Two ways at once could be read by two readers as two clients.
    let twice = [grant[0], ("client_secret", service.secret.as_deref().unwrap())];
    let answer = post_form(http, "/oauth/token", &twice, &[("authorization", &good)]).await;
    assert_eq!(refused(&answer), (400, "invalid_request".into()));
    let another = [grant[0], ("client_id", &*public.id)];
    let answer = post_form(http, "/oauth/token", &another, &[("authorization", &good)]).await;
    assert_eq!(refused(&answer), (400, "invalid_request".into()));
    // Each grant is for its own kind.
    let table = [(&confidential, "client_credentials"), (&public, "client_credentials")];
    for (client, grant) in table {
        let answer = ask(http, "/oauth/token", client, &[("grant_type", grant)]).await;
        assert_eq!(refused(&answer), (400, "unauthorized_client".into()));
    }
    for grant in ["password", "implicit", "urn:ietf:params:oauth:grant-type:device_code"] {
        let answer = ask(http, "/oauth/token", &public, &[("grant_type", grant)]).await;
        assert_eq!(refused(&answer), (400, "unsupported_grant_type".into()), "{grant}");
    }
}

#[tokio::test]
async fn a_refresh_token_gives_no_more_than_was_granted_and_counts_once() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let client = a_client(&system, "confidential", &[CALLBACK], "openid offline_access profile:read cards:read").await;
    let other = a_client(&system, "public", &[CALLBACK], SCOPE).await;
    let http = &mut system.client();
    let first = tokens(http, &client, &person.email, SCOPE).await;
    for more in ["profile:read cards:read", "security:manage", "everything", " "] {
        let answer = refresh(http, &client, &first.refresh, Some(more)).await;
        assert_eq!(refused(&answer), (400, "invalid_scope".into()), "{more}");
    }
    assert_eq!(refused(&refresh(http, &other, &first.refresh, None).await), grant());

    // None of this has used it up.
    let answer = refresh(http, &client, &first.refresh, Some("openid")).await.json();
    assert_eq!(answer["scope"], "openid");
    assert_eq!(opens(http, answer["access_token"].as_str().unwrap()).await, 403, "fewer rights");
    let second = answer["refresh_token"].as_str().unwrap();
    let answer = refresh(http, &client, second, None).await.json();
    assert_eq!(answer["scope"], "profile:read openid offline_access", "the grant itself stays");
    let (third, token) = (answer["refresh_token"].as_str().unwrap(), answer["access_token"].as_str().unwrap());
    assert_eq!(opens(http, token).await, 200);

    assert_eq!(refused(&refresh(http, &client, second, None).await), grant(), "used before");
    assert_eq!(refused(&refresh(http, &client, third, None).await), grant(), "the family has ended");
    assert_eq!(opens(http, token).await, 401);
}

#[tokio::test]
async fn tokens_are_what_they_are_and_tell_strangers_nothing() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let client = a_client(&system, "confidential", &[CALLBACK], SCOPE).await;
    let stranger = a_client(&system, "confidential", &[CALLBACK], SCOPE).await;
    let public = a_client(&system, "public", &[CALLBACK], SCOPE).await;
    let service = a_client(&system, "service", &[], "users:verify").await;
    let http = &mut system.client();
    let held = tokens(http, &client, &person.email, SCOPE).await;

    // An ID token says who somebody is; it opens nothing.
    assert_eq!(opens(http, &held.id).await, 401);
    assert_eq!(http.get("/oauth/userinfo", Some(&held.id)).await.unwrap().status, 401);
    assert_eq!(refused(&refresh(http, &client, &held.id, None).await), grant());

    let table = [
        (&client, &held.access, true),
        (&client, &held.refresh, true),
        (&client, &held.id, false),
        (&stranger, &held.access, false),
        (&stranger, &held.refresh, false),
        (&service, &held.access, true),
        (&service, &held.refresh, false),
        (&client, &person.token, false),
        (&client, &"nonsense".to_owned(), false),
    ];
    for (asking, token, known) in table {
        let answer = ask(http, "/oauth/introspect", asking, &[("token", token)]).await;
        let json = answer.json();
        assert_eq!((answer.status.as_u16(), &json["active"]), (200, &known.into()), "{json}");
        assert_eq!(json.as_object().unwrap().len() > 1, known, "{json}");
    }
    let json = ask(http, "/oauth/introspect", &client, &[("token", &held.access)]).await.json();
    assert_eq!((&json["client_id"], &json["sub"]), (&client.id.as_str().into(), &person.user_id.as_str().into()));
    let answer = ask(http, "/oauth/introspect", &public, &[("token", &held.access)]).await;
    assert_eq!(refused(&answer), (401, "invalid_client".into()));

    for token in [&held.access, &held.refresh] {
        assert_eq!(ask(http, "/oauth/revoke", &stranger, &[("token", token)]).await.status, 200);
        assert_eq!(ask(http, "/oauth/revoke", &service, &[("token", token)]).await.status, 200);
        assert_eq!(opens(http, &held.access).await, 200, "not theirs to revoke");
    }
    assert_eq!(ask(http, "/oauth/revoke", &client, &[("token", &held.refresh)]).await.status, 200);
    assert_eq!(opens(http, &held.access).await, 401);
    let json = ask(http, "/oauth/introspect", &client, &[("token", &held.access)]).await.json();
    assert_eq!(json, serde_json::json!({ "active": false }));
    assert_eq!(opens(http, &person.token).await, 200, "the person's own session goes on");
}
