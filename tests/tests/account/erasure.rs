//! Erasure: what identifies a person is gone, and every event and money record stays (invariants 5, 6 and 7).

use std::collections::BTreeMap;

use aggregates::{Role, UserId, user};
use serde_json::{Value, json};
use sqlx::Row;
use store::PersonalData;
use tests::{
    client::{Client, Person},
    eventually::eventually,
    system::TestSystem,
};

use super::{read, record, registered_again, somebody, stepped_up};

/// How many rows of each table with people are this person's.
async fn rows_of(system: &TestSystem, person: &Person) -> BTreeMap<String, i64> {
    let mut sql = system.sql().await;
    let tables = "SELECT format('%I.%I', table_schema, table_name) FROM information_schema.columns
                   WHERE column_name = 'user_id' AND table_schema = 'public'";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut sql).await.unwrap();
    assert!(tables.len() >= 10, "{tables:?}");
    let mut found = BTreeMap::new();
    for table in tables {
        let count = format!("SELECT count(*) FROM {table} WHERE user_id = '{}'", person.user_id);
        let count: i64 = sqlx::query(&count).fetch_one(&mut sql).await.unwrap().get(0);
        if count > 0 {
            found.insert(table, count);
        }
    }
    found
}

async fn erase(system: &TestSystem, person: &Person) {
    let erased = stepped_up(&mut system.client(), "/api/v2/me/erase", person).await;
    assert_eq!((erased.status.as_u16(), &erased.json()["standing"]), (200, &json!("erased")), "{}", erased.text());
}

/// No sealed field of the person's events opens any more.
async fn nothing_opens(system: &TestSystem, person: &Person) {
    let (store, id): (_, UserId) = (system.store(), person.user_id.parse().unwrap());
    let stream = store.stream(aggregates::Kind::User, id.0).await.unwrap();
    let data: Value = serde_json::from_str(stream[0].data.get()).unwrap();
    for (name, field) in
        [("email", PersonalData::Email), ("first_name", PersonalData::FirstName), ("last_name", PersonalData::LastName)]
    {
        let sealed = aggregates::Sealed::from_ciphertext(data[name].as_str().unwrap().to_owned());
        assert!(matches!(store.open(id, field, &sealed).await, Err(store::Error::Erased)), "{name}");
    }
}

#[tokio::test]
async fn an_erased_person_leaves_their_money_records_and_no_secret() {
    let system = TestSystem::start().await;
    let support = somebody(&system, &[Role::Support]).await;
    let holder = system.a_cardholder(100).await;
    let (mut client, person) = (system.client(), &holder.person);
    client.post_prepared(&holder.payment("10.00", "shop.example"), None).await.unwrap();
    assert!(rows_of(&system, person).await.len() >= 4);
    erase(&system, person).await;

    let left = rows_of(&system, person).await;
    let kept: Vec<_> = left.keys().map(String::as_str).collect();
    // Who did what stays on record, by id; the ending itself is forgotten by a worker.
    assert_eq!(kept, ["public.account_endings", "public.authentications"]);
    nothing_opens(&system, person).await;
    assert_eq!(client.get("/api/v2/me", Some(&person.token)).await.unwrap().status, 401);
    assert!(client.log_in(&person.email).await.is_err());
    let transactions: i64 =
        sqlx::query_scalar("SELECT count(*) FROM read.transactions").fetch_one(&mut system.sql().await).await.unwrap();
    assert_eq!(transactions, 1);

    system.caught_up().await;
    let path = format!("/api/v2/users/{}", person.user_id);
    let seen = read(&mut client, &path, &support).await;
    for field in ["email", "first_name", "last_name", "standing"] {
        assert_eq!(seen[field], "erased", "{seen}");
    }
    // The address is free, and the next account with it is another one.
    assert_ne!(registered_again(&system, &person.email).await, person.user_id);
}

/// Invariants 6 and 7: the log of an erased person is read and folded like any other.
#[tokio::test]
async fn the_log_of_an_erased_person_rebuilds_equal_read_models() {
    let system = TestSystem::start().await;
    let holder = system.a_cardholder(100).await;
    system.client().post_prepared(&holder.payment("10.00", "shop.example"), None).await.unwrap();
    erase(&system, &holder.person).await;
    // The last event: the issuer has heard that the card is over.
    let (store, card) = (system.store(), holder.card_id.parse::<aggregates::CardId>().unwrap());
    eventually("the issuer was told", async || {
        let stream = store.stream(aggregates::Kind::Card, card.0).await.unwrap();
        stream.last().filter(|event| event.name == "issuer_status_recorded").map(drop)
    })
    .await;
    system.caught_up().await;
    let dump = async || {
        let views = system.views();
        views.dump(views.live().await.unwrap()).await.unwrap()
    };
    let before = dump().await;
    system.environment.run(&["replay"]).await.unwrap();
    assert_eq!(dump().await, before);
}

