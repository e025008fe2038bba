//! Our authorization server for third parties' programs (RFC 6749, 7009, 7636, 7662, 8414, 9207; OpenID Connect Core
//! 1.0; as RFC 9700 advises). Its paths and forms are the standards' own, so they are described by the metadata and
//! belong to no version of the API.

mod authorize;
mod form;
mod html;
mod inquiry;
mod metadata;
mod token;
mod userinfo;

use bytes::Bytes;
use poem::{
    Endpoint, Request, Response, Result,
    error::MethodNotAllowedError,
    http::{HeaderValue, Method, StatusCode, header},
};
use serde::Serialize;

use crate::{auth::Visitor, context::Context};

const AUTHORIZE: &str = "/oauth/authorize";
const LOG_IN: &str = "/oauth/authorize/login";
const SECOND_FACTOR: &str = "/oauth/authorize/second-factor";
const CONSENT: &str = "/oauth/authorize/consent";
const TOKEN: &str = "/oauth/token";
const REVOKE: &str = "/oauth/revoke";
const INTROSPECT: &str = "/oauth/introspect";
const USER_INFO: &str = "/oauth/userinfo";
const METADATA: &str = "/.well-known/oauth-authorization-server";
const OPENID_METADATA: &str = "/.well-known/openid-configuration";

const PATHS: [(&str, &[Method]); 10] = [
    (AUTHORIZE, &[Method::GET, Method::POST]),
    (LOG_IN, &[Method::POST]),
    (SECOND_FACTOR, &[Method::POST]),
    (CONSENT, &[Method::POST]),
    (TOKEN, &[Method::POST]),
    (REVOKE, &[Method::POST]),
    (INTROSPECT, &[Method::POST]),
    (USER_INFO, &[Method::GET, Method::POST]),
    (METADATA, &[Method::GET]),
    (OPENID_METADATA, &[Method::GET]),
];

/// Every path with each of its methods.
pub fn paths() -> impl Iterator<Item = (String, Method)> {
    PATHS.into_iter().flat_map(|(path, methods)| methods.iter().map(move |method| (path.to_owned(), method.clone())))
}

pub fn serves(path: &str) -> bool {
    PATHS.iter().any(|(known, _)| *known == path)
}

/// The endpoints.
pub struct OAuth {
    metadata: Bytes,
}

impl OAuth {
    pub fn new(issuer: &str) -> OAuth {
        OAuth { metadata: metadata::document(issuer) }
    }
}

impl Endpoint for OAuth {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let path = PATHS.iter().find(|(path, _)| *path == request.uri().path());
        // A HEAD is a GET whose body is left out.
        let method = if request.method() == Method::HEAD { Method::GET } else { request.method().clone() };
        let Some((path, _)) = path.filter(|(_, methods)| methods.contains(&method)) else {
            return Err(MethodNotAllowedError.into());
        };
        let (request, mut body) = request.split();
        let body = body.take()?;
        match *path {
            METADATA | OPENID_METADATA => Ok(self.metadata_page()),
            USER_INFO => Ok(userinfo::answer(&request).await?),
            AUTHORIZE | LOG_IN | SECOND_FACTOR | CONSENT => Ok(authorize::answer(path, &request, body).await),
            path => {
                let visitor = Visitor::of(&request).await?;
                Ok(token::answer(path, &visitor, &request, body).await)
            }
        }
    }
}

impl OAuth {
    fn metadata_page(&self) -> Response {
        Response::builder()
            .content_type("application/json")
            .header(header::CACHE_CONTROL, "public, max-age=300")
            .body(self.metadata.clone())
    }
}

/// A JSON answer that nobody keeps (RFC 6749 §5.1).
fn json(status: StatusCode, value: &impl Serialize, context: &Context) -> Response {
    match serde_json::to_vec(value) {
        Ok(bytes) => {
            let mut response = Response::builder().status(status).content_type("application/json").body(bytes);
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err(error) => crate::problem::Problem::internal(error).into_response(context),
    }
}
