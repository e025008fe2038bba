use aggregates::{Proof, Role, UserId};
use hyper::Method;
use serde_json::json;
use store::new_id;
use tests::system::TestSystem;

use super::{change, has_role, staff};
use crate::members::Member;

const MINE: &str = "/api/v2/me/sessions";

#[tokio::test]
async fn a_role_is_given_and_taken_and_no_token_outlives_it() {
    let system = TestSystem::start_with(2, &[]).await;
    let (store, mut client) = (system.store(), system.client());
    let (_, admin) = staff(&store, &[Role::Admin]).await;
    let member = Member::new(&store, &[]).await;
    for (method, has) in [(Method::PUT, true), (Method::DELETE, false)] {
        let session = member.log_in(&store, &[Proof::Password]).await;
        for api in [0, 1] {
            assert_eq!(system.client_of(api).get(MINE, Some(&session.token)).await.unwrap().status, 200);
        }
        let changed = change(&mut client, method.clone(), &admin.token, &member, "merchant").await;
        assert_eq!(changed.status, 204, "{}", changed.text());
        assert_eq!(has_role(&store, &member, Role::Merchant).await, has);
        for api in [0, 1] {
            assert_eq!(system.client_of(api).get(MINE, Some(&session.token)).await.unwrap().status, 401);
        }
        let body = json!({ "refresh_token": session.refresh_token });
        assert_eq!(client.post("/api/v2/auth/refresh", None, &body).await.unwrap().status, 401);
    }
    // What is so already ends nobody's session.
    let session = member.log_in(&store, &[Proof::Password]).await;
    assert_eq!(change(&mut client, Method::PUT, &admin.token, &member, "customer").await.status, 204);
    assert_eq!(client.get(MINE, Some(&session.token)).await.unwrap().status, 200);
}

#[tokio::test]
async fn the_api_keys_that_need_a_role_go_with_it() {
    let system = TestSystem::start().await;
    let (store, mut client) = (system.store(), system.client());
    let (_, admin) = staff(&store, &[Role::Admin]).await;
    let member = Member::new(&store, &[Role::Merchant]).await;
    let session = member.log_in(&store, &[Proof::Password]).await;
    let mut keys = Vec::new();
    for scope in ["payments:read", "cards:read"] {
        let body = json!({ "label": scope, "scopes": [scope], "expires_in_days": 1 });
        let issued = client.post("/api/v2/api-keys", Some(&session.token), &body).await.unwrap().json();
        keys.push((issued["api_key"].as_str().unwrap().to_owned(), scope));
    }
    let uses = [("/api/v1/transactions", 200, 200), ("/api/v1/cards", 200, 401)];
    for ((key, _), (path, before, _)) in keys.iter().zip(uses) {
        assert_eq!(client.get(path, Some(key)).await.unwrap().status, before);
    }
    // A merchant sees payments without being a customer, and no cards.
    assert_eq!(change(&mut client, Method::DELETE, &admin.token, &member, "customer").await.status, 204);
    for ((key, scope), (path, _, after)) in keys.iter().zip(uses) {
        assert_eq!(client.get(path, Some(key)).await.unwrap().status, after, "{scope}");
    }
}

#[tokio::test]
async fn nobody_changes_their_own_rights_and_services_are_no_people() {
    let system = TestSystem::start().await;
    let (store, mut client) = (system.store(), system.client());
    let (admin, session) = staff(&store, &[Role::Admin]).await;
    for (method, role) in [(Method::PUT, "auditor"), (Method::DELETE, "admin"), (Method::DELETE, "customer")] {
        let answer = change(&mut client, method, &session.token, &admin, role).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (403, &json!("role.own")), "{role}");
    }
    let path = format!("/api/v2/admin/users/{}/sessions/revoke", admin.user_id);
    assert_eq!(client.post(&path, Some(&session.token), &json!({})).await.unwrap().status, 403);
    let member = Member::new(&store, &[]).await;
    for role in ["service", "emperor"] {
        let answer = change(&mut client, Method::PUT, &session.token, &member, role).await;
        assert_eq!(answer.status, 400, "{}", answer.text());
    }
    let missing = change(&mut client, Method::DELETE, &session.token, &member, "support").await;
    assert_eq!((missing.status.as_u16(), &missing.json()["code"]), (404, &json!("role.not_found")));
    let nobody = Member { user_id: UserId(new_id()), email: String::new(), roles: vec![] };
    assert_eq!(change(&mut client, Method::PUT, &session.token, &nobody, "support").await.status, 404);
}

