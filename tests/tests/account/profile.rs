use aggregates::Role;
use hyper::Method;
use serde_json::json;
use tests::{client::Client, system::TestSystem};

use super::{call, count, problem, read, somebody};

const ME: &str = "/api/v2/me";

#[tokio::test]
async fn a_person_reads_and_changes_their_profile() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let mut client = system.client();
    let me = read(&mut client, ME, &person).await;
    assert_eq!((&me["email"], &me["standing"]), (&json!(person.email), &json!("open")));
    assert_eq!((&me["roles"], &me["preferences"]["time_zone"]), (&json!(["customer"]), &json!("UTC")));

    let renamed = call(&mut client, Method::PATCH, ME, &person, json!({ "last_name": "King" })).await;
    assert_eq!((renamed.status.as_u16(), &renamed.json()["last_name"]), (200, &json!("King")), "{}", renamed.text());
    // A person sees their own write at once.
    let me = read(&mut client, ME, &person).await;
    assert_eq!((&me["first_name"], &me["last_name"]), (&json!("Ada"), &json!("King")));
    assert_eq!(read(&mut client, "/api/v1/users/me", &person).await["user"]["last_name"], "King");

    let v1 = call(&mut client, Method::PATCH, "/api/v1/users/me", &person, json!({ "first_name": "Augusta" })).await;
    assert_eq!(v1.json()["user"]["first_name"], "Augusta", "{}", v1.text());
}

#[tokio::test]
async fn a_new_name_has_to_be_verified_anew() {
    let system = TestSystem::start().await;
    let (person, mut client) = (system.a_person().await, system.client());
    client.pass_kyc(&person).await.unwrap();
    assert_eq!(call(&mut client, Method::PATCH, ME, &person, json!({ "last_name": "King" })).await.status, 200);
    assert_eq!(read(&mut client, "/api/v2/kyc", &person).await["status"], "expired");
    let refused = client.request_card(&person, 100).await.unwrap_err().to_string();
    assert!(refused.contains("kyc.required"), "{refused}");
    client.pass_kyc(&person).await.unwrap();
    client.request_card(&person, 100).await.unwrap();
}

#[tokio::test]
async fn a_name_that_does_not_change_is_no_event() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let mut client = system.client();
    for body in [json!({}), json!({ "first_name": "Ada" }), json!({ "first_name": " Ada ", "last_name": "Lovelace" })] {
        assert_eq!(call(&mut client, Method::PATCH, ME, &person, body).await.status, 200);
    }
    assert_eq!(count(&system.store(), &person, "name_changed").await, 0);
    let refused = call(&mut client, Method::PATCH, ME, &person, json!({ "first_name": "\u{7}" })).await;
    assert_eq!(problem(&refused), (422, "request.invalid".into()));
}

#[tokio::test]
async fn preferences_are_kept_in_their_usual_spelling_and_nonsense_is_refused() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let mut client = system.client();
    let path = "/api/v2/me/preferences";
    let chosen = |language: &str, time_zone: &str| json!({ "language": language, "time_zone": time_zone, "push": false, "email": true, "sms": true });
    for _ in 0..2 {
        let answer = call(&mut client, Method::PUT, path, &person, chosen("en-gb", "Europe/Berlin")).await;
        assert_eq!(answer.json(), chosen("en-GB", "Europe/Berlin"), "{}", answer.text());
    }
    assert_eq!(read(&mut client, ME, &person).await["preferences"], chosen("en-GB", "Europe/Berlin"));
    assert_eq!(count(&system.store(), &person, "preferences_chosen").await, 1);
    for (body, field) in [(chosen("English!", "UTC"), "language"), (chosen("en", "Europe/Atlantis"), "time_zone")] {
        let refused = call(&mut client, Method::PUT, path, &person, body).await;
        assert_eq!(refused.json()["errors"][0]["field"], field, "{}", refused.text());
    }
}

#[tokio::test]
async fn those_who_look_after_accounts_see_others_and_customers_do_not() {
    let system = TestSystem::start().await;
    let (support, person) = (somebody(&system, &[Role::Support]).await, system.a_person().await);
    system.caught_up().await;
    let mut client = system.client();
    let path = format!("/api/v2/users/{}", person.user_id);
    assert_eq!(read(&mut client, &path, &support).await["email"], person.email.as_str());
    let refused = client.get(&path, Some(&person.token)).await.unwrap();
    assert_eq!(problem(&refused), (403, "auth.forbidden".into()));
    let nobody = client.get("/api/v2/users/0198c5a2-7b1e-7c3d-8000-000000000000", Some(&support.token)).await.unwrap();
    assert_eq!(problem(&nobody), (404, "account.not_found".into()));
}

#[tokio::test]
async fn while_redis_is_away_the_profile_comes_from_the_log() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let api = system.another_api(&[("VC_REDIS_URL", "redis://127.0.0.1:1")]).await;
    assert_eq!(read(&mut Client::new(api.address()), ME, &person).await["email"], person.email.as_str());
}

#[tokio::test]
async fn of_two_names_changed_at_once_none_is_lost() {
    let system = TestSystem::start_with(2, &[]).await;
    let person = system.a_person().await;
    let (mut one, mut other) = (system.client_of(0), system.client_of(1));
    for round in 0..10 {
        let (first, last) = (format!("First {round}"), format!("Last {round}"));
        let (a, b) = tokio::join!(
            call(&mut one, Method::PATCH, ME, &person, json!({ "first_name": first })),
            call(&mut other, Method::PATCH, ME, &person, json!({ "last_name": last })),
        );
        assert_eq!((a.status.as_u16(), b.status.as_u16()), (200, 200));
        let me = read(&mut one, ME, &person).await;
        assert_eq!((&me["first_name"], &me["last_name"]), (&json!(first), &json!(last)), "round {round}");
    }
}
