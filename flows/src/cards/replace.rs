//! Another card in the place of one that was lost, stolen or compromised, or that expires.

use aggregates::{
    CardId,
    card::{self, Authority, Card, Command, Reason, Replacement, Replaces, Terms},
    kyc,
};
use secrecy::SecretString;
use store::Loaded;

use super::{CardView, append, finish, read::owned};
use crate::{Error, Origin, Principal, System, Written, identity, step_up};

/// Asks for a card in the place of `old`, with a step-up. The old one ends in the same append, and the new one begins
/// with what the old one had used of its limits, so that nobody spends a limit twice.
///
/// What is released on the old card later is not given back to the new one: its limits err on the safe side.
pub async fn replace(
    system: &System,
    principal: Principal,
    step_up: Option<&SecretString>,
    old_id: CardId,
    (why, reason): (Replacement, Reason),
    origin: &Origin,
) -> Result<Written<CardView>, Error> {
    let (store, user_id) = (&system.store, principal.user_id);
    let new_id = CardId(store::new_id());
    let attempt = async |may: bool| -> Result<Option<i64>, Error> {
        let old = store.load_latest::<Card>(old_id).await?;
        owned(&old, user_id)?;
        let new = Loaded::<Card>::new(new_id);
        let (ended, requested) = decide(system, &old, (old_id, new_id), (why, reason))?;
        let monthly_limit = old.monthly_limit().ok_or(Error::NotFound { what: "card" })?;
        if !may {
            let verification = store.load_latest::<kyc::Kyc>(user_id).await?;
            return identity::permits_card(&system.settings, &verification, monthly_limit).map(|()| None);
        }
        let unit = append(system, user_id, monthly_limit, origin, |unit| {
            unit.stream(&new, requested.clone()).stream(&old, ended.clone())
        });
        unit.await.map(Some)
    };
    attempt(false).await?;
    step_up::redeem(system, principal, &step_up::Operation::CardRequest, step_up, origin).await?;
    let _turn = system.turns.take(old_id).await;
    let resource = || format!("/api/v2/cards/{new_id}");
    let position = match attempt(true).await {
        // A payment on the old card was faster; what it used has to be carried over, too.
        Err(Error::Conflict) => attempt(true).await,
        done => done,
    };
    let position = position.map_err(|error| error.about(resource))?.unwrap_or(0);
    drop(_turn);
    let finished = finish(system, new_id, origin).await.map_err(|error| error.after_intent(resource))?;
    Ok(Written { position: finished.position.max(position), ..finished })
}

/// What happens to the old card, and the request for the new one.
fn decide(
    system: &System,
    old: &Card,
    (old_id, new_id): (CardId, CardId),
    (why, reason): (Replacement, Reason),
) -> Result<(Vec<card::Event>, Vec<card::Event>), Error> {
    let (by, now) = (Authority::Person, crate::now());
    let ended = old.decide(Command::Replace { successor: new_id, by, reason, now })?;
    let (Some(user_id), Some(card_type), Some(monthly_limit), Some(purpose), Some(controls)) =
        (old.owner(), old.card_type(), old.monthly_limit(), old.purpose(), old.controls())
    else {
        return Err(Error::NotFound { what: "card" });
    };
    let terms = Terms {
        purpose: purpose.clone(),
        controls: controls.clone(),
        needs_activation: system.settings.cards_need_activation,
        replaces: Some(Replaces { card_id: old_id, why, used: old.usage().clone() }),
    };
    let requested = Card::default().decide(Command::Request { user_id, card_type, monthly_limit, terms, now })?;
    Ok((ended, requested))
}
