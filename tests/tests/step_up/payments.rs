use aggregates::{ClientId, Permission, Proof, Role, UserId};
use chrono::{TimeDelta, Utc};
use futures::future::join_all;
use serde_json::json;
use store::{new_id, sessions::Session};
use tests::{client::Person, system::TestSystem};

use crate::members::{Forge, a_session};

use super::{a_payer, charges, large, pay, refusal, refused};

#[tokio::test]
async fn a_large_payment_needs_a_step_up_and_a_small_one_does_not() {
    let system = TestSystem::start().await;
    let (holder, mut passkey) = a_payer(&system).await;
    let mut client = system.client();
    let (small, _) = large(&holder, 500, "shop.example");
    assert_eq!(pay(&mut client, &holder.person, None, None, &small).await.status, 200);
    let (body, operation) = large(&holder, 501, "shop.example");
    let refusing = pay(&mut client, &holder.person, None, None, &body).await;
    assert_eq!(refusal(&refusing), refused("auth.step_up_required"));
    assert_eq!(refusing.json()["step_up"], "payment");
    assert_eq!(charges(&system).await, 1);

    let step_up = client.step_up_by_passkey(&holder.person, &mut passkey, &operation).await.unwrap();
    let paid = pay(&mut client, &holder.person, Some(&step_up), None, &body).await;
    assert_eq!((paid.status.as_u16(), &paid.json()["success"]), (200, &json!(true)), "{}", paid.text());
    let again = pay(&mut client, &holder.person, Some(&step_up), None, &body).await;
    assert_eq!(refusal(&again), refused("auth.step_up_refused"), "it is good once");
    assert_eq!(charges(&system).await, 2);
}

/// The app shows what is approved (PSD2 RTS, article 5(1)(a)).
#[tokio::test]
async fn a_challenge_and_its_step_up_name_amount_and_payee() {
    let system = TestSystem::start().await;
    let (holder, mut passkey) = a_payer(&system).await;
    let (mut client, token) = (system.client(), Some(holder.person.token.as_str()));
    let (_, operation) = large(&holder, 900, "shop.example");
    let begun = client.post("/api/v2/auth/step-up", token, &operation).await.unwrap().json();
    assert_eq!((&begun["operation"], &begun["payment"]), (&json!("payment"), &operation["payment"]));
    assert_eq!(begun["factors"], json!(["totp", "passkey", "recovery_code"]));
    let proof = json!({ "ticket": begun["ticket"], "passkey": passkey.sign(&begun["passkey"]) });
    let granted = client.post("/api/v2/auth/step-up/complete", token, &proof).await.unwrap().json();
    assert_eq!(granted["payment"], operation["payment"]);
}

/// Invariant 3, although the step-up is used up.
#[tokio::test]
async fn a_repeat_of_a_large_payment_answers_as_before() {
    let system = TestSystem::start_with(2, &[]).await;
    let (holder, mut passkey) = a_payer(&system).await;
    let (body, operation) = large(&holder, 800, "shop.example");
    let step_up = system.client().step_up_by_passkey(&holder.person, &mut passkey, &operation).await.unwrap();
    let first = pay(&mut system.client(), &holder.person, Some(&step_up), Some("key-1"), &body).await;
    assert_eq!(first.status, 200, "{}", first.text());
    for (api, step_up) in [(0, Some(step_up.as_str())), (1, Some(step_up.as_str())), (1, None)] {
        let again = pay(&mut system.client_of(api), &holder.person, step_up, Some("key-1"), &body).await;
        assert_eq!((again.status, again.json()), (first.status, first.json()));
    }
    let (other, _) = large(&holder, 801, "shop.example");
    let reused = pay(&mut system.client(), &holder.person, Some(&step_up), Some("key-1"), &other).await;
    assert_eq!(reused.json()["code"], "payment.key_reused");
    assert_eq!(charges(&system).await, 1);
}

#[tokio::test]
async fn one_step_up_and_many_payments_at_once_make_one_payment() {
    let system = TestSystem::start_with(2, &[]).await;
    let (holder, mut passkey) = a_payer(&system).await;
    let (body, operation) = large(&holder, 700, "shop.example");
    let step_up = system.client().step_up_by_passkey(&holder.person, &mut passkey, &operation).await.unwrap();
    let tries = (0..6).map(|i| {
        let (mut client, person, body, step_up) = (system.client_of(i % 2), &holder.person, &body, &step_up);
        async move { pay(&mut client, person, Some(step_up), None, body).await.status.as_u16() }
    });
    let mut statuses = join_all(tries).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 403, 403, 403, 403, 403]);
    assert_eq!(charges(&system).await, 1);
}

