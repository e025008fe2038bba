use futures::future::join_all;
use serde_json::json;
use tests::system::TestSystem;

use super::{PATIENT, SECOND_STEP, an_enrolled_person, factors, half_done, refusal, refused, second_step};

#[tokio::test]
async fn nothing_is_given_out_before_the_second_proof() {
    let system = TestSystem::start().await;
    let (person, _) = an_enrolled_person(&system).await;
    let mut client = system.client();
    let half = half_done(&mut client, &person).await;
    assert_eq!(half["factors"], json!(["totp", "recovery_code"]));
    let fields: Vec<_> = half.as_object().unwrap().keys().cloned().collect();
    assert_eq!(fields, ["expires_in", "factors", "mfa_token"]);
    let token = half["mfa_token"].as_str().unwrap();
    assert_eq!(client.get("/api/v1/users/me", Some(token)).await.unwrap().status, 401);

    let entered = second_step(&mut client, &half, json!({ "totp": person.app.code().unwrap() })).await;
    assert_eq!(entered.status, 200, "{}", entered.text());
    let token = entered.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(client.get("/api/v1/users/me", Some(&token)).await.unwrap().status, 200);
    let again = second_step(&mut client, &half, json!({ "totp": person.app.code().unwrap() })).await;
    assert_eq!(refusal(&again), refused(401, "auth.bad_ticket"), "a ticket is good for one login");
}

#[tokio::test]
async fn version_1_takes_a_code_of_either_kind() {
    let system = TestSystem::start().await;
    let (person, codes) = an_enrolled_person(&system).await;
    let mut client = system.client();
    let by_app = client.log_in_again(&person).await.unwrap();
    assert_eq!(client.get("/api/v1/users/me", Some(&by_app.token)).await.unwrap().status, 200);
    let half = half_done(&mut client, &person).await;
    let body = json!({ "mfa_token": half["mfa_token"], "code": codes[0].to_lowercase().replace('-', " ") });
    let answer = client.post("/api/v1/auth/login/mfa", None, &body).await.unwrap();
    assert_eq!((answer.status.as_u16(), &answer.json()["user"]["id"]), (200, &json!(person.user_id)));
}

/// RFC 6238 §5.2: a code counts once, however long it would be accepted.
#[tokio::test]
async fn a_code_counts_once() {
    let system = TestSystem::start().await;
    let (person, _) = an_enrolled_person(&system).await;
    let mut client = system.client();
    let code = person.app.code().unwrap();
    let first = half_done(&mut client, &person).await;
    assert_eq!(second_step(&mut client, &first, json!({ "totp": code })).await.status, 200);
    let second = half_done(&mut client, &person).await;
    let refusing = second_step(&mut client, &second, json!({ "totp": code })).await;
    assert_eq!(refusal(&refusing), refused(401, "auth.proof_refused"));
}

#[tokio::test]
async fn a_recovery_code_counts_once() {
    let system = TestSystem::start().await;
    let (person, codes) = an_enrolled_person(&system).await;
    let mut client = system.client();
    for (code, status) in [(&codes[3], 200), (&codes[3], 401), (&codes[4], 200), (&"0000-0000-0000".to_owned(), 401)] {
        let half = half_done(&mut client, &person).await;
        let answer = second_step(&mut client, &half, json!({ "recovery_code": code })).await;
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    assert_eq!(factors(&mut client, &person).await["recovery_codes"], 8);
}

#[tokio::test]
async fn of_many_uses_of_one_code_at_once_one_succeeds() {
    let system = TestSystem::start_with(2, &[PATIENT]).await;
    let (person, codes) = an_enrolled_person(&system).await;
    for proof in [json!({ "totp": person.app.code().unwrap() }), json!({ "recovery_code": codes[0] })] {
        let mut halves = Vec::new();
        for _ in 0..6 {
            halves.push(half_done(&mut system.client(), &person).await);
        }
        let tries = halves.iter().enumerate().map(|(i, half)| {
            let (mut client, proof) = (system.client_of(i % 2), proof.clone());
            async move { second_step(&mut client, half, proof).await.status.as_u16() }
        });
        let mut statuses = join_all(tries).await;
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401, 401, 401, 401, 401], "{proof}");
    }
}

/// Five attempts; then even the right code comes too late.
#[tokio::test]
async fn a_half_done_login_ends_after_five_wrong_proofs() {
    let system = TestSystem::start_with(1, &[PATIENT]).await;
    let (person, _) = an_enrolled_person(&system).await;
    let mut client = system.client();
    let half = half_done(&mut client, &person).await;
    for attempt in 0..5 {
        let wrong = second_step(&mut client, &half, json!({ "recovery_code": format!("WRONG-{attempt}") })).await;
        assert_eq!(refusal(&wrong), refused(401, "auth.proof_refused"), "{attempt}");
    }
    let late = second_step(&mut client, &half, json!({ "totp": person.app.code().unwrap() })).await;
    assert_eq!(refusal(&late), refused(401, "auth.bad_ticket"));
}

