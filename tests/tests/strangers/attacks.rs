//! Tokens that are none, and tokens where none are expected. Each is refused by every operation with 401.

use aggregates::{Proof, Role, UserId};
use base64::prelude::{BASE64_URL_SAFE, Engine};
use chrono::Utc;
use hyper::header::{AUTHORIZATION, COOKIE, HeaderName, HeaderValue};
use jsonwebtoken::{Algorithm, EncodingKey};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::time::Duration;
use store::{keys::Keys, new_id, one_time::Purpose};

use super::stage::Stage;
use crate::members::{Member, a_session, part, signed};

pub struct Attack {
    pub name: &'static str,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub query: String,
}

/// All attacks, made once and tried everywhere.
pub async fn attacks(stage: &Stage) -> Vec<Attack> {
    let mut list = Vec::new();
    let mut add = |name, token: String| list.push(bearer(name, &token));
    headers(stage, &mut add);
    claims(stage, &mut add);
    signatures(stage, &mut add);
    encodings(stage, &mut add);
    other_secrets(stage, &mut add).await;
    sessions(stage, &mut add).await;
    list.extend(elsewhere(stage));
    list
}

fn bearer(name: &'static str, token: &str) -> Attack {
    let value = HeaderValue::from_bytes(format!("Bearer {token}").as_bytes()).unwrap();
    Attack { name, headers: vec![(AUTHORIZATION, value)], query: String::new() }
}

/// The claims of a token that would be good.
fn good(stage: &Stage) -> Value {
    stage.forge.claims(&stage.alice.1.session, &Role::ALL)
}

fn with(mut value: Value, key: &str, new: Value) -> Value {
    match new {
        Value::Null => drop(value.as_object_mut().unwrap().remove(key)),
        new => value[key] = new,
    }
    value
}

