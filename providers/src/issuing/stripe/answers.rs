use std::collections::BTreeMap;

use aggregates::card::IssuerStatus;
use serde::Deserialize;

/// What was made, by its id.
#[derive(Deserialize)]
pub(super) struct Made<'a> {
    pub id: &'a str,
}

/// A page of a list, the newest first.
#[derive(Deserialize)]
pub(super) struct Page<'a> {
    #[serde(borrow)]
    pub data: Vec<Listed<'a>>,
    pub has_more: bool,
}

/// One of a list, with what we wrote on it ourselves.
#[derive(Deserialize)]
pub(super) struct Listed<'a> {
    pub id: &'a str,
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
}

/// What a card may do; ours and Stripe's words are the same.
#[derive(Deserialize)]
pub(super) struct Standing {
    pub status: IssuerStatus,
}

#[derive(Deserialize)]
pub(super) struct Card<'a> {
    pub id: &'a str,
    pub number: Option<&'a str>,
    pub cvc: Option<&'a str>,
    pub exp_month: u8,
    pub exp_year: u16,
}

#[derive(Deserialize)]
struct Problem<'a> {
    #[serde(borrow)]
    error: Cause<'a>,
}

#[derive(Deserialize)]
struct Cause<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(default)]
    code: Option<&'a str>,
    #[serde(default)]
    decline_code: Option<&'a str>,
}

/// The most exact name that Stripe gives an error: why a bank declined, the error's own code, or its type
/// (`api_error`, `card_error`, `idempotency_error`, `invalid_request_error`). Never its message, which quotes what was
/// sent.
pub(super) fn code(body: &[u8]) -> &str {
    match serde_json::from_slice::<Problem<'_>>(body) {
        Ok(Problem { error }) => error.decline_code.or(error.code).unwrap_or(error.kind),
        Err(_) => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_named_as_exactly_as_it_can_be() {
        let cases = [
            (r#"{"error":{"type":"card_error","code":"card_declined","decline_code":"lost_card"}}"#, "lost_card"),
            (
                r#"{"error":{"type":"invalid_request_error","code":"parameter_missing","message":"no"}}"#,
                "parameter_missing",
            ),
            (r#"{"error":{"type":"idempotency_error","message":"Keys for idempotent …"}}"#, "idempotency_error"),
            (r#"{"error":"no"}"#, ""),
            ("<html>", ""),
        ];
        for (body, expected) in cases {
            assert_eq!(code(body.as_bytes()), expected, "{body}");
        }
    }
}
