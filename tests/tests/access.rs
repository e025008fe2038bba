//! Every operation refuses strangers (invariant 9).

use hyper::Method;
use serde_json::{Value, json};
use tests::{client::Answer, system::TestSystem};

/// What may be called by anybody, with the reason. Everything else wants a token.
const OPEN: [(&str, &str); 9] = [
    (
        "post /api/v2/auth/confirm-email-change",
        "the mailed token is the proof, and either mailbox may be read elsewhere",
    ),
    ("post /api/v1/auth/register", "who registers has no account yet"),
    ("post /api/v1/auth/login", "who logs in has no token yet"),
    ("post /api/v2/auth/login", "who logs in has no token yet"),
    ("post /api/v1/auth/login/mfa", "the second step of a login; wants its ticket"),
    ("post /api/v2/auth/login/second-factor", "the second step of a login; wants its ticket"),
    ("post /api/v2/auth/login/second-factor/passkey-options", "for the second step of a login; wants its ticket"),
    ("post /api/v2/auth/passkey/options", "says nothing about anybody"),
    ("post /api/v2/auth/passkey", "who logs in has no token yet"),
];

/// Method and path of every operation that a version documents, with parameters filled in.
async fn operations(system: &TestSystem, version: &str) -> Vec<(Method, String)> {
    let document = system.client().get(&format!("/api/{version}/openapi.json"), None).await.unwrap().json();
    let base = document["servers"][0]["url"].as_str().unwrap_or_default();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let filled: Vec<_> =
                path.split('/').map(|part| if part.starts_with('{') { NOBODYS } else { part }).collect();
            let path = filled.join("/");
            let path = if path.starts_with(base) { path } else { format!("{base}{path}") };
            found.push((method.to_uppercase().parse().unwrap(), path));
        }
    }
    found
}

/// An id that nothing has.
const NOBODYS: &str = "0198c5a2-7b1e-7c3d-8000-000000000000";

#[tokio::test]
async fn without_a_valid_token_every_operation_refuses() {
    let system = TestSystem::start_with(1, &[("VC_API__RATE_LIMITS__ADDRESS", "0")]).await;
    let mut client = system.client();
    let ended = system.a_person().await;
    client.post("/api/v1/auth/logout", Some(&ended.token), &json!({})).await.unwrap();
    let forged = forged(&ended.token);
    let (mut closed, mut open) = (0, Vec::new());
    for version in ["v1", "v2"] {
        for (method, path) in operations(&system, version).await {
            let name = format!("{} {path}", method.as_str().to_lowercase());
            if OPEN.iter().any(|(known, _)| *known == name) {
                open.push(name);
                continue;
            }
            closed += 1;
            for token in [None, Some("nonsense"), Some(&*forged), Some(&*ended.token)] {
                let key = [("idempotency-key", "key-1")];
                let body = (method != Method::GET).then(|| json!({}));
                let answer = client.request(method.clone(), &path, token, body.as_ref(), &key).await.unwrap();
                assert_eq!(answer.status, 401, "{name} with {token:?}: {}", answer.text());
                assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{name}");
            }
        }
    }
    assert_eq!(open.len(), OPEN.len(), "an exemption that nothing needs: {open:?} of {OPEN:?}");
    assert!(closed >= 10, "{closed} operations are not all of them");
}

/// The same claims, signed by nobody.
fn forged(token: &str) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    // {"alg":"none"}
    format!("eyJhbGciOiJub25lIn0.{}.", parts[1])
}

/// Status and body, without what differs by request.
fn answered(answer: &Answer) -> (u16, Value) {
    let mut body = answer.json();
    body["request_id"] = Value::Null;
    (answer.status.as_u16(), body)
}

/// 404 and not 403: whoever guesses ids does not learn which exist.
#[tokio::test]
async fn what_belongs_to_somebody_else_is_as_unknown_as_what_is_not_there() {
    let system = TestSystem::start().await;
    let (owner, stranger) = (system.a_cardholder(1_000).await, system.a_cardholder(1_000).await);
    let mut client = system.client();
    let paid = client.post_prepared(&owner.payment("10.00", "shop.example"), None).await.unwrap().json();
    let transaction = paid["transaction"]["transaction_id"].as_str().unwrap();
    system.caught_up().await;
    for (folder, id) in [
        ("/api/v1/cards", owner.card_id.as_str()),
        ("/api/v1/transactions", transaction),
        ("/api/v2/payments", transaction),
    ] {
        let path = format!("{folder}/{id}");
        assert_eq!(client.get(&path, Some(&owner.person.token)).await.unwrap().status, 200, "{path}");
        let theirs = client.get(&path, Some(&stranger.person.token)).await.unwrap();
        let nobodys = client.get(&format!("{folder}/{NOBODYS}"), Some(&stranger.person.token)).await.unwrap();
        assert_eq!(theirs.status, 404, "{path}");
        assert_eq!(answered(&theirs), answered(&nobodys));
    }

    let mut attempt = owner.payment("10.00", "shop.example");
    attempt.bearer = stranger.person.bearer();
    assert_eq!(client.post_prepared(&attempt, None).await.unwrap().status, 404);
    for path in ["/api/v1/transactions", "/api/v1/notifications"] {
        let list = client.get(path, Some(&stranger.person.token)).await.unwrap();
        assert!(!list.contains(transaction), "{path}: {}", list.text());
    }
    assert_eq!(system.sandbox("/charges").await["requests"], 1);
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
