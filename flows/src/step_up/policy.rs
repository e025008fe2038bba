use std::collections::BTreeMap;

use aggregates::Money;
use serde::Deserialize;

use super::Operation;

/// From whom an operation demands a step-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Demand {
    /// From everybody; whoever has no second factor has to set one up first.
    #[default]
    Required,
    /// From those who have a second factor; others do without.
    IfEnrolled,
}

/// Which operations demand a step-up.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    pub card_request: Demand,
    pub card_reveal: Demand,
    pub limit_raise: Demand,
    /// Of payments above the amount below.
    pub payment: Demand,
    /// The largest payment without a step-up, in major units of whatever currency it is in: amounts are never
    /// converted, so 500 is 500 USD, 500 EUR and 500 JPY, the last of which is stricter.
    pub payment_above: i64,
    /// The same for single currencies, by ISO 4217 code, where `payment_above` would be too strict or too lax.
    pub payment_above_in: BTreeMap<String, i64>,
}

impl Default for Policy {
    fn default() -> Policy {
        // Currencies of which a unit is worth a good deal more than a dollar, and two of which it is worth far less.
        let payment_above_in =
            [("BHD", 150), ("JOD", 300), ("JPY", 50_000), ("KRW", 500_000), ("KWD", 150), ("OMR", 150)];
        Policy {
            card_request: Demand::Required,
            card_reveal: Demand::Required,
            limit_raise: Demand::Required,
            payment: Demand::Required,
            payment_above: 500,
            payment_above_in: payment_above_in.map(|(code, amount)| (code.to_owned(), amount)).into(),
        }
    }
}

impl Policy {
    pub(crate) fn demand(&self, operation: &Operation) -> Demand {
        match operation {
            Operation::CardRequest => self.card_request,
            Operation::CardReveal(_) => self.card_reveal,
            Operation::LimitRaise(_) => self.limit_raise,
            Operation::Payment(_) => self.payment,
            // Nothing softens this: whoever has a second factor shows it before it is taken away.
            Operation::Account => Demand::Required,
        }
    }

    /// Whether a payment of this amount needs a step-up. Compares numbers, asks nobody.
    pub(crate) fn asks_for(&self, amount: Money) -> bool {
        let code = amount.currency.code();
        // Variables of the environment come in lower case.
        let named = self.payment_above_in.iter().find(|(name, _)| name.eq_ignore_ascii_case(code));
        let major = named.map_or(self.payment_above, |(_, amount)| *amount);
        amount.minor_units > crate::Settings::limit(major, amount.currency).minor_units
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use aggregates::Currency;

    use super::*;

    #[test]
    fn a_payment_above_the_amount_of_its_currency_needs_a_step_up() {
        let policy = Policy::default();
        for (minor_units, currency, asks) in [
            (50_000, Currency::USD, false),
            (50_001, Currency::USD, true),
            (50_001, Currency::EUR, true),
            (50_000, Currency::JPY, false),
            (50_001, Currency::JPY, true),
            (150_000, Currency::KWD, false),
            (150_001, Currency::KWD, true),
        ] {
            assert_eq!(policy.asks_for(Money::new(minor_units, currency)), asks, "{minor_units} {currency}");
        }
    }

    #[test]
    fn an_operators_currency_goes_before_the_general_amount() {
        let policy = Policy { payment_above_in: [("usd".to_owned(), 10)].into(), ..Policy::default() };
        assert!(policy.asks_for(Money::new(1_001, Currency::USD)));
        assert!(!policy.asks_for(Money::new(1_001, Currency::EUR)));
    }

    #[test]
    fn settings_are_read_by_name() {
        let policy: Policy = serde_json::from_str(r#"{"card_request": "if_enrolled", "payment_above": 20}"#).unwrap();
        assert_eq!(
            (policy.card_request, policy.payment, policy.payment_above),
            (Demand::IfEnrolled, Demand::Required, 20)
        );
        assert!(serde_json::from_str::<Policy>(r#"{"card_reqest": "required"}"#).is_err());
    }
}
