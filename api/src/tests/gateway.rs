use super::harness::{Answer, Api};
use crate::{Config, Cors, Http, Version, Versions, modules::Module};

const APP: &str = "https://app.example.com";
const NOWHERE: &str = "redis://127.0.0.1:1";

async fn with_cors() -> Api {
    let cors = Cors { origins: vec![APP.into(), "http://localhost:3000".into()] };
    Api::start(NOWHERE, Config { cors, ..Config::default() }).await
}

async fn preflight(api: &Api, path: &str, origin: &str) -> Answer {
    let head = format!(
        "OPTIONS {path} HTTP/1.1\r\nOrigin: {origin}\r\nAccess-Control-Request-Method: POST\r\n\
         Access-Control-Request-Headers: authorization,content-type\r\n"
    );
    api.send(&head, "").await
}

fn cors_headers(answer: &Answer) -> Vec<&str> {
    answer.headers.iter().map(|(name, _)| name.as_str()).filter(|name| name.starts_with("access-control-")).collect()
}

/// Without a token, and counted against nobody.
#[tokio::test]
async fn a_page_of_a_listed_origin_may_ask_and_call() {
    let api = with_cors().await;
    let asked = preflight(&api, "/api/v1/payments/process", APP).await;
    assert_eq!((asked.status, asked.body.as_str()), (204, ""));
    assert_eq!(asked.header("access-control-allow-origin"), Some(APP));
    assert_eq!(asked.header("access-control-allow-methods"), Some("POST"));
    let allowed = asked.header("access-control-allow-headers").unwrap();
    for needed in ["authorization", "content-type", "idempotency-key", "x-step-up-token"] {
        assert!(allowed.contains(needed), "{allowed}");
    }
    assert!(asked.header("vary").unwrap().starts_with("Origin"));
    assert_eq!(asked.header("ratelimit"), None);

    let called = api.send(&format!("GET /api/v1/users/me HTTP/1.1\r\nOrigin: {APP}\r\n"), "").await;
    assert_eq!((called.status, called.header("access-control-allow-origin")), (401, Some(APP)));
    let exposed = called.header("access-control-expose-headers").unwrap();
    for needed in ["x-request-id", "x-position", "ratelimit", "retry-after", "deprecation", "sunset"] {
        assert!(exposed.contains(needed), "{exposed}");
    }
    assert_eq!(called.header("vary"), Some("Origin"));
}

#[tokio::test]
async fn no_other_origin_is_let_in_and_none_by_a_wildcard() {
    let (api, without) = (with_cors().await, Api::alone().await);
    let others = [
        "https://evil.example.com",
        "https://app.example.com.evil.example",
        "https://app.example.co",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://APP.example.com",
        "https://app.example.com, https://evil.example.com",
        "null",
        "*",
        "",
    ];
    for origin in others {
        let asked = preflight(&api, "/api/v1/payments/process", origin).await;
        assert_eq!(asked.problem(), (403, "request.origin_not_allowed".into()), "{origin}");
        assert_eq!(cors_headers(&asked), [""; 0], "{origin}");
        let called = api.send(&format!("GET /api/v1/users/me HTTP/1.1\r\nOrigin: {origin}\r\n"), "").await;
        assert_eq!((called.status, cors_headers(&called)), (401, vec![]), "{origin}");
        assert_eq!(called.header("vary"), Some("Origin"), "a cache must not give this answer to a listed origin");
    }
    let twice = format!("GET /api/v1/users/me HTTP/1.1\r\nOrigin: {APP}\r\nOrigin: {APP}\r\n");
    assert_eq!(cors_headers(&api.send(&twice, "").await), [""; 0]);
    assert_eq!(preflight(&without, "/api/v1/payments/process", APP).await.status, 403);
    let called = without.send(&format!("GET /healthz HTTP/1.1\r\nOrigin: {APP}\r\n"), "").await;
    assert_eq!((cors_headers(&called), called.header("vary")), (vec![], None));
    for answer in [preflight(&api, "/api/v1/users/me", APP).await, called] {
        assert_eq!(answer.header("access-control-allow-credentials"), None);
    }
    assert_eq!(preflight(&api, "/api/v1/nothing", APP).await.problem().1, "request.no_such_path");
}

#[tokio::test]
async fn a_request_has_bounds_before_anything_looks_at_it() {
    let api = Api::alone().await;
    let long = format!("GET /api/v1/transactions?cursor={} HTTP/1.1\r\n", "a".repeat(4096));
    assert_eq!(api.send(&long, "").await.problem(), (414, "request.uri_too_long".into()));
    let fits = format!("GET /api/v1/transactions?cursor={} HTTP/1.1\r\n", "a".repeat(4000));
    assert_eq!(api.send(&fits, "").await.status, 401);

    let headers = |count: usize, length: usize| {
        let lines: String = (0..count).map(|i| format!("X-Filler-{i}: {}\r\n", "a".repeat(length))).collect();
        format!("GET /healthz HTTP/1.1\r\n{lines}")
    };
    assert_eq!(api.send(&headers(60, 10), "").await.status, 200);
    assert_eq!(api.send(&headers(63, 10), "").await.problem(), (431, "request.headers_too_large".into()));
    assert_eq!(api.send(&headers(4, 5_000), "").await.problem(), (431, "request.headers_too_large".into()));
    // Past what hyper reads there is no problem to read, but a refusal all the same.
    assert_eq!(api.send(&headers(120, 10), "").await.status, 431);
    assert_eq!(api.send(&headers(10, 5_000), "").await.status, 431);
}