/// A person who taps twice pays once, and both taps hear so.
#[tokio::test]
async fn one_step_up_and_one_key_at_once_answer_alike() {
    let system = TestSystem::start_with(2, &[]).await;
    let (holder, mut passkey) = a_payer(&system).await;
    let (body, operation) = large(&holder, 700, "shop.example");
    let step_up = system.client().step_up_by_passkey(&holder.person, &mut passkey, &operation).await.unwrap();
    let taps = (0..4).map(|i| {
        let (mut client, person, body, step_up) = (system.client_of(i % 2), &holder.person, &body, &step_up);
        async move { pay(&mut client, person, Some(step_up), Some("key-1"), body).await }
    });
    let answers = join_all(taps).await;
    for answer in &answers {
        assert_eq!((answer.status, answer.json()), (answers[0].status, answers[0].json()), "{}", answer.text());
    }
    assert_eq!((answers[0].status.as_u16(), charges(&system).await), (200, json!(1)));
}

/// What cannot be paid anyway does not cost the step-up.
#[tokio::test]
async fn a_payment_that_is_not_well_formed_leaves_the_step_up_as_it_is() {
    let system = TestSystem::start().await;
    let (holder, mut passkey) = a_payer(&system).await;
    let mut client = system.client();
    let (body, operation) = large(&holder, 600, "shop.example");
    let step_up = client.step_up_by_passkey(&holder.person, &mut passkey, &operation).await.unwrap();
    let mut broken = body.clone();
    broken["merchant_category"] = json!("");
    assert_eq!(pay(&mut client, &holder.person, Some(&step_up), None, &broken).await.status, 422);
    assert_eq!(pay(&mut client, &holder.person, Some(&step_up), None, &body).await.status, 200);
}

/// The record leads from the step-up to the payment's events.
#[tokio::test]
async fn the_step_up_of_a_payment_is_on_record() {
    let system = TestSystem::start().await;
    let (holder, mut passkey) = a_payer(&system).await;
    let mut client = system.client();
    let (body, operation) = large(&holder, 600, "shop.example");
    let step_up = client.step_up_by_passkey(&holder.person, &mut passkey, &operation).await.unwrap();
    let paid = pay(&mut client, &holder.person, Some(&step_up), None, &body).await.json();
    let events: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM authentications a JOIN events e ON e.correlation_id = a.request_id
          WHERE a.action = 'use_step_up' AND a.outcome = 'success' AND a.reason = 'payment'
            AND a.user_id = $1::uuid AND e.aggregate_id = $2::uuid",
    )
    .bind(&holder.person.user_id)
    .bind(paid["transaction"]["transaction_id"].as_str().unwrap())
    .fetch_one(&mut system.sql().await)
    .await
    .unwrap();
    assert!(events >= 1, "{paid}");
}

#[tokio::test]
async fn version_2_asks_alike() {
    let system = TestSystem::start().await;
    let (holder, mut passkey) = a_payer(&system).await;
    let mut client = system.client();
    let (_, operation) = large(&holder, 600, "shop.example");
    let mut body = operation["payment"].clone();
    body["merchant_category"] = json!("electronics");
    let pay = async |step_up: Option<&str>, key: &str| {
        let headers = [("x-step-up-token", step_up), ("idempotency-key", Some(key))];
        let headers: Vec<_> = headers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let (method, token) = (hyper::Method::POST, Some(holder.person.token.as_str()));
        system.client().request(method, "/api/v2/payments", token, Some(&body), &headers).await.unwrap()
    };
    assert_eq!(refusal(&pay(None, "key-1").await), refused("auth.step_up_required"));
    let step_up = client.step_up_by_passkey(&holder.person, &mut passkey, &operation).await.unwrap();
    assert_eq!(pay(Some(&step_up), "key-1").await.status, 201);
    assert_eq!(pay(None, "key-1").await.status, 201, "a repeat");
    assert_eq!(refusal(&pay(Some(&step_up), "key-2").await), refused("auth.step_up_refused"));
}

/// Operators may ask less of those who have no second factor, and set the amount by currency.
#[tokio::test]
async fn the_policy_is_a_setting() {
    let softer = [
        ("VC_FLOWS__STEP_UP__CARD_REQUEST", "if_enrolled"),
        ("VC_FLOWS__STEP_UP__PAYMENT", "if_enrolled"),
        ("VC_FLOWS__STEP_UP__PAYMENT_ABOVE_IN__USD", "20"),
    ];
    let system = TestSystem::start_with(1, &softer).await;
    let person = system.a_person().await;
    let mut client = system.client();
    client.pass_kyc(&person).await.unwrap();
    let body = json!({ "card_type": "virtual_visa", "currency": "USD" });
    let answer = client.post("/api/v1/cards/request", Some(&person.token), &body).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let card_id = answer.json()["card"]["card_id"].as_str().unwrap().to_owned();
    let holder = tests::client::Cardholder { person, card_id };
    let (body, _) = large(&holder, 21, "shop.example");
    assert_eq!(pay(&mut client, &holder.person, None, None, &body).await.status, 200);
    client.enrol(&holder.person).await.unwrap();
    let refusing = pay(&mut client, &holder.person, None, None, &body).await;
    assert_eq!(refusal(&refusing), refused("auth.step_up_required"));
}

