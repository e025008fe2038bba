use aggregates::card::IssuerStatus;
use serde::Deserialize;

/// What was made, by its id.
#[derive(Deserialize)]
pub(super) struct Made<'a> {
    pub id: &'a str,
}

#[derive(Deserialize)]
pub(super) struct Card<'a> {
    pub id: &'a str,
    pub number: Option<&'a str>,
    pub cvc: Option<&'a str>,
    pub exp_month: u8,
    pub exp_year: u16,
}

/// What a card is at Stripe.
#[derive(Deserialize)]
pub(super) struct Standing {
    pub status: IssuerStatus,
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
