use http_body_util::Full;
use hyper::{Method, Request, body::Bytes, header::CONTENT_TYPE};
use serde_json::{Value, json};
use tests::{
    client::{Answer, Client},
    system::TestSystem,
};

/// What every refusal has, as RFC 9457 and version 1 want it.
fn refusal(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{}", answer.text());
    let problem = answer.json();
    assert_eq!(problem["success"], false, "{problem}");
    assert_eq!(problem["status"], status);
    let code = problem["code"].as_str().unwrap();
    assert_eq!(problem["type"], format!("urn:virtual-cards:problem:{code}"));
    assert!(problem["title"].is_string() && problem["detail"].is_string());
    assert_eq!(problem["request_id"].as_str(), answer.header("x-request-id"));
    problem
}

async fn send(client: &mut Client, method: Method, path: &str, kind: &str, body: impl Into<Bytes>) -> Answer {
    let request = Request::builder().method(method).uri(path).header(CONTENT_TYPE, kind);
    client.send(request.body(Full::new(body.into())).unwrap()).await.unwrap()
}

#[tokio::test]
async fn what_cannot_be_understood_is_refused_as_a_problem() {
    let system = TestSystem::start().await;
    let mut client = system.client();
    let login = "/api/v1/auth/login";
    let json = "application/json";

    for body in ["", "{", "[1", "\u{feff}{}", "nul\0l", "{\"email\":\"\u{1f}\"}"] {
        refusal(&send(&mut client, Method::POST, login, json, body).await, 400);
    }
    for body in [
        "{}",
        "[]",
        "null",
        "7",
        r#"{"email": 7, "password": "x"}"#,
        r#"{"email": "a@example.com"}"#,
        r#"{"email": "a@example.com", "email": "b@example.com", "password": "x"}"#,
    ] {
        let problem = refusal(&send(&mut client, Method::POST, login, json, body).await, 422);
        assert!(!problem.to_string().contains("a@example.com"), "what was sent is not repeated");
    }
    for kind in ["text/plain", "application/xml", "multipart/form-data; boundary=x", ""] {
        refusal(&send(&mut client, Method::POST, login, kind, "{}").await, 415);
    }
    // One byte more than is read: were more on its way, the connection could break before the answer is heard.
    refusal(&send(&mut client, Method::POST, login, json, vec![b' '; (256 << 10) + 1]).await, 413);
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_and_a_wrong_method_names_the_right_ones() {
    let system = TestSystem::start().await;
    let mut client = system.client();
    for path in ["/api/v1/nothing", "/api/v1/cards/", "/api/v1", "/api/v1/auth/login/", "/api/v1/../v1/cards/%2e"] {
        refusal(&client.get(path, None).await.unwrap(), 404);
    }
    for (method, path, allowed) in [
        (Method::GET, "/api/v1/auth/login", "POST"),
        (Method::DELETE, "/api/v1/cards", "GET, HEAD"),
        (Method::PUT, "/api/v1/payments/process", "POST"),
        (Method::POST, "/api/v1/transactions", "GET, HEAD"),
        (Method::PATCH, "/api/v1/transactions/0198c5a2-7b1e-7c3d-8000-000000000000", "GET, HEAD"),
    ] {
        let answer = client.request(method, path, None, None, &[]).await.unwrap();
        refusal(&answer, 405);
        assert_eq!(answer.header("allow"), Some(allowed), "{path}");
    }
}

#[tokio::test]
async fn a_wrong_field_is_named_and_its_value_is_not_repeated() {
    let system = TestSystem::start().await;
    let holder = system.a_cardholder(100).await;
    let mut client = system.client();
    let valid = json!({ "card_id": holder.card_id, "amount": 1, "currency": "USD", "merchant": "m.example",
                        "merchant_category": "books" });
    for (field, value, status) in [
        ("amount", json!(0), 422),
        ("amount", json!(-1), 422),
        ("amount", json!(1.001), 422),
        ("amount", json!("4532123456789012"), 422),
        ("amount", json!(1e300), 422),
        ("currency", json!("usd"), 422),
        ("currency", json!("XYZ"), 422),
        ("merchant", json!(""), 422),
        ("merchant", json!("m".repeat(201)), 422),
        ("card_id", json!("4532123456789012"), 422),
    ] {
        let mut body = valid.clone();
        body[field] = value.clone();
        let answer = client.post("/api/v1/payments/process", Some(&holder.person.token), &body).await.unwrap();
        let problem = refusal(&answer, status);
        assert_eq!(problem["errors"][0]["field"], field, "{value}: {problem}");
        assert!(!answer.contains("4532123456789012"), "{}", answer.text());
    }
    assert_eq!(system.sandbox("/charges").await["requests"], 0);
}

/// Invariant 4: refused by the domain, and nothing has changed.
#[tokio::test]
async fn a_broken_rule_has_its_own_code() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let mut client = system.client();
    let card = json!({ "card_type": "virtual_visa", "currency": "USD" });
    let answer = client.post("/api/v1/cards/request", Some(&person.token), &card).await.unwrap();
    assert_eq!(refusal(&answer, 403)["code"], "kyc.required");

    client.pass_kyc(&person).await.unwrap();
    let again = json!({ "document_type": "passport", "document_number": "AGAIN", "date_of_birth": "1990-12-10", "country": "GB" });
    let answer = client.post("/api/v1/kyc/submit", Some(&person.token), &again).await.unwrap();
    assert_eq!(refusal(&answer, 409)["code"], "kyc.already_approved");

    let cards = client.get("/api/v1/cards", Some(&person.token)).await.unwrap().json();
    assert_eq!(cards["cards"], json!([]));
}
