use aggregates::Role;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use store::sessions::Session;

use super::harness::{a_session, keys};
use crate::{auth::token::Tokens, config};

fn tokens() -> Tokens {
    Tokens::new(&keys().signing(), &config::Tokens::default()).unwrap()
}

fn now() -> u64 {
    jsonwebtoken::get_current_timestamp()
}

/// The claims of a good token.
fn claims() -> Value {
    let config = config::Tokens::default();
    json!({
        "iss": config.issuer,
        "aud": config.audience,
        "sub": uuid::Uuid::now_v7(),
        "jti": uuid::Uuid::now_v7(),
        "sid": uuid::Uuid::now_v7(),
        "iat": now(),
        "exp": now() + 900,
        "auth_time": now(),
        "amr": ["pwd"],
        "roles": ["customer"],
    })
}

/// The header of a good token.
fn header() -> Header {
    let mut header = Header::new(Algorithm::RS256);
    header.typ = Some("at+jwt".into());
    header.kid = Some(keys().signing().current().kid.clone());
    header
}

fn signed(header: &Header, claims: &Value) -> String {
    let pem = keys().signing().current().private_pem.expose_secret().to_owned();
    encode(header, claims, &EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap()).unwrap()
}

fn part(value: Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}

#[tokio::test]
async fn an_issued_token_names_its_person_and_session() {
    let (tokens, session) = (tokens(), a_session());
    let issued = tokens.issue(tokens.signing_place().unwrap(), &session, &[Role::Customer]).await.unwrap();
    assert_eq!(issued.expires_in.as_secs(), 15 * 60);
    // Twice: the first look verifies, the second remembers.
    for _ in 0..2 {
        let claimed = tokens.verify(&issued.token).unwrap();
        assert_eq!((claimed.user_id, claimed.session_id), (session.user_id, session.session_id));
    }
    let header = jsonwebtoken::decode_header(&issued.token).unwrap();
    assert_eq!((header.typ.as_deref(), header.alg), (Some("at+jwt"), Algorithm::RS256));
    let claims: Value = jsonwebtoken::dangerous::insecure_decode_claims(&issued.token).unwrap();
    assert_eq!(claims["roles"], json!(["customer"]));
    for claim in ["iss", "aud", "sub", "jti", "sid", "iat", "exp", "auth_time"] {
        assert!(!claims[claim].is_null(), "{claim}");
    }
}

/// RFC 9068 §2.2 demands `client_id`, of our own app's tokens too.
#[tokio::test]
async fn a_token_names_the_program_that_it_was_issued_to() {
    let (tokens, own) = (tokens(), a_session());
    let client_id = aggregates::ClientId(uuid::Uuid::now_v7());
    let theirs = Session { client_id: Some(client_id), scopes: Some(vec![]), ..own.clone() };
    for (session, named) in [(&own, json!("virtual-cards")), (&theirs, json!(client_id))] {
        let issued = tokens.issue(tokens.signing_place().unwrap(), session, &[Role::Customer]).await.unwrap();
        let claims: Value = jsonwebtoken::dangerous::insecure_decode_claims(&issued.token).unwrap();
        assert_eq!(claims["client_id"], named);
        assert_eq!(tokens.verify(&issued.token).unwrap().client_id, session.client_id);
    }
    let mut nobody = claims();
    nobody["client_id"] = json!("somebody");
    assert!(tokens.verify(&signed(&header(), &nobody)).is_none());
}

#[tokio::test]
async fn two_logins_never_share_a_token() {
    let (tokens, session) = (tokens(), a_session());
    let first = tokens.issue(tokens.signing_place().unwrap(), &session, &[Role::Customer]).await.unwrap();
    let second = tokens.issue(tokens.signing_place().unwrap(), &session, &[Role::Customer]).await.unwrap();
    assert_ne!(first.token, second.token);
}

#[tokio::test]
async fn a_token_does_not_outlive_its_session() {
    let tokens = tokens();
    let mut session = a_session();
    session.expires_at = chrono::Utc::now() + chrono::TimeDelta::seconds(60);
    let issued = tokens.issue(tokens.signing_place().unwrap(), &session, &[Role::Customer]).await.unwrap();
    assert!(issued.expires_in.as_secs() <= 60);
}

#[test]
fn signing_has_a_bounded_queue() {
    let tokens = tokens();
    let places: Vec<_> = std::iter::from_fn(|| tokens.signing_place().ok()).collect();
    assert_eq!(places.len(), 64);
    let refused = tokens.signing_place().err().unwrap();
    assert!(matches!(refused, flows::Error::Busy { .. }), "{refused}");
}

