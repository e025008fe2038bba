//! Amounts on the wire. No amount ever passes through a binary float.

use aggregates::{Currency, Money, MoneyError};
use poem_openapi::registry::MetaSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    problem::Problem,
    schema::{described, read_by_serde},
};

/// Digits that rust_decimal reads without rounding.
const EXACT_DIGITS: usize = 27;

/// Version 1's amount: a JSON number in major units, kept as the text it is written with.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Amount(Box<RawValue>);

impl Amount {
    /// With all the currency's decimals: `99.90` USD, `5` JPY.
    pub fn of(money: Money) -> Amount {
        Amount(RawValue::from_string(money.to_decimal_text()).expect("a decimal number is valid JSON"))
    }

    /// The exact amount. Which field is wrong is for the caller to say; `reason` never repeats the number.
    pub fn money(&self, currency: Currency) -> Result<Money, MoneyError> {
        let text = self.0.get();
        let number = text.starts_with(|c: char| c == '-' || c.is_ascii_digit());
        if !number {
            return Err(MoneyError::NotANumber(String::new()));
        }
        if text.bytes().filter(u8::is_ascii_digit).count() > EXACT_DIGITS {
            return Err(MoneyError::OutOfRange);
        }
        Money::from_decimal_text(text, currency)
    }
}

described!(
    Amount,
    MetaSchema {
        description: Some("Major units, exact: at most as many decimals as the currency has."),
        example: serde_json::from_str("99.99").ok(),
        ..MetaSchema::new("number")
    }
);
read_by_serde!(Amount);

/// The currency of a three-letter code, or which field is wrong.
pub fn currency(code: &str) -> Result<Currency, Problem> {
    Currency::from_code(code).ok_or_else(|| Problem::invalid("currency", "is not an ISO 4217 code in capital letters"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(json: &str, currency: Currency) -> Result<i64, MoneyError> {
        let amount: Amount = serde_json::from_str(json).unwrap();
        amount.money(currency).map(|money| money.minor_units)
    }

    #[test]
    fn amounts_are_read_exactly() {
        let table = [
            ("99.99", Currency::USD, 9_999),
            ("12345678901234567.89", Currency::USD, 1_234_567_890_123_456_789),
            ("0.1", Currency::USD, 10),
            ("-3.50", Currency::USD, -350),
            ("1e2", Currency::USD, 10_000),
            ("1.5E1", Currency::USD, 1_500),
            ("5", Currency::JPY, 5),
            ("5.00", Currency::JPY, 5),
            ("1.234", Currency::KWD, 1_234),
        ];
        for (json, currency, minor_units) in table {
            assert_eq!(read(json, currency), Ok(minor_units), "{json} {currency}");
        }
    }

    #[test]
    fn what_is_not_an_exact_amount_is_refused() {
        let table = [
            ("1e400", Currency::USD),
            ("-1e400", Currency::USD),
            ("1e-400", Currency::USD),
            ("0.001", Currency::USD),
            ("5.5", Currency::JPY),
            ("92233720368547758.08", Currency::USD),
            ("10.0000000000000000000000000000000001", Currency::USD),
            ("123456789012345678901234567890", Currency::USD),
            ("\"10.00\"", Currency::USD),
            ("true", Currency::USD),
            ("[1]", Currency::USD),
            ("{\"a\":1}", Currency::USD),
        ];
        for (json, currency) in table {
            assert!(read(json, currency).is_err(), "{json} {currency}");
        }
    }

    #[test]
    fn amounts_are_written_with_the_currencys_decimals() {
        let table = [
            (1_000, Currency::USD, "10.00"),
            (9_999, Currency::USD, "99.99"),
            (-1, Currency::USD, "-0.01"),
            (5, Currency::JPY, "5"),
            (1_250, Currency::KWD, "1.250"),
            (1_234_567_890_123_456_789, Currency::USD, "12345678901234567.89"),
        ];
        for (minor_units, currency, json) in table {
            let amount = Amount::of(Money::new(minor_units, currency));
            assert_eq!(serde_json::to_string(&amount).unwrap(), json);
        }
    }

    #[test]
    fn a_refusal_does_not_repeat_the_number() {
        for json in ["4111111111111111", "\"4111111111111111\"", "4111111111111111e30", "41111111111111.1111"] {
            let amount: Amount = serde_json::from_str(json).unwrap();
            if let Err(error) = amount.money(Currency::USD) {
                let problem = format!("{:?}", Problem::from(error));
                assert!(!problem.contains("4111"), "{problem}");
            }
        }
    }
}
