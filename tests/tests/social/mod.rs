//! Login through an OpenID provider, and what is linked to whom.

use std::collections::BTreeMap;

use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    client::{Answer, Client, Person},
    peers::OpenIdProvider,
    system::TestSystem,
};
use url::Url;

const BACK: &str = "https://app.example/back";
/// Each provider has its own: so an answer is never taken to another provider than it came from (RFC 9700 §2.1).
const SECOND_BACK: &str = "https://app.example/back-from-second";

/// A system with two providers, of which both are played by the same kind of program.
struct Stage {
    system: TestSystem,
    first: OpenIdProvider,
    second: OpenIdProvider,
}

/// What a browser comes back with, and the `login_secret` that the program has kept.
type Back = BTreeMap<String, String>;

impl Stage {
    async fn set() -> Stage {
        let (first, second) = tokio::join!(
            OpenIdProvider::start("ours", "a secret among us", BACK),
            OpenIdProvider::start("ours", "a secret among us", SECOND_BACK)
        );
        let mut settings = Vec::new();
        for (name, provider, back) in [("FIRST", &first, BACK), ("SECOND", &second, SECOND_BACK)] {
            let set = |key: &str, value: &str| (format!("VC_PROVIDERS__SOCIAL__{name}__{key}"), value.to_owned());
            settings.push(set("ISSUER", &provider.issuer));
            settings.push(set("CLIENT_ID", "ours"));
            settings.push(set("CLIENT_SECRET", "a secret among us"));
            settings.push(set("REDIRECT_URI", back));
            settings.push(set("ALLOW_INSECURE_LOOPBACK", "true"));
        }
        let settings: Vec<_> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let system = TestSystem::start_with(1, &settings).await;
        Stage { system, first, second }
    }

    /// Begins at `path`, and logs in at the first provider as `person`.
    async fn visit(&self, http: &mut Client, path: &str, token: Option<&str>, person: &Value) -> Back {
        let answer = http.post(&format!("{path}/start"), token, &json!({})).await.unwrap();
        let begun = answer.expect("start", StatusCode::OK).unwrap();
        let location = self.first.visit(begun["authorization_url"].as_str().unwrap(), person).await;
        let mut back: Back = Url::parse(&location).unwrap().query_pairs().into_owned().collect();
        let secret = begun["login_secret"].as_str();
        back.extend(secret.map(|secret| ("login_secret".to_owned(), secret.to_owned())));
        back
    }

    async fn log_in(&self, http: &mut Client, person: &Value) -> Answer {
        let back = self.visit(http, LOGIN, None, person).await;
        complete(http, LOGIN, None, &back).await
    }

    async fn link(&self, http: &mut Client, account: &Person, person: &Value) -> Answer {
        let back = self.visit(http, LINK, Some(&account.token), person).await;
        complete(http, LINK, Some(&account.token), &back).await
    }
}

const LOGIN: &str = "/api/v2/auth/social/first";
const LINK: &str = "/api/v2/me/identities/first";

async fn complete(http: &mut Client, path: &str, token: Option<&str>, back: &Back) -> Answer {
    let mut body = json!({ "state": back["state"], "code": back["code"], "iss": back["iss"] });
    if let Some(secret) = back.get("login_secret") {
        body["login_secret"] = json!(secret);
    }
    http.post(&format!("{path}/complete"), token, &body).await.unwrap()
}

fn somebody(sub: &str, email: &str, verified: bool) -> Value {
    json!({ "sub": sub, "email": email, "email_verified": verified, "given_name": "Grace", "family_name": "Hopper" })
}

fn code(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.json()["code"].as_str().unwrap_or_default().to_owned())
}

