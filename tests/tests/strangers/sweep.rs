use std::collections::BTreeSet;

use aggregates::{ClientId, CredentialId, Permission, Proof, Role, user};
use chrono::{TimeDelta, Utc};
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue, IF_MATCH};
use secrecy::ExposeSecret;
use serde_json::Value;
use store::{PersonalData, api_keys::ApiKey, new_id};
use tests::client::Answer;

use super::{
    attacks::attacks,
    open::OPEN,
    operations::{Operation, operations},
    stage::{Call, NOBODYS, Stage},
};
use crate::members::Member;

fn bearer(token: &str) -> Vec<(HeaderName, HeaderValue)> {
    vec![(AUTHORIZATION, HeaderValue::try_from(format!("Bearer {token}")).unwrap())]
}

fn nobodys(operation: &Operation) -> String {
    operation.path(|name| if name == "role" { "auditor".into() } else { NOBODYS.into() })
}

#[test]
fn what_is_open_is_listed_with_a_reason() {
    let open: BTreeSet<_> = operations().iter().filter(|o| o.permission.is_none()).map(Operation::name).collect();
    let listed: BTreeSet<_> = OPEN.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(open, listed, "left: operations that demand no token; right: those that are listed with a reason");
    assert!(OPEN.iter().all(|(_, reason)| !reason.is_empty()));
}

#[tokio::test]
async fn no_false_token_opens_any_operation() {
    let stage = Stage::set().await;
    let (attacks, mut client) = (attacks(&stage).await, stage.system.client());
    let names: BTreeSet<_> = attacks.iter().map(|attack| attack.name).collect();
    assert!(names.len() == attacks.len() && names.len() >= 60, "{} different attacks", names.len());
    let closed: Vec<_> = operations().into_iter().filter(|operation| operation.permission.is_some()).collect();
    assert!(closed.len() >= 25, "{} operations are not all of them", closed.len());
    for operation in &closed {
        for attack in &attacks {
            let path = nobodys(operation) + &attack.query;
            let answer = Call { operation, path, headers: &attack.headers }.send(&mut client).await;
            let name = format!("{}, {}", operation.name(), attack.name);
            assert_eq!(answer.status, 401, "{name}: {}", answer.text());
            let sent = attack.headers.iter().any(|(header, _)| header == AUTHORIZATION);
            let challenge = if sent { "Bearer error=\"invalid_token\"" } else { "Bearer" };
            assert_eq!(answer.header("www-authenticate"), Some(challenge), "{name}");
        }
    }
    // The attacked were well all the time, else this would prove nothing.
    let me = client.get("/api/v2/me/sessions", Some(&stage.alice.1.token)).await.unwrap();
    assert_eq!(me.status, 200, "{}", me.text());
}

#[tokio::test]
async fn a_token_opens_only_what_its_roles_permit() {
    let stage = Stage::set().await;
    let mut client = stage.system.client();
    for role in Role::ALL {
        // Nobody whom anything could be done for: the right is all that this is about.
        let session = store::sessions::Session {
            proofs: vec![Proof::Password, Proof::Totp],
            ..crate::members::a_session(aggregates::UserId(new_id()))
        };
        for operation in operations() {
            let Some(permission) = operation.permission else { continue };
            assert_eq!(operation.roles.contains(&role), role.permits(permission), "{}", operation.name());
            // Of its own: some operations end it.
            let session = store::sessions::Session { session_id: aggregates::SessionId(new_id()), ..session.clone() };
            stage.store.open_session(&session, None).await.unwrap();
            let token = stage.forge.token(&session, &[role]);
            let path = nobodys(&operation);
            let answer = Call { operation: &operation, path, headers: &bearer(&token) }.send(&mut client).await;
            let name = format!("{role}: {}", operation.name());
            match role.permits(permission) {
                true => assert!(!is_refused_for_rights(&answer), "{name}: {}", answer.text()),
                false => refused_for_want_of(permission, &answer, &name),
            }
        }
    }
}

/// Whether the door stayed shut.
fn is_refused_for_rights(answer: &Answer) -> bool {
    answer.status == 401 || answer.header("www-authenticate").is_some()
}

#[track_caller]
fn refused_for_want_of(permission: Permission, answer: &Answer, name: &str) {
    assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (403, &"auth.forbidden".into()), "{name}");
    let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{permission}\"");
    assert_eq!(answer.header("www-authenticate"), Some(challenge.as_str()), "{name}");
}

#[tokio::test]
async fn staff_without_a_second_factor_reach_nothing_of_others() {
    let stage = Stage::set().await;
    let mut client = stage.system.client();
    let staff: Vec<_> = Role::ALL.into_iter().filter(|role| role.is_staff()).collect();
    let member = Member::new(&stage.store, &staff).await;
    let token = member.log_in(&stage.store, &[Proof::Password]).await.token;
    let mut tried = 0;
    for operation in operations() {
        let Some(permission) = operation.permission else { continue };
        if Role::Customer.permits(permission) || !staff.iter().any(|role| role.permits(permission)) {
            continue;
        }
        tried += 1;
        let path = nobodys(&operation);
        let answer = Call { operation: &operation, path, headers: &bearer(&token) }.send(&mut client).await;
        let refusal = (answer.status.as_u16(), answer.json()["code"].clone());
        assert_eq!(refusal, (403, "auth.second_factor_needed".into()), "{}", operation.name());
    }
    assert!(tried >= 5, "{tried} operations are not all of staff");
}