/// Guessing codes is braked as guessing passwords is, and a right password in between buys no new guesses.
#[tokio::test]
async fn wrong_proofs_lock_the_account() {
    let system = TestSystem::start().await;
    let (person, codes) = an_enrolled_person(&system).await;
    let mut client = system.client();
    for attempt in 0..5 {
        let half = half_done(&mut client, &person).await;
        let wrong = second_step(&mut client, &half, json!({ "totp": "00000x" })).await;
        assert_eq!(wrong.status, 401, "{attempt}: {}", wrong.text());
    }
    // The password is still right, and yet no further proof is looked at.
    let half = half_done(&mut client, &person).await;
    let locked = second_step(&mut client, &half, json!({ "recovery_code": codes[0] })).await;
    assert_eq!(locked.status, 429, "{}", locked.text());
    assert!(locked.header("retry-after").is_some());
    // Nor can the open session be used to guess on.
    let token = Some(person.token.as_str());
    let begun = client.post("/api/v2/auth/step-up", token, &json!({ "operation": "account" })).await.unwrap().json();
    let proof = json!({ "ticket": begun["ticket"], "recovery_code": codes[0] });
    let locked = client.post("/api/v2/auth/step-up/complete", token, &proof).await.unwrap();
    assert_eq!(locked.status, 429, "{}", locked.text());
    assert_eq!(factors(&mut client, &person).await["recovery_codes"], 10, "it was not even looked at");
}

#[tokio::test]
async fn a_half_done_login_ends_after_five_minutes() {
    let system = TestSystem::start().await;
    let (person, _) = an_enrolled_person(&system).await;
    let mut client = system.client();
    let half = half_done(&mut client, &person).await;
    let age = "UPDATE one_time SET expires_at = expires_at - interval '5 minutes'";
    sqlx::query(age).execute(&mut system.sql().await).await.unwrap();
    let late = second_step(&mut client, &half, json!({ "totp": person.app.code().unwrap() })).await;
    assert_eq!(refusal(&late), refused(401, "auth.bad_ticket"));
}

#[tokio::test]
async fn a_proof_is_exactly_one() {
    let system = TestSystem::start().await;
    let (person, codes) = an_enrolled_person(&system).await;
    let mut client = system.client();
    let half = half_done(&mut client, &person).await;
    for proof in [json!({}), json!({ "totp": "123456", "recovery_code": codes[0] }), json!({ "totp": null })] {
        let answer = second_step(&mut client, &half, proof.clone()).await;
        assert_eq!(refusal(&answer), refused(422, "request.invalid"), "{proof}");
    }
    assert_eq!(factors(&mut client, &person).await["recovery_codes"], 10, "nothing was used up");
}

/// Somebody else's code, an app's code where there is only a passkey, and a ticket that nobody has.
#[tokio::test]
async fn a_proof_is_the_persons_own() {
    let system = TestSystem::start().await;
    let (alice, _) = an_enrolled_person(&system).await;
    let (bob, bobs_codes) = an_enrolled_person(&system).await;
    let carol = system.a_person().await;
    let mut client = system.client();
    client.add_passkey(&carol, None).await.unwrap();
    for (person, proof) in [
        (&alice, json!({ "totp": bob.app.code().unwrap() })),
        (&alice, json!({ "recovery_code": bobs_codes[0] })),
        (&carol, json!({ "totp": bob.app.code().unwrap() })),
    ] {
        let half = half_done(&mut client, person).await;
        let answer = second_step(&mut client, &half, proof).await;
        assert_eq!(refusal(&answer), refused(401, "auth.proof_refused"));
    }
    let nobodys = json!({ "mfa_token": "A".repeat(43), "totp": "123456" });
    let answer = client.post(SECOND_STEP, None, &nobodys).await.unwrap();
    assert_eq!(refusal(&answer), refused(401, "auth.bad_ticket"));
}

/// PCI DSS 10.2.1: every success and every failure, with its reason.
#[tokio::test]
async fn every_second_proof_is_on_record() {
    let system = TestSystem::start().await;
    let (person, codes) = an_enrolled_person(&system).await;
    let mut client = system.client();
    let half = half_done(&mut client, &person).await;
    second_step(&mut client, &half, json!({ "totp": "12345x" })).await;
    second_step(&mut client, &half, json!({ "recovery_code": codes[0] })).await;
    let rows: Vec<(String, String, Option<String>)> = sqlx::query_as(
        "SELECT action, outcome, reason FROM authentications
          WHERE user_id = $1::uuid AND action IN ('second_factor', 'enrol_factor') ORDER BY entry_id",
    )
    .bind(&person.user_id)
    .fetch_all(&mut system.sql().await)
    .await
    .unwrap();
    let row = |action: &str, outcome: &str, reason: Option<&str>| {
        (action.to_owned(), outcome.to_owned(), reason.map(str::to_owned))
    };
    assert_eq!(
        rows,
        [
            row("enrol_factor", "success", Some("totp")),
            row("second_factor", "failure", Some("bad_totp")),
            row("second_factor", "success", None),
        ]
    );
}
