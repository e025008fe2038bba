use serde_json::{Value, json};
use tests::{
    authenticator::Passkey,
    client::{Answer, Client, Person},
    system::TestSystem,
};

use super::{factors, half_done, refusal, refused, second_step};

async fn a_person_with_a_passkey(system: &TestSystem) -> (Person, Passkey) {
    let person = system.a_person().await;
    let (passkey, registered) = system.client().add_passkey(&person, None).await.unwrap();
    assert_eq!(registered["recovery_codes"].as_array().map(Vec::len), Some(10), "the first factor brings codes");
    (person, passkey)
}

async fn options(client: &mut Client) -> Value {
    let body = json!({});
    client.post("/api/v2/auth/passkey/options", None, &body).await.unwrap().json()
}

async fn log_in(client: &mut Client, begun: &Value, credential: Value) -> Answer {
    let body = json!({ "ticket": begun["ticket"], "credential": credential, "device_id": "phone" });
    client.post("/api/v2/auth/passkey", None, &body).await.unwrap()
}

#[tokio::test]
async fn a_passkey_alone_logs_its_owner_in() {
    let system = TestSystem::start().await;
    let (person, mut passkey) = a_person_with_a_passkey(&system).await;
    let mut client = system.client();
    let begun = options(&mut client).await;
    let entered = log_in(&mut client, &begun, passkey.sign(&begun["options"])).await;
    assert_eq!((entered.status.as_u16(), &entered.json()["user_id"]), (200, &json!(person.user_id)));
    let token = entered.json()["access_token"].as_str().unwrap().to_owned();
    let claims = token.split('.').nth(1).unwrap();
    let claims = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, claims).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["amr"], json!(["mfa", "pop"]));
    let listed = factors(&mut client, &person).await;
    assert!(listed["passkeys"][0]["last_used_at"].is_string() && listed["passkeys"][0]["label"] == "phone");

    let replayed = log_in(&mut client, &begun, passkey.sign(&begun["options"])).await;
    assert_eq!(refusal(&replayed), refused(401, "auth.bad_ticket"), "a challenge is answered once");
}

