use std::time::Duration;

use aggregates::{ClientId, Permission, SessionId, client::ClientKind, user};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::{
    authentications::{Action, Outcome},
    one_time::Purpose,
};

use super::{Authenticated, Granted, Proven, Refusal, Transaction, read, written};
use crate::{
    Error, Origin, System, Written,
    sessions::{self, OpenedOn, Opening, Terms},
};

/// RFC 6749 §4.1.2 allows ten minutes; a program needs a moment.
const GOOD_FOR: Duration = Duration::from_secs(60);

/// What a client sends for the code that it was given.
pub struct Exchange {
    pub code: SecretString,
    pub redirect_uri: String,
    /// RFC 7636 §4.5.
    pub verifier: SecretString,
}

/// What a code stands for.
#[derive(Serialize, Deserialize)]
struct Code {
    client_id: ClientId,
    redirect_uri: String,
    scopes: Vec<Permission>,
    nonce: Option<String>,
    challenge: String,
    proven: Proven,
}

pub(super) async fn issue(system: &System, transaction: &Transaction, proven: Proven) -> Result<SecretString, Error> {
    let user_id = proven.user_id;
    let code = Code {
        client_id: transaction.client_id,
        redirect_uri: transaction.redirect_uri.clone(),
        scopes: transaction.scopes.clone(),
        nonce: transaction.nonce.clone(),
        challenge: transaction.challenge.clone(),
        proven,
    };
    let data = written(&code)?;
    Ok(system.store.issue_one_time(Purpose::AuthorizationCode, Some(user_id), &data, GOOD_FOR).await?)
}

/// Opens a session for a code, once. A second use ends the session that the first one opened, or is about to open
/// (RFC 6749 §4.1.2): one of the two users was a thief. Without `offline_access` the session lasts for one access
/// token, `lifetime`.
pub async fn exchange(
    system: &System,
    client: &Authenticated,
    exchange: Exchange,
    lifetime: Duration,
    origin: &Origin,
) -> Result<Written<Granted>, Refusal> {
    if client.registration.kind == ClientKind::Service {
        return Err(Refusal::UnauthorizedClient);
    }
    let Some(code) = begin_use(system, client, &exchange, origin).await? else { return Err(Refusal::InvalidGrant) };
    let (user_id, session_id) = (code.proven.user_id, session_of(&exchange.code));
    let now = crate::now();
    let offline = code.scopes.contains(&Permission::OfflineAccess);
    let settings = &system.settings;
    let days = |days: u32| now + chrono::Duration::days(days.into());
    let terms = Terms {
        session_id,
        auth_time: code.proven.auth_time,
        expires_at: if offline { days(settings.session_days) } else { now + lifetime },
        refreshable_until: offline.then(|| days(settings.refresh_days)),
    };
    let client_of = Some((code.client_id, code.scopes));
    let Proven { proofs, password_set_at, .. } = code.proven;
    let opening = Opening { user_id, proofs, device_id: None, password_set_at, client: client_of };
    let opened = match sessions::open_on(system, opening, terms, origin).await {
        // Taken back, disabled or closed since the code was issued, or changed under our hands.
        Err(Error::User(_) | Error::Client(_) | Error::BadCredentials | Error::Conflict) => {
            record(system, client, Some(user_id), Some("grant_withdrawn"), origin).await?;
            return Err(Refusal::InvalidGrant);
        }
        opened => opened?,
    };
    // What is still there now was not used by anybody else meanwhile, and not voided.
    let finished = match system.store.redeem_one_time(Purpose::AuthorizationCode, &exchange.code).await {
        Ok(Some(_)) => record(system, client, Some(user_id), None, origin).await.map_err(Refusal::from),
        Ok(None) => Err(Refusal::InvalidGrant),
        Err(error) => Err(error.into()),
    };
    if let Err(refusal) = finished {
        sessions::end(system, user_id, session_id, user::SessionEnd::TokenReused, origin).await?;
        return Err(refusal);
    }
    let OpenedOn { session, roles, refresh_token, .. } = opened.value;
    let granted = Granted { session, roles, refresh_token, nonce: code.nonce };
    Ok(Written { value: granted, position: opened.position })
}