fn headers(stage: &Stage, add: &mut impl FnMut(&'static str, String)) {
    let forge = &stage.forge;
    let odd: [(&'static str, &str, Value); 14] = [
        ("no typ", "typ", Value::Null),
        ("typ of any JWT, as an ID token has it", "typ", json!("JWT")),
        ("typ in capitals", "typ", json!("AT+JWT")),
        ("typ of a logout token", "typ", json!("logout+jwt")),
        ("no kid", "kid", Value::Null),
        ("an unknown kid", "kid", json!("unknown")),
        ("a kid that leads to a file", "kid", json!("../../../../dev/null")),
        ("a kid that is SQL", "kid", json!("' UNION SELECT 'x' --")),
        ("a kid that is a list", "kid", json!([forge.kid])),
        ("alg of another RSA kind", "alg", json!("RS512")),
        ("alg of the PSS kind", "alg", json!("PS256")),
        ("alg that nobody knows", "alg", json!("RS257")),
        ("a critical extension that is not known", "crit", json!(["exp"])),
        ("an unencoded payload (RFC 7797)", "crit", json!(["b64"])),
    ];
    for (name, key, value) in odd {
        add(name, forge.sign(&with(forge.header(), key, value), &good(stage)));
    }
    let twice = format!(r#"{{"alg":"none","alg":"RS256","typ":"at+jwt","kid":"{}"}}"#, forge.kid);
    add("two alg", forge.sign_text(&twice, &good(stage).to_string()));
}

fn claims(stage: &Stage, add: &mut impl FnMut(&'static str, String)) {
    let (forge, now) = (&stage.forge, Utc::now().timestamp());
    let bob = stage.bob.1.session.clone();
    let odd: [(&'static str, &str, Value); 24] = [
        ("expired", "exp", json!(now - 60)),
        ("no exp", "exp", Value::Null),
        ("exp as text", "exp", json!((now + 900).to_string())),
        ("exp as fraction", "exp", json!(1e300)),
        ("exp below zero", "exp", json!(-1)),
        ("issued in the future", "iat", json!(now + 3600)),
        ("no iat", "iat", Value::Null),
        ("another issuer", "iss", json!("https://api.virtualcards.com.evil.example")),
        ("our issuer with a slash", "iss", json!("https://api.virtualcards.com/")),
        ("no issuer", "iss", Value::Null),
        ("for another audience", "aud", json!("https://other.example")),
        ("no audience", "aud", Value::Null),
        ("audience of a client, as an ID token has it", "aud", json!(new_id())),
        ("sub of another with one's own session", "sub", json!(bob.user_id)),
        ("sub that is no id", "sub", json!("admin")),
        ("no sub", "sub", Value::Null),
        ("session of another", "sid", json!(bob.session_id)),
        ("a session that never was", "sid", json!(new_id())),
        ("no session", "sid", Value::Null),
        ("no jti", "jti", Value::Null),
        ("a role that there is not", "roles", json!(["root"])),
        ("roles as text", "roles", json!("admin")),
        ("no roles", "roles", Value::Null),
        ("no auth_time", "auth_time", Value::Null),
    ];
    for (name, key, value) in odd {
        add(name, forge.sign(&forge.header(), &with(good(stage), key, value)));
    }
    let sub = |id: UserId| format!(r#""sub":"{id}""#);
    let (hers, his) = (sub(stage.alice.0.user_id), sub(bob.user_id));
    let doubled = good(stage).to_string().replacen(&hers, &format!("{his},{hers}"), 1);
    add("two subs", forge.sign_text(&forge.header().to_string(), &doubled));
    add("claims that are a list", forge.sign_text(&forge.header().to_string(), "[]"));
    add("claims that are no JSON", forge.sign_text(&forge.header().to_string(), "{"));
}

fn signatures(stage: &Stage, add: &mut impl FnMut(&'static str, String)) {
    let forge = &stage.forge;
    let (header, claims) = (forge.header(), good(stage));
    for (name, alg) in [("alg none", "none"), ("alg NONE", "NONE"), ("alg nOnE", "nOnE")] {
        let head = with(header.clone(), "alg", json!(alg)).to_string();
        add(name, format!("{}.{}.", part(&head), part(&claims.to_string())));
    }
    let head = with(header.clone(), "alg", json!("none")).to_string();
    add("alg none without a third part", format!("{}.{}", part(&head), part(&claims.to_string())));
    let hmac = with(header.clone(), "alg", json!("HS256")).to_string();
    let secrets = [
        ("HS256 with the public key, PEM", forge.public_pem.as_bytes()),
        ("HS256 with the public key, DER", forge.public_der.as_slice()),
        ("HS256 with an empty key", &b""[..]),
        ("HS256 with a known word", &b"secret"[..]),
    ];
    for (name, secret) in secrets {
        add(name, signed(&hmac, &claims.to_string(), &EncodingKey::from_secret(secret), Algorithm::HS256));
    }
    let evil = evil();
    let sign =
        |header: &Value, claims: &Value| signed(&header.to_string(), &claims.to_string(), &evil.0, Algorithm::RS256);
    add("another key under our kid", sign(&header, &claims));
    add("another key under its own kid", sign(&with(header.clone(), "kid", json!(evil.1["kid"])), &claims));
    add("another key that the header brings along", sign(&with(header.clone(), "jwk", evil.1.clone()), &claims));
    let url = json!("http://127.0.0.1:9/jwks.json");
    add("another key at a jku", sign(&with(header.clone(), "jku", url.clone()), &claims));
    add("another key at an x5u", sign(&with(header.clone(), "x5u", url), &claims));
    add("another key in an x5c", sign(&with(header.clone(), "x5c", json!(["MIIB"])), &claims));
    add("another key, good for ever", sign(&header, &with(claims.clone(), "exp", json!(i64::MAX))));

    let token = forge.sign(&header, &claims);
    let parts: Vec<&str> = token.split('.').collect();
    let promoted = with(claims.clone(), "sub", json!(stage.bob.0.user_id)).to_string();
    add("changed claims", format!("{}.{}.{}", parts[0], part(&promoted), parts[2]));
    let changed = with(header, "typ", json!("JWT")).to_string();
    add("changed header", format!("{}.{}.{}", part(&changed), parts[1], parts[2]));
    let backwards: String = parts[2].chars().rev().collect();
    add("changed signature", format!("{}.{}.{backwards}", parts[0], parts[1]));
    add("no signature", format!("{}.{}.", parts[0], parts[1]));
    add("a signature of zeros", format!("{}.{}.{}", parts[0], parts[1], "A".repeat(parts[2].len())));
    add("the signature of another token", {
        let other = forge.sign(&forge.header(), &good(stage));
        format!("{}.{}.{}", parts[0], parts[1], other.rsplit('.').next().unwrap())
    });
}

/// A key of the attacker's, and its JWK.
fn evil() -> (EncodingKey, Value) {
    let directory = tempfile::tempdir().unwrap();
    Keys::generate(directory.path()).unwrap();
    let signing = Keys::load(directory.path()).unwrap().signing();
    let key = signing.current();
    let private = EncodingKey::from_rsa_pem(key.private_pem.expose_secret().as_bytes()).unwrap();
    (private, json!({ "kty": "RSA", "alg": "RS256", "use": "sig", "kid": key.kid, "n": key.n, "e": key.e }))
}

fn encodings(stage: &Stage, add: &mut impl FnMut(&'static str, String)) {
    let token = &stage.alice.1.token;
    let parts: Vec<&str> = token.split('.').collect();
    add("an empty token", String::new());
    add("three empty parts", "..".into());
    add("no token", "nonsense".into());
    add("cut short", token[..token.len() - 4].into());
    add("without its first letter", token[1..].into());
    add("padded", format!("{token}="));
    add("with padded parts", {
        let padded = BASE64_URL_SAFE.encode(part(parts[0]));
        format!("{padded}.{}.{}", parts[1], parts[2])
    });
    add("with a fourth part", format!("{token}.{}", parts[2]));
    add("five parts, as an encrypted token has", format!("{}.{}.{}.{}.{}", parts[0], "", parts[1], "", parts[2]));
    add("twice", format!("{token},{token}"));
    add("twice, with a space", format!("{token} {token}"));
    add("in quotes", format!("\"{token}\""));
    add("in the other base64", token.replace('-', "+").replace('_', "/") + "+");
    add("with letters that only look alike", token.replacen('e', "\u{435}", 1));
    add("inside another token", {
        let header = with(stage.forge.header(), "cty", json!("JWT"));
        stage.forge.sign_text(&header.to_string(), &format!("\"{token}\""))
    });
    add("of great length", "A".repeat(12_000));
    add("with a claim of great length", {
        stage.forge.sign(&stage.forge.header(), &with(good(stage), "x", json!("x".repeat(8_000))))
    });
}

/// Secrets of other kinds.
async fn other_secrets(stage: &Stage, add: &mut impl FnMut(&'static str, String)) {
    add("a refresh token", stage.alice.1.refresh_token.clone());
    let (store, alice) = (&stage.store, stage.alice.0.user_id);
    let token = store.issue_one_time(Purpose::ResetPassword, Some(alice), b"", Duration::from_secs(60)).await.unwrap();
    add("a one-time token", token.expose_secret().into());
    add("an API key that never was", "vck_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".into());
    add("an API key's prefix", "vck_".into());
    add("the id of the session", stage.alice.1.session.session_id.to_string());
    add("the password", SecretString::from(tests::client::PASSWORD).expose_secret().into());
}

/// Good tokens of sessions that are not open.
async fn sessions(stage: &Stage, add: &mut impl FnMut(&'static str, String)) {
    let (store, forge) = (&stage.store, &stage.forge);
    let member = Member::new(store, &[Role::Admin, Role::Merchant]).await;
    let revoked = member.log_in(store, &[Proof::Passkey]).await;
    store.revoke_sessions(member.user_id, &[revoked.session.session_id]).await.unwrap();
    add("a session that was ended", revoked.token);
    let mut expired = a_session(member.user_id);
    expired.expires_at = Utc::now() - chrono::TimeDelta::seconds(1);
    store.open_session(&expired, None).await.unwrap();
    add("a session that has expired", forge.token(&expired, &Role::ALL));
}

/// A good token where none is looked for.
fn elsewhere(stage: &Stage) -> Vec<Attack> {
    let token = &stage.alice.1.token;
    let value = |text: String| HeaderValue::try_from(text).unwrap();
    let attack = |name, headers, query: String| Attack { name, headers, query };
    let authorization = |scheme: &str| vec![(AUTHORIZATION, value(format!("{scheme}{token}")))];
    vec![
        attack("nothing", vec![], String::new()),
        attack("in the query", vec![], format!("?access_token={token}")),
        attack("in a cookie", vec![(COOKIE, value(format!("token={token}; access_token={token}")))], String::new()),
        attack("in X-Api-Key", vec![(HeaderName::from_static("x-api-key"), value(token.clone()))], String::new()),
        attack("without a scheme", authorization(""), String::new()),
        attack("of the scheme Basic", authorization("Basic "), String::new()),
        attack("of the scheme DPoP", authorization("DPoP "), String::new()),
        attack("of the scheme Bearer:", authorization("Bearer: "), String::new()),
        attack("in two headers", [authorization("Bearer "), authorization("Bearer ")].concat(), String::new()),
        attack(
            "in a second header",
            [vec![(AUTHORIZATION, value("Bearer nonsense".into()))], authorization("Bearer ")].concat(),
            String::new(),
        ),
    ]
}
