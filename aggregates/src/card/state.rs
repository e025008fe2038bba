use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{CardId, Money, PaymentId, UserId, named::named};

use super::{
    Authority, Bound, CardType, Controls, Expiry, IssuerStatus, Purpose, Reason, Replaces, Slot, Standing, Window,
    controls, usage::Usage,
};

/// A card as the log tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    pub(super) details: Option<Details>,
    pub(super) usage: Usage,
}

named! {
    pub enum Status {
        /// The issuer has been or will be asked.
        Requested = "requested",
        /// Issued; it waits for its owner to activate it.
        Inactive = "inactive",
        Active = "active",
        Frozen = "frozen",
        /// The issuer refused for good; another card has to be requested.
        IssueFailed = "issue_failed",
        Expired = "expired",
        Terminated = "terminated",
    }
}

impl Status {
    pub(super) fn active() -> Status {
        Status::Active
    }

    pub(super) fn is_active(&self) -> bool {
        *self == Status::Active
    }
}

/// How far a card's life has come, whoever has frozen it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stage {
    Requested,
    Inactive,
    Active,
    IssueFailed,
    Expired,
    Terminated,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Details {
    pub owner: UserId,
    pub card_type: CardType,
    pub monthly_limit: Money,
    pub requested_at: DateTime<Utc>,
    pub purpose: Purpose,
    pub controls: Controls,
    /// How often the controls were set.
    pub controls_version: u32,
    pub needs_activation: bool,
    pub stage: Stage,
    /// Whose freezes stand: at most one each.
    pub freezes: Vec<Authority>,
    pub answer: Option<Answer>,
    pub ended_for: Option<Reason>,
    pub replaces: Option<Box<Replaces>>,
    pub successor: Option<CardId>,
    /// The one payment of a single-use card, while it holds anything.
    pub payment: Option<PaymentId>,
    /// What the issuer lets the card do, as far as is known.
    pub at_issuer: Option<IssuerStatus>,
    pub at_issuer_since: Option<DateTime<Utc>>,
    /// How often the card went from one state to another.
    pub transitions: u32,
    /// Its owner knows that it expires soon.
    pub expiry_announced: bool,
}

/// What the issuer said; kept whole, so that a repeated answer is told from a contradicting one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Issued { issuer: String, issuer_reference: String, last_four: String, expiry: Expiry },
    Failed { issuer: String, reason: String },
}

/// All limits of a card as they stand at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of the calendar month, UTC.
    pub monthly: Bound<Money>,
    pub window: Window,
    /// Those that the controls set.
    pub others: Vec<Standing>,
}

impl Card {
    pub fn owner(&self) -> Option<UserId> {
        self.details.as_ref().map(|details| details.owner)
    }

    /// None where there is no such card.
    pub fn status(&self) -> Option<Status> {
        self.details.as_ref().map(Details::status)
    }

    pub fn card_type(&self) -> Option<CardType> {
        self.details.as_ref().map(|details| details.card_type)
    }

    pub fn monthly_limit(&self) -> Option<Money> {
        self.details.as_ref().map(|details| details.monthly_limit)
    }

    pub fn requested_at(&self) -> Option<DateTime<Utc>> {
        self.details.as_ref().map(|details| details.requested_at)
    }

    pub fn purpose(&self) -> Option<&Purpose> {
        self.details.as_ref().map(|details| &details.purpose)
    }

    pub fn controls(&self) -> Option<&Controls> {
        self.details.as_ref().map(|details| &details.controls)
    }

    /// How often the controls were set: names one value of them.
    pub fn controls_version(&self) -> u32 {
        self.details.as_ref().map_or(0, |details| details.controls_version)
    }

    /// Whose freezes stand.
    pub fn freezes(&self) -> &[Authority] {
        self.details.as_ref().map_or(&[], |details| &details.freezes)
    }

    pub fn needs_activation(&self) -> bool {
        self.details.as_ref().is_some_and(|details| details.needs_activation)
    }

    pub fn predecessor(&self) -> Option<CardId> {
        Some(self.details.as_ref()?.replaces.as_ref()?.card_id)
    }

    pub fn successor(&self) -> Option<CardId> {
        self.details.as_ref()?.successor
    }

