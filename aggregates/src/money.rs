use std::{cmp::Ordering, fmt, str::FromStr};

use rust_decimal::{Decimal, prelude::ToPrimitive};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// An ISO 4217 currency, written as its three-letter code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    pub const USD: Currency = Currency(iso_currency::Currency::USD);
    pub const EUR: Currency = Currency(iso_currency::Currency::EUR);
    pub const JPY: Currency = Currency(iso_currency::Currency::JPY);
    pub const KWD: Currency = Currency(iso_currency::Currency::KWD);

    /// The currency of a three-letter code in upper case; none for codes without minor units (gold, test codes).
    pub fn from_code(code: &str) -> Option<Currency> {
        let currency = iso_currency::Currency::from_code(code)?;
        currency.exponent().map(|_| Currency(currency))
    }

    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// How many decimals the currency has: 2 for USD, 0 for JPY, 3 for KWD.
    pub fn exponent(self) -> u32 {
        self.0.exponent().map_or(0, u32::from)
    }
}

/// By code.
impl Ord for Currency {
    fn cmp(&self, other: &Currency) -> Ordering {
        self.code().cmp(other.code())
    }
}

impl PartialOrd for Currency {
    fn partial_cmp(&self, other: &Currency) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl JsonSchema for Currency {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Currency".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[A-Z]{3}$", "description": "ISO 4217 alphabetic code" })
    }
}

/// An exact amount: minor units (cents) of one ISO 4217 currency. Never a float.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Money {
    pub minor_units: i64,
    pub currency: Currency,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    #[error("`{0}` is not a decimal number")]
    NotANumber(String),
    #[error("{currency} has {allowed} decimals, {given} were given")]
    TooManyDecimals { currency: Currency, allowed: u32, given: u32 },
    #[error("the amount is out of range")]
    OutOfRange,
    #[error("{left} and {right} cannot be combined")]
    CurrencyMismatch { left: Currency, right: Currency },
}

/// No amount needs more; what is longer is refused unread.
const LONGEST_TEXT: usize = 28;

impl Money {
    pub const fn new(minor_units: i64, currency: Currency) -> Money {
        Money { minor_units, currency }
    }

    pub const fn zero(currency: Currency) -> Money {
        Money::new(0, currency)
    }

    /// Reads a JSON number's own text, such as `99.99`, exactly. Trailing zeros beyond the currency's decimals are
    /// accepted (`5.00` JPY), other extra decimals refused.
    pub fn from_decimal_text(text: &str, currency: Currency) -> Result<Money, MoneyError> {
        // Decimal rounds what goes beyond 28 digits and skips underscores; neither may pass for exact.
        if text.len() > LONGEST_TEXT || text.contains('_') {
            return Err(MoneyError::NotANumber(text.chars().take(40).collect()));
        }
        let parsed = match text.contains(['e', 'E']) {
            true => Decimal::from_scientific(text),
            false => Decimal::from_str(text),
        };
        let decimal = parsed.map_err(|_| MoneyError::NotANumber(text.chars().take(40).collect()))?.normalize();
        let allowed = currency.exponent();
        if decimal.scale() > allowed {
            return Err(MoneyError::TooManyDecimals { currency, allowed, given: decimal.scale() });
        }
        let factor = Decimal::from(10_i64.pow(allowed));
        let minor_units = decimal.checked_mul(factor).and_then(|d| d.to_i64()).ok_or(MoneyError::OutOfRange)?;
        Ok(Money { minor_units, currency })
    }

    /// The amount in major units with all the currency's decimals: `99.90`, `5` for JPY, `1.250` for KWD.
    pub fn to_decimal_text(self) -> String {
        Decimal::new(self.minor_units, self.currency.exponent()).to_string()
    }

    pub fn checked_add(self, other: Money) -> Result<Money, MoneyError> {
        self.same_currency(other)?;
        let minor_units = self.minor_units.checked_add(other.minor_units).ok_or(MoneyError::OutOfRange)?;
        Ok(Money { minor_units, ..self })
    }

    pub fn checked_sub(self, other: Money) -> Result<Money, MoneyError> {
        self.same_currency(other)?;
        let minor_units = self.minor_units.checked_sub(other.minor_units).ok_or(MoneyError::OutOfRange)?;
        Ok(Money { minor_units, ..self })
    }

    pub fn is_positive(self) -> bool {
        self.minor_units > 0
    }

    fn same_currency(self, other: Money) -> Result<(), MoneyError> {
        match self.currency == other.currency {
            true => Ok(()),
            false => Err(MoneyError::CurrencyMismatch { left: self.currency, right: other.currency }),
        }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.to_decimal_text(), self.currency)
    }
}

/// Amounts of different currencies have no order.
impl PartialOrd for Money {
    fn partial_cmp(&self, other: &Money) -> Option<Ordering> {
        (self.currency == other.currency).then(|| self.minor_units.cmp(&other.minor_units))
    }
}

#[cfg(test)]
mod tests;
