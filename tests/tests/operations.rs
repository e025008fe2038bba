//! What operators look at: health, readiness, metrics; and that processes end when they are told to.

use serde_json::json;
use sqlx::Connection;
use tests::{
    client::{Client, PASSWORD},
    eventually::eventually,
    processes::Role,
    system::{TestSystem, an_email},
};

#[tokio::test]
async fn api_and_worker_say_that_they_are_well() {
    let system = TestSystem::start().await;
    for process in system.processes.apis.iter().chain(&system.processes.workers) {
        let mut client = Client::new(process.address());
        for path in ["/healthz", "/readyz"] {
            let answer = client.get(path, None).await.unwrap();
            assert_eq!(answer.status, 200, "{:?} {path}: {}", process.role(), answer.text());
        }
    }
}

#[tokio::test]
async fn what_happened_is_in_the_metrics() {
    let system = TestSystem::start().await;
    let holder = system.a_cardholder(100).await;
    system.client().post_prepared(&holder.payment("10.00", "shop.example"), None).await.unwrap();
    system.caught_up().await;
    let api = system.client().get("/metrics", None).await.unwrap().text();
    for series in [
        r#"http_requests_total{route="/api/v1/payments/process",method="POST",status="200"} 1"#,
        r#"payments_total{status="captured"} 1"#,
        "append_batch_units",
    ] {
        assert!(api.contains(series), "no {series} in {api}");
    }
    let worker = Client::new(system.processes.workers[0].address()).get("/metrics", None).await.unwrap().text();
    for series in ["projection_position{projection=\"tables\"}", "nats_connected 1"] {
        assert!(worker.contains(series), "no {series} in {worker}");
    }
}

/// A process that is told to stop ends in good order, and what it answered stays.
#[tokio::test]
async fn processes_end_in_good_order_when_they_are_told_to() {
    let mut system = TestSystem::start().await;
    let holder = system.a_cardholder(100).await;
    let paid = system.client().post_prepared(&holder.payment("10.00", "shop.example"), None).await.unwrap();
    let processes = &mut system.processes;
    for process in processes.apis.iter_mut().chain(&mut processes.workers).chain([&mut processes.sandbox]) {
        assert!(process.stop().await.unwrap_or_else(|failure| panic!("{failure}")), "{:?}", process.role());
    }
    assert_eq!(system.store().read_after(0, 100).await.unwrap().last().unwrap().position, paid.position().unwrap());
}

/// One of several workers is killed: another takes its loops over.
#[tokio::test]
async fn another_worker_takes_over_from_one_that_was_killed() {
    let mut system = TestSystem::start().await;
    let holder = system.a_cardholder(100).await;
    let environment = system.environment.clone().set("VC_PROVIDERS_URL", &system.processes.sandbox.url());
    let stand_by = environment.start(Role::Worker).await.unwrap_or_else(|failure| panic!("{failure}"));
    system.processes.workers[0].kill().await.unwrap_or_else(|failure| panic!("{failure}"));
    system.client().post_prepared(&holder.payment("10.00", "shop.example"), None).await.unwrap();
    eventually("the stand-by projects", async || {
        let metrics = Client::new(stand_by.address()).get("/metrics", None).await.ok()?.text();
        metrics.contains("projection_position{projection=\"tables\"}").then_some(())
    })
    .await;
    system.caught_up().await;
}

#[tokio::test]
async fn a_trace_shows_one_payment_in_the_log_on_the_bus_and_in_the_read_models() {
    let system = TestSystem::start().await;
    let holder = system.a_cardholder(100).await;
    let paid = system.client().post_prepared(&holder.payment("10.00", "shop.example"), None).await.unwrap().json();
    let id = paid["transaction"]["transaction_id"].as_str().unwrap();
    system.caught_up().await;
    let shown = eventually("the relay has published the payment", async || {
        let output = system.environment.run(&["trace", id]).await.unwrap_or_else(|failure| panic!("{failure}"));
        let shown = String::from_utf8(output.stdout).unwrap();
        (!shown.contains("is not (or no more) in the stream")).then_some(shown)
    })
    .await;
    for part in ["payment.initiated #1", "payment.captured #2", ".events.payment.captured", r#""status": "captured""#] {
        assert!(shown.contains(part), "no {part} in {shown}");
    }
    let unknown = "0198c5a2-7b1e-7c3d-8000-000000000000";
    assert!(system.environment.run(&["trace", unknown]).await.is_err());
    // Nothing is opened, so no key is needed.
    let keyless = system.environment.clone().set("VC_KEYS_DIR", "/there/is/no/such/directory");
    keyless.run(&["trace", id]).await.unwrap_or_else(|failure| panic!("{failure}"));
}

/// Invariants 4 and 10: past the bound requests are turned away at once and told when to come back; what was let in
/// is done.
#[tokio::test]
async fn writes_that_find_the_queue_full_are_answered_503_with_retry_after() {
    let system = TestSystem::start_with(1, &[("VC_STORE__APPEND_QUEUE", "1")]).await;
    let mut lock = system.sql().await;
    sqlx::query("SELECT pg_advisory_lock(7310001)").execute(&mut lock).await.unwrap();
    let registrations: Vec<_> = (0..6)
        .map(|_| {
            let (mut client, email) = (system.client(), an_email());
            let body = json!({ "email": email, "password": PASSWORD, "first_name": "Ada", "last_name": "Lovelace" });
            tokio::spawn(async move { client.post("/api/v1/auth/register", None, &body).await.unwrap() })
        })
        .collect();
    // One is being written, one waits.
    eventually("four are turned away", async || {
        (registrations.iter().filter(|registration| registration.is_finished()).count() == 4).then_some(())
    })
    .await;
    lock.close().await.unwrap();

    let mut registered = 0;
    for registration in registrations {
        let answer = registration.await.unwrap();
        match answer.status.as_u16() {
            202 => registered += 1,
            _ => {
                assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (503, &json!("system.busy")));
                assert!(answer.header("retry-after").is_some());
            }
        }
    }
    assert_eq!((registered, system.store().head().await.unwrap()), (2, 2));
}
