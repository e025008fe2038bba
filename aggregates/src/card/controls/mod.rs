//! What a card may be used for: limits, and what else a purchase has to be.
//!
//! Pure data with two questions: may this purchase be made ([`Controls::allow`]), and does a new value allow anything
//! that the old one does not ([`Controls::is_loosened_by`]).

mod filter;
mod hours;
mod limits;
mod loosening;
mod refusal;
mod zone;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Channel, Country, Error, Mcc, Purchase};
use crate::Currency;

pub use filter::Filter;
pub use hours::Hours;
pub(super) use limits::amount_bound;
pub use limits::{Bound, Limit, Standing};
pub use refusal::{Period, Refusal};
pub use zone::TimeZone;

/// Entries of a list at most.
pub const LONGEST_LIST: usize = 200;
/// Bytes of a merchant's name at most.
pub const LONGEST_MERCHANT: usize = 200;
/// Times of day at most.
pub const MOST_HOURS: usize = 4;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Controls {
    /// Whose calendar and clock the controls follow.
    #[serde(default, skip_serializing_if = "TimeZone::is_utc")]
    pub time_zone: TimeZone,
    /// One for each period at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<Limit>,
    #[serde(default, skip_serializing_if = "Filter::is_open")]
    pub mccs: Filter<Mcc>,
    /// By name, whatever the case of its letters.
    #[serde(default, skip_serializing_if = "Filter::is_open")]
    pub merchants: Filter<String>,
    #[serde(default, skip_serializing_if = "Filter::is_open")]
    pub countries: Filter<Country>,
    #[serde(default, skip_serializing_if = "Filter::is_open")]
    pub currencies: Filter<Currency>,
    /// The times of day at which the card may be used; at all times where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hours: Vec<Hours>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub online_only: bool,
}

impl Controls {
    pub(super) fn is_default(&self) -> bool {
        *self == Controls::default()
    }

    /// In the one form in which equal controls are equal: sorted, without doubles, merchants in lower case.
    #[must_use]
    pub fn normalized(mut self) -> Controls {
        self.limits.sort_by_key(|limit| limit.period);
        let merchants = &mut self.merchants;
        for name in merchants.allow.iter_mut().chain(&mut merchants.block) {
            *name = name.trim().to_lowercase();
        }
        self.mccs.normalize();
        self.merchants.normalize();
        self.countries.normalize();
        self.currencies.normalize();
        self.hours.sort();
        self.hours.dedup();
        self
    }

    /// Of a card in `currency`; expects the normal form.
    pub fn check(&self, currency: Currency) -> Result<(), Error> {
        limits::check(&self.limits, currency)?;
        self.mccs.check("mccs")?;
        self.merchants.check("merchants")?;
        self.countries.check("countries")?;
        self.currencies.check("currencies")?;
        let named = self.merchants.allow.iter().chain(&self.merchants.block);
        for name in named {
            if name.is_empty() || name.len() > LONGEST_MERCHANT || name.contains(char::is_control) {
                return Err(not_valid("merchants", format!("a name has 1 to {LONGEST_MERCHANT} bytes")));
            }
        }
        if self.hours.len() > MOST_HOURS {
            return Err(not_valid("hours", format!("are {MOST_HOURS} at most")));
        }
        match self.hours.iter().any(Hours::is_empty) {
            true => Err(not_valid("hours", "end at another time than they begin".to_owned())),
            false => Ok(()),
        }
    }

    /// Everything but the limits of periods, which depend on what was used before.
    pub(super) fn allow(&self, purchase: &Purchase, local: chrono::NaiveTime) -> Result<(), Refusal> {
        if self.online_only && purchase.channel != Channel::Online {
            return Err(Refusal::OnlineOnly { channel: purchase.channel });
        }
        if !self.mccs.allows(purchase.mcc.as_ref()) {
            return Err(Refusal::Mcc { mcc: purchase.mcc });
        }
        if !self.merchants.allows_name(&purchase.merchant) {
            return Err(Refusal::Merchant { merchant: purchase.merchant.clone() });
        }
        if !self.countries.allows(purchase.country.as_ref()) {
            return Err(Refusal::Country { country: purchase.country });
        }
        if !self.currencies.allows(purchase.currency.as_ref()) {
            return Err(Refusal::Currency { currency: purchase.currency });
        }
        match self.hours.is_empty() || self.hours.iter().any(|hours| hours.contain(local)) {
            true => Ok(()),
            false => Err(Refusal::TimeOfDay { local }),
        }
    }
}

fn not_valid(field: &'static str, problem: String) -> Error {
    Error::ControlsNotValid { field, problem }
}
