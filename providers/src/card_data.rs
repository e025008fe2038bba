use std::fmt;

use zeroize::Zeroizing;

/// A card number (PAN) of 12 to 19 digits whose check digit is right. Overwritten in memory when dropped; prints only
/// its last four digits; has neither `Display` nor `Serialize`.
#[derive(PartialEq, Eq)]
pub struct CardNumber(Zeroizing<Box<str>>);

/// A card verification value of 3 or 4 digits. Overwritten in memory when dropped; prints nothing of itself.
#[derive(PartialEq, Eq)]
pub struct Cvv(Zeroizing<Box<str>>);

/// Why a text is no card data. Does not repeat the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCardData {
    #[error("a card number has 12 to 19 digits")]
    NotANumber,
    #[error("the card number's check digit is wrong")]
    CheckDigit,
    #[error("a card verification value has 3 or 4 digits")]
    NotACvv,
}

impl CardNumber {
    /// Reads digits without spaces or dashes (ISO/IEC 7812-1, check digit by its Annex B).
    pub fn parse(text: &str) -> Result<CardNumber, InvalidCardData> {
        if !(12..=19).contains(&text.len()) || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(InvalidCardData::NotANumber);
        }
        match luhn_sum(text.bytes()) % 10 {
            0 => Ok(CardNumber(Zeroizing::new(text.into()))),
            _ => Err(InvalidCardData::CheckDigit),
        }
    }

    /// The whole number, in the clear.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn last_four(&self) -> &str {
        &self.0[self.0.len() - 4..]
    }
}

impl Cvv {
    pub fn parse(text: &str) -> Result<Cvv, InvalidCardData> {
        let acceptable = (3..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        if acceptable { Ok(Cvv(Zeroizing::new(text.into()))) } else { Err(InvalidCardData::NotACvv) }
    }

    /// The value, in the clear.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CardNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CardNumber(****{})", self.last_four())
    }
}

impl fmt::Debug for Cvv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cvv(***)")
    }
}

/// The weighted sum of a whole number, check digit included; a right number's is a multiple of 10.
fn luhn_sum(digits: impl DoubleEndedIterator<Item = u8>) -> u32 {
    let weigh = |(place, digit): (usize, u8)| {
        let digit = u32::from(digit - b'0');
        match place % 2 {
            0 => digit,
            _ => digit * 2 / 10 + digit * 2 % 10,
        }
    };
    digits.rev().enumerate().map(weigh).sum()
}

/// The digit that completes `payload` (all digits) to a right number.
pub(crate) fn check_digit(payload: &str) -> char {
    let sum = luhn_sum(payload.bytes().chain([b'0']));
    char::from(b'0' + ((10 - sum % 10) % 10) as u8)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_card_number_has_12_to_19_digits_and_a_right_check_digit() {
        let right = ["4532015112830366", "378282246310005", "5555555555554444", "000000000000", "6304000000000000000"];
        for text in right {
            assert_eq!(CardNumber::parse(text).unwrap().expose(), text);
        }
        let cases = [
            ("4532123456789012", InvalidCardData::CheckDigit),
            ("4532015112830367", InvalidCardData::CheckDigit),
            ("00000000000", InvalidCardData::NotANumber),
            ("00000000000000000000", InvalidCardData::NotANumber),
            ("4532 0151 1283 0366", InvalidCardData::NotANumber),
            ("453201511283036٦", InvalidCardData::NotANumber),
            ("", InvalidCardData::NotANumber),
        ];
        for (text, expected) in cases {
            assert_eq!(CardNumber::parse(text).unwrap_err(), expected, "{text}");
        }
    }

    #[test]
    fn the_check_digit_completes_a_number() {
        assert_eq!(check_digit("453201511283036"), '6');
        assert_eq!(check_digit("37828224631000"), '5');
        assert_eq!(check_digit("00000000000"), '0');
    }

    #[test]
    fn a_cvv_has_3_or_4_digits() {
        assert_eq!(Cvv::parse("007").unwrap().expose(), "007");
        assert_eq!(Cvv::parse("1234").unwrap().expose(), "1234");
        for bad in ["12", "12345", "12a", ""] {
            assert_eq!(Cvv::parse(bad).unwrap_err(), InvalidCardData::NotACvv, "{bad}");
        }
    }

    #[test]
    fn card_data_prints_masked() {
        let number = CardNumber::parse("4532015112830366").unwrap();
        assert_eq!(format!("{number:?}"), "CardNumber(****0366)");
        assert_eq!(format!("{:?}", Cvv::parse("987").unwrap()), "Cvv(***)");
    }
}
