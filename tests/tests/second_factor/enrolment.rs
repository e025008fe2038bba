use serde_json::json;
use tests::{client::PASSWORD, system::TestSystem};

use super::{an_enrolled_person, factors, half_done, refusal, refused, second_step};

const BEGIN: &str = "/api/v2/me/totp";
const CONFIRM: &str = "/api/v2/me/totp/confirm";

#[tokio::test]
async fn an_app_counts_from_its_first_code_on() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let (mut client, token) = (system.client(), Some(person.token.as_str()));
    let begun = client.post(BEGIN, token, &json!({})).await.unwrap();
    let url = begun.json()["otpauth_url"].as_str().unwrap().to_owned();
    assert!(url.starts_with("otpauth://totp/") && url.contains("issuer=Virtual%20Cards"), "{url}");
    assert_eq!(factors(&mut client, &person).await, json!({ "totp": false, "passkeys": [], "recovery_codes": 0 }));

    let wrong = client.post(CONFIRM, token, &json!({ "code": "000000x" })).await.unwrap();
    assert_eq!(refusal(&wrong), refused(422, "factor.wrong_code"));
    let codes = client.enrol(&person).await.unwrap();
    assert_eq!(codes.len(), 10);
    assert!(codes.iter().all(|code| code.len() == 14), "{codes:?}");
    assert_eq!(factors(&mut client, &person).await, json!({ "totp": true, "passkeys": [], "recovery_codes": 10 }));

    let again = client.post(BEGIN, token, &json!({})).await.unwrap();
    assert_eq!(refusal(&again), refused(409, "factor.totp_enabled"));
}

/// Whoever finds a session open cannot make the account theirs.
#[tokio::test]
async fn an_old_session_has_to_give_the_password_again() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let age = "UPDATE sessions SET auth_time = auth_time - interval '6 minutes'";
    sqlx::query(age).execute(&mut system.sql().await).await.unwrap();
    let (mut client, token) = (system.client(), Some(person.token.as_str()));
    for path in [BEGIN, "/api/v2/me/passkeys/options"] {
        let nothing = client.post(path, token, &json!({})).await.unwrap();
        assert_eq!(refusal(&nothing), refused(403, "auth.fresh_login_required"), "{path}");
        let wrong = client.post(path, token, &json!({ "password": "not the password" })).await.unwrap();
        assert_eq!(refusal(&wrong), refused(403, "auth.wrong_password"), "{path}");
        let right = client.post(path, token, &json!({ "password": PASSWORD })).await.unwrap();
        assert_eq!(right.status, 200, "{path}: {}", right.text());
    }
}

/// A second factor is no way around the first second factor.
#[tokio::test]
async fn whoever_has_a_factor_shows_it_to_add_another() {
    let system = TestSystem::start().await;
    let (person, _) = an_enrolled_person(&system).await;
    let mut client = system.client();
    let body = json!({ "password": PASSWORD });
    let refusing = client.post("/api/v2/me/passkeys/options", Some(&person.token), &body).await.unwrap();
    assert_eq!(refusal(&refusing), refused(403, "auth.step_up_required"));
    assert_eq!(refusing.json()["step_up"], "account");
    let step_up = client.step_up(&person, &json!({ "operation": "account" })).await.unwrap();
    let (_, registered) = client.add_passkey(&person, Some(&step_up)).await.unwrap();
    assert!(registered.get("recovery_codes").is_none(), "there are ten already: {registered}");
    // Logged in with both, nobody is asked again.
    let fresh = client.log_in_again(&person).await.unwrap();
    client.add_passkey(&fresh, None).await.unwrap();
    assert_eq!(factors(&mut client, &fresh).await["passkeys"].as_array().unwrap().len(), 2);
}

/// OWASP ASVS 5.0 §7.4.3, and the person is told.
#[tokio::test]
async fn a_new_factor_ends_other_sessions() {
    let system = TestSystem::start_with(2, &[]).await;
    let person = system.a_person().await;
    let other = system.client().log_in(&person.email).await.unwrap();
    system.client_of(0).enrol(&person).await.unwrap();
    for api in [0, 1] {
        let me = "/api/v1/users/me";
        assert_eq!(system.client_of(api).get(me, Some(&other.token)).await.unwrap().status, 401, "api {api}");
        assert_eq!(system.client_of(api).get(me, Some(&person.token)).await.unwrap().status, 200, "api {api}");
    }
}

#[tokio::test]
async fn a_new_secret_takes_the_place_of_one_that_waits() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let (mut client, token) = (system.client(), Some(person.token.as_str()));
    let first = client.post(BEGIN, token, &json!({})).await.unwrap().json()["secret"].as_str().unwrap().to_owned();
    let second = client.post(BEGIN, token, &json!({})).await.unwrap().json()["secret"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    let step = chrono::Utc::now().timestamp().unsigned_abs() / 30;
    let code = tests::authenticator::code(&first, step).unwrap();
    let old = client.post(CONFIRM, token, &json!({ "code": code })).await.unwrap();
    assert_eq!(refusal(&old), refused(422, "factor.wrong_code"));
    let code = tests::authenticator::code(&second, step).unwrap();
    assert_eq!(client.post(CONFIRM, token, &json!({ "code": code })).await.unwrap().status, 200);
}

#[tokio::test]
async fn without_a_secret_there_is_nothing_to_confirm() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let mut client = system.client();
    let code = json!({ "code": "123456" });
    let nothing = client.post(CONFIRM, Some(&person.token), &code).await.unwrap();
    assert_eq!(refusal(&nothing), refused(404, "factor.not_found"));
    client.post(BEGIN, Some(&person.token), &json!({})).await.unwrap();
    let age = "UPDATE totp_secrets SET created_at = created_at - interval '11 minutes'";
    sqlx::query(age).execute(&mut system.sql().await).await.unwrap();
    let late = client.post(CONFIRM, Some(&person.token), &code).await.unwrap();
    assert_eq!(refusal(&late), refused(404, "factor.not_found"));
}

#[tokio::test]
async fn the_person_is_told_of_every_change() {
    let system = TestSystem::start().await;
    let (person, codes) = an_enrolled_person(&system).await;
    let mut client = system.client();
    let half = half_done(&mut client, &person).await;
    second_step(&mut client, &half, json!({ "recovery_code": codes[0] })).await;
    let step_up = client.step_up(&person, &json!({ "operation": "account" })).await.unwrap();
    let headers = [("x-step-up-token", step_up.as_str())];
    let token = Some(person.token.as_str());
    client.request(hyper::Method::DELETE, BEGIN, token, None, &headers).await.unwrap();
    let mailboxes = system.processes.sandbox.address();
    for (subject, says) in [
        ("A second factor was added", "asks for an authenticator app from now on"),
        ("A recovery code was used", "9 are left"),
        ("A second factor was removed", "does not ask for an authenticator app any more"),
    ] {
        let letter = tests::mailbox::letter(mailboxes, &person.email, subject).await.unwrap();
        assert!(letter.text.contains(says), "{}", letter.text);
    }
}
