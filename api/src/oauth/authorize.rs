//! The pages that a person goes through: plain HTML, no script, no cookie.

use flows::{
    factors::SecondProof,
    oauth::{self, Back, Parameters, Step},
};
use poem::{
    Body, Request, Response,
    http::{HeaderValue, Method, StatusCode, header},
};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{
    AUTHORIZE, CONSENT, SECOND_FACTOR,
    form::{Ambiguous, Form, NoForm},
    html,
};
use crate::{
    auth::Visitor,
    context::Context,
    limits::Policy,
    problem::{Problem, unsupported_media_type},
};

/// Why there is no next page.
enum Stop {
    /// With a sentence for the person.
    Page(StatusCode, String),
    Problem(Problem),
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Stop {
        Stop::Problem(problem)
    }
}

impl From<flows::Error> for Stop {
    fn from(error: flows::Error) -> Stop {
        match error {
            flows::Error::InvalidInput { field, reason } => {
                Stop::Page(StatusCode::BAD_REQUEST, format!("The application's request is wrong: {field} {reason}."))
            }
            flows::Error::NotFound { what: "authorization_request" } => {
                let used = "This page was used already, or is too old. Go back to the application and begin again.";
                Stop::Page(StatusCode::BAD_REQUEST, used.into())
            }
            error => Stop::Problem(error.into()),
        }
    }
}

impl From<Ambiguous> for Stop {
    fn from(_: Ambiguous) -> Stop {
        Stop::Page(StatusCode::BAD_REQUEST, "The application's request is wrong: a parameter is given twice.".into())
    }
}

impl From<NoForm> for Stop {
    fn from(error: NoForm) -> Stop {
        match error {
            NoForm::Ambiguous => Ambiguous.into(),
            NoForm::NotAForm => unsupported_media_type().into(),
            NoForm::Problem(problem) => problem.into(),
        }
    }
}

pub async fn answer(path: &str, request: &Request, body: Body) -> Response {
    let context = Context::of(request);
    match step(path, request, body).await {
        Ok(Step::Page(page)) => html::page(&page),
        Ok(Step::Back(back)) => redirect(context.service.tokens.issuer(), &back, &context),
        Err(Stop::Page(status, sentence)) => html::error(status, &sentence),
        Err(Stop::Problem(problem)) => html::problem(problem, &context),
    }
}

async fn step(path: &str, request: &Request, body: Body) -> Result<Step, Stop> {
    let context = Visitor::of(request).await?;
    let system = &context.service.system;
    if path == AUTHORIZE {
        let form = match *request.method() {
            Method::POST => Form::of_body(request, body, &context).await?,
            _ => Form::of_query(request)?,
        };
        return Ok(oauth::begin(system, parameters(form)).await?);
    }
    if !is_from_our_page(request) {
        let elsewhere = "This was sent by another site. Go back to the application and begin again.";
        return Err(Stop::Page(StatusCode::FORBIDDEN, elsewhere.into()));
    }
    let form = Form::of_body(request, body, &context).await?;
    answered(path, &context, form).await
}

/// A page of ours was answered.
async fn answered(path: &str, context: &Context, mut form: Form) -> Result<Step, Stop> {
    let (system, origin) = (&context.service.system, context.origin());
    let ticket = SecretString::from(form.take("ticket").unwrap_or_default());
    let goes_on = form.take("decision").as_deref() == Some("continue");
    Ok(match path {
        CONSENT => oauth::consent(system, &ticket, goes_on, &origin).await?,
        _ if !goes_on => oauth::cancel(system, &ticket).await?,
        SECOND_FACTOR => {
            context.strict(Policy::SecondFactor, None).await?;
            oauth::second_factor(system, &ticket, second_proof(form), &origin).await?
        }
        _ => {
            let email = form.take("email").unwrap_or_default();
            let password = SecretString::from(form.take("password").unwrap_or_default());
            context.strict(Policy::Login, Some(&email)).await?;
            oauth::log_in(system, &ticket, &email, password, &origin).await?
        }
    })
}

/// Six digits are an authenticator app's, anything else a recovery code.
fn second_proof(mut form: Form) -> SecondProof {
    let code: String = form.take("code").unwrap_or_default().split_ascii_whitespace().collect();
    match code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()) {
        true => SecondProof::Totp(SecretString::from(code)),
        false => SecondProof::RecoveryCode(SecretString::from(code)),
    }
}

/// Browsers tell where a form comes from. Other sites have nothing to gain without a ticket; this keeps them from
/// walking a person through with a ticket and an account of their own.
fn is_from_our_page(request: &Request) -> bool {
    let site = request.headers().get("sec-fetch-site");
    site.is_none_or(|site| site == "same-origin" || site == "none")
}

fn parameters(mut form: Form) -> Parameters {
    Parameters {
        client_id: form.take("client_id"),
        redirect_uri: form.take("redirect_uri"),
        response_type: form.take("response_type"),
        response_mode: form.take("response_mode"),
        scope: form.take("scope"),
        state: form.take("state"),
        nonce: form.take("nonce"),
        code_challenge: form.take("code_challenge"),
        code_challenge_method: form.take("code_challenge_method"),
        prompt: form.take("prompt"),
        request: form.take("request"),
        request_uri: form.take("request_uri"),
    }
}

/// Back to the client. By 303, so that no browser sends the password along (RFC 9700 §4.12).
fn redirect(issuer: &str, back: &Back, context: &Context) -> Response {
    let Ok(mut url) = Url::parse(&back.redirect_uri) else {
        return Problem::internal("a registered address is no URL").into_response(context);
    };
    {
        let mut query = url.query_pairs_mut();
        match &back.answer {
            Ok(code) => query.append_pair("code", code.expose_secret()),
            Err(fault) => {
                query.append_pair("error", fault.code()).append_pair("error_description", fault.description())
            }
        };
        if !back.state.is_empty() {
            query.append_pair("state", &back.state);
        }
        // RFC 9207: so that a client of several servers knows whose answer this is.
        query.append_pair("iss", issuer);
    }
    let mut response = Response::builder().status(StatusCode::SEE_OTHER).finish();
    match HeaderValue::from_str(url.as_str()) {
        Ok(location) => {
            response.headers_mut().insert(header::LOCATION, location);
            response
        }
        Err(error) => Problem::internal(error).into_response(context),
    }
}
