//! Cards: one document each, and an index of each person's cards.

use aggregates::{
    CardId, Envelope, Money, UserId,
    card::{CardType, Event, Expiry, Status, Window},
    envelope::AnyEvent,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    ReadError, Views,
    fold::Needs,
    keys::Key,
    workspace::{Document, FoldError, Workspace},
};

/// How many of a person's cards can be listed from here, newest first. Older ones keep their document and can be
/// read by id; the relational tables list all.
pub const CARDS_LISTED: usize = 1_000;

const INDEX: &str = "cards";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    pub card_id: CardId,
    pub user_id: UserId,
    pub card_type: CardType,
    pub status: Status,
    /// Its currency is the card's.
    pub monthly_limit: Money,
    /// The newest month that anything was held in, none before the first payment.
    pub window: Option<Window>,
    /// What that month's holds amount to, releases taken off; minor units of the card's currency.
    pub used_minor_units: i64,
    /// Known once the card is issued, as is the expiry.
    pub last_four: Option<String>,
    pub expiry: Option<Expiry>,
    /// What it is for: `standard`, `single_use` or `merchant_locked`.
    pub purpose: String,
    /// The card that it took the place of.
    pub predecessor: Option<CardId>,
    pub successor: Option<CardId>,
    pub created_at: DateTime<Utc>,
    /// The position of the event that requested the card: lists are in this order.
    pub position: i64,
}

impl Card {
    /// What is used of the limit of `window`.
    pub fn used_in(&self, window: Window) -> Money {
        let used = if self.window == Some(window) { self.used_minor_units } else { 0 };
        Money::new(used, self.monthly_limit.currency)
    }

    fn learn(&mut self, event: &Event) {
        match event {
            Event::Requested { .. } => {}
            Event::Issued { last_four, expiry, status, issuer: _, issuer_reference: _, at: _ } => {
                self.status = *status;
                self.last_four = Some(last_four.clone());
                self.expiry = Some(*expiry);
            }
            Event::IssueFailed { issuer: _, reason: _, at: _ } => self.status = Status::IssueFailed,
            Event::Held { amount, window, payment_id: _, kind: _, slot: _, at: _ } => {
                self.use_limit(*window, amount.minor_units)
            }
            Event::HoldReleased { amount, window, payment_id: _, slot: _, partial: _, at: _ } => {
                self.use_limit(*window, amount.minor_units.saturating_neg());
            }
            Event::LockedToMerchant { .. }
            | Event::ExpiryAnnounced { .. }
            | Event::IssuerStatusRecorded { .. }
            | Event::Revealed { .. } => {}
            Event::ControlsSet { monthly_limit, controls: _, at: _ } => self.monthly_limit = *monthly_limit,
            Event::Activated { .. } => self.status = Status::Active,
            Event::Frozen { .. } => self.status = Status::Frozen,
            Event::Unfrozen { status, .. } => self.status = *status,
            Event::Terminated { .. } => self.status = Status::Terminated,
            Event::Expired { .. } => self.status = Status::Expired,
            Event::Replaced { successor, .. } => self.successor = Some(*successor),
        }
    }

    /// Only the newest month is shown; what is released from an older one changes nothing here.
    fn use_limit(&mut self, window: Window, minor_units: i64) {
        if self.window < Some(window) {
            self.window = Some(window);
            self.used_minor_units = 0;
        }
        if self.window == Some(window) {
            self.used_minor_units = self.used_minor_units.saturating_add(minor_units);
        }
    }
}

impl Document for Card {
    const ROOM: &'static str = "card";
}

impl Views {
    pub async fn card(&self, card: CardId, at_least: Option<i64>) -> Result<Option<Card>, ReadError> {
        self.document(card, at_least).await
    }

    /// A person's cards, newest first, at most [`CARDS_LISTED`].
    pub async fn cards(&self, user: UserId, at_least: Option<i64>) -> Result<Vec<Card>, ReadError> {
        let index = self.index(Key::new(INDEX, user), None, CARDS_LISTED, at_least).await?;
        self.documents(&index.members).await
    }
}

pub(crate) fn needs(needs: &mut Needs, envelope: &Envelope, event: &AnyEvent) {
    match event {
        AnyEvent::Card(Event::Requested { user_id, .. }) => {
            needs.create(Card::key(envelope.aggregate_id));
            needs.push_index(Key::new(INDEX, *user_id), CARDS_LISTED);
        }
        AnyEvent::Card(_) => needs.load(Card::key(envelope.aggregate_id)),
        AnyEvent::User(_)
        | AnyEvent::Kyc(_)
        | AnyEvent::Payment(_)
        | AnyEvent::Client(_)
        | AnyEvent::Notification(_) => {}
    }
}

pub(crate) fn fold(workspace: &mut Workspace, envelope: &Envelope, event: &AnyEvent) -> Result<(), FoldError> {
    let card_id = CardId(envelope.aggregate_id);
    match event {
        AnyEvent::Card(Event::Requested { user_id, card_type, monthly_limit, purpose, replaces, at, .. }) => {
            let card = Card {
                card_id,
                user_id: *user_id,
                card_type: *card_type,
                status: Status::Requested,
                monthly_limit: *monthly_limit,
                window: None,
                used_minor_units: 0,
                last_four: None,
                expiry: None,
                purpose: purpose.name().to_owned(),
                predecessor: replaces.as_ref().map(|replaced| replaced.card_id),
                successor: None,
                created_at: *at,
                position: envelope.position,
            };
            workspace.put(card_id, card);
            workspace.push_index(Key::new(INDEX, *user_id), envelope.position, card_id.0)?;
        }
        AnyEvent::Card(event) => workspace.edit_known::<Card>(card_id)?.learn(event),
        AnyEvent::User(_)
        | AnyEvent::Kyc(_)
        | AnyEvent::Payment(_)
        | AnyEvent::Client(_)
        | AnyEvent::Notification(_) => {}
    }
    Ok(())
}
