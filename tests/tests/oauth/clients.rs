use aggregates::{Proof, Role};
use hyper::Method;
use serde_json::json;
use tests::system::TestSystem;

use crate::members::Member;

use super::browser::{
    CALLBACK, Registered, a_code, ask, authorize, exchange, opens, refresh, refused, request, tokens,
};

/// The token of somebody who may register clients.
async fn an_admin(system: &TestSystem) -> String {
    let store = system.store();
    let admin = Member::new(&store, &[Role::Admin]).await;
    admin.log_in(&store, &[Proof::Password, Proof::Totp]).await.token
}

#[tokio::test]
async fn clients_are_an_administrators_to_register() {
    let system = TestSystem::start().await;
    let (admin, person) = (an_admin(&system).await, system.a_person().await);
    let http = &mut system.client();
    let new = json!({ "name": "Budget", "kind": "confidential", "redirect_uris": [CALLBACK],
                      "scopes": ["openid", "offline_access", "profile:read"] });
    let path = "/api/v2/admin/clients";
    assert_eq!(http.post(path, Some(&person.token), &new).await.unwrap().status, 403);
    for (field, value) in [
        ("redirect_uris", json!(["http://budget.example/"])),
        ("redirect_uris", json!([])),
        ("scopes", json!(["security:manage"])),
        ("scopes", json!(["everything"])),
        ("scopes", json!([])),
        ("name", json!("")),
    ] {
        let mut wrong = new.clone();
        wrong[field] = value;
        let answer = http.post(path, Some(&admin), &wrong).await.unwrap();
        assert_eq!(answer.status, 422, "{wrong}: {}", answer.text());
    }
    let answer = http.post(path, Some(&admin), &new).await.unwrap();
    assert_eq!(answer.status, 201, "{}", answer.text());
    let registered = answer.json();
    let id = registered["client"]["client_id"].as_str().unwrap().to_owned();
    let first = Registered { id: id.clone(), secret: registered["secret"]["secret"].as_str().map(str::to_owned) };
    let listed = http.get(path, Some(&admin)).await.unwrap();
    assert_eq!(listed.json()["items"][0]["client_id"], id.as_str());
    assert!(!listed.contains(first.secret.as_deref().unwrap()), "a secret is shown once");

    // Two secrets at a time, for the change from one to the other.
    let secrets = format!("{path}/{id}/secrets");
    let second = http.post(&secrets, Some(&admin), &json!({})).await.unwrap();
    assert_eq!(second.status, 201, "{}", second.text());
    let second = Registered { id: id.clone(), secret: second.json()["secret"].as_str().map(str::to_owned) };
    assert_eq!(http.post(&secrets, Some(&admin), &json!({})).await.unwrap().status, 409);
    let held = tokens(http, &first, &person.email, "openid offline_access profile:read").await;
    assert_eq!(refresh(http, &second, &held.refresh, Some("everything")).await.status, 400);
    let old = registered["secret"]["secret_id"].as_str().unwrap();
    let revoked = http.request(Method::DELETE, &format!("{secrets}/{old}"), Some(&admin), None, &[]).await;
    assert_eq!(revoked.unwrap().status, 204);
    assert_eq!(refused(&refresh(http, &first, &held.refresh, None).await), (401, "invalid_client".into()));
    assert_eq!(refresh(http, &second, &held.refresh, None).await.status, 200);

    // Disabled: everything of it ends at once.
    let code = a_code(http, &second, &person.email, "openid").await;
    assert_eq!(opens(http, &held.access).await, 200);
    let disable = format!("{path}/{id}");
    for _ in 0..2 {
        let answer = http.request(Method::DELETE, &disable, Some(&admin), None, &[]).await.unwrap();
        assert_eq!(answer.status, 204, "{}", answer.text());
    }
    assert_eq!(opens(http, &held.access).await, 401);
    assert_eq!(refused(&exchange(http, &second, &code).await), (401, "invalid_client".into()));
    assert_eq!(authorize(http, &request(&second, "openid")).await.status, 400);
    assert_eq!(http.post(&secrets, Some(&admin), &json!({})).await.unwrap().status, 409);
    let unknown = format!("{path}/0198c5a2-7b1e-7c3d-8000-000000000000");
    let answer = http.request(Method::DELETE, &unknown, Some(&admin), None, &[]).await.unwrap();
    assert_eq!(answer.status, 404);
}

#[tokio::test]
async fn a_service_acts_for_itself_within_its_scopes() {
    let system = TestSystem::start().await;
    let service = super::browser::a_client(&system, "service", &[], "users:verify fraud:check").await;
    let http = &mut system.client();
    let grant = ("grant_type", "client_credentials");
    for more in ["users:read", "users:verify users:read", "openid", "profile:read", "everything"] {
        let answer = ask(http, "/oauth/token", &service, &[grant, ("scope", more)]).await;
        assert_eq!(refused(&answer), (400, "invalid_scope".into()), "{more}");
    }
    let answer = ask(http, "/oauth/token", &service, &[grant, ("scope", "users:verify")]).await.json();
    assert_eq!(answer["scope"], "users:verify");
    assert!(answer.get("refresh_token").is_none() && answer.get("id_token").is_none(), "{answer}");
    let token = answer["access_token"].as_str().unwrap();
    let said = ask(http, "/oauth/introspect", &service, &[("token", token)]).await.json();
    assert_eq!((&said["active"], &said["scope"]), (&true.into(), &"users:verify".into()));
    assert_eq!((&said["sub"], &said["client_id"]), (&service.id.as_str().into(), &service.id.as_str().into()));
    for closed in ["/api/v1/users/me", "/api/v1/cards", "/oauth/userinfo"] {
        assert_eq!(http.get(closed, Some(token)).await.unwrap().status, 403, "{closed}");
    }
    assert_eq!(ask(http, "/oauth/revoke", &service, &[("token", token)]).await.status, 200);
    assert_eq!(opens(http, token).await, 401);
    let all = ask(http, "/oauth/token", &service, &[grant]).await.json();
    assert_eq!(all["scope"], "users:verify fraud:check");
}
