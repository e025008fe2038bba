use async_nats::jetstream;
use nats::Bus;
use serde_json::json;
use tests::{client::Cardholder, eventually::eventually, system::TestSystem};

use super::seen_by;

/// Somebody to whom all sorts of things have happened.
async fn a_life(system: &TestSystem) -> Cardholder {
    let holder = system.a_cardholder(100).await;
    let mut client = system.client();
    for (amount, merchant) in
        [("10.00", "shop.example"), ("20.00", "declined.example"), ("95.00", "shop.example"), ("5.50", "shop.example")]
    {
        client.post_prepared(&holder.payment(amount, merchant), None).await.unwrap();
    }
    holder
}

/// Everything in the live read models, key by key.
async fn dump(system: &TestSystem) -> std::collections::BTreeMap<String, Vec<u8>> {
    let views = system.views();
    views.dump(views.live().await.unwrap()).await.unwrap()
}

/// Invariant 6: they come back equal, and nobody is charged or told again.
#[tokio::test]
async fn read_models_that_were_deleted_come_back_equal_and_without_side_effects() {
    let system = TestSystem::start().await;
    let holder = a_life(&system).await;
    system.caught_up().await;
    let (before, seen, charges) =
        (dump(&system).await, seen_by(&system, &holder.person).await, system.sandbox("/charges").await);
    assert!(before.len() > 5, "{:?} is not much of a read model", before.keys());
    let events = system.store().head().await.unwrap();

    let keys = system.redis_keys().await;
    redis::cmd("DEL").arg(&keys).exec_async(&mut system.redis().await).await.unwrap();
    let views = system.views();
    eventually("the read models are back", async || (views.checkpoint().await.ok()? >= events).then_some(())).await;

    assert_eq!(dump(&system).await, before);
    assert_eq!(seen_by(&system, &holder.person).await, seen);
    assert_eq!(system.sandbox("/charges").await, charges);
    assert_eq!(system.store().head().await.unwrap(), events, "no event comes of a rebuild");
}

/// While they are gone, a person is answered from the relational tables.
#[tokio::test]
async fn while_the_read_models_are_gone_reads_and_payments_go_on() {
    let mut system = TestSystem::start().await;
    let holder = a_life(&system).await;
    system.caught_up().await;
    let token = Some(holder.person.token.as_str());
    let before = system.client().get("/api/v1/transactions", token).await.unwrap().json();
    system.processes.workers[0].kill().await.unwrap();
    let keys = system.redis_keys().await;
    redis::cmd("DEL").arg(&keys).exec_async(&mut system.redis().await).await.unwrap();

    let mut client = system.client();
    assert_eq!(client.get("/api/v1/transactions", token).await.unwrap().json(), before);
    let paid = client.post_prepared(&holder.payment("1.00", "shop.example"), None).await.unwrap();
    assert_eq!(paid.json()["transaction"]["status"], "success", "{}", paid.text());

    system.processes.workers[0].restart().await.unwrap();
    system.caught_up().await;
    let after = system.client().get("/api/v1/transactions", token).await.unwrap().json();
    assert_eq!(after["transactions"][0], paid.json()["transaction"]);
}

#[tokio::test]
async fn a_rebuild_by_hand_switches_to_equal_read_models() {
    let system = TestSystem::start().await;
    let holder = a_life(&system).await;
    system.caught_up().await;
    let (before, live) = (dump(&system).await, system.views().live().await.unwrap());
    let seen = seen_by(&system, &holder.person).await;
    system.environment.run(&["replay"]).await.unwrap();
    assert_ne!(system.views().live().await.unwrap(), live);
    assert_eq!(dump(&system).await, before);
    assert_eq!(seen_by(&system, &holder.person).await, seen);

    // And the new ones go on.
    let paid = system.client().post_prepared(&holder.payment("1.00", "shop.example"), None).await.unwrap();
    system.caught_up().await;
    assert_eq!(seen_by(&system, &holder.person).await[3]["transactions"][0], paid.json()["transaction"]);
}

/// PostgreSQL is the truth and the bus a copy: whatever it loses is published again, and applied once.
#[tokio::test]
async fn a_stream_that_was_deleted_is_published_again_from_its_beginning() {
    let system = TestSystem::start().await;
    let holder = a_life(&system).await;
    system.caught_up().await;
    let seen = seen_by(&system, &holder.person).await;
    let addresses = system.addresses();
    let client = async_nats::connect(&addresses.nats_url).await.unwrap();
    let stream = format!("{}_EVENTS", addresses.namespace.to_uppercase());
    jetstream::new(client).delete_stream(stream).await.unwrap();

    let config = nats::Config {
        url: addresses.nats_url.clone().into(),
        namespace: addresses.namespace.clone(),
        ..nats::Config::default()
    };
    let bus = Bus::connect(&config).await.unwrap();
    let head = system.store().head().await.unwrap();
    for position in 1..=head {
        eventually("the event is on the bus again", async || bus.stored(position).await.ok().flatten()).await;
    }
    let paid = system.client().post_prepared(&holder.payment("1.00", "shop.example"), None).await.unwrap();
    system.caught_up().await;
    let after = seen_by(&system, &holder.person).await;
    assert_eq!(after[3]["transactions"][0], paid.json()["transaction"]);
    let told = |seen: &[serde_json::Value]| seen[4]["notifications"].as_array().map(Vec::len);
    assert_eq!(told(&after), told(&seen).map(|before| before + 1), "{}", json!(after[4]));
}
