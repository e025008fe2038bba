//! The second step of a login, and the login by passkey, which needs no first.

use aggregates::{
    UserId,
    user::{Standing, User},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use store::{
    authentications::{Action, Authentication, Outcome},
    one_time::Purpose,
};
use webauthn_rs::prelude::{DiscoverableAuthentication, PasskeyAuthentication, PublicKeyCredential};

use super::{
    Entry, enter,
    login::{HalfDone, Proven},
};
use crate::{
    Error, Origin, System, Written,
    factors::{
        SecondProof, Verdict,
        passkeys::{self, CEREMONY_WITHIN, Ceremony},
        verify,
    },
};

/// How often a second proof may be tried for one first. Then the first has to be given again.
const ATTEMPTS: u32 = 5;

/// What a passkey's ticket stands for.
#[derive(Serialize, Deserialize)]
enum Begun {
    /// For the half-done login with this ticket, by its hash, and no other.
    SecondFactor {
        ticket: [u8; 32],
        ceremony: PasskeyAuthentication,
    },
    Login {
        ceremony: DiscoverableAuthentication,
    },
}

/// Begins the passkey step of a half-done login. None where the account has no passkey.
pub async fn begin_passkey(system: &System, ticket: &SecretString) -> Result<Option<Ceremony>, Error> {
    let half_done = system.store.peek_one_time(Purpose::SecondFactor, ticket).await?.ok_or(Error::BadTicket)?;
    let user_id = half_done.user_id.ok_or(Error::BadTicket)?;
    let person = system.store.load_latest::<User>(user_id).await?;
    let Some((options, ceremony)) = passkeys::challenge(system, user_id, &person).await? else { return Ok(None) };
    let begun = Begun::SecondFactor { ticket: hash(ticket), ceremony };
    issue(system, Some(user_id), &begun, options).await.map(Some)
}

/// Ends a half-done login by a second proof. `passkey_ticket` is the one of [`begin_passkey`].
pub async fn second_factor(
    system: &System,
    ticket: &SecretString,
    proof: SecondProof,
    passkey_ticket: Option<&SecretString>,
    origin: &Origin,
) -> Result<Written<Entry>, Error> {
    let mut entry = origin.authentication(Action::SecondFactor, Outcome::Success);
    let entered = finish(system, ticket, (proof, passkey_ticket), origin, &mut entry).await;
    recorded(system, entered, entry).await
}

async fn finish(
    system: &System,
    ticket: &SecretString,
    (proof, passkey_ticket): (SecondProof, Option<&SecretString>),
    origin: &Origin,
    entry: &mut Authentication,
) -> Result<Written<Entry>, Error> {
    let store = &system.store;
    let tried = store.attempt_one_time(Purpose::SecondFactor, ticket, ATTEMPTS).await?.ok_or(Error::BadTicket)?;
    let user_id = tried.user_id.ok_or(Error::BadTicket)?;
    let HalfDone { mut proven, device_id } = passkeys::read(&tried.data)?;
    entry.user_id = Some(user_id);
    entry.device_id.clone_from(&device_id);
    let ceremony = match passkey_ticket {
        Some(passkey_ticket) => ceremony_of(system, ticket, passkey_ticket).await?,
        None => None,
    };
    match verify(system, user_id, proof, ceremony.as_ref(), origin).await? {
        Verdict::Proven(proof) => proven.proofs.push(proof),
        Verdict::Refused(reason) => {
            entry.reason = Some(reason);
            return Err(Error::ProofRefused);
        }
    }
    // Whoever comes second with this ticket is too late, however good the proof.
    store.redeem_one_time(Purpose::SecondFactor, ticket).await?.ok_or(Error::BadTicket)?;
    enter(system, user_id, proven, device_id, origin).await
}

/// Begins a login by passkey. Says nothing about anybody: the authenticator will name its owner.
pub async fn begin_passkey_login(system: &System) -> Result<Ceremony, Error> {
    let (options, ceremony) = system.settings.webauthn.begin_login().map_err(passkeys::internal)?;
    issue(system, None, &Begun::Login { ceremony }, passkeys::public_key(&options)?).await
}

/// Logs in by a passkey alone: it is two factors in one.
pub async fn log_in_with_passkey(
    system: &System,
    ticket: &SecretString,
    credential: Value,
    device_id: Option<String>,
    origin: &Origin,
) -> Result<Written<Entry>, Error> {
    if device_id.as_ref().is_some_and(|id| id.is_empty() || id.len() > 128 || id.contains(char::is_control)) {
        return Err(Error::invalid("device_id", "has 1 to 128 bytes and no control characters"));
    }
    let mut entry = origin.authentication(Action::LogIn, Outcome::Success);
    entry.device_id.clone_from(&device_id);
    let entered = by_passkey(system, ticket, credential, device_id, origin, &mut entry).await;
    recorded(system, entered, entry).await
}

async fn by_passkey(
    system: &System,
    ticket: &SecretString,
    credential: Value,
    device_id: Option<String>,
    origin: &Origin,
    entry: &mut Authentication,
) -> Result<Written<Entry>, Error> {
    let credential = PublicKeyCredential::deserialize(credential).map_err(|_| passkeys::unreadable())?;
    let begun = system.store.redeem_one_time(Purpose::PasskeyAuthentication, ticket).await?;
    let Begun::Login { ceremony } = passkeys::read(&begun.ok_or(Error::BadTicket)?.data)? else {
        return Err(Error::BadTicket);
    };
    let (owner, verdict) = signed(system, &credential, ceremony).await?;
    entry.user_id = owner;
    match (owner, verdict) {
        (Some(user_id), Verdict::Proven(proof)) => enter(system, user_id, Proven::by(proof), device_id, origin).await,
        (None, Verdict::Proven(_)) => Err(Error::ProofRefused),
        (_, Verdict::Refused(reason)) => {
            entry.reason = Some(reason);
            Err(Error::ProofRefused)
        }
    }
}

/// Whose passkey it is, as far as that can be told, and whether it has signed well.
async fn signed(
    system: &System,
    credential: &PublicKeyCredential,
    ceremony: DiscoverableAuthentication,
) -> Result<(Option<UserId>, Verdict), Error> {
    let (store, party) = (&system.store, &system.settings.webauthn);
    let stored = store.passkey_by_credential(credential.get_credential_id()).await?;
    let named = party.named(credential).map(UserId);
    let Some(stored) = stored.filter(|stored| named == Some(stored.user_id)) else {
        return Ok((None, Verdict::Refused("unknown_passkey")));
    };
    let owner = Some(stored.user_id);
    let person = store.load_latest::<User>(stored.user_id).await?;
    if !person.passkeys().contains(&stored.passkey_id) || person.standing() != Standing::Open {
        return Ok((owner, Verdict::Refused("unknown_passkey")));
    }
    match party.finish_login(credential, ceremony, &passkeys::passkey(&stored)?) {
        Ok(result) => Ok((owner, passkeys::settle(system, &stored, &result).await?)),
        Err(error) => Ok((owner, passkeys::refused(system, stored.user_id, &error).await)),
    }
}

async fn ceremony_of(
    system: &System,
    ticket: &SecretString,
    passkey_ticket: &SecretString,
) -> Result<Option<PasskeyAuthentication>, Error> {
    let begun = system.store.redeem_one_time(Purpose::PasskeyAuthentication, passkey_ticket).await?;
    let Some(begun) = begun else { return Ok(None) };
    Ok(match passkeys::read(&begun.data)? {
        Begun::SecondFactor { ticket: bound, ceremony } => (bound == hash(ticket)).then_some(ceremony),
        Begun::Login { .. } => None,
    })
}

async fn issue(system: &System, user_id: Option<UserId>, begun: &Begun, options: Value) -> Result<Ceremony, Error> {
    let data = passkeys::json(begun)?;
    let ticket = system.store.issue_one_time(Purpose::PasskeyAuthentication, user_id, &data, CEREMONY_WITHIN).await?;
    Ok(Ceremony { ticket, expires_in: CEREMONY_WITHIN, options })
}

fn hash(ticket: &SecretString) -> [u8; 32] {
    Sha256::digest(ticket.expose_secret()).into()
}

/// Puts on record how a login ended.
async fn recorded(
    system: &System,
    entered: Result<Written<Entry>, Error>,
    mut entry: Authentication,
) -> Result<Written<Entry>, Error> {
    match &entered {
        Ok(Written { value: Entry::Open(inside), .. }) => entry.session_id = Some(inside.opened.session.session_id),
        Ok(Written { value: Entry::SecondFactor(_), .. }) => entry.reason = Some("second_factor_next"),
        Err(error) => {
            let (outcome, reason) = error.as_outcome();
            (entry.outcome, entry.reason) = (outcome, entry.reason.or(reason));
        }
    }
    system.store.record_authentication(&entry).await?;
    entered
}
