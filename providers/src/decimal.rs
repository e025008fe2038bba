//! Amounts on the wire: exact JSON numbers such as `99.99`, in both directions without a float.

use aggregates::{Currency, Money};
use serde_json::value::RawValue;

use crate::Failure;

/// The amount in major units as a JSON number.
pub(crate) fn json_number(amount: Money) -> Box<RawValue> {
    RawValue::from_string(amount.to_decimal_text()).expect("decimal text is a JSON number")
}

/// Reads a JSON number with its currency's code.
pub(crate) fn money(amount: &RawValue, currency: &str) -> Result<Money, Failure> {
    let currency = Currency::from_code(currency).ok_or(Failure::Malformed)?;
    Money::from_decimal_text(amount.get(), currency).map_err(|_| Failure::Malformed)
}