/// The event first, destruction second: what a crash in between leaves is finished by a worker.
#[tokio::test]
async fn a_worker_destroys_what_a_crash_has_left() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let (store, at) = (system.store(), chrono::Utc::now());
    let id: UserId = person.user_id.parse().unwrap();
    store.begin_ending(id).await.unwrap();
    record(&store, &person, vec![user::Event::Closed { at }, user::Event::Erased { at }]).await;
    eventually("the secrets are gone", async || {
        let left = rows_of(&system, &person).await;
        left.keys().all(|table| table == "public.authentications").then_some(())
    })
    .await;
    nothing_opens(&system, &person).await;
}

#[tokio::test]
async fn nobody_is_destroyed_who_is_not_erased() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let id: UserId = person.user_id.parse().unwrap();
    assert!(system.store().destroy_person(id, &[]).await.is_err());
    assert!(rows_of(&system, &person).await.contains_key("public.person_keys"));
}

#[tokio::test]
async fn an_export_has_everything_in_the_clear_and_no_secret() {
    let system = TestSystem::start().await;
    let holder = system.a_cardholder(100).await;
    let (mut client, person) = (system.client(), &holder.person);
    client.post_prepared(&holder.payment("10.00", "shop.example"), None).await.unwrap();
    let answer = client.get("/api/v2/me/export", Some(&person.token)).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let export = answer.json();
    assert_eq!(export["profile"]["email"], person.email.as_str());
    assert_eq!(export["kyc_cases"][0]["applicant"]["document_number"], "APPROVE1");
    assert_eq!(export["cards"][0]["card_id"], holder.card_id.as_str());
    assert_eq!(export["transactions"][0]["merchant"], "shop.example");
    assert!(export["security"]["sessions"].as_array().is_some_and(|sessions| !sessions.is_empty()));
    assert_eq!(export["truncated"], json!({}));
    let events = export["events"].as_array().unwrap();
    let registered = &events[0];
    assert_eq!(registered["event"]["type"], "virtualcards.user.registered.v1");
    assert_eq!(registered["opened"]["email"], person.email.as_str());
    for kind in ["kyc.submitted", "card.issued", "payment.captured"] {
        let named = |event: &Value| event["event"]["type"] == format!("virtualcards.{kind}.v1");
        assert!(events.iter().any(named), "{kind}");
    }
    let (user, card) = (person.user_id.parse().unwrap(), holder.card_id.parse().unwrap());
    let secrets = system.store().card_secrets(user, card).await.unwrap().unwrap();
    assert!(!answer.contains(&secrets.number) && !answer.contains("argon2") && !answer.contains(&person.token));
}

/// What the verification provider has of somebody goes, too; a worker sees to it where the provider is away.
#[tokio::test]
async fn the_provider_forgets_an_erased_person_as_soon_as_it_can_be_reached() {
    let mut system = TestSystem::start().await;
    let (first, second) = (system.a_cardholder(100).await, system.a_cardholder(100).await);
    let (store, mut client) = (system.store(), system.client());
    let applicant = async |person: &Person| {
        let mut of_person = store.applicants(person.user_id.parse().unwrap()).await.unwrap();
        of_person.pop().map(|(_, name)| name)
    };
    let known = async |name: &str, system: &TestSystem| {
        let mut sandbox = Client::new(system.processes.sandbox.address());
        let path = format!("/kyc/v1/checks?case_id={name}");
        sandbox.get(&path, Some("sandbox-key")).await.unwrap().status == 200
    };
    let name = applicant(&first.person).await.unwrap();
    assert!(known(&name, &system).await);
    erase(&system, &first.person).await;
    assert!(!known(&name, &system).await);
    assert_eq!(applicant(&first.person).await, None);

    let step_up = client.step_up(&second.person, &json!({ "operation": "account" })).await.unwrap();
    system.processes.sandbox.kill().await.unwrap();
    let erased = client.post_stepped_up("/api/v2/me/erase", &second.person, &step_up, &json!({})).await.unwrap();
    // Not all is done yet.
    assert_eq!((erased.status.as_u16(), &erased.json()["standing"]), (202, &json!("erased")), "{}", erased.text());
    nothing_opens(&system, &second.person).await;
    // The ending itself waits for nobody.
    let user_id: UserId = second.person.user_id.parse().unwrap();
    eventually("the ending has ended", async || store.ending_begun_at(user_id).await.unwrap().is_none().then_some(()))
        .await;
    assert!(applicant(&second.person).await.is_some());
    system.processes.sandbox.restart().await.unwrap();
    eventually("a worker has seen to it", async || applicant(&second.person).await.is_none().then_some(())).await;
}