#[tokio::test]
async fn an_encoded_body_is_not_decoded() {
    let api = Api::alone().await;
    let send = async |coding: &str| {
        let body = r#"{"email":"","password":""}"#;
        let head = format!(
            "POST /api/v1/auth/login HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{coding}",
            body.len()
        );
        api.send(&head, body).await
    };
    for coding in ["gzip", "br", "deflate", "identity, gzip", "zstd"] {
        let answer = send(&format!("Content-Encoding: {coding}\r\n")).await;
        assert_eq!(answer.problem(), (415, "request.content_encoding".into()), "{coding}");
    }
    for coding in ["", "Content-Encoding: identity\r\n"] {
        assert_ne!(send(coding).await.status, 415, "{coding}");
    }
}

#[tokio::test]
async fn a_body_that_is_nested_too_deep_is_refused() {
    let api = Api::alone().await;
    let body = format!(r#"{{"email":{}1{}}}"#, "[".repeat(32), "]".repeat(32));
    assert_eq!(api.post("/api/v1/auth/login", "", &body).await.problem(), (400, "request.too_deep".into()));
    let body = format!(r#"{{"email":{}1{}}}"#, "[".repeat(31), "]".repeat(31));
    assert_eq!(api.post("/api/v1/auth/login", "", &body).await.problem().0, 422);
}

/// On answers of handlers, of the gate, and on pages.
#[tokio::test]
async fn every_answer_is_hardened_and_names_no_server() {
    let http = Http { hsts_seconds: 31_536_000, ..Http::default() };
    let api = Api::start(NOWHERE, Config { http, ..Config::default() }).await;
    let long = "a".repeat(5_000);
    for path in ["/healthz", "/api/v1/users/me", "/nothing", "/api/v1/docs", &format!("/{long}")] {
        let answer = api.get(path).await;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("strict-transport-security", "max-age=31536000; includeSubDomains"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}: {name}");
        }
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert!(answer.header("permissions-policy").unwrap().contains("payment=()"), "{path}");
        for name in ["server", "x-powered-by", "via"] {
            assert_eq!(answer.header(name), None, "{path}: {name}");
        }
    }
    assert_eq!(Api::alone().await.get("/healthz").await.header("strict-transport-security"), None);
}

#[tokio::test]
async fn a_version_that_ends_says_so_on_every_answer_of_its_own() {
    let at = |text: &str| Some(text.parse().unwrap());
    let v1 = Version {
        deprecated_at: at("2026-01-01T00:00:00Z"),
        sunset_at: at("2026-12-31T23:59:59Z"),
        successor: Some("/api/v2/openapi.json".into()),
        notice: None,
    };
    let versions = Versions { v1, v2: Version::default() };
    let api = Api::start(NOWHERE, Config { versions, ..Config::default() }).await;
    for path in ["/api/v1/users/me", "/api/v1/nothing", "/api/v1/openapi.json"] {
        let answer = api.get(path).await;
        assert_eq!(answer.header("deprecation"), Some("@1767225600"), "{path}");
        assert_eq!(answer.header("sunset"), Some("Thu, 31 Dec 2026 23:59:59 GMT"), "{path}");
        let link = "</api/v2/openapi.json>; rel=\"successor-version\"";
        assert_eq!(answer.header("link"), Some(link), "{path}");
    }
    for path in ["/api/v2/payments/x", "/healthz", "/api/v10/nothing"] {
        assert_eq!(api.get(path).await.header("deprecation"), None, "{path}");
    }
    assert_eq!(Api::alone().await.get("/api/v1/users/me").await.header("deprecation"), None, "not by default");
}

#[tokio::test]
async fn an_instance_serves_the_modules_it_is_told_to() {
    let modules = vec!["payments".into(), "cards".into()];
    let api = Api::start(NOWHERE, Config { modules, ..Config::default() }).await;
    for path in ["/api/v1/cards", "/api/v1/transactions", "/api/v2/payments/0199f5a5-1e20-7a68-b5d4-6c8f3e2a9d03"] {
        assert_eq!(api.get(path).await.status, 401, "{path}");
    }
    for (path, module) in
        [("/api/v1/users/me", Module::Users), ("/api/v1/auth/login", Module::Auth), ("/api/v1/kyc/status", Module::Kyc)]
    {
        let answer = api.get(path).await;
        assert_eq!(answer.problem(), (404, "request.module_not_here".into()), "{path}");
        assert!(answer.body.contains(&format!("`{module}`")), "{}", answer.body);
    }
    for path in ["/healthz", "/metrics", "/.well-known/jwks.json", "/api/v1/docs", "/api/v2/openapi.json"] {
        assert_eq!(api.get(path).await.status, 200, "{path}");
    }
    assert_eq!(api.get("/api/v1/nothing").await.problem().1, "request.no_such_path");
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    let refused = |config: Config| config.check().unwrap_err().to_string();
    let modules = vec!["payment".into()];
    assert!(refused(Config { modules, ..Config::default() }).contains("payments"), "the list is told");
    for origin in ["*", "https://app.example.com/", "app.example.com"] {
        let cors = Cors { origins: vec![origin.into()] };
        assert!(refused(Config { cors, ..Config::default() }).contains(origin));
    }
    let v1 = Version { sunset_at: Some(chrono::Utc::now()), ..Version::default() };
    let versions = Versions { v1, ..Versions::default() };
    assert!(refused(Config { versions, ..Config::default() }).contains("v1"));
}