#[tokio::test]
async fn a_passkey_is_a_second_factor() {
    let system = TestSystem::start().await;
    let (person, mut passkey) = a_person_with_a_passkey(&system).await;
    let mut client = system.client();
    let half = half_done(&mut client, &person).await;
    assert_eq!(half["factors"], json!(["passkey", "recovery_code"]));
    let path = "/api/v2/auth/login/second-factor/passkey-options";
    let body = json!({ "mfa_token": half["mfa_token"] });
    let begun = client.post(path, None, &body).await.unwrap().json();
    // A challenge belongs to the login that it was made for.
    let other = half_done(&mut client, &person).await;
    let proof = |begun: &Value, credential: Value| json!({ "passkey": { "ticket": begun["ticket"], "credential": credential } });
    let answer = second_step(&mut client, &other, proof(&begun, passkey.sign(&begun["options"]))).await;
    assert_eq!(refusal(&answer), refused(401, "auth.proof_refused"));

    let begun = client.post(path, None, &body).await.unwrap().json();
    let answer = second_step(&mut client, &half, proof(&begun, passkey.sign(&begun["options"]))).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// WebAuthn Level 3, §7.2: challenge, origin, relying party, user verification and signature are all checked.
#[tokio::test]
async fn an_assertion_with_anything_wrong_is_refused() {
    let system = TestSystem::start().await;
    let (person, passkey) = a_person_with_a_passkey(&system).await;
    let (stranger, strangers) = a_person_with_a_passkey(&system).await;
    let mut client = system.client();
    type Spoil = fn(&mut Passkey);
    let spoils: [(&str, Spoil); 4] = [
        ("a page elsewhere", |passkey| passkey.origin = "http://localhost.evil.example".into()),
        ("another scheme", |passkey| passkey.origin = "https://localhost".into()),
        ("another relying party", |passkey| passkey.rp_id = "example.com".into()),
        ("nobody was verified", |passkey| passkey.verifies = false),
    ];
    for (what, spoil) in spoils {
        let begun = options(&mut client).await;
        let mut spoilt = passkey.clone();
        spoil(&mut spoilt);
        let answer = log_in(&mut client, &begun, spoilt.sign(&begun["options"])).await;
        assert_eq!(refusal(&answer), refused(401, "auth.proof_refused"), "{what}");
    }
    let begun = options(&mut client).await;
    let elsewhere = options(&mut client).await;
    let answer = log_in(&mut client, &begun, passkey.clone().sign(&elsewhere["options"])).await;
    assert_eq!(refusal(&answer), refused(401, "auth.proof_refused"), "another challenge");

    let begun = options(&mut client).await;
    let mut mixed = passkey.clone().sign(&begun["options"]);
    mixed["response"]["userHandle"] = strangers.clone().sign(&begun["options"])["response"]["userHandle"].clone();
    let answer = log_in(&mut client, &begun, mixed).await;
    assert_eq!(refusal(&answer), refused(401, "auth.proof_refused"), "{} for {}", person.user_id, stranger.user_id);

    let begun = options(&mut client).await;
    for garbage in [json!({}), json!({ "id": 1 }), json!([])] {
        assert_eq!(log_in(&mut client, &begun, garbage).await.status, 422);
    }
}

/// WebAuthn Level 3, §7.2, step 22: a counter that does not grow tells of a copy.
#[tokio::test]
async fn a_copied_passkey_is_refused() {
    let system = TestSystem::start().await;
    let (person, mut passkey) = a_person_with_a_passkey(&system).await;
    let mut client = system.client();
    passkey.counter = 7;
    let mut copy = passkey.clone();
    let begun = options(&mut client).await;
    assert_eq!(log_in(&mut client, &begun, passkey.sign(&begun["options"])).await.status, 200);
    let begun = options(&mut client).await;
    let answer = log_in(&mut client, &begun, copy.sign(&begun["options"])).await;
    assert_eq!(refusal(&answer), refused(401, "auth.proof_refused"));
    let reason: String = sqlx::query_scalar(
        "SELECT reason FROM authentications WHERE user_id = $1::uuid AND outcome = 'failure' ORDER BY entry_id DESC",
    )
    .bind(&person.user_id)
    .fetch_one(&mut system.sql().await)
    .await
    .unwrap();
    assert_eq!(reason, "passkey_copied");
    let mailboxes = system.processes.sandbox.address();
    tests::mailbox::letter(mailboxes, &person.email, "A passkey was refused").await.unwrap();
    let begun = options(&mut client).await;
    assert_eq!(log_in(&mut client, &begun, passkey.sign(&begun["options"])).await.status, 200, "the real one goes on");
}

#[tokio::test]
async fn a_registration_belongs_to_its_session_and_counts_once() {
    let system = TestSystem::start().await;
    let (alice, bob) = (system.a_person().await, system.a_person().await);
    let mut client = system.client();
    let begin = async |client: &mut Client, person: &Person| {
        client.post("/api/v2/me/passkeys/options", Some(&person.token), &json!({})).await.unwrap().json()
    };
    let register = async |client: &mut Client, person: &Person, begun: &Value, credential: &Value| {
        let body = json!({ "ticket": begun["ticket"], "credential": credential, "label": "key" });
        client.post("/api/v2/me/passkeys", Some(&person.token), &body).await.unwrap()
    };
    let begun = begin(&mut client, &alice).await;
    let (_, credential) = Passkey::create(&begun["options"]);
    let stolen = register(&mut client, &bob, &begun, &credential).await;
    assert_eq!(refusal(&stolen), refused(422, "passkey.refused"));

    let begun = begin(&mut client, &alice).await;
    let (_, credential) = Passkey::create(&begun["options"]);
    assert_eq!(register(&mut client, &alice, &begun, &credential).await.status, 201);
    let again = register(&mut client, &alice, &begun, &credential).await;
    assert_eq!(refusal(&again), refused(422, "passkey.refused"));
    assert_eq!(factors(&mut client, &alice).await["passkeys"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_passkey_can_be_called_something_else_by_its_owner() {
    let system = TestSystem::start().await;
    let (person, _) = a_person_with_a_passkey(&system).await;
    let stranger = system.a_person().await;
    let mut client = system.client();
    let id = factors(&mut client, &person).await["passkeys"][0]["passkey_id"].as_str().unwrap().to_owned();
    let path = format!("/api/v2/me/passkeys/{id}");
    for (who, label, status) in [(&person, "laptop", 204), (&stranger, "mine", 404), (&person, "  ", 422)] {
        let body = json!({ "label": label });
        let answer = client.request(hyper::Method::PATCH, &path, Some(&who.token), Some(&body), &[]).await.unwrap();
        assert_eq!(answer.status, status, "{label}: {}", answer.text());
    }
    let listed = client.get("/api/v2/me/passkeys", Some(&person.token)).await.unwrap().json();
    assert_eq!(listed["passkeys"][0]["label"], "laptop");
}
