use aggregates::{ClientId, Permission, Proof, SessionId};
use serde_json::{Value, json};
use store::new_id;
use tests::system::TestSystem;

use super::{MINE, delete, empty_redis, status};
use crate::members::Member;

#[tokio::test]
async fn a_person_sees_where_they_are_logged_in() {
    let system = TestSystem::start().await;
    let (store, mut client) = (system.store(), system.client());
    let member = Member::new(&store, &[]).await;
    let program = (ClientId(new_id()), vec![Permission::CardsRead]);
    let theirs = member.log_in_for(&store, &[Proof::Password], Some(program.clone())).await;
    let mine = member.log_in(&store, &[Proof::Password, Proof::Totp]).await;
    Member::new(&store, &[]).await.log_in(&store, &[Proof::Password]).await;

    let listed = client.get(MINE, Some(&mine.token)).await.unwrap().json();
    let listed = listed["sessions"].as_array().unwrap().clone();
    assert_eq!(listed.len(), 2, "{listed:?}");
    let of = |id: SessionId| listed.iter().find(|listed| listed["session_id"] == json!(id)).unwrap();
    let (mine, theirs) = (of(mine.session.session_id), of(theirs.session.session_id));
    assert_eq!((&mine["current"], &theirs["current"]), (&json!(true), &json!(false)));
    assert_eq!((&mine["proofs"], &mine["client"]), (&json!(["password", "totp"]), &Value::Null));
    assert_eq!(theirs["client"]["client_id"], json!(program.0));
    assert!(mine["device_id"].is_string() && mine["opened_at"].is_string() && mine["refreshed_at"].is_string());
}

/// The next request, on whichever instance, though Redis has lost everything meanwhile.
#[tokio::test]
async fn an_ended_session_is_refused_from_the_next_request_on() {
    let system = TestSystem::start_with(2, &[]).await;
    let store = system.store();
    let member = Member::new(&store, &[]).await;
    let (mine, other) =
        (member.log_in(&store, &[Proof::Password]).await, member.log_in(&store, &[Proof::Password]).await);
    let mut clients = [system.client_of(0), system.client_of(1)];
    for client in &mut clients {
        assert_eq!(status(client, &other.token).await, 200);
    }
    let path = format!("{MINE}/{}", other.session.session_id);
    let ended = delete(&mut clients[0], &path, &mine.token).await;
    assert_eq!(ended.status, 204, "{}", ended.text());
    assert!(ended.position().is_some());
    assert_eq!(status(&mut clients[1], &other.token).await, 401);
    empty_redis(&system).await;
    for client in &mut clients {
        assert_eq!(status(client, &other.token).await, 401);
        assert_eq!(status(client, &mine.token).await, 200);
    }
    assert_eq!(delete(&mut clients[0], &path, &mine.token).await.status, 404, "there is no such session any more");
}

#[tokio::test]
async fn a_person_logs_out_everywhere_or_everywhere_else() {
    let system = TestSystem::start().await;
    let (store, mut client) = (system.store(), system.client());
    let member = Member::new(&store, &[]).await;
    let stranger = Member::new(&store, &[]).await.log_in(&store, &[Proof::Password]).await;
    let mut tokens = Vec::new();
    for _ in 0..3 {
        let token = member.log_in(&store, &[Proof::Password]).await.token;
        assert_eq!(status(&mut client, &token).await, 200);
        tokens.push(token);
    }
    let all_but_mine = delete(&mut client, &format!("{MINE}?except_current=true"), &tokens[0]).await;
    assert_eq!(all_but_mine.status, 204, "{}", all_but_mine.text());
    for (token, expected) in tokens.iter().zip([200, 401, 401]) {
        assert_eq!(status(&mut client, token).await, expected);
    }
    let everywhere = client.post("/api/v2/auth/logout-everywhere", Some(&tokens[0]), &json!({})).await.unwrap();
    assert_eq!(everywhere.status, 204, "{}", everywhere.text());
    assert_eq!(status(&mut client, &tokens[0]).await, 401);

    let again = member.log_in(&store, &[Proof::Password]).await.token;
    let out = client.post("/api/v2/auth/logout", Some(&again), &json!({})).await.unwrap();
    assert_eq!(out.status, 204, "{}", out.text());
    assert_eq!(status(&mut client, &again).await, 401);
    assert_eq!(status(&mut client, &stranger.token).await, 200, "others stay logged in");
}

#[tokio::test]
async fn a_lost_device_is_logged_out_with_all_its_sessions() {
    let system = TestSystem::start().await;
    let (store, mut client) = (system.store(), system.client());
    let member = Member::new(&store, &[]).await;
    let (first, second) =
        (member.log_in(&store, &[Proof::Password]).await, member.log_in(&store, &[Proof::Password]).await);
    let login = json!({ "email": member.email, "password": tests::client::PASSWORD, "device_id": "phone 2" });
    let phone = client.post("/api/v2/auth/login", None, &login).await.unwrap().json();
    let phone = phone["access_token"].as_str().unwrap();

    let devices = client.get("/api/v2/me/devices", Some(phone)).await.unwrap().json();
    let devices = devices["devices"].as_array().unwrap().clone();
    assert_eq!(devices.len(), 2, "{devices:?}");
    assert_eq!((&devices[0]["device_id"], &devices[0]["current"]), (&json!("phone 2"), &json!(true)));
    assert_eq!((&devices[1]["sessions"], &devices[1]["current"]), (&json!(2), &json!(false)));

    let path = format!("/api/v2/me/devices/{}", devices[1]["device_id"].as_str().unwrap().replace(' ', "%20"));
    assert_eq!(delete(&mut client, &path, phone).await.status, 204);
    for (token, expected) in [(&*first.token, 401), (&second.token, 401), (phone, 200)] {
        assert_eq!(status(&mut client, token).await, expected);
    }
    assert_eq!(delete(&mut client, &path, phone).await.status, 404);
}
