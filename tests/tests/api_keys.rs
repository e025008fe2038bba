//! API keys: shown once, within the rights of their person, refused from the moment they are revoked.

use aggregates::{Proof, Role};
use hyper::Method;
use serde_json::{Value, json};
use sqlx::Row;
use tests::{
    client::{Answer, Client},
    system::TestSystem,
};

use crate::members::{LoggedIn, Member};

const PAYMENTS: &str = "/api/v1/transactions";

struct Merchant {
    member: Member,
    session: LoggedIn,
}

async fn a_merchant(system: &TestSystem) -> Merchant {
    let store = system.store();
    let member = Member::new(&store, &[Role::Merchant]).await;
    let session = member.log_in(&store, &[Proof::Password]).await;
    Merchant { member, session }
}

async fn issue(client: &mut Client, token: &str, scopes: &[&str], days: u64) -> Answer {
    let body = json!({ "label": "Accounting", "scopes": scopes, "expires_in_days": days });
    client.post("/api/v2/api-keys", Some(token), &body).await.unwrap()
}

/// The key and its id.
async fn a_key(client: &mut Client, merchant: &Merchant) -> (String, String) {
    let issued = issue(client, &merchant.session.token, &["payments:read"], 30).await;
    assert_eq!(issued.status, 201, "{}", issued.text());
    let issued = issued.json();
    (issued["api_key"].as_str().unwrap().into(), issued["key"]["key_id"].as_str().unwrap().into())
}

async fn use_it(client: &mut Client, key: &str) -> u16 {
    client.get(PAYMENTS, Some(key)).await.unwrap().status.as_u16()
}

async fn entries(system: &TestSystem, member: &Member, action: &str) -> i64 {
    let sql = "SELECT count(*) FROM authentications WHERE user_id = $1 AND action = $2";
    let row = sqlx::query(sql).bind(member.user_id.0).bind(action).fetch_one(&mut system.sql().await).await.unwrap();
    row.get(0)
}

#[tokio::test]
async fn a_key_acts_as_its_person_within_its_scopes_and_is_shown_once() {
    let system = TestSystem::start_with(2, &[]).await;
    let (merchant, mut client) = (a_merchant(&system).await, system.client());
    let (key, key_id) = a_key(&mut client, &merchant).await;
    assert!(key.starts_with("vck_") && key.len() == 53, "a form that scanners of leaks can know");
    for api in [0, 1] {
        for _ in 0..3 {
            assert_eq!(use_it(&mut system.client_of(api), &key).await, 200);
        }
    }
    let beyond = client.get("/api/v1/cards", Some(&key)).await.unwrap();
    assert_eq!((beyond.status.as_u16(), &beyond.json()["code"]), (403, &json!("auth.forbidden")));

    let listed = client.get("/api/v2/api-keys", Some(&merchant.session.token)).await.unwrap();
    assert!(!listed.contains(&key[10..]), "{}", listed.text());
    let listed = listed.json()["keys"][0].clone();
    assert_eq!((&listed["key_id"], &listed["label"]), (&json!(key_id), &json!("Accounting")));
    assert_eq!(listed["scopes"], json!(["payments:read"]));
    assert!(listed["last_used_at"].is_string());
    assert_eq!(entries(&system, &merchant.member, "use_api_key").await, 1, "the first use of each hour");
    assert_eq!(entries(&system, &merchant.member, "issue_api_key").await, 1);
}

/// The next request, on an instance that knows the key, though Redis has lost everything meanwhile.
#[tokio::test]
async fn a_revoked_key_is_refused_from_the_next_request_on() {
    let system = TestSystem::start_with(2, &[]).await;
    let (merchant, mut clients) = (a_merchant(&system).await, [system.client_of(0), system.client_of(1)]);
    let (key, key_id) = a_key(&mut clients[0], &merchant).await;
    let (other, _) = a_key(&mut clients[0], &merchant).await;
    for client in &mut clients {
        assert_eq!(use_it(client, &key).await, 200);
    }
    let path = format!("/api/v2/api-keys/{key_id}");
    let token = Some(merchant.session.token.as_str());
    let revoked = clients[0].request(Method::DELETE, &path, token, None, &[]).await.unwrap();
    assert_eq!(revoked.status, 204, "{}", revoked.text());
    assert_eq!(use_it(&mut clients[1], &key).await, 401);
    let (keys, mut redis) = (system.redis_keys().await, system.redis().await);
    redis::cmd("DEL").arg(keys).exec_async(&mut redis).await.unwrap();
    for client in &mut clients {
        assert_eq!(use_it(client, &key).await, 401);
        assert_eq!(use_it(client, &other).await, 200);
    }
    assert_eq!(clients[0].request(Method::DELETE, &path, token, None, &[]).await.unwrap().status, 404);
    assert_eq!(entries(&system, &merchant.member, "revoke_api_key").await, 1);
}

