use aggregates::{
    CardId, Envelope, Fact,
    card::{Authority, Event, IssuerStatus, Reason, Status, Window},
};
use chrono::{DateTime, Utc};

use super::{Changes, IssuedCard, NewCard, Spending, text};

/// What changed about a card, beside its state; the columns that did not are left as they are.
#[derive(Default)]
pub(in crate::tables) struct CardChange {
    pub monthly_limit: Option<i64>,
    pub successor: Option<CardId>,
    pub issuer_status: Option<&'static str>,
    pub expiry_announced: bool,
}

/// A step from one state to another.
pub(in crate::tables) struct Transition {
    pub card_id: CardId,
    pub position: i64,
    pub transition: &'static str,
    pub status: &'static str,
    pub authority: &'static str,
    pub reason: Option<&'static str>,
    pub actor: String,
    pub at: DateTime<Utc>,
}

/// Who made a step, why, and to what.
struct Step(Status, Authority, Option<Reason>, DateTime<Utc>);

impl Changes {
    pub(super) fn card(&mut self, envelope: &Envelope, event: Event) {
        let card_id = CardId(envelope.aggregate_id);
        let name = event.name();
        if let Some(Step(status, authority, reason, at)) = self.card_step(card_id, envelope.position, event) {
            if status != Status::Requested {
                self.card_statuses.insert(card_id, (status.as_str(), at));
            }
            self.transitions.push(Transition {
                card_id,
                position: envelope.position,
                transition: name,
                status: status.as_str(),
                authority: authority.as_str(),
                reason: reason.map(Reason::as_str),
                actor: envelope.actor.clone(),
                at,
            });
        }
    }

    fn card_step(&mut self, card_id: CardId, position: i64, event: Event) -> Option<Step> {
        use Authority::{Issuer, Person, System};
        match event {
            Event::Requested { user_id, card_type, monthly_limit, purpose, replaces, at, .. } => {
                let (currency, monthly_limit) = (monthly_limit.currency, monthly_limit.minor_units);
                let (card_type, purpose) = (text(&card_type), purpose.name());
                let predecessor = replaces.map(|replaced| replaced.card_id);
                let card = NewCard {
                    card_id,
                    user_id,
                    card_type,
                    currency,
                    monthly_limit,
                    purpose,
                    predecessor,
                    at,
                    position,
                };
                self.cards.push(card);
                Some(Step(Status::Requested, Person, None, at))
            }
            Event::Issued { issuer, issuer_reference: reference, last_four, expiry, status, at } => {
                let (expiry, expires_on) = (expiry.to_string(), expiry.end());
                self.issued.push((card_id, IssuedCard { issuer, reference, last_four, expiry, expires_on }));
                self.card_change(card_id).issuer_status = Some(IssuerStatus::Active.as_str());
                Some(Step(status, Issuer, None, at))
            }
            Event::IssueFailed { at, .. } => Some(Step(Status::IssueFailed, Issuer, None, at)),
            Event::Held { amount, window, .. } => self.spend(card_id, window, amount.minor_units),
            Event::HoldReleased { amount, window, .. } => self.spend(card_id, window, -amount.minor_units),
            Event::LockedToMerchant { .. } | Event::Revealed { .. } => None,
            Event::ControlsSet { monthly_limit, .. } => {
                self.card_change(card_id).monthly_limit = Some(monthly_limit.minor_units);
                None
            }
            Event::Activated { by, at } => Some(Step(Status::Active, by, None, at)),
            Event::Frozen { by, reason, at } => Some(Step(Status::Frozen, by, reason, at)),
            Event::Unfrozen { by, reason, status, at, whose: _ } => Some(Step(status, by, reason, at)),
            Event::Terminated { by, reason, at } => Some(Step(Status::Terminated, by, reason, at)),
            Event::Expired { at } => Some(Step(Status::Expired, System, Some(Reason::Expired), at)),
            Event::ExpiryAnnounced { .. } => {
                self.card_change(card_id).expiry_announced = true;
                None
            }
            Event::Replaced { successor, .. } => {
                self.card_change(card_id).successor = Some(successor);
                None
            }
            Event::IssuerStatusRecorded { status, .. } => {
                self.card_change(card_id).issuer_status = Some(status.as_str());
                None
            }
        }
    }

    fn card_change(&mut self, card_id: CardId) -> &mut CardChange {
        self.card_changes.entry(card_id).or_default()
    }

    /// The table shows one window, the newest; what is released to an older one does not show.
    fn spend(&mut self, card_id: CardId, window: Window, change: i64) -> Option<Step> {
        let spending = self.spending.entry(card_id).or_insert(Spending { window, change: 0 });
        if window > spending.window {
            *spending = Spending { window, change };
        } else if window == spending.window {
            spending.change += change;
        }
        None
    }
}
