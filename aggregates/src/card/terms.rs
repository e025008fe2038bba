use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CardId, named::named};

use super::{Controls, usage::Usage};

/// For what payments a card is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub enum Purpose {
    #[default]
    Standard,
    /// For one payment: while it holds anything no other can begin, and with its first capture the card ends.
    SingleUse,
    /// For one merchant: the named one, or the first that it pays.
    MerchantLocked {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        merchant: Option<String>,
    },
}

impl Purpose {
    pub(super) fn is_standard(&self) -> bool {
        *self == Purpose::Standard
    }

    /// Without its details.
    pub const fn name(&self) -> &'static str {
        match self {
            Purpose::Standard => "standard",
            Purpose::SingleUse => "single_use",
            Purpose::MerchantLocked { .. } => "merchant_locked",
        }
    }
}

/// What else a card is asked for with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    pub purpose: Purpose,
    pub controls: Controls,
    /// Once issued it waits for its owner to activate it.
    pub needs_activation: bool,
    pub replaces: Option<Replaces>,
}

/// The card that a new one takes the place of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Replaces {
    pub card_id: CardId,
    pub why: Replacement,
    /// What the old one had used: replacing a card does not fill its limits up again.
    pub used: Usage,
}

named! {
    /// Why a card takes the place of another.
    pub enum Replacement {
        /// It was lost, stolen or compromised, or is to have another number.
        Reissue = "reissue",
        /// It expires.
        Renewal = "renewal",
    }
}

named! {
    /// Who does something to a card. Who froze it decides who may unfreeze it.
    pub enum Authority {
        /// Its owner.
        Person = "person",
        /// Our staff.
        Operator = "operator",
        /// The fraud rules.
        Fraud = "fraud",
        Issuer = "issuer",
        /// The programme itself: cards that expire, are used up, replaced, or whose owner has left.
        System = "system",
    }
}

impl Authority {
    /// What changed cards before anything else did.
    pub(super) fn person() -> Authority {
        Authority::Person
    }

    pub(super) fn is_person(&self) -> bool {
        *self == Authority::Person
    }

    /// Whether a freeze of `other` may be lifted: one's own, and by our staff all but the issuer's.
    pub(super) fn may_lift(self, other: Authority) -> bool {
        self == other || (self == Authority::Operator && other != Authority::Issuer)
    }
}

named! {
    /// Why something was done to a card. A code, not a text: texts would carry personal data into the log.
    pub enum Reason {
        /// Its owner wants it so.
        Requested = "requested",
        Lost = "lost",
        Stolen = "stolen",
        /// Its number may be known to others.
        Compromised = "compromised",
        SuspectedFraud = "suspected_fraud",
        Misuse = "misuse",
        Compliance = "compliance",
        /// The single payment that it was for was made.
        Used = "used",
        Replaced = "replaced",
        Expired = "expired",
        AccountClosed = "account_closed",
        Issuer = "issuer",
        /// What was in the way is cleared up.
        Resolved = "resolved",
        Other = "other",
    }
}

named! {
    /// What the issuer lets a card do.
    pub enum IssuerStatus {
        Active = "active",
        Inactive = "inactive",
        /// For good.
        Canceled = "canceled",
    }
}
