//! JSON bodies, read and written by serde directly.
//!
//! poem-openapi's own `Json` goes through `serde_json::Value`: numbers through f64, and error messages that quote
//! the input. This one keeps numbers exact, costs one pass, and names the wrong field without its value.

mod depth;
mod object;

use bytes::{Buf, Bytes};
use http_body_util::{BodyExt, LengthLimitError, Limited, combinators::BoxBody};
use hyper::body::Body as HttpBody;
use poem::{Body, IntoResponse, Request, RequestBody, Response, http::StatusCode};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    payload::Payload,
    registry::{MetaMediaType, MetaRequest, MetaSchemaRef, Registry},
    types::Type,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::error::Category;
use serde_path_to_error::Segment;

use crate::{
    context::Context,
    problem::{Problem, unsupported_media_type},
};

pub use object::{maybe_object, object, objects};

/// A JSON body. The schema comes from poem-openapi's `Object`, the bytes from serde's derive on the same type.
pub struct Json<T>(pub T);

impl<T: Type> Payload for Json<T> {
    const CONTENT_TYPE: &'static str = "application/json";

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Serialize + Send> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(bytes) => Response::builder().content_type("application/json").body(bytes),
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
}

impl<'a, T: Type + DeserializeOwned> ApiExtractor<'a> for Json<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let content = vec![MetaMediaType { content_type: Self::CONTENT_TYPE, schema: T::schema_ref() }];
        Some(MetaRequest { description: None, content, required: true })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        if !is_json(request) {
            return Err(unsupported_media_type().into());
        }
        let context = Context::of(request);
        let bytes = read(body.take()?, &context).await?;
        Ok(Json(parse(&bytes)?))
    }
}

fn is_json(request: &Request) -> bool {
    let Some(content_type) = request.content_type() else { return false };
    let essence = content_type.split(';').next().unwrap_or_default().trim_ascii();
    essence.eq_ignore_ascii_case("application/json")
}

/// The whole body, if it is short enough and arrives in time. Counts what arrives, not what was announced.
pub async fn read(body: Body, context: &Context) -> Result<Bytes, Problem> {
    read_up_to(body, context, context.service.http.max_body_bytes).await
}

/// The same for a body that may be longer, or has to be shorter, than others.
pub async fn read_up_to(body: Body, context: &Context, longest: usize) -> Result<Bytes, Problem> {
    let http = &context.service.http;
    let mut body = BoxBody::from(body);
    // What may be longer may take longer, as long as any request may.
    let patience = if longest > http.max_body_bytes { http.request_timeout() } else { http.body_timeout() };
    match tokio::time::timeout(patience, Limited::new(&mut body, longest).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let _ = tokio::time::timeout(http.body_timeout(), drain(&mut body, longest)).await;
            Err(too_large(longest))
        }
        Ok(Err(_)) => {
            Err(Problem::new(StatusCode::BAD_REQUEST, "request.body_broken", "The body did not arrive whole"))
        }
        Err(_) => {
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "request.body_timeout", "The body did not arrive in time"))
        }
    }
}

/// Takes up to `most` bytes off the line. Whoever is still sending when the connection is closed hears no answer, so
/// a body that is not much too long is read to its end.
async fn drain<B: HttpBody + Unpin>(body: &mut B, most: usize) {
    let mut left = most;
    while let Some(Ok(frame)) = body.frame().await {
        let length = frame.data_ref().map_or(0, Buf::remaining);
        match left.checked_sub(length) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

fn too_large(limit: usize) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "request.body_too_large", "The body is too long")
        .detail(format!("At most {limit} bytes are accepted."))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    depth::check(bytes)?;
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        // serde would take an array for a struct, field by field.
        return Err(match serde_json::from_slice::<serde::de::IgnoredAny>(bytes) {
            Ok(_) => Problem::invalid("body", "must be a JSON object"),
            Err(error) => malformed(&error),
        });
    }
    serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        Category::Data => wrong_field::<T>(bytes),
        Category::Syntax | Category::Eof | Category::Io => malformed(&error),
    })
}

fn malformed(error: &serde_json::Error) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "request.malformed_json", "The body is not well-formed JSON").detail(format!(
        "Reading stopped at line {}, column {}.",
        error.line(),
        error.column()
    ))
}

/// Reads once more, slower, to learn where it failed.
fn wrong_field<T: DeserializeOwned>(bytes: &[u8]) -> Problem {
    let reader = &mut serde_json::Deserializer::from_slice(bytes);
    let Err(error) = serde_path_to_error::deserialize::<_, T>(reader) else {
        return Problem::invalid("body", "is not of the documented form");
    };
    let (named, reason) = explain(&error.inner().to_string());
    // A path ends in the client's own words only where a field is unknown.
    let unknown = reason == UNKNOWN_FIELD;
    let path = error.path().iter().map(Segment::to_string);
    let path = path.take(error.path().iter().count() - usize::from(unknown));
    let path: Vec<_> = path.chain(named).collect();
    Problem::invalid(if path.is_empty() { "body".into() } else { path.join(".") }, reason)
}