#[tokio::test]
async fn a_program_does_no_more_than_its_scopes() {
    let stage = Stage::set().await;
    let (store, mut client) = (&stage.store, stage.system.client());
    let member = Member::new(store, &[Role::Merchant, Role::Admin]).await;
    let scope = Permission::NotificationsRead;
    let program = Some((ClientId(new_id()), vec![scope]));
    let token = member.log_in_for(store, &[Proof::Passkey], program).await.token;
    let key = an_api_key(&stage, &member, vec![scope]).await;
    for operation in operations() {
        let Some(permission) = operation.permission else { continue };
        for (kind, token) in [("program", &token), ("API key", &key)] {
            let path = nobodys(&operation);
            let answer = Call { operation: &operation, path, headers: &bearer(token) }.send(&mut client).await;
            let name = format!("{kind}: {}", operation.name());
            match permission == scope {
                true => assert!(!is_refused_for_rights(&answer), "{name}: {}", answer.text()),
                false => refused_for_want_of(permission, &answer, &name),
            }
        }
    }
}

async fn an_api_key(stage: &Stage, member: &Member, scopes: Vec<Permission>) -> String {
    let (store, now) = (&stage.store, Utc::now());
    let key = ApiKey {
        key_id: CredentialId(new_id()),
        user_id: member.user_id,
        label: store.seal(member.user_id, PersonalData::ApiKeyLabel, "a program").await.unwrap(),
        scopes,
        created_at: now,
        expires_at: now + TimeDelta::days(1),
        last_used_at: None,
    };
    let secret = store.add_api_key(&key).await.unwrap();
    let ApiKey { key_id, scopes, expires_at, .. } = key;
    member.decide(store, user::Command::IssueApiKey { key_id, scopes, expires_at, now }).await;
    secret.expose_secret().into()
}

/// What Alice has, by the names of path parameters. A parameter that is not here is filled with nobody's id.
struct Belongings {
    ids: Vec<(&'static str, String)>,
}

impl Belongings {
    async fn of(stage: &Stage, alice: &Member, session: &str) -> Belongings {
        let system = &stage.system;
        let holder = system.a_cardholder(1_000).await;
        let paid = system.client().post_prepared(&holder.payment("10.00", "shop.example"), None).await.unwrap().json();
        let transaction = paid["transaction"]["transaction_id"].as_str().unwrap().to_owned();
        an_api_key(stage, alice, vec![Permission::PaymentsRead]).await;
        let key = stage.store.api_keys(alice.user_id).await.unwrap()[0].key_id.to_string();
        system.caught_up().await;
        Belongings {
            ids: vec![
                ("card_id", holder.card_id),
                ("transaction_id", transaction.clone()),
                ("payment_id", transaction),
                ("session_id", session.into()),
                ("device_id", format!("device%20of%20{}", alice.user_id)),
                ("key_id", key),
            ],
        }
    }

    fn id(&self, parameter: &str) -> String {
        let known = self.ids.iter().find(|(name, _)| *name == parameter);
        known.map_or(NOBODYS.into(), |(_, id)| id.clone())
    }
}

/// Status and body, without what differs by request.
fn answered(answer: &Answer) -> (u16, Value) {
    let mut body = answer.json();
    body["request_id"] = Value::Null;
    (answer.status.as_u16(), body)
}

/// 404 and not 403: whoever guesses ids does not learn which exist.
#[tokio::test]
async fn what_belongs_to_somebody_else_is_as_unknown_as_what_is_not_there() {
    let stage = Stage::set().await;
    let mut client = stage.system.client();
    let (alice, hers) = (&stage.alice.0, &stage.alice.1);
    let belongings = Belongings::of(&stage, alice, &hers.session.session_id.to_string()).await;
    let bob = Member::new(&stage.store, &[Role::Merchant]).await;
    let token = bob.log_in(&stage.store, &[Proof::Password, Proof::Totp]).await.token;
    let own = |permission: Permission| Role::Customer.permits(permission) || Role::Merchant.permits(permission);
    let mut tried = 0;
    for operation in operations().iter().filter(|operation| operation.permission.is_some_and(own)) {
        if !operation.has_parameters() {
            continue;
        }
        tried += 1;
        let (mut headers, name) = (bearer(&token), operation.name());
        // Some changes want to know what their sender saw, whatever there is.
        headers.push((IF_MATCH, HeaderValue::from_static("\"0\"")));
        let path = operation.path(|parameter| belongings.id(parameter));
        let theirs = Call { operation, path, headers: &headers }.send(&mut client).await;
        let nothing = Call { operation, path: nobodys(operation), headers: &headers }.send(&mut client).await;
        // A body that is not quite right may be refused first, for what is there and what is not alike.
        // The same for a form, of which the document has no example.
        let refused_for_body = operation.body.is_some() && matches!(theirs.status.as_u16(), 415 | 422);
        assert!(theirs.status == 404 || refused_for_body, "{name}: {} {}", theirs.status, theirs.text());
        assert_eq!(answered(&theirs), answered(&nothing), "{name}");
    }
    assert!(tried >= 5, "{tried} operations are not all with ids");
    let still = client.get("/api/v2/me/sessions", Some(&hers.token)).await.unwrap();
    assert_eq!(still.status, 200, "Alice is still logged in: {}", still.text());
    assert_eq!(stage.store.api_keys(alice.user_id).await.unwrap().len(), 1);
}

/// RFC 9110 §11.1: the scheme's name has no case.
#[tokio::test]
async fn the_scheme_is_read_in_any_case() {
    let stage = Stage::set().await;
    let mut client = stage.system.client();
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let value = format!("{scheme} {}", stage.alice.1.token);
        let headers = [("authorization", value.as_str())];
        let answer = client.request(hyper::Method::GET, "/api/v2/me/sessions", None, None, &headers).await.unwrap();
        assert_eq!(answer.status, 200, "{scheme}");
    }
}
