use hyper::StatusCode;
use serde_json::{Value, json};
use tests::{client::Client, system::TestSystem};

use super::{a_payer, charges, large, pay, refusal, refused};

const CARDS: &str = "/api/v1/cards/request";

/// Change anything, and the step-up is refused, void, and nothing has happened.
#[tokio::test]
async fn a_step_up_serves_the_payment_that_it_names_and_no_other() {
    let system = TestSystem::start().await;
    let (holder, mut passkey) = a_payer(&system).await;
    let (person, mut client) = (&holder.person, system.client());
    let second_card = {
        let operation = json!({ "operation": "card_request" });
        let step_up = client.step_up_by_passkey(person, &mut passkey, &operation).await.unwrap();
        let body = json!({ "card_type": "virtual_visa", "currency": "USD" });
        let answer = client.post_stepped_up(CARDS, person, &step_up, &body).await.unwrap();
        answer.expect("card", StatusCode::OK).unwrap()["card"]["card_id"].clone()
    };
    let (body, operation) = large(&holder, 600, "shop.example");
    for (field, value) in [
        ("amount", json!(600.01)),
        ("amount", json!(6_000)),
        ("merchant", json!("evil.example")),
        ("merchant", json!("shop.example ")),
        ("card_id", second_card),
    ] {
        let step_up = client.step_up_by_passkey(person, &mut passkey, &operation).await.unwrap();
        let mut changed = body.clone();
        changed[field] = value.clone();
        let refusing = pay(&mut client, person, Some(&step_up), None, &changed).await;
        assert_eq!(refusal(&refusing), refused("auth.step_up_refused"), "{field}: {value}");
        let late = pay(&mut client, person, Some(&step_up), None, &body).await;
        assert_eq!(refusal(&late), refused("auth.step_up_refused"), "{field}: {value} has voided it");
    }
    assert_eq!(charges(&system).await, 0);
    let events = client.get("/api/v1/transactions", Some(&person.token)).await.unwrap().json();
    assert_eq!(events["transactions"], json!([]));
}

#[tokio::test]
async fn a_step_up_serves_its_person_its_session_and_its_operation() {
    let system = TestSystem::start().await;
    let (holder, mut passkey) = a_payer(&system).await;
    let (other, _) = a_payer(&system).await;
    let mut client = system.client();
    let (body, operation) = large(&holder, 600, "shop.example");
    let begun = client.post("/api/v2/auth/passkey/options", None, &json!({})).await.unwrap().json();
    let login = json!({ "ticket": begun["ticket"], "credential": passkey.sign(&begun["options"]) });
    let login = client.post("/api/v2/auth/passkey", None, &login).await.unwrap().json();
    let mut elsewhere = holder.person.clone();
    elsewhere.token = login["access_token"].as_str().unwrap().to_owned();

    for (person, body) in [(&other.person, &large(&other, 600, "shop.example").0), (&elsewhere, &body)] {
        let step_up = client.step_up_by_passkey(&holder.person, &mut passkey, &operation).await.unwrap();
        let refusing = pay(&mut client, person, Some(&step_up), None, body).await;
        assert_eq!(refusal(&refusing), refused("auth.step_up_refused"));
    }
    let reveal = tests::device::Device::default().operation(&holder.card_id);
    let controls = json!({ "monthly_limit": { "minor_units": 1, "currency": "USD" } });
    let raise = json!({ "card_id": holder.card_id, "controls": controls });
    let raise = json!({ "operation": "limit_raise", "limit_raise": raise });
    let others = ["card_request", "account"].map(|operation| json!({ "operation": operation }));
    for operation in others.into_iter().chain([reveal, raise]) {
        let step_up = client.step_up_by_passkey(&holder.person, &mut passkey, &operation).await.unwrap();
        let refusing = pay(&mut client, &holder.person, Some(&step_up), None, &body).await;
        assert_eq!(refusal(&refusing), refused("auth.step_up_refused"), "{operation}");
    }
    let step_up = client.step_up_by_passkey(&holder.person, &mut passkey, &operation).await.unwrap();
    let card = json!({ "card_type": "virtual_visa", "currency": "USD" });
    let refusing = client.post_stepped_up(CARDS, &holder.person, &step_up, &card).await.unwrap();
    assert_eq!(refusal(&refusing), refused("auth.step_up_refused"));
    assert_eq!(charges(&system).await, 0);
}

