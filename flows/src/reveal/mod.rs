//! Showing a card's number and CVV to its holder, encrypted for one device.
//!
//! The device makes a key pair, and a step-up is proven for this card and this key. The step-up buys a token, good once
//! and for a minute; for the token the secrets are handed out, encrypted under the device's key. So whoever stands
//! between us and the device, and whoever gets hold of the token, has nothing to read.
//!
//! Each time is an event, in the log before anything is handed out, and the holder gets a letter. What cannot be spent
//! with (frozen, terminated, expired) is not shown.

mod device;

use std::time::Duration;

use aggregates::{
    Actor, CardId, SessionId,
    card::{self, Card},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use store::{
    AppendError, Unit,
    authentications::{Action, Outcome},
    one_time::Purpose,
};

use crate::{
    ATTEMPTS, Error, Origin, Principal, System, Written,
    factors::{passkeys, record},
    mail::{self, Letter},
    step_up::{self, Operation},
};

pub use device::{DeviceKey, ForDevice, INFO};

/// How long a token waits for its use: as long as an app needs from one request to the next, on a bad line.
const WITHIN: Duration = Duration::from_secs(60);

/// What is to be shown, and to which device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    pub card_id: CardId,
    pub device_key: DeviceKey,
}

/// Buys the secrets, once.
pub struct Allowed {
    pub token: SecretString,
    pub expires_in: Duration,
}

/// What a token stands for.
#[derive(Serialize, Deserialize)]
struct Granted {
    session_id: SessionId,
    wanted: Wanted,
}

/// Gives the token out, for a step-up.
pub async fn allow(
    system: &System,
    principal: Principal,
    step_up: Option<&SecretString>,
    wanted: Wanted,
    origin: &Origin,
) -> Result<Allowed, Error> {
    // Before the step-up, which would be used up for nothing.
    let card = system.store.load_latest::<Card>(wanted.card_id).await?;
    card.decide(command(principal))?;
    step_up::redeem(system, principal, &Operation::CardReveal(wanted.clone()), step_up, origin).await?;
    let granted = passkeys::json(&Granted { session_id: principal.session_id, wanted })?;
    let issued = system.store.issue_one_time(Purpose::CardReveal, Some(principal.user_id), &granted, WITHIN);
    Ok(Allowed { token: issued.await?, expires_in: WITHIN })
}

/// Uses a token up and hands the secrets out, once the event is in the log. Whatever is wrong with the token, it is
/// void afterwards.
pub async fn reveal(
    system: &System,
    principal: Principal,
    token: &SecretString,
    wanted: &Wanted,
    origin: &Origin,
) -> Result<Written<ForDevice>, Error> {
    // Somebody else's card is as unknown as none, whatever the token.
    let card = system.store.load_latest::<Card>(wanted.card_id).await?;
    if card.owner() != Some(principal.user_id) {
        return Err(Error::NotFound { what: "card" });
    }
    let redeemed = system.store.redeem_one_time(Purpose::CardReveal, token).await?;
    let serves = match redeemed.filter(|redeemed| redeemed.user_id == Some(principal.user_id)) {
        Some(redeemed) => {
            let granted: Granted = passkeys::read(&redeemed.data)?;
            granted.session_id == principal.session_id && granted.wanted == *wanted
        }
        None => false,
    };
    let outcome = if serves { Outcome::Success } else { Outcome::Failure };
    record(system, principal, Action::RevealCard, outcome, None, origin).await?;
    if !serves {
        return Err(Error::RevealRefused);
    }
    let position = put_down(system, principal, wanted.card_id, origin).await?;
    // Read behind the event and past the cache: what was destroyed meanwhile is not shown.
    let secrets = system.store.card_secrets_now(principal.user_id, wanted.card_id).await?;
    let secrets = secrets.ok_or(Error::NotFound { what: "card" })?;
    let last_four = card.last_four().unwrap_or_default();
    mail::notify(system, principal.user_id, Letter::CardShown { last_four }).await;
    let bound_to = format!("{}.{}", wanted.card_id, token.expose_secret());
    Ok(Written { value: wanted.device_key.encrypt(&secrets, &bound_to)?, position })
}

/// Appends the event; its position.
async fn put_down(system: &System, principal: Principal, card_id: CardId, origin: &Origin) -> Result<i64, Error> {
    let _turn = system.turns.take(card_id).await;
    for _ in 0..ATTEMPTS {
        let card = system.store.load_latest::<Card>(card_id).await?;
        let events = card.decide(command(principal))?;
        let unit = Unit::new(origin.context(Actor::Person(principal.user_id))).stream(&card, events);
        match system.store.append(unit).await {
            Ok(appended) => return Ok(appended.position),
            Err(AppendError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::Conflict)
}

fn command(principal: Principal) -> card::Command {
    let Principal { user_id, session_id } = principal;
    card::Command::Reveal { user_id, session_id, now: crate::now() }
}
