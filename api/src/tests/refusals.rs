use super::harness::Api;
use crate::{Config, config::Http};

#[tokio::test]
async fn a_path_that_is_not_there_is_a_problem_of_its_version() {
    let api = Api::alone().await;
    for (path, success) in [("/api/v1/nothing", Some(false)), ("/api/v2/nothing", None), ("/nothing", None)] {
        let answer = api.get(path).await;
        assert_eq!(answer.problem(), (404, "request.no_such_path".into()), "{path}");
        assert_eq!(answer.json()["success"].as_bool(), success, "{path}");
    }
}

#[tokio::test]
async fn a_method_that_is_not_there_is_told_which_are() {
    let api = Api::alone().await;
    let table = [
        ("DELETE", "/api/v1/cards", "GET, HEAD"),
        ("GET", "/api/v1/payments/process", "POST"),
        ("PATCH", "/api/v1/cards/0199f5a4-7c10-7d45-8f3b-2b6e9a1c7f02", "GET, HEAD"),
        ("OPTIONS", "/api/v2/payments", "POST"),
        ("POST", "/healthz", "GET, HEAD"),
        ("POST", "/api/v1/docs", "GET, HEAD"),
    ];
    for (method, path, allow) in table {
        let answer = api.send(&format!("{method} {path} HTTP/1.1\r\n"), "").await;
        assert_eq!(answer.problem(), (405, "request.method_not_allowed".into()), "{method} {path}");
        assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
    }
}

#[tokio::test]
async fn strangers_are_refused_everywhere_before_their_body_is_read() {
    let api = Api::alone().await;
    let operations = [
        ("POST", "/api/v1/auth/logout"),
        ("GET", "/api/v1/users/me"),
        ("POST", "/api/v1/kyc/submit"),
        ("GET", "/api/v1/kyc/status"),
        ("POST", "/api/v1/cards/request"),
        ("GET", "/api/v1/cards"),
        ("GET", "/api/v1/cards/not-even-a-uuid"),
        ("POST", "/api/v1/payments/process"),
        ("GET", "/api/v1/transactions"),
        ("GET", "/api/v1/transactions/x"),
        ("GET", "/api/v1/notifications"),
        ("POST", "/api/v2/payments"),
        ("GET", "/api/v2/payments/x"),
    ];
    let (good, _) = api.token().await;
    let two = format!("Authorization: Bearer {good}\r\nAuthorization: Bearer {good}\r\n");
    let basic = format!("Authorization: Basic {good}\r\n");
    for (method, path) in operations {
        for authorization in ["", "Authorization: Bearer\r\n", "Authorization: Bearer a.b.c\r\n", &two, &basic] {
            let answer = api.send(&format!("{method} {path} HTTP/1.1\r\n{authorization}"), "").await;
            assert_eq!(answer.problem(), (401, "auth.invalid_token".into()), "{method} {path}");
            let challenge = if authorization.is_empty() { "Bearer" } else { "Bearer error=\"invalid_token\"" };
            assert_eq!(answer.header("www-authenticate"), Some(challenge));
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
    }
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused() {
    let api = Api::alone().await;
    for content_type in ["", "Content-Type: text/plain\r\n", "Content-Type: application/x-www-form-urlencoded\r\n"] {
        let head = format!("POST /api/v1/auth/login HTTP/1.1\r\n{content_type}Content-Length: 2\r\n");
        let answer = api.send(&head, "{}").await;
        assert_eq!(answer.problem(), (415, "request.unsupported_media_type".into()), "{content_type}");
    }
    for content_type in ["application/json", "application/json; charset=utf-8", "Application/JSON;x=y"] {
        let head = format!("POST /api/v1/auth/login HTTP/1.1\r\nContent-Type: {content_type}\r\nContent-Length: 2\r\n");
        assert_eq!(api.send(&head, "{}").await.problem(), (422, "request.invalid".into()), "{content_type}");
    }
}

#[tokio::test]
async fn broken_json_and_wrong_fields_are_told_apart() {
    let api = Api::alone().await;
    let table = [
        ("{\"email\":", 400, "request.malformed_json", None),
        ("", 400, "request.malformed_json", None),
        ("{}", 422, "request.invalid", Some("email")),
        ("[]", 422, "request.invalid", Some("body")),
        ("{\"email\":17,\"password\":\"x\"}", 422, "request.invalid", Some("email")),
        ("{\"email\":\"a@b.cd\"}", 422, "request.invalid", Some("password")),
    ];
    for (body, status, code, field) in table {
        let answer = api.post("/api/v1/auth/login", "", body).await;
        assert_eq!(answer.problem(), (status, code.into()), "{body}");
        let json = answer.json();
        assert_eq!(json["success"], false);
        assert_eq!(json["errors"][0]["field"].as_str(), field, "{body}");
    }
}

#[tokio::test]
async fn version_2_refuses_fields_it_does_not_know_and_version_1_ignores_them() {
    let api = Api::alone().await;
    let body = r#"{"email":"","password":"","colour":"blue"}"#;
    let answer = api.post("/api/v2/auth/login", "", body).await;
    assert_eq!(answer.problem(), (422, "request.invalid".into()));
    assert!(answer.json().get("success").is_none());
    // As far as the database, which is not there.
    assert_eq!(api.post("/api/v1/auth/login", "", body).await.problem(), (503, "system.unavailable".into()));
}

#[tokio::test]
async fn a_body_is_counted_as_it_arrives() {
    let http = Http { max_body_bytes: 1000, ..Http::default() };
    let api = Api::start("redis://127.0.0.1:1", Config { http, ..Config::default() }).await;
    let body = format!("{{\"email\":\"{}\"}}", "x".repeat(2000));
    let too_large = (413, "request.body_too_large".to_owned());
    assert_eq!(api.post("/api/v1/auth/login", "", &body).await.problem(), too_large);

    // No Content-Length to trust: chunks.
    let head = "POST /api/v1/auth/login HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
    let chunks = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    assert_eq!(api.send(head, &chunks).await.problem(), too_large);
    let chunks = "2\r\n{}\r\n0\r\n\r\n";
    assert_eq!(api.send(head, chunks).await.problem(), (422, "request.invalid".into()));
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_not_waited_for() {
    let http = Http { body_timeout_seconds: 1, ..Http::default() };
    let api = Api::start("redis://127.0.0.1:1", Config { http, ..Config::default() }).await;
    let head = "POST /api/v1/auth/login HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n";
    assert_eq!(api.send(head, "{\"email\":").await.problem(), (408, "request.body_timeout".into()));
}