#[test]
fn a_good_token_is_accepted_so_that_the_attacks_below_mean_something() {
    assert!(tokens().verify(&signed(&header(), &claims())).is_some());
}

#[test]
fn an_unsigned_token_is_refused() {
    let kid = header().kid;
    for algorithm in ["none", "None", "NONE"] {
        let head = part(json!({"alg": algorithm, "typ": "at+jwt", "kid": kid}));
        let body = part(claims());
        for token in [format!("{head}.{body}."), format!("{head}.{body}"), format!("{head}.{body}.AAAA")] {
            assert!(tokens().verify(&token).is_none(), "{algorithm}");
        }
    }
}

#[test]
fn a_token_signed_with_the_public_key_as_a_secret_is_refused() {
    let signing = keys().signing();
    let key = signing.current();
    for secret in [key.public_pem.as_str(), key.public_pem.trim(), key.n.as_str()] {
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let header = Header { alg: algorithm, ..header() };
            let token = encode(&header, &claims(), &EncodingKey::from_secret(secret.as_bytes())).unwrap();
            assert!(tokens().verify(&token).is_none(), "{algorithm:?}");
        }
    }
}

#[test]
fn another_rsa_algorithm_is_refused() {
    for algorithm in [Algorithm::RS384, Algorithm::RS512, Algorithm::PS256] {
        assert!(tokens().verify(&signed(&Header { alg: algorithm, ..header() }, &claims())).is_none(), "{algorithm:?}");
    }
}

#[test]
fn a_token_of_another_kind_is_refused() {
    for kind in [None, Some("JWT"), Some("jwt"), Some("id+jwt"), Some("AT+JWT")] {
        let header = Header { typ: kind.map(str::to_owned), ..header() };
        assert!(tokens().verify(&signed(&header, &claims())).is_none(), "{kind:?}");
    }
}

#[test]
fn an_unknown_key_is_refused() {
    for kid in [None, Some(""), Some("../../etc/passwd"), Some("other")] {
        let header = Header { kid: kid.map(str::to_owned), ..header() };
        assert!(tokens().verify(&signed(&header, &claims())).is_none(), "{kid:?}");
    }
}

#[test]
fn a_claim_that_is_wrong_or_missing_is_refused() {
    let wrong = [
        ("iss", json!("https://evil.example")),
        ("iss", Value::Null),
        ("aud", json!("https://other.example")),
        ("aud", Value::Null),
        ("sub", Value::Null),
        ("sub", json!("not-a-uuid")),
        ("sid", Value::Null),
        ("jti", Value::Null),
        ("exp", Value::Null),
        ("exp", json!(now() - 6)),
        ("exp", json!("tomorrow")),
        ("iat", json!(now() + 60)),
        ("auth_time", Value::Null),
        ("amr", Value::Null),
        ("amr", json!("mfa")),
        ("roles", json!(["emperor"])),
    ];
    for (claim, value) in wrong {
        let mut claims = claims();
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(claim)),
            value => claims[claim] = value,
        }
        assert!(tokens().verify(&signed(&header(), &claims)).is_none(), "{claim}: {:?}", claims[claim]);
    }
}

#[test]
fn a_tampered_token_is_refused_even_after_the_good_one_was_seen() {
    let (tokens, good) = (tokens(), signed(&header(), &claims()));
    assert!(tokens.verify(&good).is_some());
    let parts: Vec<_> = good.split('.').collect();
    let mut changed = claims();
    changed["sub"] = json!(uuid::Uuid::now_v7());
    let (head, body, signature) = (parts[0], parts[1], parts[2]);
    let flipped: String = signature.chars().rev().collect();
    let attacks = [
        format!("{head}.{}.{signature}", part(changed)),
        format!("{head}.{body}.{flipped}"),
        format!("{head}.{body}."),
        format!("{head}.{body}.{signature}="),
        format!("{head}.{body}.{signature}.{signature}"),
        format!(" {good}"),
        format!("{good} "),
        good[..good.len() - 1].to_owned(),
        String::new(),
        "a.b.c".to_owned(),
        "x".repeat(100_000),
    ];
    for token in attacks {
        assert!(tokens.verify(&token).is_none(), "{token:.60}");
    }
}

#[test]
fn a_remembered_token_still_expires() {
    let tokens = tokens();
    let mut claims = claims();
    // In force only by the leeway of five seconds, for about one more second.
    claims["exp"] = json!(now() - 3);
    let token = signed(&header(), &claims);
    assert!(tokens.verify(&token).is_some());
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert!(tokens.verify(&token).is_none());
}
