use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Money, UserId};

use super::{CardType, Error, Event, Expiry, Slot, Window, spending::Spending};

/// A card as the log tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    pub(super) details: Option<Details>,
    pub(super) spending: Spending,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The issuer has been or will be asked.
    Requested,
    Active,
    Frozen,
    /// The issuer refused for good; another card has to be requested.
    IssueFailed,
    Terminated,
}

impl Status {
    pub const fn as_str(self) -> &'static str {
        match self {
            Status::Requested => "requested",
            Status::Active => "active",
            Status::Frozen => "frozen",
            Status::IssueFailed => "issue_failed",
            Status::Terminated => "terminated",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Details {
    pub owner: UserId,
    pub card_type: CardType,
    pub monthly_limit: Money,
    pub requested_at: DateTime<Utc>,
    pub status: Status,
    pub answer: Option<Answer>,
}

/// What the issuer said; kept whole, so that a repeated answer is told from a contradicting one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Issued { issuer: String, issuer_reference: String, last_four: String, expiry: Expiry },
    Failed { issuer: String, reason: String },
}

impl Card {
    pub fn owner(&self) -> Option<UserId> {
        self.details.as_ref().map(|details| details.owner)
    }

    /// None where there is no such card.
    pub fn status(&self) -> Option<Status> {
        self.details.as_ref().map(|details| details.status)
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

    pub fn expiry(&self) -> Option<Expiry> {
        self.details.as_ref()?.expiry()
    }

    /// Where a hold counts that is made at `now`.
    pub fn slot(&self, now: DateTime<Utc>) -> Slot {
        Slot::utc(now)
    }

    /// What is held or captured in a month, in the card's currency; zero for months that are no longer kept.
    pub fn used(&self, window: Window) -> Option<Money> {
        let currency = self.monthly_limit()?.currency;
        Some(Money::new(self.spending.used(window), currency))
    }
}

impl Answer {
    fn into_event(self, at: DateTime<Utc>) -> Event {
        match self {
            Answer::Issued { issuer, issuer_reference, last_four, expiry } => {
                Event::Issued { issuer, issuer_reference, last_four, expiry, at }
            }
            Answer::Failed { issuer, reason } => Event::IssueFailed { issuer, reason, at },
        }
    }
}

impl Details {
    pub fn expiry(&self) -> Option<Expiry> {
        match self.answer.as_ref()? {
            Answer::Issued { expiry, .. } => Some(*expiry),
            Answer::Failed { .. } => None,
        }
    }

    /// The issuer's first answer is an event, the same answer again is nothing, another one a contradiction.
    pub fn record(&self, answer: Answer, now: DateTime<Utc>) -> Result<Vec<Event>, Error> {
        match &self.answer {
            None => Ok(vec![answer.into_event(now)]),
            Some(known) if *known == answer => Ok(vec![]),
            Some(_) => Err(Error::IssueDecided),
        }
    }

    /// The cardholder's and operators' switches between the states of an issued card. Termination is for good.
    ///
    /// A card that the issuer is still making cannot be switched: the issuer's answer would then meet a card that
    /// is gone.
    pub fn switch(&self, to: Status, event: Event) -> Result<Vec<Event>, Error> {
        match self.status {
            status if status == to => Ok(vec![]),
            Status::Active | Status::Frozen => Ok(vec![event]),
            Status::Requested | Status::IssueFailed => Err(Error::NotIssued),
            Status::Terminated => Err(Error::Terminated),
        }
    }

    pub fn can_spend(&self, user_id: UserId, now: DateTime<Utc>) -> Result<(), Error> {
        if user_id != self.owner {
            return Err(Error::NotOwner);
        }
        match self.status {
            Status::Requested | Status::IssueFailed => return Err(Error::NotIssued),
            Status::Terminated => return Err(Error::Terminated),
            Status::Frozen => return Err(Error::Frozen),
            Status::Active => {}
        }
        match self.expiry() {
            Some(expiry) if expiry.has_passed(now) => Err(Error::Expired { expiry }),
            Some(_) | None => Ok(()),
        }
    }

    pub fn is_amount(&self, amount: Money) -> Result<(), Error> {
        if !amount.is_positive() {
            return Err(Error::AmountNotPositive { amount });
        }
        let (card, payment) = (self.monthly_limit.currency, amount.currency);
        if card != payment {
            return Err(Error::CurrencyMismatch { card, payment });
        }
        Ok(())
    }
}