/// What a code stands for, for the first who uses it, if that is its client. From now on nobody else can; but until the
/// session is open the code stays where it is, so that another use is noticed: it takes it away.
async fn begin_use(
    system: &System,
    client: &Authenticated,
    exchange: &Exchange,
    origin: &Origin,
) -> Result<Option<Code>, Error> {
    let purpose = Purpose::AuthorizationCode;
    let Some(found) = system.store.attempt_one_time(purpose, &exchange.code, 1).await? else {
        record(system, client, None, Some("code_refused"), origin).await?;
        // A stranger who has seen a code must not be able to end what its client does with it.
        if let Some(used) = system.store.peek_one_time(purpose, &exchange.code).await?
            && read::<Code>(&used.data)?.client_id == client.client_id
        {
            system.store.redeem_one_time(purpose, &exchange.code).await?;
        }
        end_if_reused(system, client, session_of(&exchange.code), origin).await?;
        return Ok(None);
    };
    let code: Code = read(&found.data)?;
    if code.client_id != client.client_id
        || code.redirect_uri != exchange.redirect_uri
        || !verifies(&code.challenge, &exchange.verifier)
    {
        record(system, client, Some(code.proven.user_id), Some("code_of_another"), origin).await?;
        return Ok(None);
    }
    Ok(Some(code))
}

/// The id of the session that a code opens: made of the code, so that a second use finds it, however late, and nobody
/// else can.
fn session_of(code: &SecretString) -> SessionId {
    let hash = Sha256::new_with_prefix(b"virtual-cards session of code\0").chain_update(code.expose_secret());
    let mut id = [0; 16];
    id.copy_from_slice(&hash.finalize()[..16]);
    SessionId(uuid::Builder::from_custom_bytes(id).into_uuid())
}

async fn end_if_reused(
    system: &System,
    client: &Authenticated,
    session_id: SessionId,
    origin: &Origin,
) -> Result<(), Error> {
    match system.store.session(session_id).await? {
        Some(session) if session.client_id == Some(client.client_id) => {
            sessions::end(system, session.user_id, session_id, user::SessionEnd::TokenReused, origin).await?;
            Ok(())
        }
        _ => Ok(()),
    }
}

/// RFC 7636 §4.6. The challenge is no secret, so the comparison need not hide where it differs.
fn verifies(challenge: &str, verifier: &SecretString) -> bool {
    let verifier = verifier.expose_secret();
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let sound = (43..=128).contains(&verifier.len()) && verifier.bytes().all(letter);
    sound && BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) == challenge
}

async fn record(
    system: &System,
    client: &Authenticated,
    user_id: Option<aggregates::UserId>,
    reason: Option<&'static str>,
    origin: &Origin,
) -> Result<(), Error> {
    let outcome = if reason.is_none() { Outcome::Success } else { Outcome::Failure };
    let mut entry = origin.authentication(Action::IssueToken, outcome);
    entry.client_id = Some(client.client_id);
    entry.user_id = user_id;
    entry.reason = reason;
    Ok(system.store.record_authentication(&entry).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_the_hash_of_its_verifier() {
        // RFC 7636, appendix B.
        let (verifier, challenge) =
            ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert!(verifies(challenge, &verifier.into()));
        // The challenge itself would do if the method were `plain`.
        for wrong in ["", challenge, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXK", &verifier[1..]] {
            assert!(!verifies(challenge, &wrong.to_owned().into()), "{wrong}");
        }
        for unsound in ["x".repeat(42), "x".repeat(129), format!("{} ", "x".repeat(43))] {
            let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&unsound));
            assert!(!verifies(&challenge, &unsound.into()));
        }
    }

    #[test]
    fn a_codes_session_is_always_the_same() {
        let of = |code: &str| session_of(&code.to_owned().into());
        assert_eq!(of("a"), of("a"));
        assert_ne!(of("a"), of("b"));
    }
}
