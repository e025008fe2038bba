//! What a person reads of their cards.

use aggregates::{
    CardId, Currency, Money, UserId,
    card::{Card, Limits, Window},
};
use projections::ReadError;
use store::tables::TransitionRow;

use super::{CardView, ControlsView, LISTED};
use crate::{Error, System};

/// Steps of one card listed at most, the newest.
const TRANSITIONS_LISTED: i64 = 500;

/// The person's cards, newest first.
pub async fn list(system: &System, user_id: UserId, at_least: Option<i64>) -> Result<Vec<CardView>, Error> {
    match system.views.cards(user_id, at_least).await {
        Ok(cards) => Ok(cards.into_iter().map(from_document).collect()),
        Err(ReadError::Behind { wanted, .. }) => Err(Error::Behind { position: wanted }),
        Err(ReadError::NotReady | ReadError::Unavailable(_)) => {
            system.tables_at(at_least).await?;
            let rows = system.store.card_rows(user_id, LISTED).await?;
            rows.into_iter().map(from_row).collect()
        }
    }
}

/// A card of the person; somebody else's is as unknown as none.
pub async fn get(system: &System, user_id: UserId, card_id: CardId, at_least: Option<i64>) -> Result<CardView, Error> {
    let (owner, view) = match system.views.card(card_id, at_least).await {
        Ok(Some(card)) => (card.user_id, from_document(card)),
        Ok(None) => return Err(Error::NotFound { what: "card" }),
        Err(ReadError::Behind { wanted, .. }) => return Err(Error::Behind { position: wanted }),
        Err(ReadError::NotReady | ReadError::Unavailable(_)) => {
            system.tables_at(at_least).await?;
            let row = system.store.card_row(user_id, card_id).await?.ok_or(Error::NotFound { what: "card" })?;
            (row.user_id, from_row(row)?)
        }
    };
    if owner == user_id { Ok(view) } else { Err(Error::NotFound { what: "card" }) }
}

pub(super) fn view(card_id: CardId, card: &Card) -> Result<CardView, Error> {
    let found = || {
        let monthly_limit = card.monthly_limit()?;
        Some(CardView {
            card_id,
            card_type: card.card_type()?,
            status: card.status()?,
            last_four: card.last_four().map(str::to_owned),
            expiry: card.expiry(),
            currency: monthly_limit.currency,
            monthly_limit,
            used_this_month: card.used(Window::of(crate::now()))?,
            purpose: card.purpose()?.name().to_owned(),
            predecessor: card.predecessor(),
            successor: card.successor(),
            requested_at: card.requested_at()?,
        })
    };
    found().ok_or(Error::NotFound { what: "card" })
}

fn from_document(document: projections::Card) -> CardView {
    CardView {
        card_id: document.card_id,
        card_type: document.card_type,
        status: document.status,
        used_this_month: document.used_in(Window::of(crate::now())),
        last_four: document.last_four,
        expiry: document.expiry,
        currency: document.monthly_limit.currency,
        monthly_limit: document.monthly_limit,
        purpose: document.purpose,
        predecessor: document.predecessor,
        successor: document.successor,
        requested_at: document.created_at,
    }
}

fn from_row(row: store::tables::CardRow) -> Result<CardView, Error> {
    let currency = Currency::from_code(&row.currency).ok_or_else(|| Error::Internal("unknown currency".into()))?;
    let current = row.used_window == Some(Window::of(crate::now()).first_day());
    Ok(CardView {
        card_id: row.card_id,
        card_type: row.card_type,
        status: row.status,
        last_four: row.last_four,
        expiry: row.expiry,
        currency,
        monthly_limit: Money::new(row.monthly_limit, currency),
        used_this_month: Money::new(if current { row.used } else { 0 }, currency),
        purpose: row.purpose,
        predecessor: row.predecessor,
        successor: row.successor,
        requested_at: row.requested_at,
    })
}

/// A card of the person as the log has it; somebody else's is as unknown as none.
pub(super) fn owned(card: &Card, user_id: UserId) -> Result<(), Error> {
    if card.owner() == Some(user_id) { Ok(()) } else { Err(Error::NotFound { what: "card" }) }
}

/// How far the limits of a card are used, now.
pub async fn limits(system: &System, user_id: UserId, card_id: CardId) -> Result<Limits, Error> {
    let card = system.store.load_latest::<Card>(card_id).await?;
    owned(&card, user_id)?;
    card.limits(crate::now()).ok_or(Error::NotFound { what: "card" })
}

/// What a card of the person may be used for.
pub async fn controls(system: &System, user_id: UserId, card_id: CardId) -> Result<ControlsView, Error> {
    let card = system.store.load_latest::<Card>(card_id).await?;
    owned(&card, user_id)?;
    ControlsView::of(&card)
}

/// The steps of a card from one state to another, the oldest first.
pub async fn transitions(
    system: &System,
    user_id: UserId,
    card_id: CardId,
    at_least: Option<i64>,
) -> Result<Vec<TransitionRow>, Error> {
    let card = system.store.load::<Card>(card_id).await?;
    owned(&card, user_id)?;
    system.tables_at(at_least).await?;
    Ok(system.store.card_transitions(user_id, card_id, TRANSITIONS_LISTED).await?)
}

/// The same of anybody's card, for those who look after cards.
pub async fn transitions_of(
    system: &System,
    card_id: CardId,
    at_least: Option<i64>,
) -> Result<Vec<TransitionRow>, Error> {
    let card = system.store.load::<Card>(card_id).await?;
    let owner = card.owner().ok_or(Error::NotFound { what: "card" })?;
    transitions(system, owner, card_id, at_least).await
}
