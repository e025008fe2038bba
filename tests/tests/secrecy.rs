//! No card number, CVV, password or token, and no personal data in the clear, in anything that we keep or say
//! (invariant 5).

use std::fs;

use aggregates::{CardId, UserId};
use async_nats::jetstream::{self, consumer};
use futures::StreamExt;
use serde_json::json;
use sqlx::Row;
use tests::{
    client::{Client, PASSWORD},
    system::TestSystem,
};

#[tokio::test]
async fn what_is_secret_is_found_nowhere() {
    // As talkative as it gets.
    let system = TestSystem::start_with(1, &[("VC_LOG", "trace")]).await;
    let holder = system.a_cardholder(1_000).await;
    let mut client = system.client();
    for merchant in ["shop.example", "declined.example", "lost.example", "flaky.example"] {
        client.post_prepared(&holder.payment("10.00", merchant), None).await.unwrap();
    }
    system.caught_up().await;
    let (owner, card) = (holder.person.user_id.parse::<UserId>().unwrap(), holder.card_id.parse::<CardId>().unwrap());
    let secrets = system.store().card_secrets(owner, card).await.unwrap().unwrap();
    let person = &holder.person;
    let document = "APPROVE1";
    let mut forbidden =
        vec![&*secrets.number, PASSWORD, &person.token, &person.email, "Lovelace", document, "1990-12-10"];
    let proofs = second_factors(&system).await;
    forbidden.extend(proofs.iter().map(String::as_str));

    let places = [
        ("PostgreSQL", in_postgres(&system).await, 10),
        ("Redis", in_redis(&system).await, 5),
        ("JetStream", on_the_bus(&system).await, 5),
        ("a log", in_logs(&system), 2),
        ("metrics", in_metrics(&system).await, 2),
    ];
    for (place, texts, at_least) in places {
        assert!(texts.len() >= at_least, "{} texts of {place} are not everything", texts.len());
        for text in texts {
            for &secret in &forbidden {
                let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
                let found = text.find(secret).or_else(|| text.find(&hex));
                assert_eq!(found, None, "{place} holds {secret:?}: {}", excerpt(&text, found));
            }
        }
    }
    // The CVV is too short to be looked for; the places that hold card data are known by its number's end.
    let masked = client.get("/api/v1/cards", Some(&person.token)).await.unwrap();
    assert!(!masked.contains(&secrets.number) && masked.contains(r#""cvv":"***""#));
}

/// What somebody proves who they are with: an app's secret, recovery codes, tickets, and a step-up that was not used.
async fn second_factors(system: &TestSystem) -> Vec<String> {
    let (person, mut client) = (system.a_person().await, system.client());
    let mut found = client.enrol(&person).await.unwrap();
    found.extend(person.app.secret());
    found.push(client.step_up(&person, &json!({ "operation": "account" })).await.unwrap());
    let login = json!({ "email": person.email, "password": PASSWORD });
    let half = client.post("/api/v2/auth/login", None, &login).await.unwrap().json();
    found.push(half["mfa_token"].as_str().unwrap().to_owned());
    let wrong = json!({ "mfa_token": half["mfa_token"], "recovery_code": "A-WRONG-CODE" });
    client.post("/api/v2/auth/login/second-factor", None, &wrong).await.unwrap();
    found.push("A-WRONG-CODE".into());
    assert_eq!(found.len(), 14);
    found
}

fn excerpt(text: &str, at: Option<usize>) -> &str {
    let around = at.map(|at| at.saturating_sub(80)..(at + 80).min(text.len()));
    around.and_then(|around| text.get(around)).unwrap_or_default()
}

/// Every row of every table of ours, as text.
async fn in_postgres(system: &TestSystem) -> Vec<String> {
    let mut sql = system.sql().await;
    let tables = "SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables
                   WHERE table_schema NOT IN ('pg_catalog', 'information_schema')";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut sql).await.unwrap();
    let mut rows = Vec::new();
    for table in tables {
        let found = sqlx::query(&format!("SELECT t::text FROM {table} t")).fetch_all(&mut sql).await.unwrap();
        rows.extend(found.iter().map(|row| row.get::<Option<String>, _>(0).unwrap_or_default()));
    }
    rows
}

/// Every key with its value, whatever its type.
async fn in_redis(system: &TestSystem) -> Vec<String> {
    let mut redis = system.redis().await;
    let mut found = Vec::new();
    for key in system.redis_keys().await {
        let kind: String = redis::cmd("TYPE").arg(&key).query_async(&mut redis).await.unwrap();
        let command = match kind.as_str() {
            "hash" => redis::cmd("HGETALL").arg(&key).clone(),
            "list" => redis::cmd("LRANGE").arg(&key).arg(0).arg(-1).clone(),
            "set" => redis::cmd("SMEMBERS").arg(&key).clone(),
            "zset" => redis::cmd("ZRANGE").arg(&key).arg(0).arg(-1).clone(),
            _ => redis::cmd("GET").arg(&key).clone(),
        };
        let value: redis::Value = command.query_async(&mut redis).await.unwrap();
        found.push(format!("{key} {}", readable(&value)));
    }
    found
}

fn readable(value: &redis::Value) -> String {
    match value {
        redis::Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        redis::Value::Array(values) | redis::Value::Set(values) => values.iter().map(|v| readable(v) + " ").collect(),
        redis::Value::Map(pairs) => pairs.iter().map(|(k, v)| format!("{} {} ", readable(k), readable(v))).collect(),
        other => format!("{other:?}"),
    }
}

/// Every message on our stream, with its headers.
async fn on_the_bus(system: &TestSystem) -> Vec<String> {
    let addresses = system.addresses();
    let client = async_nats::connect(&addresses.nats_url).await.unwrap();
    let stream =
        jetstream::new(client).get_stream(format!("{}_EVENTS", addresses.namespace.to_uppercase())).await.unwrap();
    let config = consumer::pull::OrderedConfig::default();
    let consumer = stream.create_consumer(config).await.unwrap();
    let expected = usize::try_from(system.store().head().await.unwrap()).unwrap();
    let messages = consumer.messages().await.unwrap().take(expected);
    messages
        .map(|message| {
            let message = message.unwrap();
            format!("{} {:?} {}", message.subject, message.headers, String::from_utf8_lossy(&message.payload))
        })
        .collect()
        .await
}

fn in_logs(system: &TestSystem) -> Vec<String> {
    let files = fs::read_dir(system.environment.logs()).unwrap();
    files.map(|file| String::from_utf8_lossy(&fs::read(file.unwrap().path()).unwrap()).into_owned()).collect()
}

async fn in_metrics(system: &TestSystem) -> Vec<String> {
    let mut found = Vec::new();
    for process in system.processes.apis.iter().chain(&system.processes.workers) {
        found.push(Client::new(process.address()).get("/metrics", None).await.unwrap().text());
    }
    found
}
