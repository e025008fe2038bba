use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use poem::{Endpoint, Request, Response, Result, http::Method};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use uuid::Uuid;

use super::harness::{Api, deps};
use crate::{
    Config,
    config::Http,
    middleware::{Gate, Routes},
    service,
};

/// Answers after a while, or panics, by path.
struct Slow(Arc<AtomicUsize>);

impl Endpoint for Slow {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        self.0.fetch_add(1, Ordering::SeqCst);
        match request.uri().path() {
            "/api/v1/payments/process" => tokio::time::sleep(Duration::from_secs(60)).await,
            "/slow" => tokio::time::sleep(Duration::from_millis(400)).await,
            _ => panic!("a bug"),
        }
        Ok("done".into())
    }
}

/// The gate before an endpoint that misbehaves.
async fn misbehaving(http: Http) -> (Api, Arc<AtomicUsize>) {
    let config = Config { http, ..Config::default() };
    let service = service::shared(deps("redis://127.0.0.1:1"), &config).unwrap();
    let routes = Routes::new([("/api/v1/payments/process".to_owned(), Method::POST)]);
    let calls = Arc::new(AtomicUsize::new(0));
    (Api::serve(Gate::new(Slow(calls.clone()), routes, service, &config).unwrap(), config).await, calls)
}

#[tokio::test]
async fn every_answer_has_a_request_id_and_lets_nothing_run() {
    let api = Api::alone().await;
    let given = Uuid::now_v7();
    let answer = api.send(&format!("GET /healthz HTTP/1.1\r\nX-Request-Id: {given}\r\n"), "").await;
    assert_eq!((answer.status, answer.header("x-request-id")), (200, Some(given.to_string().as_str())));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("content-security-policy"), Some("default-src 'none'; frame-ancestors 'none'"));
    let made_up = api.send("GET /nothing HTTP/1.1\r\nX-Request-Id: <script>\r\n", "").await;
    assert!(Uuid::parse_str(made_up.header("x-request-id").unwrap()).is_ok());
}

#[tokio::test]
async fn pages_and_documents_are_served() {
    let api = Api::alone().await;
    let (first, second) = crate::documents();
    assert_eq!(api.get("/api/v1/openapi.json").await.body, first);
    assert_eq!(api.get("/api/v2/openapi.json").await.body, second);
    for path in ["/api/v1/docs", "/api/v2/docs"] {
        let page = api.get(path).await;
        let policy = page.header("content-security-policy").unwrap();
        assert!(page.status == 200 && page.body.contains("SwaggerUIBundle"), "{path}");
        assert!(policy.matches("'sha256-").count() == 2 && !policy.contains("script-src 'unsafe-inline'"), "{policy}");
    }
    let keys = api.get("/.well-known/jwks.json").await.json();
    assert_eq!((&keys["keys"][0]["kty"], &keys["keys"][0]["alg"]), (&"RSA".into(), &"RS256".into()));
    assert!(keys["keys"][0].get("d").is_none());
    assert_eq!(api.get("/metrics").await.status, 200);
}

#[tokio::test]
async fn without_postgresql_the_process_is_healthy_and_not_ready() {
    let api = Api::alone().await;
    assert_eq!(api.get("/healthz").await.status, 200);
    let readiness = api.get("/readyz").await;
    assert_eq!(readiness.status, 503);
    assert_eq!(
        (&readiness.json()["postgresql"], &readiness.json()["redis"]),
        (&"unreachable".into(), &"degraded".into())
    );
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_told_where_to_look() {
    let (api, _) = misbehaving(Http { request_timeout_seconds: 1, ..Http::default() }).await;
    let answer = api.post("/api/v1/payments/process", "", "{}").await;
    assert_eq!(answer.problem(), (504, "system.timeout".into()));
    assert_eq!(
        (&answer.json()["success"], &answer.json()["resource"]),
        (&false.into(), &"/api/v1/transactions".into())
    );
}

#[tokio::test]
async fn a_panic_is_a_fault_of_ours_and_harms_nobody_else() {
    let (api, calls) = misbehaving(Http::default()).await;
    for _ in 0..2 {
        let answer = api.get("/api/v1/anything").await;
        assert_eq!(answer.problem(), (500, "system.internal".into()));
        assert!(!answer.body.contains("a bug"));
    }
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_client_that_sends_nothing_is_hung_up_on() {
    let http = Http { idle_timeout_seconds: 1, ..Http::default() };
    let api = Api::start("redis://127.0.0.1:1", Config { http, ..Config::default() }).await;
    for sent in ["", "GET /healthz HTTP/1.1\r\nHost: t\r\nX-Slow: ", "GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n"] {
        let mut stream = TcpStream::connect(api.address).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        let closed = timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await;
        assert!(closed.is_ok(), "still open after {sent:?}");
    }
}

#[tokio::test]
async fn past_the_bound_connections_wait_until_one_closes() {
    let http = Http { max_connections: 1, ..Http::default() };
    let api = Api::start("redis://127.0.0.1:1", Config { http, ..Config::default() }).await;
    let first = TcpStream::connect(api.address).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(timeout(Duration::from_millis(300), api.get("/healthz")).await.is_err());
    drop(first);
    let answer = timeout(Duration::from_secs(5), api.get("/healthz")).await.unwrap();
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_stopping_server_finishes_what_is_under_way_and_no_more() {
    let (api, _) = misbehaving(Http::default()).await;
    let address = api.address;
    let under_way = tokio::spawn(async move {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /slow HTTP/1.1\r\nHost: test\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    });
    // An idle connection must not hold the server up.
    let _idle = TcpStream::connect(address).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let began = Instant::now();
    api.stop().await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(under_way.await.unwrap().ends_with("done"));
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_stopping_server_does_not_wait_for_ever() {
    let (api, _) = misbehaving(Http { shutdown_seconds: 1, ..Http::default() }).await;
    let mut stream = TcpStream::connect(api.address).await.unwrap();
    let request = b"POST /api/v1/payments/process HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n";
    stream.write_all(request).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let began = Instant::now();
    api.stop().await;
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}
