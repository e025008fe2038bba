//! What a card may be used for, set anew.

use aggregates::{
    Actor, CardId, Money, UserId,
    card::{Card, Command, Controls},
    kyc::Kyc,
};
use secrecy::SecretString;
use store::{AppendError, Unit};

use super::read::owned;
use crate::{
    ATTEMPTS, Error, Origin, Principal, Settings, System, Written, identity,
    step_up::{self, Operation, Raise},
};

/// What a card may be used for.
#[derive(Clone, Debug, PartialEq)]
pub struct ControlsView {
    pub monthly_limit: Money,
    pub controls: Controls,
    /// Names this value: a change that is made for another one is refused.
    pub version: u32,
}

/// Which controls a change is meant for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Whatever they are.
    Any,
    /// One of these. None of them, where none is ours.
    Versions(Vec<u32>),
}

impl Seen {
    fn is(&self, version: u32) -> bool {
        match self {
            Seen::Any => true,
            Seen::Versions(versions) => versions.contains(&version),
        }
    }
}

#[derive(Clone, Debug)]
pub struct NewControls {
    pub monthly_limit: Money,
    pub controls: Controls,
}

impl ControlsView {
    pub(super) fn of(card: &Card) -> Result<ControlsView, Error> {
        let (Some(monthly_limit), Some(controls)) = (card.monthly_limit(), card.controls()) else {
            return Err(Error::NotFound { what: "card" });
        };
        Ok(ControlsView { monthly_limit, controls: controls.clone(), version: card.controls_version() })
    }
}

/// Sets all controls of a card anew, where they still are those that the person saw. What would allow anything that
/// the present ones do not needs a step-up for exactly these controls; tightening needs none.
pub async fn set(
    system: &System,
    principal: Principal,
    step_up: Option<&SecretString>,
    card_id: CardId,
    new: NewControls,
    seen: &Seen,
    origin: &Origin,
) -> Result<Written<ControlsView>, Error> {
    let user_id = principal.user_id;
    let controls = new.controls.normalized();
    let monthly_limit = new.monthly_limit;
    let mut may_loosen = false;
    for _ in 0..ATTEMPTS {
        let card = system.store.load_latest::<Card>(card_id).await?;
        check(system, &card, user_id, seen, monthly_limit).await?;
        let set = |may_loosen| Command::SetControls {
            controls: controls.clone(),
            monthly_limit,
            may_loosen,
            now: crate::now(),
        };
        let events = card.decide(set(true))?;
        if events.is_empty() {
            return Ok(Written { value: ControlsView::of(&card)?, position: system.store.head().await? });
        }
        // Only now: a step-up for what would be refused anyway is used up for nothing.
        if card.is_loosened_by(&controls, monthly_limit) && !may_loosen {
            let raise = Raise::new(card_id, &controls, monthly_limit)?;
            step_up::redeem(system, principal, &Operation::LimitRaise(raise), step_up, origin).await?;
            may_loosen = true;
        }
        let mut next = Card::clone(&card);
        events.iter().for_each(|event| next.apply(event));
        let unit = Unit::new(origin.context(Actor::Person(user_id))).stream(&card, events);
        match system.store.append(unit).await {
            Ok(appended) => return Ok(Written { value: ControlsView::of(&next)?, position: appended.position }),
            // A payment, mostly.
            Err(AppendError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::Conflict)
}

async fn check(system: &System, card: &Card, user_id: UserId, seen: &Seen, monthly_limit: Money) -> Result<(), Error> {
    owned(card, user_id)?;
    if !seen.is(card.controls_version()) {
        return Err(Error::Outdated { what: "controls" });
    }
    let highest = Settings::limit(system.settings.highest_monthly_limit, monthly_limit.currency);
    let raised = card.monthly_limit().is_some_and(|limit| monthly_limit.minor_units > limit.minor_units);
    if !raised {
        return Ok(());
    }
    if monthly_limit.minor_units > highest.minor_units {
        return Err(Error::invalid("monthly_limit", format!("is at most {highest}")));
    }
    identity::permits_card(&system.settings, &*system.store.load_latest::<Kyc>(user_id).await?, monthly_limit)
}