#[tokio::test]
async fn a_challenge_is_answered_by_its_own_person_in_its_own_session() {
    let system = TestSystem::start().await;
    let (holder, mut passkey) = a_payer(&system).await;
    let (other, mut others_passkey) = a_payer(&system).await;
    let mut client = system.client();
    let begin = async |client: &mut Client, token: &str| -> Value {
        let operation = json!({ "operation": "account" });
        client.post("/api/v2/auth/step-up", Some(token), &operation).await.unwrap().json()
    };
    let complete = async |client: &mut Client, token: &str, begun: &Value, credential: Value| {
        let proof = json!({ "ticket": begun["ticket"], "passkey": credential });
        client.post("/api/v2/auth/step-up/complete", Some(token), &proof).await.unwrap()
    };
    let begun = begin(&mut client, &holder.person.token).await;
    let signed = passkey.sign(&begun["passkey"]);
    let stolen = complete(&mut client, &other.person.token, &begun, signed.clone()).await;
    assert_eq!(refusal(&stolen), refused("auth.step_up_refused"));
    let with_theirs = others_passkey.sign(&begun["passkey"]);
    let wrong = complete(&mut client, &holder.person.token, &begun, with_theirs).await;
    assert_eq!(refusal(&wrong), refused("auth.step_up_refused"));
    assert_eq!(complete(&mut client, &holder.person.token, &begun, signed.clone()).await.status, 200);
    let again = complete(&mut client, &holder.person.token, &begun, signed).await;
    assert_eq!(refusal(&again), refused("auth.step_up_refused"));
}

#[tokio::test]
async fn a_step_up_and_its_challenge_end_after_five_minutes() {
    let system = TestSystem::start().await;
    let (holder, mut passkey) = a_payer(&system).await;
    let (mut client, token) = (system.client(), Some(holder.person.token.as_str()));
    let (body, operation) = large(&holder, 600, "shop.example");
    let age = "UPDATE one_time SET expires_at = expires_at - interval '5 minutes'";
    let begun = client.post("/api/v2/auth/step-up", token, &operation).await.unwrap().json();
    sqlx::query(age).execute(&mut system.sql().await).await.unwrap();
    let proof = json!({ "ticket": begun["ticket"], "passkey": passkey.sign(&begun["passkey"]) });
    let late = client.post("/api/v2/auth/step-up/complete", token, &proof).await.unwrap();
    assert_eq!(refusal(&late), refused("auth.step_up_refused"));

    let step_up = client.step_up_by_passkey(&holder.person, &mut passkey, &operation).await.unwrap();
    sqlx::query(age).execute(&mut system.sql().await).await.unwrap();
    let late = pay(&mut client, &holder.person, Some(&step_up), None, &body).await;
    assert_eq!(refusal(&late), refused("auth.step_up_refused"));
    assert_eq!(charges(&system).await, 0);
}

#[tokio::test]
async fn a_challenge_is_void_after_five_wrong_proofs() {
    let system = TestSystem::start_with(1, &[("VC_FLOWS__LOCKOUT__ACCOUNT_FAILURES", "0")]).await;
    let (holder, mut passkey) = a_payer(&system).await;
    let (mut client, token) = (system.client(), Some(holder.person.token.as_str()));
    let operation = json!({ "operation": "account" });
    let begun = client.post("/api/v2/auth/step-up", token, &operation).await.unwrap().json();
    let complete = "/api/v2/auth/step-up/complete";
    for _ in 0..5 {
        let proof = json!({ "ticket": begun["ticket"], "recovery_code": "wrong" });
        let wrong = client.post(complete, token, &proof).await.unwrap();
        assert_eq!(refusal(&wrong), refused("auth.step_up_refused"));
    }
    let proof = json!({ "ticket": begun["ticket"], "passkey": passkey.sign(&begun["passkey"]) });
    assert_eq!(refusal(&client.post(complete, token, &proof).await.unwrap()), refused("auth.step_up_refused"));
}

#[tokio::test]
async fn whoever_has_no_second_factor_sets_one_up_first() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let mut client = system.client();
    client.pass_kyc(&person).await.unwrap();
    let card = json!({ "card_type": "virtual_visa", "currency": "USD" });
    let refusing = client.post(CARDS, Some(&person.token), &card).await.unwrap();
    assert_eq!(refusal(&refusing), refused("auth.second_factor_required"));
    let operation = json!({ "operation": "card_request" });
    let refusing = client.post("/api/v2/auth/step-up", Some(&person.token), &operation).await.unwrap();
    assert_eq!(refusal(&refusing), refused("auth.second_factor_required"));
    client.enrol(&person).await.unwrap();
    let refusing = client.post(CARDS, Some(&person.token), &card).await.unwrap();
    assert_eq!(
        (refusal(&refusing), &refusing.json()["step_up"]),
        (refused("auth.step_up_required"), &json!("card_request"))
    );
    assert_eq!(client.ask_for_card(&person, &card).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_request_for_a_step_up_says_what_for() {
    let system = TestSystem::start().await;
    let (holder, _) = a_payer(&system).await;
    let (_, linked) = large(&holder, 600, "shop.example");
    for body in [
        json!({ "operation": "payment" }),
        json!({ "operation": "account", "payment": linked["payment"] }),
        json!({ "operation": "everything" }),
        json!({ "operation": "payment", "payment": { "merchant": "shop.example" } }),
        json!({}),
    ] {
        let token = Some(holder.person.token.as_str());
        let answer = system.client().post("/api/v2/auth/step-up", token, &body).await.unwrap();
        assert_eq!(answer.status, 422, "{body}: {}", answer.text());
    }
}
