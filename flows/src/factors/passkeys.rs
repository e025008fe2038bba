//! Passkeys: made by an authenticator for us alone, used with the person's own verification (WebAuthn Level 3).

use std::time::Duration;

use aggregates::{
    CredentialId, Proof, SessionId, UserId,
    user::{self, Command, User},
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use store::{
    PersonalData,
    factors::passkeys::{NewPasskey, StoredPasskey},
    one_time::Purpose,
};
use webauthn_rs::prelude::{
    AuthenticationResult, Passkey, PasskeyAuthentication, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, WebauthnError,
};

use super::{Change, Codes, Known, PasskeyView, Presence, Principal, Verdict, change, left_over, presence};
use crate::{
    Error, Origin, System, Written,
    mail::{self, Factor, Letter},
};

/// How long a person may take with their authenticator.
pub(crate) const CEREMONY_WITHIN: Duration = Duration::from_secs(5 * 60);

const LONGEST_LABEL: usize = 100;

/// What an authenticator is to do, and the ticket to send back with what it did.
pub struct Ceremony {
    pub ticket: SecretString,
    pub expires_in: Duration,
    /// `PublicKeyCredentialCreationOptionsJSON` or `PublicKeyCredentialRequestOptionsJSON`.
    pub options: Value,
}

/// A passkey that was just registered; with recovery codes, where the account had none.
#[derive(Debug)]
pub struct Registered {
    pub passkey: PasskeyView,
    pub recovery_codes: Vec<SecretString>,
}

/// A registration that waits for its authenticator.
#[derive(Serialize, Deserialize)]
struct Registering {
    session_id: SessionId,
    ceremony: PasskeyRegistration,
}

/// Begins to register a passkey.
pub async fn begin(
    system: &System,
    principal: Principal,
    presence: Presence,
    origin: &Origin,
) -> Result<Ceremony, Error> {
    let (store, user_id) = (&system.store, principal.user_id);
    presence::shown(system, principal, presence, origin).await?;
    let person = store.load_latest::<User>(user_id).await?;
    let (Some(email), Some(first), Some(last)) = (person.email(), person.first_name(), person.last_name()) else {
        return Err(Error::NotFound { what: "account" });
    };
    let email = store.open(user_id, PersonalData::Email, email).await?;
    let first = store.open(user_id, PersonalData::FirstName, first).await?;
    let last = store.open(user_id, PersonalData::LastName, last).await?;
    let known = known(system, user_id, &person).await?;
    let display_name = format!("{} {}", *first, *last);
    let known = Known { id: user_id.0, name: &email, display_name: &display_name, passkeys: &known };
    let (options, ceremony) = system.settings.webauthn.begin_registration(&known).map_err(internal)?;
    let mut options = public_key(&options)?;
    // So that it can be used without an e-mail address; an authenticator without room for that is welcome too.
    options["authenticatorSelection"]["residentKey"] = "preferred".into();
    let data = json(&Registering { session_id: principal.session_id, ceremony })?;
    let ticket = store.issue_one_time(Purpose::PasskeyRegistration, Some(user_id), &data, CEREMONY_WITHIN).await?;
    Ok(Ceremony { ticket, expires_in: CEREMONY_WITHIN, options })
}

/// Keeps the passkey that the authenticator made.
pub async fn register(
    system: &System,
    principal: Principal,
    ticket: &SecretString,
    credential: Value,
    label: &str,
    origin: &Origin,
) -> Result<Written<Registered>, Error> {
    let (store, user_id) = (&system.store, principal.user_id);
    let label = checked(label)?;
    let begun = store.redeem_one_time(Purpose::PasskeyRegistration, ticket).await?.ok_or(Error::PasskeyRefused)?;
    let Registering { session_id, ceremony } = read(&begun.data)?;
    if begun.user_id != Some(user_id) || session_id != principal.session_id {
        return Err(Error::PasskeyRefused);
    }
    let credential = RegisterPublicKeyCredential::deserialize(credential).map_err(|_| unreadable())?;
    let passkey = system.settings.webauthn.finish_registration(&credential, &ceremony);
    let passkey = passkey.map_err(|_| Error::PasskeyRefused)?;
    let passkey_id = CredentialId(store::new_id());
    let text = text(&passkey)?;
    let new = NewPasskey { passkey_id, user_id, credential_id: passkey.cred_id(), credential: &text, label: &label };
    if !store.add_passkey(new).await? {
        return Err(Error::PasskeyRefused);
    }
    let add = |_: &User| Ok(Command::AddPasskey { passkey_id, now: crate::now() });
    let added = change(system, principal, Change::Added(Factor::Passkey), Codes::IfNone, origin, add).await;
    if let Err(Error::User(_)) = &added {
        left_over(store.delete_passkey(user_id, passkey_id).await);
    }
    let Written { value: recovery_codes, position } = added?;
    let passkey = PasskeyView { passkey_id, label, created_at: crate::now(), last_used_at: None };
    Ok(Written { value: Registered { passkey, recovery_codes }, position })
}

/// Calls a passkey something else.
pub async fn label(system: &System, user_id: UserId, passkey_id: CredentialId, label: &str) -> Result<(), Error> {
    let label = checked(label)?;
    let person = system.store.load_latest::<User>(user_id).await?;
    let is_theirs = person.passkeys().contains(&passkey_id);
    match is_theirs && system.store.label_passkey(user_id, passkey_id, &label).await? {
        true => Ok(()),
        false => Err(user::Error::NoSuchPasskey.into()),
    }
}

/// Removes a passkey. Needs a step-up; refused where nobody could log in any more without it.
pub async fn remove(
    system: &System,
    principal: Principal,
    passkey_id: CredentialId,
    step_up: Option<&SecretString>,
    origin: &Origin,
) -> Result<Written<()>, Error> {
    let (store, user_id) = (&system.store, principal.user_id);
    let has_password = store.has_password(user_id).await?;
    let remove = |person: &User| {
        let last = person.passkeys().len() == 1 && person.identities().is_empty() && !has_password;
        match person.passkeys().contains(&passkey_id) {
            true if last => Err(Error::LastWayIn),
            true => Ok(Command::RemovePasskey { passkey_id, now: crate::now() }),
            false => Err(user::Error::NoSuchPasskey.into()),
        }
    };
    // Asked before the step-up is used up, and again when it is decided.
    remove(&*store.load_latest::<User>(user_id).await?)?;
    presence::proven(system, principal, step_up, origin).await?;
    let removed = change(system, principal, Change::Removed(Factor::Passkey), Codes::None, origin, remove).await?;
    left_over(store.delete_passkey(user_id, passkey_id).await);
    Ok(Written { value: (), position: removed.position })
}

/// The account's passkeys, oldest first.
pub(super) async fn of(system: &System, user_id: UserId, person: &User) -> Result<Vec<PasskeyView>, Error> {
    let mut views = Vec::with_capacity(person.passkeys().len());
    for passkey in stored(system, user_id, person).await? {
        let label = system.store.passkey_label(&passkey).await?;
        let StoredPasskey { passkey_id, created_at, last_used_at, .. } = passkey;
        views.push(PasskeyView { passkey_id, label, created_at, last_used_at });
    }
    Ok(views)
}

/// What somebody who is known has to have signed by one of their passkeys, if they have any.
pub(crate) async fn challenge(
    system: &System,
    user_id: UserId,
    person: &User,
) -> Result<Option<(Value, PasskeyAuthentication)>, Error> {
    let passkeys = known(system, user_id, person).await?;
    if passkeys.is_empty() {
        return Ok(None);
    }
    let (options, ceremony) = system.settings.webauthn.begin_authentication(&passkeys).map_err(internal)?;
    Ok(Some((public_key(&options)?, ceremony)))
}

/// Checks what was signed for [`challenge`].
pub(super) async fn check(
    system: &System,
    person: &User,
    user_id: UserId,
    credential: &Value,
    ceremony: &PasskeyAuthentication,
) -> Result<Verdict, Error> {
    let Ok(credential) = PublicKeyCredential::deserialize(credential) else {
        return Ok(Verdict::Refused("bad_passkey"));
    };
    let stored = system.store.passkey_by_credential(credential.get_credential_id()).await?;
    let theirs = stored.filter(|known| known.user_id == user_id && person.passkeys().contains(&known.passkey_id));
    let Some(stored) = theirs else { return Ok(Verdict::Refused("unknown_passkey")) };
    match system.settings.webauthn.finish_authentication(&credential, ceremony) {
        Ok(result) => settle(system, &stored, &result).await,
        Err(error) => Ok(refused(system, user_id, &error).await),
    }
}

/// What a passkey's failure means; its owner hears of a copy.
pub(crate) async fn refused(system: &System, user_id: UserId, error: &WebauthnError) -> Verdict {
    match error {
        WebauthnError::CredentialPossibleCompromise => {
            mail::notify(system, user_id, Letter::PasskeyCopied).await;
            Verdict::Refused(COPIED)
        }
        _ => Verdict::Refused("bad_passkey"),
    }
}

/// The counter of a passkey went back: there are two of it (WebAuthn Level 3, §7.2, step 22).
const COPIED: &str = "passkey_copied";

/// Notes the use of a passkey that signed well, if its counter shows that there is only one of it.
pub(crate) async fn settle(
    system: &System,
    stored: &StoredPasskey,
    result: &AuthenticationResult,
) -> Result<Verdict, Error> {
    // The ceremony has seen the counter as it was when it began; another may have ended since.
    let known = counter(&stored.credential)?;
    if (known > 0 || result.counter() > 0) && result.counter() <= known {
        mail::notify(system, stored.user_id, Letter::PasskeyCopied).await;
        return Ok(Verdict::Refused(COPIED));
    }
    let mut passkey = passkey(stored)?;
    passkey.update_credential(result);
    match system.store.use_passkey(stored, &text(&passkey)?).await? {
        true => Ok(Verdict::Proven(Proof::Passkey)),
        false => Ok(Verdict::Refused("passkey_moved")),
    }
}

async fn known(system: &System, user_id: UserId, person: &User) -> Result<Vec<Passkey>, Error> {
    stored(system, user_id, person).await?.iter().map(passkey).collect()
}

/// Those that the log knows.
async fn stored(system: &System, user_id: UserId, person: &User) -> Result<Vec<StoredPasskey>, Error> {
    let mut stored = system.store.passkeys(user_id).await?;
    stored.retain(|passkey| person.passkeys().contains(&passkey.passkey_id));
    Ok(stored)
}

pub(crate) fn passkey(stored: &StoredPasskey) -> Result<Passkey, Error> {
    serde_json::from_str(&stored.credential).map_err(|e| Error::Internal(e.into()))
}

fn counter(credential: &str) -> Result<u32, Error> {
    let credential: Value = serde_json::from_str(credential).map_err(|e| Error::Internal(e.into()))?;
    let counter = credential["cred"]["counter"].as_u64().and_then(|counter| u32::try_from(counter).ok());
    counter.ok_or_else(|| Error::Internal("a passkey without a counter".into()))
}

fn text(passkey: &Passkey) -> Result<String, Error> {
    serde_json::to_string(passkey).map_err(|e| Error::Internal(e.into()))
}

pub(crate) fn json(data: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(data).map_err(|e| Error::Internal(e.into()))
}

pub(crate) fn read<T: DeserializeOwned>(data: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(data).map_err(|e| Error::Internal(e.into()))
}

/// The options without the envelope that only one browser call wants.
pub(crate) fn public_key(options: &impl Serialize) -> Result<Value, Error> {
    let mut options = serde_json::to_value(options).map_err(|e| Error::Internal(e.into()))?;
    Ok(options["publicKey"].take())
}

pub(crate) fn internal(error: WebauthnError) -> Error {
    Error::Internal(Box::new(error))
}

pub(crate) fn unreadable() -> Error {
    Error::invalid("credential", "is not what an authenticator answers")
}

fn checked(label: &str) -> Result<String, Error> {
    let label = label.trim();
    match (1..=LONGEST_LABEL).contains(&label.chars().count()) && !label.contains(char::is_control) {
        true => Ok(label.to_owned()),
        false => Err(Error::invalid("label", format!("has 1 to {LONGEST_LABEL} characters"))),
    }
}
