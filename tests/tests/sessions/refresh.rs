use aggregates::{ClientId, Permission, Proof, Role, user::Command};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use chrono::Utc;
use futures::future::join_all;
use serde_json::{Value, json};
use sqlx::Row;
use store::new_id;
use tests::system::TestSystem;

use super::{refreshed, refused, status};
use crate::members::Member;

/// The claims of a token, unchecked.
fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn a_session_goes_on_with_the_next_tokens() {
    let system = TestSystem::start().await;
    let (store, mut client) = (system.store(), system.client());
    let member = Member::new(&store, &[]).await;
    let first = member.log_in(&store, &[Proof::Password, Proof::Totp]).await;

    let second = refreshed(&mut client, "v1", &first.refresh_token).await;
    assert_eq!(second.status, 200, "{}", second.text());
    let second = second.json();
    assert_eq!((&second["success"], &second["expires_in"]), (&json!(true), &json!(900)));
    let third = refreshed(&mut client, "v2", second["refresh_token"].as_str().unwrap()).await;
    assert_eq!(third.status, 200, "{}", third.text());
    let third = third.json();
    assert_eq!(third["token_type"], "Bearer");

    let token = third["access_token"].as_str().unwrap();
    assert_eq!(status(&mut client, token).await, 200);
    let (before, after) = (claims(&first.token), claims(token));
    for same in ["sub", "sid", "amr", "iss", "aud"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    assert_eq!(after["auth_time"], json!(first.session.auth_time.timestamp()), "nobody has proven anything anew");
    assert_ne!(before["jti"], after["jti"]);
}

/// RFC 9700 §4.14.2: one of the two users is a thief, and it is not known which.
#[tokio::test]
async fn a_second_use_ends_the_session_everywhere() {
    let system = TestSystem::start_with(2, &[]).await;
    let store = system.store();
    let member = Member::new(&store, &[]).await;
    let first = member.log_in(&store, &[Proof::Password]).await;
    let other = member.log_in(&store, &[Proof::Password]).await;
    let mut clients = [system.client_of(0), system.client_of(1)];
    let second = refreshed(&mut clients[0], "v2", &first.refresh_token).await.json();
    let (token, next) = (second["access_token"].as_str().unwrap(), second["refresh_token"].as_str().unwrap());
    for client in &mut clients {
        assert_eq!(status(client, token).await, 200);
    }

    refused(&refreshed(&mut clients[1], "v1", &first.refresh_token).await);
    for client in &mut clients {
        assert_eq!(status(client, token).await, 401);
        assert_eq!(status(client, &first.token).await, 401);
        refused(&refreshed(client, "v2", next).await);
        assert_eq!(status(client, &other.token).await, 200, "other sessions go on");
    }
    let sql = "SELECT count(*) FROM authentications WHERE session_id = $1 AND reason = 'token_reused'";
    let row = sqlx::query(sql).bind(first.session.session_id.0).fetch_one(&mut system.sql().await).await.unwrap();
    assert_eq!(row.get::<i64, _>(0), 1);
}

#[tokio::test]
async fn of_several_uses_at_once_one_wins_and_the_session_ends() {
    let system = TestSystem::start_with(2, &[]).await;
    let store = system.store();
    let member = Member::new(&store, &[]).await;
    for _ in 0..5 {
        let first = member.log_in(&store, &[Proof::Password]).await;
        let uses = (0..6).map(|number| {
            let (mut client, token) = (system.client_of(number % 2), first.refresh_token.clone());
            async move { refreshed(&mut client, "v2", &token).await }
        });
        let answers = join_all(uses).await;
        let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(won.len(), 1);
        answers.iter().filter(|answer| answer.status != 200).for_each(refused);
        let token = won[0].json()["access_token"].as_str().unwrap().to_owned();
        assert_eq!(status(&mut system.client_of(0), &token).await, 401);
    }
}

#[tokio::test]
async fn what_is_no_refresh_token_is_refused_alike() {
    let system = TestSystem::start().await;
    let (store, mut client) = (system.store(), system.client());
    let member = Member::new(&store, &[]).await;
    let open = member.log_in(&store, &[Proof::Password]).await;
    let (ended, late) =
        (member.log_in(&store, &[Proof::Password]).await, member.log_in(&store, &[Proof::Password]).await);
    store.revoke_sessions(member.user_id, &[ended.session.session_id]).await.unwrap();
    sqlx::query("UPDATE refresh_tokens SET expires_at = now() WHERE session_id = $1")
        .bind(late.session.session_id.0)
        .execute(&mut system.sql().await)
        .await
        .unwrap();
    let long = "A".repeat(10_000);
    let others = ["", " ", "nonsense", "\u{0}", &long, &open.token, &ended.refresh_token, &late.refresh_token];
    for token in others {
        for version in ["v1", "v2"] {
            refused(&refreshed(&mut client, version, token).await);
        }
    }
    assert_eq!(refreshed(&mut client, "v2", &open.refresh_token).await.status, 200);
}

/// A program's refresh token is for its own endpoint, where the program has to say who it is.
#[tokio::test]
async fn a_programs_refresh_token_is_refused_here_and_not_used_up() {
    let system = TestSystem::start().await;
    let (store, mut client) = (system.store(), system.client());
    let member = Member::new(&store, &[]).await;
    let program = Some((ClientId(new_id()), vec![Permission::CardsRead]));
    let session = member.log_in_for(&store, &[Proof::Password], program).await;
    refused(&refreshed(&mut client, "v2", &session.refresh_token).await);
    let sql = "SELECT count(*) FROM refresh_tokens WHERE session_id = $1 AND used_at IS NULL";
    let row = sqlx::query(sql).bind(session.session.session_id.0).fetch_one(&mut system.sql().await).await.unwrap();
    assert_eq!(row.get::<i64, _>(0), 1);
}

#[tokio::test]
async fn rights_are_read_anew_at_each_refresh() {
    let system = TestSystem::start().await;
    let (store, mut client) = (system.store(), system.client());
    let member = Member::new(&store, &[]).await;
    let session = member.log_in(&store, &[Proof::Password]).await;
    assert_eq!(claims(&session.token)["roles"], json!(["customer"]));
    member.decide(&store, Command::GrantRole { role: Role::Merchant, now: Utc::now() }).await;
    let next = refreshed(&mut client, "v2", &session.refresh_token).await.json();
    assert_eq!(claims(next["access_token"].as_str().unwrap())["roles"], json!(["customer", "merchant"]));
}

#[tokio::test]
async fn a_closed_account_gets_no_more_tokens() {
    let system = TestSystem::start().await;
    let (store, mut client) = (system.store(), system.client());
    let member = Member::new(&store, &[]).await;
    let session = member.log_in(&store, &[Proof::Password]).await;
    // As if the tables had been forgotten.
    member.decide(&store, Command::Close { now: Utc::now() }).await;
    refused(&refreshed(&mut client, "v2", &session.refresh_token).await);
}
