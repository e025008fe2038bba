use proptest::prelude::*;

use super::*;

const EXAMPLES: [Currency; 4] = [Currency::USD, Currency::EUR, Currency::JPY, Currency::KWD];

fn read(text: &str, currency: Currency) -> Result<i64, MoneyError> {
    Money::from_decimal_text(text, currency).map(|money| money.minor_units)
}

#[test]
fn decimals_become_minor_units_exactly() {
    for (text, currency, minor_units) in [
        ("99.99", Currency::USD, 9_999),
        ("5", Currency::USD, 500),
        ("5.00", Currency::JPY, 5),
        ("1.25", Currency::KWD, 1_250),
        ("1e3", Currency::USD, 100_000),
        ("-0.01", Currency::USD, -1),
        ("92233720368547758.07", Currency::USD, i64::MAX),
    ] {
        assert_eq!(read(text, currency), Ok(minor_units), "{text} {currency}");
    }
}

#[test]
fn what_is_not_exactly_an_amount_is_refused() {
    let too_many = |currency, allowed, given| MoneyError::TooManyDecimals { currency, allowed, given };
    let not_a_number = |text: &str| MoneyError::NotANumber(text.into());
    for (text, currency, error) in [
        ("0.999", Currency::USD, too_many(Currency::USD, 2, 3)),
        ("0.5", Currency::JPY, too_many(Currency::JPY, 0, 1)),
        ("92233720368547758.08", Currency::USD, MoneyError::OutOfRange),
        ("", Currency::USD, not_a_number("")),
        ("NaN", Currency::USD, not_a_number("NaN")),
        ("1_000", Currency::USD, not_a_number("1_000")),
        ("5.00000000000000000000000000001", Currency::USD, not_a_number("5.00000000000000000000000000001")),
    ] {
        assert_eq!(read(text, currency), Err(error), "{text} {currency}");
    }
}

#[test]
fn amounts_are_written_with_all_their_decimals() {
    for (minor_units, currency, text) in [
        (9_990, Currency::USD, "99.90"),
        (5, Currency::JPY, "5"),
        (1_250, Currency::KWD, "1.250"),
        (-1, Currency::EUR, "-0.01"),
    ] {
        assert_eq!(Money::new(minor_units, currency).to_decimal_text(), text);
    }
}

#[test]
fn currencies_do_not_mix() {
    let (dollars, euros) = (Money::new(1, Currency::USD), Money::new(1, Currency::EUR));
    let mismatch = MoneyError::CurrencyMismatch { left: Currency::USD, right: Currency::EUR };
    assert_eq!(dollars.checked_add(euros), Err(mismatch.clone()));
    assert_eq!(dollars.checked_sub(euros), Err(mismatch));
    assert_eq!(dollars.partial_cmp(&euros), None);
}

#[test]
fn sums_beyond_the_range_are_refused() {
    let most = Money::new(i64::MAX, Currency::USD);
    let least = Money::new(i64::MIN, Currency::USD);
    let cent = Money::new(1, Currency::USD);
    assert_eq!(most.checked_add(cent), Err(MoneyError::OutOfRange));
    assert_eq!(least.checked_sub(cent), Err(MoneyError::OutOfRange));
}

#[test]
fn a_currency_is_written_as_its_code() {
    for currency in EXAMPLES {
        let json = serde_json::to_string(&currency).expect("a code is a string");
        assert_eq!(json, format!("\"{}\"", currency.code()));
        assert_eq!(serde_json::from_str::<Currency>(&json).ok(), Some(currency));
        assert_eq!(Currency::from_code(currency.code()), Some(currency));
    }
}

#[test]
fn gold_and_unknown_codes_are_no_currencies() {
    for code in ["XAU", "XXX", "usd", "US", "ABC"] {
        assert_eq!(Currency::from_code(code), None, "{code}");
    }
}

#[test]
fn money_is_written_with_units_and_currency() {
    let json = serde_json::to_string(&Money::new(9_999, Currency::USD)).expect("two plain fields");
    assert_eq!(json, r#"{"minor_units":9999,"currency":"USD"}"#);
}

proptest! {
    #[test]
    fn every_amount_survives_its_text(minor_units: i64, currency in proptest::sample::select(&EXAMPLES[..])) {
        let money = Money::new(minor_units, currency);
        prop_assert_eq!(Money::from_decimal_text(&money.to_decimal_text(), currency), Ok(money));
    }

    #[test]
    fn no_text_is_read_as_another_amount(text in "-?[0-9]{1,12}(\\.[0-9]{1,6})?") {
        if let Ok(money) = Money::from_decimal_text(&text, Currency::USD) {
            let written = money.to_decimal_text();
            let (left, right): (f64, f64) = (text.parse().expect("a number"), written.parse().expect("a number"));
            prop_assert_eq!(left, right);
        }
    }

    #[test]
    fn adding_and_taking_away_again_changes_nothing(left: i64, right: i64) {
        let (left, right) = (Money::new(left, Currency::USD), Money::new(right, Currency::USD));
        if let Ok(sum) = left.checked_add(right) {
            prop_assert_eq!(sum.checked_sub(right), Ok(left));
        }
    }
}
