/// What is known after a call to a third party that brought no result. Holds nothing of the request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The request surely never arrived: no address, no connection, or no free place in our own queue. Nothing
    /// happened there.
    #[error("the third party cannot be reached; nothing was sent")]
    Unreachable,
    /// It may have happened: a time-out, a lost answer, a 5xx, or an answer that asks to come again (408, 409, 425,
    /// 429). Look it up, or repeat it with the same idempotency key.
    #[error("the outcome at the third party is unknown")]
    Unknown,
    /// The third party refuses the request, and would again (any other 4xx). `code` is its own stable code, or
    /// `unspecified`.
    #[error("the third party refused with status {status}, code {code}")]
    Refused { status: u16, code: String },
    /// It answered, but not as agreed: too long, not the agreed JSON, other data than was sent. It may have happened,
    /// and repeating will not make the answer readable: somebody has to look.
    #[error("the third party's answer cannot be understood")]
    Malformed,
}

impl Failure {
    /// Whether the same call, with the same idempotency key, can succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Failure::Unreachable | Failure::Unknown => true,
            Failure::Refused { .. } | Failure::Malformed => false,
        }
    }

    /// Whether the third party may have done what was asked.
    pub fn may_have_happened(&self) -> bool {
        match self {
            Failure::Unknown | Failure::Malformed => true,
            Failure::Unreachable | Failure::Refused { .. } => false,
        }
    }
}

const LONGEST_CODE: usize = 64;
const LONGEST_REFERENCE: usize = 128;
const MOST_DIGITS: usize = 6;

/// A third party's code as it may stand in events and errors. Whatever does not look like a code (it could repeat a
/// card number or a name) becomes `unspecified`.
pub(crate) fn stable_code(code: &str) -> String {
    let plain = code.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    let digits = code.bytes().filter(u8::is_ascii_digit).count();
    let acceptable = plain && !code.is_empty() && code.len() <= LONGEST_CODE && digits <= MOST_DIGITS;
    if acceptable { code } else { "unspecified" }.to_owned()
}

/// A third party's name for a thing, as it may stand in events: 1 to 128 visible ASCII characters.
pub(crate) fn reference(text: &str) -> Result<String, Failure> {
    let acceptable = (1..=LONGEST_REFERENCE).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if acceptable { Ok(text.to_owned()) } else { Err(Failure::Malformed) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_code_that_could_hold_other_data_is_not_repeated() {
        let longest = "a".repeat(LONGEST_CODE);
        let too_long = "a".repeat(LONGEST_CODE + 1);
        let cases = [
            ("do_not_honor", "do_not_honor"),
            ("05", "05"),
            ("Error-3.1", "Error-3.1"),
            (longest.as_str(), longest.as_str()),
            (too_long.as_str(), "unspecified"),
            ("", "unspecified"),
            ("4532015112830366", "unspecified"),
            ("Ada Lovelace", "unspecified"),
            ("a\nb", "unspecified"),
        ];
        for (given, expected) in cases {
            assert_eq!(stable_code(given), expected, "{given:?}");
        }
    }

    #[test]
    fn a_reference_is_short_and_visible() {
        assert_eq!(reference("txn_1").unwrap(), "txn_1");
        for bad in ["", "a b", "ä", &"x".repeat(LONGEST_REFERENCE + 1)] {
            assert_eq!(reference(bad), Err(Failure::Malformed), "{bad:?}");
        }
    }
}
