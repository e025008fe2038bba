//! OpenID providers that lie, fail or were taken over.

use std::{
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use poem::{Endpoint, Request, Response, Server, http::StatusCode, listener::TcpAcceptor};
use providers::{
    Config, Providers,
    social::{IdentityProvider, Refused, Secrets, SocialConfig, Vouched},
};
use rsa::{RsaPrivateKey, pkcs8::EncodePrivateKey, pkcs8::LineEnding, traits::PublicKeyParts};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;

const CLIENT: &str = "ours";
const SECRET: &str = "a secret among us";

struct Keys {
    ours: RsaPrivateKey,
    strange: RsaPrivateKey,
}

/// Slow to make, so all tests share them.
static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let key = || RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).unwrap();
    Keys { ours: key(), strange: key() }
});

fn signed(key: &RsaPrivateKey, claims: &Value) -> String {
    let pem = key.to_pkcs8_pem(LineEnding::LF).unwrap();
    let mut header = Header::new(Algorithm::RS256);
    header.kid = Some("1".into());
    encode(&header, claims, &EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap()).unwrap()
}

/// What a provider says next, path by path.
#[derive(Clone)]
struct Script {
    issuer: String,
    discovery: Value,
    token: (StatusCode, String),
}

struct Liar(Arc<Mutex<Script>>);

impl Endpoint for Liar {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let script = self.0.lock().unwrap().clone();
        let (status, body) = match request.uri().path() {
            "/.well-known/openid-configuration" => (StatusCode::OK, script.discovery.to_string()),
            "/jwks" => {
                let number = |bytes: Vec<u8>| BASE64_URL_SAFE_NO_PAD.encode(bytes);
                let (n, e) = (number(KEYS.ours.n().to_bytes_be()), number(KEYS.ours.e().to_bytes_be()));
                let key = json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": "1", "n": n, "e": e });
                (StatusCode::OK, json!({ "keys": [key] }).to_string())
            }
            "/moved" => {
                return Ok(Response::builder().status(StatusCode::FOUND).header("location", "/token").finish());
            }
            "/slow" => std::future::pending().await,
            _ => script.token,
        };
        Ok(Response::builder().status(status).content_type("application/json").body(body))
    }
}

struct Stage {
    provider: Arc<dyn IdentityProvider>,
    script: Arc<Mutex<Script>>,
    secrets: Secrets,
}

impl Stage {
    async fn set() -> Stage {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let discovery = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/jwks"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
        });
        let script = Script { issuer: issuer.clone(), discovery, token: (StatusCode::OK, String::new()) };
        let script = Arc::new(Mutex::new(script));
        let acceptor = TcpAcceptor::from_tokio(listener).unwrap();
        tokio::spawn(Server::new_with_acceptor(acceptor).run(Liar(script.clone())));
        let config = SocialConfig {
            issuer,
            client_id: CLIENT.into(),
            client_secret: Some(SECRET.to_owned().into()),
            redirect_uri: "https://app.example/back".into(),
            timeout_ms: 3_000,
            allow_insecure_loopback: true,
            ..SocialConfig::default()
        };
        let config = Config { social: [("them".to_owned(), config)].into(), ..Config::default() };
        let provider = Providers::sandbox("http://127.0.0.1:1", &config).unwrap().social["them"].clone();
        Stage { provider, script, secrets: Secrets::generate() }
    }

    /// What an honest provider says of Ada for this login.
    fn claims(&self) -> Value {
        let now = chrono::Utc::now().timestamp();
        json!({
            "iss": self.script.lock().unwrap().issuer, "aud": CLIENT, "sub": "ada", "nonce": *self.secrets.nonce,
            "iat": now, "exp": now + 60, "email": "ada@example.com", "email_verified": "true",
        })
    }

    async fn vouch(&self, id_token: Option<String>) -> Result<Vouched, Refused> {
        let mut answer = json!({ "access_token": "an access token", "token_type": "Bearer" });
        id_token.map(|token| answer["id_token"] = token.into());
        self.script.lock().unwrap().token.1 = answer.to_string();
        self.ask().await
    }

    async fn ask(&self) -> Result<Vouched, Refused> {
        self.provider.vouch(&"a code".to_owned().into(), None, &self.secrets).await
    }
}

fn is_not_vouched(outcome: Result<Vouched, Refused>) -> bool {
    matches!(outcome, Err(Refused::NotVouched(_)))
}

#[tokio::test]
async fn only_an_id_token_for_this_login_is_believed() {
    let stage = Stage::set().await;
    let vouched = stage.vouch(Some(signed(&KEYS.ours, &stage.claims()))).await.unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((vouched.subject.as_str(), vouched.email.as_deref()), ("ada", Some("ada@example.com")));
    assert!(vouched.email_verified, "Apple writes it as a string");

    let now = chrono::Utc::now().timestamp();
    for (claim, value) in [
        ("nonce", json!("another login's")),
        ("nonce", Value::Null),
        ("aud", json!("somebody else")),
        ("aud", json!([CLIENT, "somebody else"])),
        ("aud", json!([])),
        ("iss", json!("https://other.example")),
        ("iss", json!(format!("{}/", stage.script.lock().unwrap().issuer))),
        ("exp", json!(now - 3_600)),
        ("exp", Value::Null),
        ("at_hash", json!("bm90IHRoaXMgdG9rZW4")),
    ] {
        let mut claims = stage.claims();
        claims[claim] = value.clone();
        let outcome = stage.vouch(Some(signed(&KEYS.ours, &claims))).await;
        assert!(outcome.is_err(), "{claim}={value}");
    }
    // With the right hash it is the same token.
    let mut claims = stage.claims();
    claims["at_hash"] = BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest("an access token")[..16]).into();
    assert!(stage.vouch(Some(signed(&KEYS.ours, &claims))).await.is_ok());
}

