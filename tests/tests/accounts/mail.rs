use serde_json::json;
use tests::{
    client::{Client, PASSWORD},
    eventually::eventually,
    mailbox::VERIFY,
    processes::Role,
    system::{TestSystem, an_email},
};

use super::{letters, sql};

async fn queued(system: &TestSystem) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM mail_queue").fetch_one(&mut system.sql().await).await.unwrap()
}

#[tokio::test]
async fn mail_outlives_the_worker_that_was_to_send_it() {
    let mut system = TestSystem::start().await;
    let worker = &mut system.processes.workers[0];
    worker.kill().await.unwrap_or_else(|failure| panic!("{failure}"));
    let email = an_email();
    system.client().apply(&email).await.unwrap();
    assert_eq!(queued(&system).await, 1);
    let content: String =
        sqlx::query_scalar("SELECT content FROM mail_queue").fetch_one(&mut system.sql().await).await.unwrap();
    assert!(!content.contains(&email) && !content.contains(VERIFY), "mail waits sealed");

    // As a worker leaves it that took the mail and died: nobody else may have it before the lease ends.
    sql(&system, "UPDATE mail_queue SET attempts = 1, due_at = now() + interval '2 seconds'").await;
    system.processes.workers[0].restart().await.unwrap_or_else(|failure| panic!("{failure}"));
    letters(&system, &email, VERIFY, 1).await;
    eventually("what was sent is forgotten", async || (queued(&system).await == 0).then_some(())).await;
}

#[tokio::test]
async fn several_workers_send_each_mail_once() {
    let system = TestSystem::start().await;
    let environment = system.environment.clone().set("VC_PROVIDERS_URL", &system.processes.sandbox.url());
    let mut more = Vec::new();
    for _ in 0..2 {
        more.push(environment.start(Role::Worker).await.unwrap_or_else(|failure| panic!("{failure}")));
    }
    let emails: Vec<String> = (0..12).map(|_| an_email()).collect();
    for email in &emails {
        system.client().apply(email).await.unwrap();
    }
    for email in &emails {
        letters(&system, email, VERIFY, 1).await;
    }
    eventually("the queue is empty", async || (queued(&system).await == 0).then_some(())).await;
    let mut sent = 0;
    for worker in more.iter().chain(&system.processes.workers) {
        let metrics = Client::new(worker.address()).get("/metrics", None).await.unwrap().text();
        let series = metrics.lines().find_map(|line| line.strip_prefix(r#"mail_total{outcome="sent"} "#));
        sent += series.map_or(0, |count| count.parse::<usize>().unwrap());
    }
    assert_eq!(sent, emails.len());
}

#[tokio::test]
async fn mail_that_is_not_taken_is_tried_again_and_given_up_in_the_end() {
    let system = TestSystem::start().await;
    let (flaky, down, refused) =
        (format!("flaky.{}", an_email()), format!("down.{}", an_email()), format!("refused.{}", an_email()));
    let mut client = system.client();
    for email in [&flaky, &down, &refused] {
        client.apply(email).await.unwrap();
    }
    letters(&system, &flaky, VERIFY, 1).await;
    eventually("only what is down waits on", async || (queued(&system).await == 1).then_some(())).await;
    sql(&system, "UPDATE mail_queue SET expires_at = now()").await;
    eventually("it is given up", async || (queued(&system).await == 0).then_some(())).await;
    let worker = Client::new(system.processes.workers[0].address()).get("/metrics", None).await.unwrap().text();
    for outcome in ["sent", "refused", "expired"] {
        assert!(worker.contains(&format!(r#"mail_total{{outcome="{outcome}"}} 1"#)), "{outcome}: {worker}");
    }
    for email in [&down, &refused] {
        assert!(system.letters(email).await.is_empty());
    }
    for entry in std::fs::read_dir(system.environment.logs()).unwrap() {
        let log = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(!log.contains(&refused) && !log.contains(&down), "addresses are not logged: {log}");
    }
}

/// Whoever is erased is told nothing any more, and nobody can read what they were about to be told.
#[tokio::test]
async fn mail_to_somebody_who_was_erased_is_dropped_unread() {
    let mut system = TestSystem::start().await;
    system.processes.workers[0].kill().await.unwrap_or_else(|failure| panic!("{failure}"));
    let email = an_email();
    system.client().apply(&email).await.unwrap();
    sql(&system, "DELETE FROM person_keys").await;
    system.processes.workers[0].restart().await.unwrap_or_else(|failure| panic!("{failure}"));
    eventually("the mail is dropped", async || (queued(&system).await == 0).then_some(())).await;
    assert!(system.letters(&email).await.is_empty());
}

#[tokio::test]
async fn a_login_from_a_new_device_is_told_and_the_first_one_is_not() {
    let system = TestSystem::start().await;
    let (mut client, email) = (system.client(), an_email());
    client.register(&email).await.unwrap();
    for device in ["phone", "phone", "laptop", "laptop", "phone"] {
        let body = json!({ "email": email, "password": PASSWORD, "device_id": device });
        assert_eq!(client.post("/api/v1/auth/login", None, &body).await.unwrap().status, 200);
    }
    let all = letters(&system, &email, "A login from a new device", 1).await;
    assert_eq!(all.len(), 2, "the confirmation, and the laptop: {all:?}");
}
