//! What clients call without a person: tokens for grants, and questions about tokens.

use base64::prelude::{BASE64_STANDARD, Engine};
use flows::{
    Written,
    oauth::{self, Authenticated, Credentials, Exchange, Granted, Refusal},
};
use poem::{
    Body, Request, Response,
    http::{HeaderValue, StatusCode, header},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use url::form_urlencoded;

use super::{
    INTROSPECT, REVOKE,
    form::{Form, NoForm},
    inquiry, json,
};
use crate::{auth::Visitor, context::Context, limits::Policy, problem::Problem};

/// RFC 6749 §5.1.
#[derive(Serialize)]
struct Tokens {
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    scope: String,
}

/// RFC 6749 §5.2.
#[derive(Serialize)]
struct Fault {
    error: &'static str,
    error_description: &'static str,
}

/// Why a client gets nothing: for a reason of the standard, or one of ours.
pub enum Refused {
    Refusal(Refusal),
    Problem(Problem),
}

impl<E: Into<Refusal>> From<E> for Refused {
    fn from(refusal: E) -> Refused {
        Refused::Refusal(refusal.into())
    }
}

pub async fn answer(path: &str, context: &Visitor, request: &Request, body: Body) -> Response {
    let outcome = async {
        let mut form = Form::of_body(request, body, context).await.map_err(|error| match error {
            NoForm::Ambiguous => Refused::Refusal(Refusal::InvalidRequest("a parameter is given twice")),
            NoForm::NotAForm => Refused::Refusal(Refusal::InvalidRequest("the body must be a form")),
            NoForm::Problem(problem) => Refused::Problem(problem),
        })?;
        let credentials = credentials(request, &mut form).map_err(Refused::Refusal)?;
        // By address alone: a client's id is public, so counting by it would let anybody shut a client out.
        context.strict(Policy::Token, None).await.map_err(Refused::Problem)?;
        let client = oauth::authenticate(&context.service.system, &credentials, &context.origin()).await;
        let client = client.map_err(Refused::Refusal)?;
        match path {
            REVOKE => inquiry::revoke(context, &client, form).await,
            INTROSPECT => inquiry::introspect(context, &client, form).await,
            _ => token(context, &client, form).await,
        }
    };
    match outcome.await {
        Ok(response) => response,
        Err(Refused::Problem(problem)) => problem.into_response(context),
        Err(Refused::Refusal(refusal)) => refuse(refusal, context),
    }
}

async fn token(context: &Context, client: &Authenticated, mut form: Form) -> Result<Response, Refused> {
    let service = &context.service;
    let (system, origin) = (&service.system, context.origin());
    // Before anything happens: whoever is refused for want of a place keeps the code or token.
    let places = (service.tokens.signing_place(), service.tokens.signing_place());
    let refused = |busy| Refused::Problem(Problem::from(busy));
    let (place, id_place) = (places.0.map_err(refused)?, places.1.map_err(refused)?);
    let lifetime = service.tokens.lifetime();
    let scope = form.take("scope");
    let granted = match form.take("grant_type").as_deref() {
        Some("authorization_code") => {
            let exchange = Exchange {
                code: required(&mut form, "code", "code is missing")?,
                redirect_uri: form.take("redirect_uri").unwrap_or_default(),
                verifier: required(&mut form, "code_verifier", "code_verifier is missing")?,
            };
            let Written { value, position } =
                oauth::exchange(system, client, exchange, lifetime, &origin).await.map_err(Refused::Refusal)?;
            context.noted(value.session.user_id, position);
            value
        }
        Some("refresh_token") => {
            let token = required(&mut form, "refresh_token", "refresh_token is missing")?;
            oauth::refresh(system, client, &token, scope.as_deref(), &origin).await.map_err(Refused::Refusal)?
        }
        Some("client_credentials") => oauth::client_credentials(system, client, scope.as_deref(), lifetime, &origin)
            .await
            .map_err(Refused::Refusal)?,
        Some(_) => return Err(Refusal::UnsupportedGrantType.into()),
        None => return Err(Refusal::InvalidRequest("grant_type is missing").into()),
    };
    let Granted { session, roles, refresh_token, nonce } = granted;
    service.sessions.remember(&session).await;
    let issued = service.tokens.issue(place, &session, &roles).await.map_err(Refused::Problem)?;
    let scopes = session.scopes.as_deref().unwrap_or_default();
    let id_token = match scopes.contains(&aggregates::Permission::OpenId) {
        true => {
            Some(service.tokens.issue_id_token(id_place, &session, nonce, &issued).await.map_err(Refused::Problem)?)
        }
        false => None,
    };
    let tokens = Tokens {
        expires_in: issued.expires_in.as_secs(),
        access_token: issued.token,
        token_type: "Bearer",
        refresh_token: refresh_token.map(|token| token.expose_secret().to_owned()),
        id_token,
        scope: scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" "),
    };
    Ok(json(StatusCode::OK, &tokens, context))
}

