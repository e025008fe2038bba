//! What happens to an account, or to a code, between two steps of an authorization.

use aggregates::{
    Actor, Context, UserId,
    user::{Command, User},
};
use chrono::Utc;
use futures::future::join_all;
use hyper::Method;
use serde_json::json;
use store::{Unit, new_id};
use tests::{
    client::{PASSWORD, Person},
    system::TestSystem,
};

use super::browser::{
    CALLBACK, a_client, a_code, ask, authorize, decide, exchange, log_in, opens, refused, request, title, tokens, told,
};

const SCOPE: &str = "openid offline_access profile:read";

fn grant() -> (u16, String) {
    (400, "invalid_grant".into())
}

/// Something that happens to an account past the API, so that nothing else comes with it.
async fn happens(system: &TestSystem, person: &Person, command: Command) {
    let store = system.store();
    let loaded = store.load_latest::<User>(UserId(person.user_id.parse().unwrap())).await.unwrap();
    let context =
        Context { correlation_id: new_id(), causation_id: None, traceparent: None, actor: Actor::System("test") };
    let events = loaded.decide(command).unwrap();
    store.append(Unit::new(context).stream(&loaded, events)).await.unwrap();
}

async fn open_sessions_of(system: &TestSystem, client_id: &str) -> i64 {
    let count = "SELECT count(*) FROM sessions WHERE client_id = $1::uuid AND revoked_at IS NULL";
    sqlx::query_scalar(count).bind(client_id).fetch_one(&mut system.sql().await).await.unwrap()
}

#[tokio::test]
async fn a_page_left_open_gives_nothing_once_the_account_has_changed() {
    let system = TestSystem::start().await;
    let client = a_client(&system, "confidential", &[CALLBACK], SCOPE).await;
    let http = &mut system.client();
    let now = Utc::now();
    for change in [None, Some(Command::EnableTotp { now }), Some(Command::Close { now })] {
        let person = system.a_person().await;
        let page = authorize(http, &request(&client, "openid")).await;
        let page = log_in(http, &page, &person.email, PASSWORD).await;
        assert_eq!(title(&page), "Allow access");
        let named = format!("{change:?}");
        match change {
            Some(command) => happens(&system, &person, command).await,
            None => {
                let replaced = "UPDATE credentials SET changed_at = now() WHERE user_id = $1::uuid";
                sqlx::query(replaced).bind(&person.user_id).execute(&mut system.sql().await).await.unwrap();
            }
        }
        let told = told(&decide(http, &page, "continue").await);
        assert_eq!(told.get("error").map(String::as_str), Some("access_denied"), "{named}");
        let consented = system.store().load_latest::<User>(UserId(person.user_id.parse().unwrap())).await.unwrap();
        assert!(consented.consents().is_empty(), "{named}");
    }
}

#[tokio::test]
async fn signing_out_everywhere_ends_what_was_about_to_begin() {
    let system = TestSystem::start().await;
    let (person, enrolled) = (system.a_person().await, system.a_person().await);
    let client = a_client(&system, "confidential", &[CALLBACK], SCOPE).await;
    let http = &mut system.client();
    let codes = http.enrol(&enrolled).await.unwrap();
    let login = json!({ "email": enrolled.email, "password": PASSWORD });
    let half = http.post("/api/v2/auth/login", None, &login).await.unwrap().json();
    let code = a_code(http, &client, &person.email, "openid").await;
    let page = authorize(http, &request(&client, SCOPE)).await;
    let page = log_in(http, &page, &person.email, PASSWORD).await;
    for somebody in [&person, &enrolled] {
        let ended =
            http.request(Method::DELETE, "/api/v2/me/sessions", Some(&somebody.token), None, &[]).await.unwrap();
        assert!(ended.status.is_success(), "{}", ended.text());
    }
    assert_eq!(decide(http, &page, "continue").await.status, 400, "the page is void");
    assert_eq!(refused(&exchange(http, &client, &code).await), grant());
    let proof = json!({ "mfa_token": half["mfa_token"], "recovery_code": codes[0] });
    let late = http.post("/api/v2/auth/login/second-factor", None, &proof).await.unwrap();
    assert_eq!(late.json()["code"], "auth.bad_ticket", "{}", late.text());
}

/// RFC 9700 §4.5: of two users of one code one is a thief, and which of them came first says nothing.
#[tokio::test]
async fn of_two_uses_of_one_code_at_once_neither_keeps_a_session() {
    let system = TestSystem::start_with(2, &[]).await;
    let person = system.a_person().await;
    let client = a_client(&system, "confidential", &[CALLBACK], SCOPE).await;
    let http = &mut system.client();
    for round in 0..8 {
        let code = a_code(http, &client, &person.email, SCOPE).await;
        let uses = (0..4).map(|number| {
            let (mut http, client, code) = (system.client_of(number % 2), &client, &code);
            async move { exchange(&mut http, client, code).await }
        });
        let answers = join_all(uses).await;
        let (given, refusals): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
        assert!(given.len() <= 1, "round {round}");
        refusals.iter().for_each(|answer| assert_eq!(refused(answer), grant(), "round {round}"));
        for answer in given {
            assert_eq!(opens(http, answer.json()["access_token"].as_str().unwrap()).await, 401, "round {round}");
        }
        assert_eq!(open_sessions_of(&system, &client.id).await, 0, "round {round}");
    }
}

#[tokio::test]
async fn a_code_that_cannot_be_exchanged_leaves_no_session() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let client = a_client(&system, "confidential", &[CALLBACK], SCOPE).await;
    let http = &mut system.client();
    let code = a_code(http, &client, &person.email, SCOPE).await;
    // The login had one factor, and now there are two.
    happens(&system, &person, Command::EnableTotp { now: Utc::now() }).await;
    assert_eq!(refused(&exchange(http, &client, &code).await), grant());
    assert_eq!(open_sessions_of(&system, &client.id).await, 0);
}

/// RFC 7662 §2.2: a refresh token ends before its session does.
#[tokio::test]
async fn a_refresh_tokens_own_end_is_told() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let client = a_client(&system, "confidential", &[CALLBACK], SCOPE).await;
    let http = &mut system.client();
    let held = tokens(http, &client, &person.email, SCOPE).await;
    let json = ask(http, "/oauth/introspect", &client, &[("token", &held.refresh)]).await.json();
    let ends: (i64, i64) = sqlx::query_as(
        "SELECT floor(extract(epoch FROM t.expires_at))::bigint, floor(extract(epoch FROM s.expires_at))::bigint
           FROM refresh_tokens t JOIN sessions s USING (session_id) WHERE s.client_id = $1::uuid",
    )
    .bind(&client.id)
    .fetch_one(&mut system.sql().await)
    .await
    .unwrap();
    assert!(ends.0 < ends.1, "the test needs two different ends");
    assert_eq!(json["exp"], ends.0, "{json}");
}
