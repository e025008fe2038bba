//! Parameters that several operations share: each a type with its own documentation and its own check.

use flows::cards::Seen;
use poem_openapi::{
    registry::MetaSchema,
    types::{ParseError, ParseFromParameter, ParseResult, Type},
};
use secrecy::SecretString;

use crate::schema::described;

/// The reason by which a missing parameter is told from a wrong one.
pub const MISSING: &str = "missing";

/// A read answers only from state that has reached this log position.
#[derive(Clone, Copy)]
pub struct MinPosition(pub i64);

/// How many items a page has at most, 1 to 100.
#[derive(Clone, Copy)]
pub struct PageSize(pub usize);

/// Where the next page begins, as the last page said. Opaque to clients.
#[derive(Clone, Copy)]
pub struct Cursor(pub i64);

/// Names a request so that a repeat has no second effect: 1 to 255 visible ASCII characters.
pub struct IdempotencyKey(pub String);

/// What the caller saw of a thing, by its `ETag`: `"3"`.
#[derive(Clone)]
pub struct IfMatch(pub Seen);

/// A step-up that was proven: 43 characters of base 64 for URLs.
pub struct StepUpToken(pub SecretString);

described!(
    StepUpToken,
    MetaSchema {
        description: Some(
            "The proven step-up for this very request, where one is needed. Good once, even for a request that fails."
        ),
        pattern: Some("^[A-Za-z0-9_-]{43}$".into()),
        ..MetaSchema::new("string")
    }
);
described!(
    IfMatch,
    MetaSchema {
        description: Some(
            "The `ETag` of what the caller saw, or several, or `*` for whatever there is (RFC 9110, section 13.1.1). \
             Where it has changed since, the request is refused."
        ),
        ..MetaSchema::new("string")
    }
);
described!(
    MinPosition,
    MetaSchema {
        description: Some(
            "Answer only from state that has reached this position, such as `X-Position` of an earlier answer. \
             By default the caller's own last write through the same instance is waited for."
        ),
        minimum: Some(0.0),
        ..MetaSchema::new_with_format("integer", "int64")
    }
);
described!(
    PageSize,
    MetaSchema {
        description: Some("How many items at most; 50 if absent."),
        minimum: Some(1.0),
        maximum: Some(100.0),
        ..MetaSchema::new("integer")
    }
);
described!(
    Cursor,
    MetaSchema {
        description: Some("`next_cursor` of the page before; the first page if absent."),
        pattern: Some("^[0-9]{1,19}$".into()),
        ..MetaSchema::new("string")
    }
);
described!(
    IdempotencyKey,
    MetaSchema {
        description: Some(
            "Any text that is new for each payment, such as a UUID. A repeat with the same key and body has no \
             second effect and the same answer; the same key with another body is refused."
        ),
        min_length: Some(1),
        max_length: Some(255),
        pattern: Some("^[!-~]+$".into()),
        ..MetaSchema::new("string")
    }
);

impl PageSize {
    pub const DEFAULT: PageSize = PageSize(50);
}

impl ParseFromParameter for MinPosition {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        value.parse().ok().filter(|position| *position >= 0).map(MinPosition).ok_or_else(wrong)
    }
}

impl ParseFromParameter for IfMatch {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        // RFC 9110, section 13.1.1. A tag that is none of ours, or weak, is no error: nothing matches it.
        if value.trim() == "*" {
            return Ok(IfMatch(Seen::Any));
        }
        let ours = |tag: &str| {
            let digits = tag.trim().strip_prefix('"')?.strip_suffix('"')?;
            digits.parse().ok().filter(|version: &u32| version.to_string() == digits)
        };
        Ok(IfMatch(Seen::Versions(value.split(',').filter_map(ours).collect())))
    }
}

impl ParseFromParameter for PageSize {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        value.parse().ok().filter(|size| (1..=100).contains(size)).map(PageSize).ok_or_else(wrong)
    }
}

impl ParseFromParameter for Cursor {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        let digits = value.bytes().all(|byte| byte.is_ascii_digit());
        value.parse().ok().filter(|_| digits).map(Cursor).ok_or_else(wrong)
    }
}

impl ParseFromParameter for IdempotencyKey {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        let sound = (1..=255).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_graphic());
        if sound { Ok(IdempotencyKey(value.into())) } else { Err(wrong()) }
    }

    fn parse_from_parameters<I: IntoIterator<Item = A>, A: AsRef<str>>(values: I) -> ParseResult<Self> {
        let mut values = values.into_iter();
        match (values.next(), values.next()) {
            (Some(only), None) => Self::parse_from_parameter(only.as_ref()),
            (None, _) => Err(ParseError::custom(MISSING)),
            (Some(_), Some(_)) => Err(wrong()),
        }
    }
}

impl StepUpToken {
    /// The token of a header that may be absent.
    pub fn secret(header: &Option<StepUpToken>) -> Option<&SecretString> {
        header.as_ref().map(|StepUpToken(token)| token)
    }
}

impl ParseFromParameter for StepUpToken {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        let sound = value.len() == 43 && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if sound { Ok(StepUpToken(value.into())) } else { Err(wrong()) }
    }
}

fn wrong<T: Type>() -> ParseError<T> {
    ParseError::custom("not of the documented form")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads<T: ParseFromParameter>(value: &str) -> bool {
        T::parse_from_parameter(value).is_ok()
    }

    #[test]
    fn an_idempotency_key_is_visible_ascii_of_bounded_length() {
        for good in ["a", "0198c5a2-7b1e-7c3d", &"k".repeat(255)] {
            assert!(reads::<IdempotencyKey>(good), "{good}");
        }
        for bad in ["", "a b", "tab\t", "é", &"k".repeat(256)] {
            assert!(!reads::<IdempotencyKey>(bad), "{bad}");
        }
        assert!(IdempotencyKey::parse_from_parameters(["a", "b"]).is_err());
    }

    #[test]
    fn numbers_have_bounds() {
        assert!(reads::<PageSize>("1") && reads::<PageSize>("100"));
        assert!(!reads::<PageSize>("0") && !reads::<PageSize>("101") && !reads::<PageSize>("x"));
        assert!(reads::<MinPosition>("0") && !reads::<MinPosition>("-1"));
        assert!(reads::<Cursor>("17") && !reads::<Cursor>("-17") && !reads::<Cursor>("99999999999999999999"));
    }
}