pub fn required(form: &mut Form, name: &str, missing: &'static str) -> Result<SecretString, Refusal> {
    form.take(name).map(SecretString::from).ok_or(Refusal::InvalidRequest(missing))
}

/// Who the client says it is: by header or by form, and by one of them only (RFC 6749 §2.3).
fn credentials(request: &Request, form: &mut Form) -> Result<Credentials, Refusal> {
    let (id, secret) = (form.take("client_id"), form.take("client_secret").map(SecretString::from));
    let mut headers = request.headers().get_all(header::AUTHORIZATION).iter();
    match (headers.next(), headers.next()) {
        (None, _) => Ok(Credentials { client_id: id.ok_or(Refusal::InvalidClient)?, secret }),
        (Some(_), Some(_)) => Err(Refusal::InvalidRequest("more than one Authorization header")),
        (Some(_), None) if secret.is_some() => Err(Refusal::InvalidRequest("more than one client authentication")),
        (Some(header), None) => {
            let basic = header.to_str().ok().and_then(basic).ok_or(Refusal::InvalidClient)?;
            match id.is_none_or(|id| id == basic.client_id) {
                true => Ok(basic),
                false => Err(Refusal::InvalidRequest("client_id differs from the Authorization header's")),
            }
        }
    }
}

/// RFC 6749 §2.3.1: both halves are form-encoded before they are joined.
fn basic(header: &str) -> Option<Credentials> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let joined = zeroize::Zeroizing::new(BASE64_STANDARD.decode(encoded.trim_ascii()).ok()?);
    let (id, secret) = std::str::from_utf8(&joined).ok()?.split_once(':')?;
    let decoded = |half: &str| match form_urlencoded::parse(half.as_bytes()).next() {
        Some((name, value)) if value.is_empty() => Some(name.into_owned()),
        _ => None,
    };
    Some(Credentials { client_id: decoded(id)?, secret: Some(SecretString::from(decoded(secret)?)) })
}

fn refuse(refusal: Refusal, context: &Context) -> Response {
    let (status, error, error_description) = match refusal {
        Refusal::InvalidRequest(why) => (StatusCode::BAD_REQUEST, "invalid_request", why),
        Refusal::InvalidClient => {
            (StatusCode::UNAUTHORIZED, "invalid_client", "the client is unknown, disabled or not authenticated")
        }
        Refusal::InvalidGrant => {
            let why = "the code or token is unknown, used, expired, taken back or of another client";
            (StatusCode::BAD_REQUEST, "invalid_grant", why)
        }
        Refusal::UnauthorizedClient => {
            (StatusCode::BAD_REQUEST, "unauthorized_client", "the client may not use this grant")
        }
        Refusal::UnsupportedGrantType => (StatusCode::BAD_REQUEST, "unsupported_grant_type", "there is no such grant"),
        Refusal::InvalidScope => {
            (StatusCode::BAD_REQUEST, "invalid_scope", "a scope is unknown or more than was granted")
        }
        Refusal::Failed(error) => return Problem::from(error).into_response(context),
    };
    let mut response = json(status, &Fault { error, error_description }, context);
    if status == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static("Basic realm=\"oauth\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}