const UNKNOWN_FIELD: &str = "has a field that is not documented";

/// serde's message without anything that came from the client: the field it names if it is ours, and what was expected.
fn explain(message: &str) -> (Option<String>, String) {
    let message = message.rfind(" at line ").map_or(message, |end| &message[..end]);
    if let Some(field) = quoted(message, "missing field `") {
        return (Some(field), "is required".into());
    }
    if message.starts_with("unknown field `") {
        return (None, UNKNOWN_FIELD.into());
    }
    if let Some(field) = quoted(message, "duplicate field `") {
        return (Some(field), "is given twice".into());
    }
    // What follows the last `expected` is written by our types; what stands before it quotes the client.
    match message.rsplit_once("expected ") {
        // Except for a character that a parser `found`.
        Some((_, expected)) => {
            let expected = expected.split_once(", found ").map_or(expected, |(ours, _)| ours);
            (None, format!("must be {expected}"))
        }
        None => (None, "is not of the documented form".into()),
    }
}

fn quoted(message: &str, start: &str) -> Option<String> {
    let rest = message.strip_prefix(start)?;
    rest.split_once('`').map(|(name, _)| name.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde::Deserialize;

    use super::*;
    use crate::{money::Amount, problem::Problem};
    use uuid::Uuid;

    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct Order {
        card_id: Uuid,
        amount: Amount,
        kind: Kind,
        #[serde(default, deserialize_with = "maybe_object")]
        nested: Option<Nested>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Small,
        Large,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Nested {
        count: u32,
    }

    const ID: &str = "0198c5a2-7b1e-7c3d-9f00-000000000001";

    fn refusal(json: &str) -> Problem {
        parse::<Order>(json.as_bytes()).unwrap_err()
    }

    #[test]
    fn a_wrong_field_is_named() {
        let table = [
            (format!(r#"{{"card_id":"{ID}","kind":"small"}}"#), "amount"),
            (format!(r#"{{"card_id":"{ID}","amount":1,"kind":"tiny"}}"#), "kind"),
            (r#"{"card_id":"secret-4111","amount":1,"kind":"small"}"#.into(), "card_id"),
            (r#"{"card_id":4111,"amount":1,"kind":"small"}"#.into(), "card_id"),
            (format!(r#"{{"card_id":"{ID}","amount":1,"kind":"small","nested":{{"count":"4111"}}}}"#), "nested.count"),
            (format!(r#"{{"card_id":"{ID}","amount":1,"kind":"small","nested":{{}}}}"#), "nested.count"),
            (format!(r#"{{"card_id":"{ID}","amount":1,"kind":"small","nested":[1]}}"#), "nested"),
            (r#"[]"#.into(), "body"),
            (r#""4111""#.into(), "body"),
            (format!(r#"{{"card_id":"{ID}","card_id":"{ID}"}}"#), "card_id"),
        ];
        for (json, field) in table {
            let (status, code, fields) = refusal(&json).summary();
            assert_eq!((status, code.as_str()), (422, "request.invalid"), "{json}");
            assert_eq!(fields, [field], "{json}");
        }
    }

    #[test]
    fn a_refusal_never_repeats_what_was_sent() {
        let sent = [
            r#"{"card_id":"4111111111111111"}"#.to_owned(),
            r#"{"card_id":4111111111111111}"#.to_owned(),
            format!(r#"{{"card_id":"{ID}","amount":1,"kind":"4111111111111111"}}"#),
            format!(r#"{{"card_id":"{ID}","amount":1,"kind":"expected 4111111111111111"}}"#),
            format!(r#"{{"card_id":"{ID}","amount":1,"kind":"x` at line 4111111111111111"}}"#),
            format!(r#"{{"card_id":"{ID}","amount":1,"kind":"small","nested":{{"4111111111111111":1}}}}"#),
            r#"4111111111111111"#.to_owned(),
            r#"{"4111111111111111":"#.to_owned(),
        ];
        for json in sent {
            let problem = format!("{:?}", refusal(&json));
            assert!(!problem.contains("4111"), "{json} gave {problem}");
        }
    }

    #[test]
    fn broken_json_is_malformed_not_invalid() {
        for json in ["", "{", "{]", "nul", "{\"card_id\":}"] {
            assert_eq!(refusal(json).summary().1, "request.malformed_json", "{json}");
        }
    }
}