#[tokio::test]
async fn of_two_admins_who_remove_each_other_one_remains() {
    let system = TestSystem::start_with(2, &[]).await;
    let store = system.store();
    for _ in 0..10 {
        let (ann, bob) = (staff(&store, &[Role::Admin]).await, staff(&store, &[Role::Admin]).await);
        let (mut hers, mut his) = (system.client_of(0), system.client_of(1));
        let (by_ann, by_bob) = tokio::join!(
            change(&mut hers, Method::DELETE, &ann.1.token, &bob.0, "admin"),
            change(&mut his, Method::DELETE, &bob.1.token, &ann.0, "admin"),
        );
        let done = [&by_ann, &by_bob].into_iter().filter(|answer| answer.status == 204).count();
        assert_eq!(done, 1, "{} {}", by_ann.text(), by_bob.text());
        let left = [has_role(&store, &ann.0, Role::Admin).await, has_role(&store, &bob.0, Role::Admin).await];
        assert_eq!(left.iter().filter(|is_admin| **is_admin).count(), 1);
    }
}

#[tokio::test]
async fn an_admin_ends_the_sessions_of_others() {
    let system = TestSystem::start().await;
    let (store, mut client) = (system.store(), system.client());
    let (_, admin) = staff(&store, &[Role::Admin]).await;
    let member = Member::new(&store, &[]).await;
    let session = member.log_in(&store, &[Proof::Password]).await;
    assert_eq!(client.get(MINE, Some(&session.token)).await.unwrap().status, 200);
    let path = format!("/api/v2/admin/users/{}/sessions/revoke", member.user_id);
    let ended = client.post(&path, Some(&admin.token), &json!({})).await.unwrap();
    assert_eq!(ended.status, 204, "{}", ended.text());
    assert_eq!(client.get(MINE, Some(&session.token)).await.unwrap().status, 401);
    let nobody = format!("/api/v2/admin/users/{}/sessions/revoke", new_id());
    assert_eq!(client.post(&nobody, Some(&admin.token), &json!({})).await.unwrap().status, 404);
}

/// As a failure behind the append leaves it: the log has closed a session that its table has open.
#[tokio::test]
async fn a_change_that_was_cut_off_is_finished_by_doing_it_again() {
    let system = TestSystem::start().await;
    let (store, mut client) = (system.store(), system.client());
    let (_, admin) = staff(&store, &[Role::Admin]).await;
    let member = Member::new(&store, &[]).await;
    let cut_off =
        "UPDATE sessions SET revoked_at = NULL, opened_at = now() - interval '2 minutes' WHERE session_id = $1";
    for (method, again) in [(Method::PUT, 204), (Method::DELETE, 404)] {
        let id = member.log_in(&store, &[Proof::Password]).await.session.session_id;
        assert_eq!(change(&mut client, method.clone(), &admin.token, &member, "merchant").await.status, 204);
        sqlx::query(cut_off).bind(id.0).execute(&mut system.sql().await).await.unwrap();
        let fresh = member.log_in(&store, &[Proof::Password]).await;
        assert_eq!(change(&mut client, method, &admin.token, &member, "merchant").await.status, again);
        assert!(store.session(id).await.unwrap().is_none());
        assert_eq!(client.get(MINE, Some(&fresh.token)).await.unwrap().status, 200);
    }
}
