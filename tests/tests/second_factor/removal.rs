use hyper::Method;
use serde_json::{Value, json};
use tests::{
    client::{Answer, Client, Person},
    system::TestSystem,
};

use super::{an_enrolled_person, factors, half_done, refusal, refused, second_step};

fn account() -> Value {
    json!({ "operation": "account" })
}

async fn delete(client: &mut Client, person: &Person, path: &str, step_up: Option<&str>) -> Answer {
    let headers: Vec<_> = step_up.map(|step_up| ("x-step-up-token", step_up)).into_iter().collect();
    client.request(Method::DELETE, path, Some(&person.token), None, &headers).await.unwrap()
}

#[tokio::test]
async fn a_factor_is_taken_away_only_by_a_second_proof() {
    let system = TestSystem::start().await;
    let (person, codes) = an_enrolled_person(&system).await;
    let mut client = system.client();
    let refusing = delete(&mut client, &person, "/api/v2/me/totp", None).await;
    assert_eq!(refusal(&refusing), refused(403, "auth.step_up_required"));
    // A step-up for something else does not serve, and is void.
    let other = client.step_up(&person, &json!({ "operation": "card_request" })).await.unwrap();
    let refusing = delete(&mut client, &person, "/api/v2/me/totp", Some(&other)).await;
    assert_eq!(refusal(&refusing), refused(403, "auth.step_up_refused"));
    assert_eq!(factors(&mut client, &person).await["totp"], true);

    let step_up = client.step_up(&person, &account()).await.unwrap();
    assert_eq!(delete(&mut client, &person, "/api/v2/me/totp", Some(&step_up)).await.status, 204);
    assert_eq!(factors(&mut client, &person).await, json!({ "totp": false, "passkeys": [], "recovery_codes": 0 }));
    // The password is enough again, and the codes went with the factor.
    let person = client.log_in(&person.email).await.unwrap();
    client.enrol(&person).await.unwrap();
    let half = half_done(&mut client, &person).await;
    let answer = second_step(&mut client, &half, json!({ "recovery_code": codes[0] })).await;
    assert_eq!(refusal(&answer), refused(401, "auth.proof_refused"));
}

#[tokio::test]
async fn new_recovery_codes_void_the_old_ones() {
    let system = TestSystem::start().await;
    let (person, old) = an_enrolled_person(&system).await;
    let mut client = system.client();
    let path = "/api/v2/me/recovery-codes";
    let refusing = client.request(Method::POST, path, Some(&person.token), None, &[]).await.unwrap();
    assert_eq!(refusal(&refusing), refused(403, "auth.step_up_required"));
    let step_up = client.step_up(&person, &account()).await.unwrap();
    let headers = [("x-step-up-token", step_up.as_str())];
    let renewed = client.request(Method::POST, path, Some(&person.token), None, &headers).await.unwrap();
    assert_eq!(renewed.status, 200, "{}", renewed.text());
    let new = renewed.json()["recovery_codes"][0].as_str().unwrap().to_owned();
    for (code, status) in [(&old[0], 401), (&new, 200)] {
        let half = half_done(&mut client, &person).await;
        assert_eq!(second_step(&mut client, &half, json!({ "recovery_code": code })).await.status, status);
    }
}

#[tokio::test]
async fn a_passkey_that_was_removed_does_not_log_in() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let stranger = system.a_person().await;
    let mut client = system.client();
    let (mut passkey, registered) = client.add_passkey(&person, None).await.unwrap();
    let path = format!("/api/v2/me/passkeys/{}", registered["passkey"]["passkey_id"].as_str().unwrap());
    let theirs = delete(&mut client, &stranger, &path, None).await;
    assert_eq!(refusal(&theirs), refused(404, "passkey.not_found"));
    let step_up = client.step_up_by_passkey(&person, &mut passkey, &account()).await.unwrap();
    assert_eq!(delete(&mut client, &person, &path, Some(&step_up)).await.status, 204);
    let begun = client.post("/api/v2/auth/passkey/options", None, &json!({})).await.unwrap().json();
    let body = json!({ "ticket": begun["ticket"], "credential": passkey.sign(&begun["options"]) });
    let answer = client.post("/api/v2/auth/passkey", None, &body).await.unwrap();
    assert_eq!(refusal(&answer), refused(401, "auth.proof_refused"));
}

/// An account without a password keeps the passkey that is its only key.
#[tokio::test]
async fn the_last_way_into_an_account_stays() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let mut client = system.client();
    let (mut passkey, registered) = client.add_passkey(&person, None).await.unwrap();
    let forget = "DELETE FROM credentials WHERE user_id = $1::uuid";
    sqlx::query(forget).bind(&person.user_id).execute(&mut system.sql().await).await.unwrap();
    let path = format!("/api/v2/me/passkeys/{}", registered["passkey"]["passkey_id"].as_str().unwrap());
    let step_up = client.step_up_by_passkey(&person, &mut passkey, &account()).await.unwrap();
    let refusing = delete(&mut client, &person, &path, Some(&step_up)).await;
    assert_eq!(refusal(&refusing), refused(409, "factor.last_way_in"));
    client.add_passkey(&person, Some(&step_up)).await.unwrap();
    let step_up = client.step_up_by_passkey(&person, &mut passkey, &account()).await.unwrap();
    assert_eq!(delete(&mut client, &person, &path, Some(&step_up)).await.status, 204, "there is another one now");
}