/// One append is under way, one waits, and the queue is full: nobody has to prove anything again for that.
#[tokio::test]
async fn a_payment_that_is_turned_away_for_being_one_too_many_keeps_its_step_up() {
    let settings = [("VC_STORE__APPEND_QUEUE", "1"), ("VC_STORE__APPEND_BATCH", "1")];
    let system = TestSystem::start_with(1, &settings).await;
    let (holder, mut passkey) = a_payer(&system).await;
    let (body, operation) = large(&holder, 900, "shop.example");
    let step_up = system.client().step_up_by_passkey(&holder.person, &mut passkey, &operation).await.unwrap();

    // Members log in: each is an append of its own person, and none waits for the turn of another.
    let mut others = Vec::new();
    for _ in 0..6 {
        others.push(system.a_person().await);
    }
    let mut sql = system.sql().await;
    sqlx::query("SELECT pg_advisory_lock(7310001)").execute(&mut sql).await.unwrap();
    let (full, mut is_full) = tokio::sync::mpsc::channel(6);
    let waiting = others.into_iter().map(|person| {
        let (mut client, full) = (system.client(), full.clone());
        tokio::spawn(async move {
            let preferences =
                json!({ "language": "fr", "time_zone": "UTC", "push": true, "email": true, "sms": false });
            let path = "/api/v2/me/preferences";
            let token = Some(person.token.as_str());
            let answer = client.request(hyper::Method::PUT, path, token, Some(&preferences), &[]).await.unwrap();
            let _ = full.send(answer.status.as_u16()).await;
        })
    });
    let waiting: Vec<_> = waiting.collect();
    assert_eq!(is_full.recv().await, Some(503), "the queue is full");
    let refusing = pay(&mut system.client(), &holder.person, Some(&step_up), None, &body).await;
    assert_eq!((refusing.status.as_u16(), refusal(&refusing).1.as_str()), (503, "system.busy"), "{}", refusing.text());
    sqlx::query("SELECT pg_advisory_unlock(7310001)").execute(&mut sql).await.unwrap();
    join_all(waiting).await;
    let paid = pay(&mut system.client(), &holder.person, Some(&step_up), None, &body).await;
    assert_eq!((paid.status.as_u16(), &paid.json()["success"]), (200, &json!(true)), "{}", paid.text());
}

/// A proof that a program passes on is one that it could keep. So it gets no step-up, and is told so.
#[tokio::test]
async fn a_program_that_acts_for_somebody_makes_small_payments_only() {
    let system = TestSystem::start().await;
    let (holder, mut passkey) = a_payer(&system).await;
    let mut client = system.client();
    let session = Session {
        client_id: Some(ClientId(new_id())),
        scopes: Some(vec![Permission::PaymentsWrite]),
        proofs: vec![Proof::Password, Proof::Totp],
        ..a_session(UserId(holder.person.user_id.parse().unwrap()))
    };
    system.store().open_session(&session, Some(Utc::now() + TimeDelta::days(1))).await.unwrap();
    let token = Forge::new().token(&session, &[Role::Customer]);
    let program = Person { token, ..holder.person.clone() };
    let (small, _) = large(&holder, 500, "shop.example");
    let paid = pay(&mut client, &program, None, None, &small).await;
    assert_eq!(paid.status, 200, "{}", paid.text());
    let (body, operation) = large(&holder, 501, "shop.example");
    let refusing = pay(&mut client, &program, None, None, &body).await;
    assert_eq!(refusal(&refusing), refused("auth.step_up_by_person_only"));
    assert!(refusing.json()["step_up"].is_null(), "{}", refusing.text());
    let begun = client.post("/api/v2/auth/step-up", Some(&program.token), &operation).await.unwrap();
    assert_eq!(begun.status, 403, "{}", begun.text());
    // Nor can it use the person's own.
    let step_up = client.step_up_by_passkey(&holder.person, &mut passkey, &operation).await.unwrap();
    let stolen = pay(&mut client, &program, Some(&step_up), None, &body).await;
    assert_eq!(refusal(&stolen), refused("auth.step_up_refused"));
    assert_eq!(charges(&system).await, 1);
}
