//! Cards: a verified person asks for one, the issuer makes it, the vault keeps its secrets; what it may be used for,
//! and what becomes of it.

mod controls;
mod fraud;
mod issue;
mod life;
mod read;
mod replace;
mod upkeep;

use aggregates::{
    Actor, CardId, Currency, Money, UserId,
    card::{self, Card, CardType, Controls, Expiry, Purpose, Terms},
    kyc,
    user::{self, Standing, User},
};
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use store::{AppendError, Loaded, Unit};

use crate::{
    ATTEMPTS, Error, Origin, Principal, Settings, System, Written, identity, payments,
    step_up::{Operation, Unused},
};

pub use controls::{ControlsView, NewControls, Seen, set as set_controls};
pub(crate) use fraud::freeze as freeze_for_fraud;
pub use issue::finish;
pub use life::{Act, Who, act};
pub(crate) use life::{use_up, used_up};
pub use read::{controls, get, limits, list, transitions, transitions_of};
pub use replace::replace;
pub(crate) use upkeep::hear_issuer;
pub use upkeep::{mind_expiry, tell_issuer};

use read::view;

/// Cards listed at most, newest first.
const LISTED: i64 = 200;

pub struct CardRequest {
    pub card_type: CardType,
    pub currency: Currency,
    /// What the card may spend in a calendar month (UTC); the default limit where none is named.
    pub monthly_limit: Option<Money>,
    pub purpose: Purpose,
    pub controls: Controls,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CardView {
    pub card_id: CardId,
    pub card_type: CardType,
    pub status: card::Status,
    pub last_four: Option<String>,
    pub expiry: Option<Expiry>,
    pub currency: Currency,
    pub monthly_limit: Money,
    pub used_this_month: Money,
    /// `standard`, `single_use` or `merchant_locked`.
    pub purpose: String,
    /// The card that it took the place of.
    pub predecessor: Option<CardId>,
    pub successor: Option<CardId>,
    pub requested_at: DateTime<Utc>,
}

/// Asks for a card, with a step-up. It is active at once, or `requested` where the issuer did not answer and a worker
/// goes on.
pub async fn request(
    system: &System,
    principal: Principal,
    step_up: Option<&SecretString>,
    request: CardRequest,
    origin: &Origin,
) -> Result<Written<CardView>, Error> {
    let monthly_limit = limit(&system.settings, &request)?;
    let (store, user_id) = (&system.store, principal.user_id);
    // Before the step-up, which would be used up for nothing; and again with the append.
    identity::permits_card(&system.settings, &*store.load_latest::<kyc::Kyc>(user_id).await?, monthly_limit)?;
    let card_id = CardId(store::new_id());
    let card = Loaded::<Card>::new(card_id);
    let terms = Terms {
        purpose: checked(request.purpose)?,
        controls: request.controls,
        needs_activation: system.settings.cards_need_activation,
        replaces: None,
    };
    let (card_type, now) = (request.card_type, crate::now());
    let events = card.decide(card::Command::Request { user_id, card_type, monthly_limit, terms, now })?;
    let step_up = Unused::new(system, principal, Operation::CardRequest, step_up).await?;
    let resource = || format!("/api/v1/cards/{card_id}");
    let wanted = Wanted::Another { card, events, monthly_limit };
    let position = append(system, user_id, step_up, origin, &wanted).await.map_err(|error| error.about(resource))?;
    let finished = finish(system, card_id, origin).await.map_err(|e| e.after_intent(resource))?;
    Ok(Written { position: finished.position.max(position), ..finished })
}

/// What gives a person a card.
enum Wanted {
    Another { card: Loaded<Card>, events: Vec<card::Event>, monthly_limit: Money },
    InPlaceOf(replace::Replacing),
}

impl Wanted {
    /// Adds it to the unit, as things stand now; with the new card's monthly limit.
    async fn add_to(&self, unit: Unit, system: &System) -> Result<(Unit, Money), Error> {
        match self {
            Wanted::Another { card, events, monthly_limit } => Ok((unit.stream(card, events.clone()), *monthly_limit)),
            Wanted::InPlaceOf(replacing) => replacing.add_to(unit, system).await,
        }
    }
}

/// Appends what gives a person a card, as long as the account is open and the identity verified for such a limit. The
/// step-up is used up last.
async fn append(
    system: &System,
    user_id: UserId,
    mut step_up: Unused<'_>,
    origin: &Origin,
    wanted: &Wanted,
) -> Result<i64, Error> {
    let store = &system.store;
    for _ in 0..ATTEMPTS {
        let person = store.load_latest::<User>(user_id).await?;
        if person.standing() != Standing::Open {
            return Err(user::Error::Closed.into());
        }
        let verification = store.load_latest::<kyc::Kyc>(user_id).await?;
        let (unit, monthly_limit) = wanted.add_to(Unit::new(origin.context(Actor::Person(user_id))), system).await?;
        identity::permits_card(&system.settings, &verification, monthly_limit)?;
        let place = store.place()?;
        step_up.redeem(system, origin).await?;
        // The empty additions hold account and verification in place: should they change meanwhile, the append
        // conflicts.
        match store.append_at(place, unit.stream(&verification, vec![]).stream(&person, vec![])).await {
            Ok(appended) => return Ok(appended.position),
            Err(AppendError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::Conflict)
}

/// A merchant that a card is locked to has a name.
fn checked(purpose: Purpose) -> Result<Purpose, Error> {
    match &purpose {
        Purpose::MerchantLocked { merchant: Some(merchant) } => {
            payments::check_linked(Money::new(1, Currency::USD), merchant)?;
        }
        Purpose::MerchantLocked { merchant: None } | Purpose::Standard | Purpose::SingleUse => {}
    }
    Ok(purpose)
}

fn limit(settings: &Settings, request: &CardRequest) -> Result<Money, Error> {
    let highest = Settings::limit(settings.highest_monthly_limit, request.currency);
    let limit = request.monthly_limit.unwrap_or(Settings::limit(settings.default_monthly_limit, request.currency));
    if limit.currency != request.currency {
        return Err(Error::invalid("amount_limit", "is in another currency than the card"));
    }
    match limit.is_positive() && limit.minor_units <= highest.minor_units {
        true => Ok(limit),
        false => Err(Error::invalid("amount_limit", format!("is above zero and at most {highest}"))),
    }
}
