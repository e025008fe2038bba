use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Currency, Money, named::named, text::written_as_text};

/// What somebody wants to buy, as far as it is known: what a card's controls look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purchase {
    /// In the card's currency.
    pub amount: Money,
    /// The merchant's name, as the client or the network gives it.
    pub merchant: String,
    /// In words of the client's own, such as `electronics`.
    pub merchant_category: String,
    pub mcc: Option<Mcc>,
    /// Where the merchant is.
    pub country: Option<Country>,
    /// What the merchant is paid in.
    pub currency: Option<Currency>,
    pub channel: Channel,
}

named! {
    /// How the card was presented.
    pub enum Channel {
        Online = "online",
        InPerson = "in_person",
        /// Typed in by the merchant: mail and telephone orders.
        KeyedIn = "keyed_in",
        /// Cash from a machine.
        Withdrawal = "withdrawal",
    }
}

named! {
    /// What a hold is to the limits.
    pub enum HoldKind {
        /// A payment's first hold: every control is asked, and it counts as one payment.
        Authorization = "authorization",
        /// More for a payment that holds something already: every control is asked, but it counts as no further payment.
        Increment = "increment",
        /// The network took it, whatever we say: no control is asked, but what it takes is counted.
        Forced = "forced",
        /// Likewise, of a payment that is counted already: it counts as no further payment.
        ForcedIncrement = "forced_increment",
    }
}

impl HoldKind {
    pub(super) fn is_authorization(&self) -> bool {
        *self == HoldKind::Authorization
    }

    /// How many payments it is.
    pub(super) fn payments(self) -> u32 {
        match self {
            HoldKind::Authorization | HoldKind::Forced => 1,
            HoldKind::Increment | HoldKind::ForcedIncrement => 0,
        }
    }

    /// Whether the card's own rules are asked.
    pub(super) fn is_asked(self) -> bool {
        match self {
            HoldKind::Authorization | HoldKind::Increment => true,
            HoldKind::Forced | HoldKind::ForcedIncrement => false,
        }
    }
}

/// What holds were before there were others.
impl Default for HoldKind {
    fn default() -> HoldKind {
        HoldKind::Authorization
    }
}

/// A merchant category code (ISO 18245): four digits, written as such.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "std::borrow::Cow<'_, str>", into = "String")]
pub struct Mcc(u16);

impl FromStr for Mcc {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|_| digits);
        number.map(Mcc).ok_or_else(|| "a merchant category code has four digits".to_owned())
    }
}

impl fmt::Display for Mcc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.0)
    }
}

written_as_text!(Mcc, { "type": "string", "pattern": "^[0-9]{4}$", "description": "ISO 18245 merchant category code" });

/// A country by its ISO 3166-1 alpha-2 code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "std::borrow::Cow<'_, str>", into = "String")]
pub struct Country([u8; 2]);

impl FromStr for Country {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = match (text.as_bytes(), text.parse()) {
            (_, Err(_) | Ok(iso_country::Country::Unspecified)) => None,
            (&[first, second], Ok(_)) => Some(Country([first, second])),
            (_, Ok(_)) => None,
        };
        known.ok_or_else(|| "is no ISO 3166-1 alpha-2 code in upper case".to_owned())
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", char::from(self.0[0]), char::from(self.0[1]))
    }
}

written_as_text!(Country, { "type": "string", "pattern": "^[A-Z]{2}$", "description": "ISO 3166-1 alpha-2 code" });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_code_is_four_digits() {
        for (text, good) in
            [("5732", true), ("0742", true), ("", false), ("573", false), ("57322", false), ("+573", false)]
        {
            let parsed = text.parse::<Mcc>();
            assert_eq!(parsed.as_ref().map(Mcc::to_string).ok().as_deref(), good.then_some(text));
            assert_eq!(serde_json::from_value::<Mcc>(text.into()).ok(), parsed.ok());
        }
    }

    #[test]
    fn a_country_is_one_that_exists() {
        for (text, good) in [("DE", true), ("US", true), ("de", false), ("ZZ", false), ("", false), ("DEU", false)] {
            let parsed = text.parse::<Country>();
            assert_eq!(parsed.as_ref().map(Country::to_string).ok().as_deref(), good.then_some(text));
            assert_eq!(serde_json::from_value::<Country>(text.into()).ok(), parsed.ok());
        }
    }
}
