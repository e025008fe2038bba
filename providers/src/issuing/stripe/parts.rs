//! What several of Stripe's objects are made of.

use std::borrow::Cow;

use aggregates::{
    CardId, Currency, Money,
    card::{Channel, Purchase},
};
use serde::Deserialize;

use super::event::NotAnEvent;
use crate::{failure::reference, issuing::network::CardName};

/// Automated cash disbursements, ISO 18245.
const CASH_MACHINE: &str = "6011";

const LONGEST_NAME: usize = 200;
const LONGEST_CATEGORY: usize = 64;

#[derive(Deserialize)]
pub(super) struct Merchant<'a> {
    #[serde(borrow)]
    category: Cow<'a, str>,
    #[serde(borrow)]
    category_code: Cow<'a, str>,
    #[serde(default, borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    country: Option<Cow<'a, str>>,
    #[serde(borrow)]
    network_id: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(super) struct Card<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    card_id: Option<String>,
}

/// A thing that Stripe gives by its id, or whole if asked to.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Named<'a> {
    Id(#[serde(borrow)] Cow<'a, str>),
    Whole {
        #[serde(borrow)]
        id: Cow<'a, str>,
    },
}

impl Merchant<'_> {
    pub fn purchase(&self, amount: Money, paid_in: &str, channel: Channel) -> Result<Purchase, NotAnEvent> {
        let cash = self.category_code == CASH_MACHINE;
        let known = self.name.as_deref().map(str::trim).filter(|name| !name.is_empty());
        Ok(Purchase {
            amount,
            merchant: plain(known.unwrap_or(&self.network_id), LONGEST_NAME),
            merchant_category: plain(&self.category, LONGEST_CATEGORY),
            mcc: self.category_code.parse().ok(),
            country: self.country.as_deref().and_then(|country| country.parse().ok()),
            // A hint for the card's controls: a code that we do not know says less, and must not silence the rest.
            currency: currency(paid_in).ok(),
            channel: if cash { Channel::Withdrawal } else { channel },
        })
    }
}

impl Card<'_> {
    pub fn name(&self) -> Result<CardName, NotAnEvent> {
        let known = self.metadata.card_id.as_deref().and_then(|id| id.parse::<CardId>().ok());
        Ok(CardName { reference: name(&self.id)?, card_id: known })
    }
}

impl Named<'_> {
    pub fn id(&self) -> &str {
        match self {
            Named::Id(id) | Named::Whole { id } => id,
        }
    }
}

/// One of Stripe's ids, as it may stand in events.
pub(super) fn name(id: &str) -> Result<String, NotAnEvent> {
    reference(id).map_err(|_| NotAnEvent)
}

pub(super) fn currency(code: &str) -> Result<Currency, NotAnEvent> {
    Currency::from_code(&code.to_ascii_uppercase()).ok_or(NotAnEvent)
}

/// Somebody else's words, without control characters and cut to `longest` bytes.
fn plain(text: &str, longest: usize) -> String {
    let mut plain = String::with_capacity(text.len().min(longest));
    for c in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if plain.len() + c.len_utf8() > longest {
            break;
        }
        plain.push(c);
    }
    if plain.trim().is_empty() { "unknown".into() } else { plain }
}