fn problem(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn an_identity_opens_a_new_account_and_then_always_the_same() {
    let stage = Stage::set().await;
    let http = &mut stage.system.client();
    let grace = somebody("grace", "Grace@Example.com", true);
    let first = stage.log_in(http, &grace).await.expect("login", StatusCode::OK).unwrap();
    // The address has changed at the provider since; the identity has not.
    let moved = somebody("grace", "elsewhere@example.com", false);
    let again = stage.log_in(http, &moved).await.expect("login", StatusCode::OK).unwrap();
    assert_eq!(first["user_id"], again["user_id"]);
    let token = again["access_token"].as_str().unwrap();
    let me = http.get("/api/v1/users/me", Some(token)).await.unwrap().json();
    assert!(me.to_string().contains("grace@example.com") && me.to_string().contains("Hopper"), "{me}");

    let listed = http.get("/api/v2/me/identities", Some(token)).await.unwrap().json();
    assert_eq!(listed["items"][0]["provider"], "first", "{listed}");
    let identity = listed["items"][0]["identity_id"].as_str().unwrap();
    let path = format!("/api/v2/me/identities/{identity}");
    let last = http.request(Method::DELETE, &path, Some(token), None, &[]).await.unwrap();
    assert_eq!(code(&last), problem(409, "factor.last_way_in"), "nothing else is left to log in with");
}

#[tokio::test]
async fn an_address_opens_nothing_that_exists() {
    let stage = Stage::set().await;
    let http = &mut stage.system.client();
    let person = stage.system.a_person().await;
    let posing = somebody("impostor", &person.email, true);
    assert_eq!(code(&stage.log_in(http, &posing).await), problem(409, "auth.link_required"));
    for unsure in [
        somebody("unsure", "new@example.com", false),
        somebody("unsure", &person.email, false),
        json!({ "sub": "silent" }),
    ] {
        assert_eq!(code(&stage.log_in(http, &unsure).await), problem(403, "auth.email_not_vouched"), "{unsure}");
    }
    let nobody = http.post("/api/v2/auth/social/nobody/start", None, &json!({})).await.unwrap();
    assert_eq!(code(&nobody), problem(404, "identity_provider.not_found"));
}

#[tokio::test]
async fn an_identity_is_linked_by_whoever_is_logged_in() {
    let stage = Stage::set().await;
    let http = &mut stage.system.client();
    let (owner, other) = (stage.system.a_person().await, stage.system.a_person().await);
    let ada = somebody("ada", &owner.email, true);
    stage.link(http, &owner, &ada).await.expect("link", StatusCode::OK).unwrap();
    stage.link(http, &owner, &ada).await.expect("a repeat", StatusCode::OK).unwrap();
    let entered = stage.log_in(http, &ada).await.expect("login", StatusCode::OK).unwrap();
    assert_eq!(entered["user_id"], owner.user_id.as_str());

    assert_eq!(code(&stage.link(http, &other, &ada).await), problem(409, "identity.taken"));
    // Somebody else's way there, or one that was begun for another purpose.
    let begun = stage.visit(http, LINK, Some(&owner.token), &somebody("eve", "eve@example.com", true)).await;
    let stolen = complete(http, LINK, Some(&other.token), &begun).await;
    assert_eq!(code(&stolen), problem(401, "auth.not_vouched"));
    let begun = stage.visit(http, LINK, Some(&owner.token), &somebody("eve", "eve@example.com", true)).await;
    assert_eq!(code(&complete(http, LOGIN, None, &begun).await), problem(401, "auth.not_vouched"));
    let begun = stage.visit(http, LOGIN, None, &somebody("eve", "eve@example.com", true)).await;
    assert_eq!(code(&complete(http, LINK, Some(&owner.token), &begun).await), problem(401, "auth.not_vouched"));
    let elsewhere = stage.system.client().log_in(&owner.email).await.unwrap();
    let begun = stage.visit(http, LINK, Some(&owner.token), &somebody("eve", "eve@example.com", true)).await;
    let moved = complete(http, LINK, Some(&elsewhere.token), &begun).await;
    assert_eq!(code(&moved), problem(401, "auth.not_vouched"), "bound to the session");

    let listed = http.get("/api/v2/me/identities", Some(&owner.token)).await.unwrap().json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    let path = format!("/api/v2/me/identities/{}", listed["items"][0]["identity_id"].as_str().unwrap());
    for (token, status) in [(&other.token, 404), (&owner.token, 204), (&owner.token, 404)] {
        let answer = http.request(Method::DELETE, &path, Some(token), None, &[]).await.unwrap();
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    assert_eq!(code(&stage.log_in(http, &ada).await), problem(409, "auth.link_required"), "it opens nothing any more");
    stage.link(http, &other, &ada).await.expect("free again", StatusCode::OK).unwrap();
}

#[tokio::test]
async fn an_answer_serves_the_login_that_asked_for_it_once() {
    let stage = Stage::set().await;
    let http = &mut stage.system.client();
    let not_vouched = problem(401, "auth.not_vouched");
    let eve = somebody("eve", "eve@example.com", true);
    let back = stage.visit(http, LOGIN, None, &eve).await;
    complete(http, LOGIN, None, &back).await.expect("login", StatusCode::OK).unwrap();
    assert_eq!(code(&complete(http, LOGIN, None, &back).await), not_vouched, "a replay");

    let other_provider = "/api/v2/auth/social/second";
    let back = stage.visit(http, LOGIN, None, &eve).await;
    assert_eq!(code(&complete(http, other_provider, None, &back).await), not_vouched, "another provider's state");
    assert_eq!(code(&complete(http, LOGIN, None, &back).await), not_vouched, "and it is spoilt");

    for (name, value) in [
        ("state", "invented"),
        ("code", "invented"),
        ("iss", stage.second.issuer.as_str()),
        ("iss", "https://evil.example"),
    ] {
        let mut back = stage.visit(http, LOGIN, None, &eve).await;
        back.insert(name.into(), value.into());
        assert_eq!(code(&complete(http, LOGIN, None, &back).await), not_vouched, "{name}={value}");
    }
    // The provider always says who it is, so silence is not believed.
    let back = stage.visit(http, LOGIN, None, &eve).await;
    let body = json!({ "state": back["state"], "code": back["code"], "login_secret": back["login_secret"] });
    let answer = http.post(&format!("{LOGIN}/complete"), None, &body).await.unwrap();
    assert_eq!(code(&answer), not_vouched);

    // The code of one login in another: nonce and PKCE belong to the other.
    let (one, mut two) = (stage.visit(http, LOGIN, None, &eve).await, stage.visit(http, LOGIN, None, &eve).await);
    two.insert("code".into(), one["code"].clone());
    assert_eq!(code(&complete(http, LOGIN, None, &two).await), not_vouched);
}

#[tokio::test]
async fn a_login_is_completed_by_the_program_that_began_it() {
    let stage = Stage::set().await;
    let http = &mut stage.system.client();
    let not_vouched = problem(401, "auth.not_vouched");
    let eve = somebody("eve", "eve@example.com", true);
    // Whoever is made to open another's way back has the address alone, or a secret of a login of their own.
    let mut back = stage.visit(http, LOGIN, None, &eve).await;
    let own = stage.visit(http, LOGIN, None, &eve).await;
    back.insert("login_secret".into(), own["login_secret"].clone());
    assert_eq!(code(&complete(http, LOGIN, None, &back).await), not_vouched, "the secret of another login");
    let mut back = stage.visit(http, LOGIN, None, &eve).await;
    back.remove("login_secret");
    assert_eq!(code(&complete(http, LOGIN, None, &back).await), not_vouched, "no secret");
    complete(http, LOGIN, None, &own).await.expect("its own", StatusCode::OK).unwrap();
}

#[tokio::test]
async fn to_unlink_takes_presence_and_ends_what_came_that_way() {
    let stage = Stage::set().await;
    let http = &mut stage.system.client();
    let owner = stage.system.a_person().await;
    let ada = somebody("ada", &owner.email, true);
    stage.link(http, &owner, &ada).await.expect("link", StatusCode::OK).unwrap();
    let entered = stage.log_in(http, &ada).await.expect("login", StatusCode::OK).unwrap();
    let entered = entered["access_token"].as_str().unwrap();
    let listed = http.get("/api/v2/me/identities", Some(&owner.token)).await.unwrap().json();
    let path = format!("/api/v2/me/identities/{}", listed["items"][0]["identity_id"].as_str().unwrap());

    let age = "UPDATE sessions SET auth_time = auth_time - interval '6 minutes'";
    sqlx::query(age).execute(&mut stage.system.sql().await).await.unwrap();
    let stale = http.request(Method::DELETE, &path, Some(&owner.token), None, &[]).await.unwrap();
    assert_eq!(code(&stale), problem(403, "auth.fresh_login_required"));
    let fresh = http.log_in(&owner.email).await.unwrap().token;
    let unlinked = http.request(Method::DELETE, &path, Some(&fresh), None, &[]).await.unwrap();
    assert_eq!(unlinked.status, 204, "{}", unlinked.text());
    for (token, status) in [(entered, 401), (owner.token.as_str(), 401), (fresh.as_str(), 200)] {
        assert_eq!(http.get("/api/v1/users/me", Some(token)).await.unwrap().status, status);
    }
}