    /// Why it ended.
    pub fn ended_for(&self) -> Option<Reason> {
        self.details.as_ref()?.ended_for
    }

    /// What the card's limits are used for, for a card that takes its place.
    pub fn usage(&self) -> &Usage {
        &self.usage
    }

    pub fn last_four(&self) -> Option<&str> {
        match self.details.as_ref()?.answer.as_ref()? {
            Answer::Issued { last_four, .. } => Some(last_four),
            Answer::Failed { .. } => None,
        }
    }

    /// The issuer's own name for the card, once it is issued.
    pub fn issuer_reference(&self) -> Option<&str> {
        match self.details.as_ref()?.answer.as_ref()? {
            Answer::Issued { issuer_reference, .. } => Some(issuer_reference),
            Answer::Failed { .. } => None,
        }
    }

    /// Who issued the card.
    pub fn issuer(&self) -> Option<&str> {
        match self.details.as_ref()?.answer.as_ref()? {
            Answer::Issued { issuer, .. } => Some(issuer),
            Answer::Failed { .. } => None,
        }
    }

    pub fn expiry(&self) -> Option<Expiry> {
        self.details.as_ref()?.expiry()
    }

    /// How often the card went from one state to another: names its present one.
    pub fn transitions(&self) -> u32 {
        self.details.as_ref().map_or(0, |details| details.transitions)
    }

    /// What the issuer has to be told that the card is; none where it knows.
    pub fn to_tell_issuer(&self) -> Option<IssuerStatus> {
        let details = self.details.as_ref()?;
        details.wanted_at_issuer().filter(|wanted| details.at_issuer != Some(*wanted))
    }

    /// When the issuer was last known to agree with us, or to decide by itself.
    pub fn issuer_status_since(&self) -> Option<DateTime<Utc>> {
        self.details.as_ref()?.at_issuer_since
    }

    /// Where a hold counts that is made at `now`.
    pub fn slot(&self, now: DateTime<Utc>) -> Slot {
        match self.controls() {
            Some(controls) => Slot { at: now, day: controls.time_zone.local(now).date() },
            None => Slot::utc(now),
        }
    }

    /// What is held or captured in a month, in the card's currency; zero for months that are no longer kept.
    pub fn used(&self, window: Window) -> Option<Money> {
        let currency = self.monthly_limit()?.currency;
        Some(Money::new(self.usage.used_in(window).unwrap_or_default().amount, currency))
    }

    /// The limits as they stand at `now`.
    pub fn limits(&self, now: DateTime<Utc>) -> Option<Limits> {
        let details = self.details.as_ref()?;
        let (slot, zone) = (self.slot(now), details.controls.time_zone);
        let (limit, window) = (details.monthly_limit, slot.window());
        let used = self.usage.used_in(window).map_or(limit.minor_units, |tally| tally.amount);
        let others = details.controls.limits.iter().map(|limit| limit.standing(&self.usage, slot, zone)).collect();
        Some(Limits { monthly: controls::amount_bound(limit, used), window, others })
    }
}

impl Details {
    pub fn status(&self) -> Status {
        match self.stage {
            Stage::Requested => Status::Requested,
            Stage::Inactive | Stage::Active if !self.freezes.is_empty() => Status::Frozen,
            Stage::Inactive => Status::Inactive,
            Stage::Active => Status::Active,
            Stage::IssueFailed => Status::IssueFailed,
            Stage::Expired => Status::Expired,
            Stage::Terminated => Status::Terminated,
        }
    }

    pub fn expiry(&self) -> Option<Expiry> {
        match self.answer.as_ref()? {
            Answer::Issued { expiry, .. } => Some(*expiry),
            Answer::Failed { .. } => None,
        }
    }

    /// None for a card that the issuer has not made.
    pub fn wanted_at_issuer(&self) -> Option<IssuerStatus> {
        match self.status() {
            Status::Requested | Status::IssueFailed => None,
            Status::Active => Some(IssuerStatus::Active),
            Status::Inactive | Status::Frozen => Some(IssuerStatus::Inactive),
            Status::Expired | Status::Terminated => Some(IssuerStatus::Canceled),
        }
    }
}
