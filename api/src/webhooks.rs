//! Where third parties tell us things: `POST /webhooks/{source}`. No token: the sender's signature is the proof. The
//! answer is 2xx only once the delivery is stored; a sender that hears anything else sends it again.

use poem::{
    Request, Response, Result,
    error::MethodNotAllowedError,
    http::{HeaderName, HeaderValue, Method, StatusCode},
};

use crate::{context::Context, json::read, limits::Policy, problem::Problem};

const START: &str = "/webhooks/";

pub fn paths() -> impl Iterator<Item = (String, Method)> {
    std::iter::once((format!("{START}{{source}}"), Method::POST))
}

pub fn serves(path: &str) -> bool {
    source(path).is_some()
}

fn source(path: &str) -> Option<&str> {
    path.strip_prefix(START).filter(|source| !source.is_empty() && !source.contains('/'))
}

pub async fn receive(request: Request) -> Result<Response> {
    if request.method() != Method::POST {
        return Err(MethodNotAllowedError.into());
    }
    let context = Context::of(&request);
    let (request, mut body) = request.split();
    let body = read(body.take()?, &context).await?;
    let (system, source) = (&context.service.system, source(request.uri().path()).unwrap_or_default());
    let received = flows::webhooks::receive(system, source, request.headers(), &body, &context.origin()).await;
    if let Err(flows::Error::WebhookRefused | flows::Error::NotFound { .. }) = &received {
        // Whoever is no sender of ours is counted. Our senders are not: an issuer that asks about purchases must not
        // be turned away because there are many.
        context.strict(Policy::Webhooks, None).await?;
    }
    let answer = received.map_err(Problem::from)?;
    if answer.body.is_empty() {
        return Ok(Response::builder().status(StatusCode::NO_CONTENT).finish());
    }
    let mut response = Response::builder().content_type("application/json").body(answer.body);
    for (name, value) in answer.headers {
        let value = HeaderValue::try_from(value).map_err(Problem::internal)?;
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
    Ok(response)
}
