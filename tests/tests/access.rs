//! Logins that tell nothing, and logouts that hold everywhere (invariant 9). What strangers meet is in `strangers`.

use serde_json::{Value, json};
use tests::{client::Answer, system::TestSystem};

/// Status and body, without what differs by request.
fn answered(answer: &Answer) -> (u16, Value) {
    let mut body = answer.json();
    body["request_id"] = Value::Null;
    (answer.status.as_u16(), body)
}

#[tokio::test]
async fn a_login_tells_nobody_who_has_an_account() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let mut client = system.client();
    let mut log_in = async |email: &str| {
        let body = json!({ "email": email, "password": "not the password" });
        answered(&client.post("/api/v1/auth/login", None, &body).await.unwrap())
    };
    let known = log_in(&person.email).await;
    assert_eq!(known.0, 401);
    for email in ["nobody@example.com", "not an address", ""] {
        assert_eq!(log_in(email).await, known, "{email:?}");
    }
}

/// A logout holds everywhere, not only where it was asked for.
#[tokio::test]
async fn a_token_is_refused_by_every_api_once_its_session_has_ended() {
    let system = TestSystem::start_with(2, &[]).await;
    let person = system.a_person().await;
    let other_session = system.client().log_in(&person.email).await.unwrap();
    let me = "/api/v1/users/me";
    for api in [0, 1] {
        assert_eq!(system.client_of(api).get(me, Some(&person.token)).await.unwrap().status, 200);
    }
    system.client_of(0).post("/api/v1/auth/logout", Some(&person.token), &json!({})).await.unwrap();
    for api in [0, 1] {
        assert_eq!(system.client_of(api).get(me, Some(&person.token)).await.unwrap().status, 401, "api {api}");
    }
    assert_eq!(system.client_of(1).get(me, Some(&other_session.token)).await.unwrap().status, 200);
}
