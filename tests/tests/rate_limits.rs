//! Rate limits hold for all apis together, and say when to come back (invariant 10).

use serde_json::json;
use tests::{client::Answer, system::TestSystem};

/// Refused as RFC 9457 and the RateLimit draft want it.
fn refusal(answer: &Answer) {
    assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (429, &json!("request.rate_limited")));
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=65).contains(&seconds), "{seconds} s");
    assert!(answer.header("ratelimit").is_some() && answer.header("ratelimit-policy").is_some());
}

/// The product's promise: 100 a minute.
#[tokio::test]
async fn a_person_has_a_hundred_requests_a_minute_over_all_apis() {
    let system = TestSystem::start_with(2, &[("VC_API__RATE_LIMITS__PERSON", "100")]).await;
    let (busy, other) = (system.a_person().await, system.a_person().await);
    let mut clients = [system.client_of(0), system.client_of(1)];
    for i in 0..100 {
        let answer = clients[i % 2].get("/api/v1/kyc/status", Some(&busy.token)).await.unwrap();
        assert_eq!(answer.status, 200, "request {i}");
    }
    for client in &mut clients {
        refusal(&client.get("/api/v1/kyc/status", Some(&busy.token)).await.unwrap());
        assert_eq!(client.get("/api/v1/kyc/status", Some(&other.token)).await.unwrap().status, 200);
    }
}

/// Guessing passwords is stopped for the account, from wherever it is tried, and also for whoever knows the password.
#[tokio::test]
async fn an_account_has_ten_logins_a_minute() {
    let settings = [("VC_API__RATE_LIMITS__LOGIN", "10"), ("VC_FLOWS__LOCKOUT__ACCOUNT_FAILURES", "0")];
    let system = TestSystem::start_with(2, &settings).await;
    let person = system.a_person().await;
    let mut refused = 0;
    for i in 0..12 {
        let body = json!({ "email": person.email, "password": format!("guess number {i}") });
        let answer = system.client_of(i % 2).post("/api/v1/auth/login", None, &body).await.unwrap();
        match answer.status.as_u16() {
            401 => assert_eq!(refused, 0, "once refused, refused"),
            _ => {
                refusal(&answer);
                refused += 1;
            }
        }
    }
    // One login of the person's own came first.
    assert_eq!(refused, 3);
    assert!(system.client().log_in(&person.email).await.is_err());
}

/// An open session does not help to guess the password, and each of these limits has its own name.
#[tokio::test]
async fn a_session_gives_the_password_ten_times_a_minute() {
    let settings = [("VC_API__RATE_LIMITS__PASSWORD", "10"), ("VC_FLOWS__LOCKOUT__ACCOUNT_FAILURES", "0")];
    let system = TestSystem::start_with(1, &settings).await;
    let (person, mut client) = (system.a_person().await, system.client());
    let token = Some(person.token.as_str());
    let wrong = json!({ "password": "not the password" });
    let change = json!({ "current_password": "not the password", "new_password": "a new and long one" });
    for i in 0..9 {
        let path = ["/api/v2/me/totp", "/api/v2/me/passkeys/options", "/api/v2/me/close"][i % 3];
        assert_ne!(client.post(path, token, &wrong).await.unwrap().status, 429, "{path}");
    }
    let put = hyper::Method::PUT;
    let tenth = client.request(put.clone(), "/api/v2/me/password", token, Some(&change), &[]).await.unwrap();
    assert_eq!(tenth.status, 403, "{}", tenth.text());
    let eleventh = client.request(put, "/api/v2/me/password", token, Some(&change), &[]).await.unwrap();
    assert_eq!(eleventh.status, 429, "{}", eleventh.text());
    assert!(eleventh.text().contains("(password)"), "{}", eleventh.text());
}