#[tokio::test]
async fn only_the_providers_own_signature_counts() {
    let stage = Stage::set().await;
    let claims = stage.claims();
    let good = signed(&KEYS.ours, &claims);
    let (body, _) = good.rsplit_once('.').unwrap();
    let payload = body.split_once('.').unwrap().1;
    let header = |header: &str| BASE64_URL_SAFE_NO_PAD.encode(header);
    // Our own secret must not be able to sign, though the provider's metadata say that it may.
    let by_secret = EncodingKey::from_secret(SECRET.as_bytes());
    let forgeries = [
        signed(&KEYS.strange, &claims),
        format!("{}.{payload}.", header(r#"{"alg":"none"}"#)),
        format!("{body}."),
        format!("{body}.{}", header("not a signature")),
        encode(&Header::new(Algorithm::HS256), &claims, &by_secret).unwrap(),
    ];
    for forgery in forgeries {
        assert!(stage.vouch(Some(forgery.clone())).await.is_err(), "{forgery}");
    }
    assert!(is_not_vouched(stage.vouch(None).await), "no ID token at all");
}

#[tokio::test]
async fn a_provider_that_fails_is_no_refusal() {
    let stage = Stage::set().await;
    let answers = [
        (StatusCode::INTERNAL_SERVER_ERROR, "{}".to_owned()),
        (StatusCode::OK, "not JSON".to_owned()),
        (StatusCode::OK, "{}".to_owned()),
        (StatusCode::OK, "x".repeat(300 * 1024)),
    ];
    for (status, body) in answers {
        stage.script.lock().unwrap().token = (status, body);
        assert!(matches!(stage.ask().await, Err(Refused::Failed(_))), "{status}");
    }
    stage.script.lock().unwrap().token = (StatusCode::BAD_REQUEST, r#"{"error":"invalid_grant"}"#.into());
    assert_eq!(stage.ask().await.err(), Some(Refused::NotVouched("it refused the code")));
}

#[tokio::test]
async fn metadata_are_believed_only_as_far_as_they_go() {
    let elsewhere = |stage: &Stage, name: &str, value: String| {
        stage.script.lock().unwrap().discovery[name] = value.into();
    };
    // Of another issuer; over plain HTTP to somewhere else.
    for (name, value) in [("issuer", "https://other.example"), ("jwks_uri", "http://other.example/jwks")] {
        let stage = Stage::set().await;
        elsewhere(&stage, name, value.into());
        assert!(matches!(stage.ask().await, Err(Refused::Failed(_))), "{name}");
    }
    // Redirected, too slow, or off to somewhere unsafe with our secret.
    for path in ["/moved", "/slow"] {
        let stage = Stage::set().await;
        let issuer = stage.script.lock().unwrap().issuer.clone();
        elsewhere(&stage, "token_endpoint", format!("{issuer}{path}"));
        let good = signed(&KEYS.ours, &stage.claims());
        let asked = tokio::time::timeout(Duration::from_secs(10), stage.vouch(Some(good))).await.unwrap();
        assert!(asked.is_err(), "{path}");
    }
    let stage = Stage::set().await;
    elsewhere(&stage, "token_endpoint", "http://other.example/token".into());
    assert!(matches!(stage.ask().await, Err(Refused::Failed(_))));
}

#[tokio::test]
async fn an_answer_that_names_another_issuer_is_refused() {
    let stage = Stage::set().await;
    let good = signed(&KEYS.ours, &stage.claims());
    let answer = json!({ "access_token": "t", "token_type": "Bearer", "id_token": good });
    stage.script.lock().unwrap().token.1 = answer.to_string();
    let code = "a code".to_owned().into();
    let issuer = stage.script.lock().unwrap().issuer.clone();
    assert!(stage.provider.vouch(&code, Some(&issuer), &stage.secrets).await.is_ok());
    for other in ["https://other.example", "", &format!("{issuer}/")] {
        assert!(is_not_vouched(stage.provider.vouch(&code, Some(other), &stage.secrets).await), "{other}");
    }
}

#[tokio::test]
async fn the_way_to_the_provider_is_bound_to_this_login() {
    let stage = Stage::set().await;
    let url = stage.provider.authorization_url(&"a state".to_owned().into(), &stage.secrets).await.unwrap();
    let url = url::Url::parse(&url).unwrap();
    let query: std::collections::BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    assert_eq!((query["state"].as_str(), query["response_type"].as_str()), ("a state", "code"));
    assert_eq!(query["nonce"], *stage.secrets.nonce);
    assert_eq!(query["code_challenge_method"], "S256");
    let hash = Sha256::digest(stage.secrets.verifier.as_bytes());
    assert_eq!(query["code_challenge"], BASE64_URL_SAFE_NO_PAD.encode(hash));
    assert!(query["scope"].contains("openid") && !url.as_str().contains(&*stage.secrets.verifier));
}
