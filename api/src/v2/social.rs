use flows::social::{self, Return};
use poem_openapi::{ApiResponse, Object, OpenApi, param::Path, types::Example};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::{Tag, auth::LoginResponse};
use crate::{
    auth::{Visitor, enter_by},
    json::Json,
    limits::Policy,
    problem::{Failure, refusals},
};

#[derive(Default)]
pub struct Social;

/// Where to send the person.
#[derive(Object, Serialize)]
pub(super) struct Departure {
    /// The provider's page. Remember its `state`, and go on only with an answer that carries the same.
    pub authorization_url: String,
}

/// A login that has begun.
#[derive(Object, Serialize)]
struct LoginDeparture {
    /// The provider's page. Remember its `state`, and go on only with an answer that carries the same.
    authorization_url: String,
    /// Keep it, and send it when the person comes back: without it nobody who sees the address they come back with can
    /// take the login over.
    login_secret: String,
}

#[derive(ApiResponse)]
enum StartResponse {
    /// The login has begun; the person has ten minutes.
    #[oai(status = 200)]
    Departure(Json<LoginDeparture>),
}

/// What the person came back with.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub(super) struct Arrival {
    #[oai(validator(min_length = 1, max_length = 512))]
    state: String,
    #[oai(validator(min_length = 1, max_length = 4096))]
    code: String,
    /// The `login_secret` that the login began with. Needed to log in; linking needs the session instead.
    #[oai(nullable, validator(max_length = 512))]
    login_secret: Option<String>,
    /// The parameter `iss`, if the provider sent it (RFC 9207).
    #[oai(nullable, validator(max_length = 512))]
    iss: Option<String>,
    /// Which device this is; fraud screening learns from it.
    #[oai(nullable, validator(min_length = 1, max_length = 128))]
    device_id: Option<String>,
    /// For a new account, where the provider tells the name to the app alone, as Apple does.
    #[oai(nullable, validator(min_length = 1, max_length = 100))]
    first_name: Option<String>,
    #[oai(nullable, validator(min_length = 1, max_length = 100))]
    last_name: Option<String>,
}

refusals!(Start, V2, [400, 404, 429, 500, 502, 503, 504]);
refusals!(Complete, V2, [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 502, 503, 504]);

#[OpenApi(prefix_path = "/api/v2/auth/social", tag = "Tag::Authentication")]
impl Social {
    /// Begin a login through a provider
    ///
    /// Such as Google, Apple or Facebook: whichever the operator has set up.
    #[oai(path = "/:provider/start", method = "post", operation_id = "startSocialLogin")]
    async fn start(&self, visitor: Visitor, provider: Path<String>) -> Result<StartResponse, Failure<Start>> {
        let departed = social::start(&visitor.service.system, &provider.0).await?;
        let login_secret = departed.secret.expose_secret().into();
        let departure = LoginDeparture { authorization_url: departed.authorization_url, login_secret };
        Ok(StartResponse::Departure(Json(departure)))
    }

    /// Complete a login through a provider
    ///
    /// Opens the account that the identity is linked to, or a new one if the provider vouches for an e-mail address
    /// that no account has. An address that has an account is refused: log in there and link the identity.
    #[oai(path = "/:provider/complete", method = "post", operation_id = "completeSocialLogin")]
    async fn complete(
        &self,
        visitor: Visitor,
        provider: Path<String>,
        body: Json<Arrival>,
    ) -> Result<LoginResponse, Failure<Complete>> {
        visitor.strict(Policy::Login, None).await?;
        let (system, origin) = (&visitor.service.system, visitor.origin());
        Ok(enter_by(&visitor, social::complete(system, &provider.0, body.0.into(), &origin)).await?.into())
    }
}

impl From<Arrival> for Return {
    fn from(arrival: Arrival) -> Return {
        Return {
            state: SecretString::from(arrival.state),
            code: SecretString::from(arrival.code),
            secret: arrival.login_secret.map(SecretString::from),
            issuer: arrival.iss,
            device_id: arrival.device_id,
            first_name: arrival.first_name,
            last_name: arrival.last_name,
        }
    }
}

impl Example for Arrival {
    fn example() -> Arrival {
        Arrival {
            state: "b2V4…".into(),
            code: "SplxlOBeZQQYbYS6WxSbIA".into(),
            login_secret: Some("ysw7…".into()),
            iss: None,
            device_id: None,
            first_name: None,
            last_name: None,
        }
    }
}
