use flows::oauth::{self, Authenticated, Introspected};
use poem::{Response, http::StatusCode};
use secrecy::ExposeSecret;
use serde::Serialize;
use uuid::Uuid;

use super::{
    form::Form,
    json,
    token::{Refused, required},
};
use crate::context::Context;

/// RFC 7662 §2.2.
#[derive(Default, Serialize)]
struct Introspection {
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<String>,
}

/// What a token stands for, to a client that may know.
pub async fn introspect(context: &Context, client: &Authenticated, mut form: Form) -> Result<Response, Refused> {
    let token = required(&mut form, "token", "token is missing")?;
    let tokens = &context.service.tokens;
    let claimed = tokens.verify(token.expose_secret());
    let session = claimed.map(|claimed| claimed.session_id);
    let found = oauth::introspect(&context.service.system, client, &token, session).await;
    let answer = match found.map_err(Refused::Refusal)? {
        None => Introspection::default(),
        Some(Introspected { user_id, client_id, scopes, expires_at, session }) => {
            // An access token may say less than its session.
            let scopes = match claimed {
                Some(claimed) => claimed.rights.all().collect(),
                None => scopes.unwrap_or_default(),
            };
            Introspection {
                active: true,
                scope: Some(scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" ")),
                client_id: client_id.map(|client| client.0),
                sub: Some(user_id.0),
                token_type: claimed.map(|_| "Bearer"),
                exp: claimed
                    .map(|claimed| claimed.expires_at())
                    .or(expires_at.and_then(|at| u64::try_from(at.timestamp()).ok())),
                auth_time: Some(session.auth_time.timestamp()),
                iss: Some(tokens.issuer().to_owned()),
                aud: claimed.map(|_| tokens.audience().to_owned()),
            }
        }
    };
    Ok(json(StatusCode::OK, &answer, context))
}

/// Ends a token's session. The same answer whatever the token was (RFC 7009 §2.2).
pub async fn revoke(context: &Context, client: &Authenticated, mut form: Form) -> Result<Response, Refused> {
    let token = required(&mut form, "token", "token is missing")?;
    let service = &context.service;
    let session = service.tokens.verify(token.expose_secret()).map(|claimed| claimed.session_id);
    oauth::revoke(&service.system, client, &token, session, &context.origin()).await?;
    Ok(Response::builder().status(StatusCode::OK).finish())
}
