//! Another card in the place of one that was lost, stolen or compromised, or that expires.

use aggregates::{
    CardId, Money, UserId,
    card::{self, Authority, Card, Command, Reason, Replacement, Replaces, Terms},
    kyc,
};
use secrecy::SecretString;
use store::{Loaded, Unit};

use super::{CardView, Wanted, append, finish, read::owned};
use crate::{
    Error, Origin, Principal, System, Written, identity,
    step_up::{Operation, Unused},
};

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
    let (store, user_id, new_id) = (&system.store, principal.user_id, CardId(store::new_id()));
    let replacing = Replacing { user_id, old_id, new_id, why, reason };
    // Before the step-up, which would be demanded for nothing; and again with the append.
    let (.., monthly_limit) = replacing.decide(system).await?;
    let verification = store.load_latest::<kyc::Kyc>(user_id).await?;
    identity::permits_card(&system.settings, &verification, monthly_limit)?;
    let step_up = Unused::new(system, principal, Operation::CardRequest, step_up).await?;
    let turn = system.turns.take(old_id).await;
    let resource = || format!("/api/v2/cards/{new_id}");
    let wanted = Wanted::InPlaceOf(replacing);
    let position = append(system, user_id, step_up, origin, &wanted).await.map_err(|error| error.about(resource))?;
    drop(turn);
    let finished = finish(system, new_id, origin).await.map_err(|error| error.after_intent(resource))?;
    Ok(Written { position: finished.position.max(position), ..finished })
}

/// One card that takes the place of another.
pub(super) struct Replacing {
    user_id: UserId,
    old_id: CardId,
    new_id: CardId,
    why: Replacement,
    reason: Reason,
}

impl Replacing {
    /// Where a payment on the old card was faster, what it used is carried over, too.
    pub async fn add_to(&self, unit: Unit, system: &System) -> Result<(Unit, Money), Error> {
        let (old, ended, requested, monthly_limit) = self.decide(system).await?;
        Ok((unit.stream(&Loaded::<Card>::new(self.new_id), requested).stream(&old, ended), monthly_limit))
    }

    /// The old card and what happens to it, the request for the new one, and its limit.
    async fn decide(
        &self,
        system: &System,
    ) -> Result<(Loaded<Card>, Vec<card::Event>, Vec<card::Event>, Money), Error> {
        let old = system.store.load_latest::<Card>(self.old_id).await?;
        owned(&old, self.user_id)?;
        let (by, now) = (Authority::Person, crate::now());
        let ended = old.decide(Command::Replace { successor: self.new_id, by, reason: self.reason, now })?;
        let (Some(user_id), Some(card_type), Some(monthly_limit), Some(purpose), Some(controls)) =
            (old.owner(), old.card_type(), old.monthly_limit(), old.purpose(), old.controls())
        else {
            return Err(Error::NotFound { what: "card" });
        };
        let terms = Terms {
            purpose: purpose.clone(),
            controls: controls.clone(),
            needs_activation: system.settings.cards_need_activation,
            replaces: Some(Replaces { card_id: self.old_id, why: self.why, used: old.usage().clone() }),
        };
        let requested = Card::default().decide(Command::Request { user_id, card_type, monthly_limit, terms, now })?;
        Ok((old, ended, requested, monthly_limit))
    }
}
