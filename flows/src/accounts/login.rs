use std::time::Duration;

use aggregates::{
    Proof, UserId,
    user::{Standing, User},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use store::one_time::Purpose;

use super::{LoggedIn, account_from_log, text::normalised_email};
use crate::{
    Error, Origin, System, Written,
    sessions::{self, Opening},
};

/// A password longer than any that could have been set is wrong without looking.
pub(crate) const LONGEST_PASSWORD: usize = 256;

/// How long a login may wait for its second factor.
const SECOND_FACTOR_WITHIN: Duration = Duration::from_secs(5 * 60);

pub struct Login {
    pub email: String,
    pub password: SecretString,
    pub device_id: Option<String>,
}

/// Where a login leads.
pub enum Entry {
    Open(Box<LoggedIn>),
    /// The account has a second factor, which is asked for before anything is given out.
    SecondFactor(Pending),
}

/// A login that waits for its second factor.
pub struct Pending {
    /// Redeemed together with the second proof.
    pub ticket: SecretString,
    pub expires_in: Duration,
    pub totp: bool,
    pub passkey: bool,
    pub recovery_code: bool,
}

impl Pending {
    /// What the account has, by name.
    pub fn factors(&self) -> Vec<&'static str> {
        let factors = [(self.totp, "totp"), (self.passkey, "passkey"), (self.recovery_code, "recovery_code")];
        factors.into_iter().filter_map(|(there, name)| there.then_some(name)).collect()
    }
}

/// What a ticket stands for.
#[derive(Serialize, Deserialize)]
pub(crate) struct HalfDone {
    pub proofs: Vec<Proof>,
    pub device_id: Option<String>,
}

/// Checks the password, always and first. An account with a second factor is then asked for it.
pub async fn login(system: &System, login: Login, origin: &Origin) -> Result<Written<Entry>, Error> {
    if login.device_id.as_ref().is_some_and(|id| id.is_empty() || id.len() > 128 || id.contains(char::is_control)) {
        return Err(Error::invalid("device_id", "has 1 to 128 bytes and no control characters"));
    }
    if login.password.expose_secret().len() > LONGEST_PASSWORD {
        return Err(Error::BadCredentials);
    }
    let store = &system.store;
    let email = normalised_email(&login.email).map_err(|_| Error::BadCredentials)?;
    let user_id = store.account_by_email(&store.email_index(&email)).await?;
    if !store.check_password(user_id, login.password).await? {
        return Err(Error::BadCredentials);
    }
    let user_id = user_id.ok_or(Error::BadCredentials)?;
    enter(system, user_id, vec![Proof::Password], login.device_id, origin).await
}

/// Lets somebody in who has proven who they are by `proofs`: at once if that is enough, else with a ticket for the
/// second factor.
pub async fn enter(
    system: &System,
    user_id: UserId,
    proofs: Vec<Proof>,
    device_id: Option<String>,
    origin: &Origin,
) -> Result<Written<Entry>, Error> {
    let person = system.store.load_latest::<User>(user_id).await?;
    // As if there were no account: that there was one is nobody's business.
    if person.standing() != Standing::Open {
        return Err(Error::BadCredentials);
    }
    if person.has_second_factor() && !Proof::are_two_factors(&proofs) {
        let half_done = serde_json::to_vec(&HalfDone { proofs, device_id }).map_err(|e| Error::Internal(e.into()))?;
        let ticket =
            system.store.issue_one_time(Purpose::SecondFactor, Some(user_id), &half_done, SECOND_FACTOR_WITHIN);
        let pending = Pending {
            ticket: ticket.await?,
            expires_in: SECOND_FACTOR_WITHIN,
            totp: person.has_totp(),
            passkey: !person.passkeys().is_empty(),
            recovery_code: person.recovery_codes() > 0,
        };
        return Ok(Written { value: Entry::SecondFactor(pending), position: system.store.head().await? });
    }
    let opened = sessions::open(system, Opening { user_id, proofs, device_id, client: None }, origin).await?;
    let account = account_from_log(system, user_id).await?;
    let logged_in = LoggedIn { account, opened: opened.value };
    Ok(Written { value: Entry::Open(Box::new(logged_in)), position: opened.position })
}
