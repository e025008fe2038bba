use aggregates::{Proof, Role};
use serde_json::json;
use tests::system::{TestSystem, an_email};

use super::has_role;
use crate::members::Member;

async fn run(system: &TestSystem, arguments: &[&str]) -> Result<String, String> {
    let output = system.environment.run(arguments).await;
    output.map(|output| String::from_utf8(output.stdout).unwrap()).map_err(|failure| failure.to_string())
}

#[tokio::test]
async fn the_first_admin_comes_from_the_command_line_and_sets_a_password() {
    let system = TestSystem::start().await;
    let (email, mut client) = (an_email(), system.client());
    let token = run(&system, &["admin", "create", "--email", &email]).await.unwrap();
    let password = "a very long password of mine";
    let body = json!({ "token": token.trim(), "new_password": password });
    let set = client.post("/api/v2/auth/password-reset/complete", None, &body).await.unwrap();
    assert!(set.status.is_success(), "{}", set.text());
    let again = client.post("/api/v2/auth/password-reset/complete", None, &body).await.unwrap();
    assert!(!again.status.is_success(), "the token counts once");

    let login = json!({ "email": email, "password": password });
    let inside = client.post("/api/v2/auth/login", None, &login).await.unwrap();
    assert_eq!(inside.status, 200, "{}", inside.text());
    let token = inside.json()["access_token"].as_str().unwrap().to_owned();
    // Nothing of others before there is a second factor; and what it takes to set one up.
    let audit = client.get("/api/v2/audit/authentications", Some(&token)).await.unwrap();
    assert_eq!((audit.status.as_u16(), &audit.json()["code"]), (403, &json!("auth.second_factor_needed")));
    assert_eq!(client.get("/api/v2/me/sessions", Some(&token)).await.unwrap().status, 200);
}

#[tokio::test]
async fn whoever_has_an_account_already_is_made_an_admin_without_a_new_password() {
    let system = TestSystem::start().await;
    let (store, mut client) = (system.store(), system.client());
    let member = Member::new(&store, &[]).await;
    let session = member.log_in(&store, &[Proof::Password]).await;
    assert_eq!(client.get("/api/v2/me/sessions", Some(&session.token)).await.unwrap().status, 200);
    assert_eq!(run(&system, &["admin", "create", "--email", &member.email.to_uppercase()]).await.unwrap(), "");
    assert!(has_role(&store, &member, Role::Admin).await);
    assert_eq!(client.get("/api/v2/me/sessions", Some(&session.token)).await.unwrap().status, 401);
    let granted = store.stream(aggregates::Kind::User, member.user_id.0).await.unwrap();
    let granted = granted.iter().find(|event| event.name == "role_granted").unwrap();
    assert_eq!(granted.actor, "system:cli");
}

#[tokio::test]
async fn the_last_admin_cannot_be_removed() {
    let system = TestSystem::start().await;
    let store = system.store();
    let (ann, bob) = (Member::new(&store, &[]).await, Member::new(&store, &[]).await);
    for member in [&ann, &bob] {
        run(&system, &["admin", "grant", "admin", "--email", &member.email]).await.unwrap();
    }
    run(&system, &["admin", "revoke", "admin", "--email", &ann.email]).await.unwrap();
    let refused = run(&system, &["admin", "revoke", "admin", "--email", &bob.email]).await.unwrap_err();
    assert!(refused.contains("last admin"), "{refused}");
    assert!(has_role(&store, &bob, Role::Admin).await);
    run(&system, &["admin", "grant", "auditor", "--email", &bob.email]).await.unwrap();
    assert!(has_role(&store, &bob, Role::Auditor).await);
    for wrong in
        [["admin", "grant", "service", "--email", &bob.email], ["admin", "grant", "admin", "--email", "x@y.zz"]]
    {
        run(&system, &wrong).await.unwrap_err();
    }
}
