//! People whose accounts and sessions are written past the API, and tokens for them that are signed here with the
//! system's own key: so that tests of access depend on nothing but access.

use aggregates::{
    Actor, ClientId, Context, Permission, Proof, Role, SessionId, UserId,
    user::{Command, User},
};
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine};
use chrono::{TimeDelta, Utc};
use jsonwebtoken::{Algorithm, EncodingKey};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use store::{Loaded, PersonalData, Store, Unit, new_id, sessions::Session};
use tests::{client::PASSWORD, database::keys, system::an_email};

/// As `config/default.toml` has it.
pub const ISSUER: &str = "https://api.virtualcards.com";

/// Somebody with a verified account and [`PASSWORD`].
pub struct Member {
    pub user_id: UserId,
    pub email: String,
    pub roles: Vec<Role>,
}

/// A session that is open in PostgreSQL, with its tokens.
pub struct LoggedIn {
    pub session: Session,
    pub token: String,
    pub refresh_token: String,
}

impl Member {
    /// With these roles beside customer.
    pub async fn new(store: &Store, roles: &[Role]) -> Member {
        let (user_id, email) = (UserId(new_id()), an_email());
        store.create_person_key(user_id).await.unwrap();
        let hashed = store.hash_password(SecretString::from(PASSWORD)).await.unwrap();
        store.set_password(user_id, &hashed).await.unwrap();
        let seal = async |field, text: &str| store.seal(user_id, field, text).await.unwrap();
        let (now, index) = (Utc::now(), store.email_index(&email));
        let mut commands = vec![
            Command::Register {
                email: seal(PersonalData::Email, &email).await,
                email_index: index.clone(),
                first_name: seal(PersonalData::FirstName, "Ada").await,
                last_name: seal(PersonalData::LastName, "Lovelace").await,
                now,
            },
            Command::VerifyEmail { now },
        ];
        commands.extend(roles.iter().map(|role| Command::GrantRole { role: *role, now }));
        let nobody = Loaded::<User>::new(user_id);
        let (mut person, mut events) = (User::clone(&nobody), vec![]);
        for command in commands {
            let decided = person.decide(command).unwrap();
            decided.iter().for_each(|event| person.apply(event));
            events.extend(decided);
        }
        let unit = unit().stream(&nobody, events).claim("email", index.0.as_bytes(), user_id.0);
        store.append(unit).await.unwrap();
        Member { user_id, email, roles: person.roles().iter().copied().collect() }
    }

    /// One more thing that happens to the account.
    pub async fn decide(&self, store: &Store, command: Command) {
        let person = store.load_latest::<User>(self.user_id).await.unwrap();
        let events = person.decide(command).unwrap();
        store.append(unit().stream(&person, events)).await.unwrap();
    }

    pub async fn log_in(&self, store: &Store, proofs: &[Proof]) -> LoggedIn {
        self.log_in_for(store, proofs, None).await
    }

    /// Through a program, within its scopes, or through our own app. The log knows the session too.
    pub async fn log_in_for(
        &self,
        store: &Store,
        proofs: &[Proof],
        program: Option<(ClientId, Vec<Permission>)>,
    ) -> LoggedIn {
        let (client_id, scopes) = program.unzip();
        let session = Session { client_id, scopes, proofs: proofs.to_vec(), ..a_session(self.user_id) };
        let until = Utc::now() + TimeDelta::days(1);
        let refresh_token = store.open_session(&session, Some(until)).await.unwrap().unwrap();
        let opened = Command::OpenSession {
            session_id: session.session_id,
            device_id: session.device_id.clone(),
            now: Utc::now(),
            expires_at: session.expires_at,
        };
        self.decide(store, opened).await;
        let token = Forge::new().token(&session, &self.roles);
        LoggedIn { session, token, refresh_token: refresh_token.expose_secret().into() }
    }
}

pub fn a_session(user_id: UserId) -> Session {
    let now = Utc::now();
    Session {
        session_id: SessionId(new_id()),
        user_id,
        device_id: Some(format!("device of {user_id}")),
        auth_time: now,
        expires_at: now + TimeDelta::days(1),
        proofs: vec![Proof::Password],
        client_id: None,
        scopes: None,
    }
}

fn unit() -> Unit {
    Unit::new(Context { correlation_id: new_id(), causation_id: None, traceparent: None, actor: Actor::System("test") })
}

/// Signs whatever one likes with the system's key, or with another.
pub struct Forge {
    pub kid: String,
    key: EncodingKey,
    /// The public key as SubjectPublicKeyInfo, PEM and DER.
    pub public_pem: String,
    pub public_der: Vec<u8>,
}

impl Forge {
    pub fn new() -> Forge {
        let signing = keys().signing();
        let current = signing.current();
        let pem = &current.public_pem;
        let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        Forge {
            kid: current.kid.clone(),
            key: EncodingKey::from_rsa_pem(current.private_pem.expose_secret().as_bytes()).unwrap(),
            public_pem: pem.clone(),
            public_der: BASE64_STANDARD.decode(base64).unwrap(),
        }
    }

    pub fn header(&self) -> Value {
        json!({ "typ": "at+jwt", "alg": "RS256", "kid": self.kid })
    }

    /// What a good token of a session says.
    pub fn claims(&self, session: &Session, roles: &[Role]) -> Value {
        let now = Utc::now().timestamp();
        let mut claims = json!({
            "iss": ISSUER, "aud": ISSUER, "sub": session.user_id, "jti": new_id(), "sid": session.session_id,
            "iat": now, "exp": now + 900, "auth_time": now, "amr": Proof::amr(&session.proofs), "roles": roles,
        });
        if let (Some(client_id), Some(scopes)) = (session.client_id, &session.scopes) {
            let scopes: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
            claims["client_id"] = json!(client_id);
            claims["scope"] = json!(scopes.join(" "));
        }
        claims
    }

    pub fn token(&self, session: &Session, roles: &[Role]) -> String {
        self.sign(&self.header(), &self.claims(session, roles))
    }

    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&header.to_string(), &claims.to_string())
    }

    /// For JSON that no library would write.
    pub fn sign_text(&self, header: &str, claims: &str) -> String {
        signed(header, claims, &self.key, Algorithm::RS256)
    }
}

pub fn signed(header: &str, claims: &str, key: &EncodingKey, algorithm: Algorithm) -> String {
    let message = format!("{}.{}", part(header), part(claims));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}

/// Base64url without padding, as the parts of a token are written.
pub fn part(text: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(text)
}
