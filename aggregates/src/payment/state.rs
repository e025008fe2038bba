use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CardId, Money, UserId, card::Slot};

use super::{Decline, Screening};

/// A payment as the log tells it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Payment {
    pub(super) intent: Option<Intent>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The outcome is not known yet.
    Pending,
    Captured,
    Declined,
}

impl Status {
    pub const fn as_str(self) -> &'static str {
        match self {
            Status::Pending => "pending",
            Status::Captured => "captured",
            Status::Declined => "declined",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Intent {
    pub user_id: UserId,
    pub card_id: CardId,
    pub amount: Money,
    pub merchant: String,
    pub merchant_category: String,
    pub device_id: Option<String>,
    pub screening: Screening,
    pub hold: Option<Slot>,
    pub request_digest: Option<String>,
    pub initiated_at: DateTime<Utc>,
    pub resumed: bool,
    pub outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Awaited,
    Captured { gateway: String, gateway_reference: String, amount: Money, at: DateTime<Utc> },
    Declined { reason: Decline, at: DateTime<Utc> },
}

impl Payment {
    /// None where there is no such payment.
    pub fn status(&self) -> Option<Status> {
        self.intent.as_ref().map(|intent| match &intent.outcome {
            Outcome::Awaited => Status::Pending,
            Outcome::Captured { .. } => Status::Captured,
            Outcome::Declined { .. } => Status::Declined,
        })
    }

    pub fn user_id(&self) -> Option<UserId> {
        self.intent.as_ref().map(|intent| intent.user_id)
    }

    pub fn card_id(&self) -> Option<CardId> {
        self.intent.as_ref().map(|intent| intent.card_id)
    }

    /// What was asked for.
    pub fn amount(&self) -> Option<Money> {
        self.intent.as_ref().map(|intent| intent.amount)
    }

    /// What the gateway charged, at most [`Payment::amount`].
    pub fn captured(&self) -> Option<Money> {
        match &self.intent.as_ref()?.outcome {
            Outcome::Captured { amount, .. } => Some(*amount),
            Outcome::Awaited | Outcome::Declined { .. } => None,
        }
    }

    pub fn merchant(&self) -> Option<&str> {
        self.intent.as_ref().map(|intent| intent.merchant.as_str())
    }

    pub fn merchant_category(&self) -> Option<&str> {
        self.intent.as_ref().map(|intent| intent.merchant_category.as_str())
    }

    pub fn device_id(&self) -> Option<&str> {
        self.intent.as_ref()?.device_id.as_deref()
    }

    pub fn screening(&self) -> Option<&Screening> {
        self.intent.as_ref().map(|intent| &intent.screening)
    }

    /// Where the card counted the amount when the payment began; stays when it is released.
    pub fn hold(&self) -> Option<Slot> {
        self.intent.as_ref()?.hold
    }

    pub fn request_digest(&self) -> Option<&str> {
        self.intent.as_ref()?.request_digest.as_deref()
    }

    pub fn decline(&self) -> Option<&Decline> {
        match &self.intent.as_ref()?.outcome {
            Outcome::Declined { reason, .. } => Some(reason),
            Outcome::Awaited | Outcome::Captured { .. } => None,
        }
    }

    pub fn gateway_reference(&self) -> Option<&str> {
        match &self.intent.as_ref()?.outcome {
            Outcome::Captured { gateway_reference, .. } => Some(gateway_reference),
            Outcome::Awaited | Outcome::Declined { .. } => None,
        }
    }

    /// Whether a worker has taken it over.
    pub fn is_resumed(&self) -> bool {
        self.intent.as_ref().is_some_and(|intent| intent.resumed)
    }

    pub fn initiated_at(&self) -> Option<DateTime<Utc>> {
        self.intent.as_ref().map(|intent| intent.initiated_at)
    }

    /// When the payment last changed.
    pub fn updated_at(&self) -> Option<DateTime<Utc>> {
        self.intent.as_ref().map(|intent| match &intent.outcome {
            Outcome::Awaited => intent.initiated_at,
            Outcome::Captured { at, .. } | Outcome::Declined { at, .. } => *at,
        })
    }
}