#[tokio::test]
async fn a_key_that_has_expired_is_refused() {
    let system = TestSystem::start().await;
    let (merchant, mut client) = (a_merchant(&system).await, system.client());
    let (key, key_id) = a_key(&mut client, &merchant).await;
    sqlx::query("UPDATE api_keys SET expires_at = now() WHERE key_id = $1::uuid")
        .bind(&key_id)
        .execute(&mut system.sql().await)
        .await
        .unwrap();
    assert_eq!(use_it(&mut client, &key).await, 401);
}

#[tokio::test]
async fn a_key_ends_with_its_account() {
    let system = TestSystem::start_with(2, &[]).await;
    let (merchant, mut clients) = (a_merchant(&system).await, [system.client_of(0), system.client_of(1)]);
    let (key, _) = a_key(&mut clients[0], &merchant).await;
    for client in &mut clients {
        assert_eq!(use_it(client, &key).await, 200);
    }
    let body = json!({ "password": tests::client::PASSWORD });
    let closed = clients[0].post("/api/v2/me/close", Some(&merchant.session.token), &body).await.unwrap();
    assert!(closed.status.is_success(), "{}", closed.text());
    for client in &mut clients {
        assert_eq!(use_it(client, &key).await, 401);
    }
}

#[tokio::test]
async fn keys_are_for_merchants_and_for_rights_that_can_be_handed_on() {
    let system = TestSystem::start().await;
    let (merchant, mut client) = (a_merchant(&system).await, system.client());
    let store = system.store();
    let customer = Member::new(&store, &[]).await.log_in(&store, &[Proof::Password]).await;
    assert_eq!(issue(&mut client, &customer.token, &["payments:read"], 30).await.status, 403);
    let token = &merchant.session.token;
    let wrong: [(&[&str], u64, &str); 6] = [
        (&[], 30, "request.invalid"),
        (&["emperor"], 30, "request.invalid"),
        (&["security:manage"], 30, "scope.not_allowed"),
        (&["payments:read", "api_keys:manage"], 30, "scope.not_allowed"),
        (&["payments:read"], 0, "request.invalid"),
        (&["payments:read"], 366, "request.invalid"),
    ];
    for (scopes, days, code) in wrong {
        let answer = issue(&mut client, token, scopes, days).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (422, &json!(code)), "{scopes:?} {days}");
    }
    let listed = client.get("/api/v2/api-keys", Some(token)).await.unwrap().json();
    assert_eq!(listed["keys"], json!([]), "a refusal leaves nothing behind");
}

#[tokio::test]
async fn a_person_has_twenty_keys_at_most() {
    let system = TestSystem::start().await;
    let (merchant, mut client) = (a_merchant(&system).await, system.client());
    for _ in 0..aggregates::user::MAX_API_KEYS {
        a_key(&mut client, &merchant).await;
    }
    let one_more = issue(&mut client, &merchant.session.token, &["payments:read"], 30).await;
    assert_eq!((one_more.status.as_u16(), &one_more.json()["code"]), (409, &json!("api_key.too_many")));
    let listed = client.get("/api/v2/api-keys", Some(&merchant.session.token)).await.unwrap().json();
    assert_eq!(listed["keys"].as_array().map(Vec::len), Some(20));
}

#[tokio::test]
async fn keys_that_are_not_quite_ours_are_strangers() {
    let system = TestSystem::start().await;
    let (merchant, mut client) = (a_merchant(&system).await, system.client());
    let (key, _) = a_key(&mut client, &merchant).await;
    let middle = key.len() / 2;
    let changed =
        format!("{}{}{}", &key[..middle], if key[middle..].starts_with('x') { 'y' } else { 'x' }, &key[middle + 1..]);
    for wrong in [&key[..52], &key[1..], &changed, &format!("{key}A"), &key.to_uppercase(), "vck_"] {
        let answer = client.get(PAYMENTS, Some(wrong)).await.unwrap();
        assert_eq!(answer.status, 401, "{wrong}");
        assert_eq!(answer.json()["code"], Value::from("auth.invalid_token"));
    }
    assert_eq!(use_it(&mut client, &key).await, 200);
}

/// As a crash leaves it: the tables have ended the key, and the log has not.
#[tokio::test]
async fn a_revocation_that_was_cut_off_is_finished_by_doing_it_again() {
    let system = TestSystem::start().await;
    let (merchant, mut client) = (a_merchant(&system).await, system.client());
    let (key, key_id) = a_key(&mut client, &merchant).await;
    assert_eq!(use_it(&mut client, &key).await, 200, "Redis remembers it now");
    sqlx::query("UPDATE api_keys SET revoked_at = now()").execute(&mut system.sql().await).await.unwrap();
    let path = format!("/api/v2/api-keys/{key_id}");
    for status in [204, 404] {
        let answer = client.request(Method::DELETE, &path, Some(&merchant.session.token), None, &[]).await.unwrap();
        assert_eq!(answer.status, status, "{}", answer.text());
        assert_eq!(use_it(&mut client, &key).await, 401);
    }
    let person = system.store().load_latest::<aggregates::user::User>(merchant.member.user_id).await.unwrap();
    assert!(!person.has_api_key(key_id.parse().unwrap()));
}
