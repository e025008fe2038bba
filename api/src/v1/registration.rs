use flows::accounts;
use poem_openapi::{ApiResponse, Object, OpenApi, types::Example};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{
    Tag,
    users::{Profile, User},
};
use crate::{
    auth::Visitor,
    hidden::Hidden,
    json::Json,
    limits::Policy,
    problem::{Failure, refusals},
};

#[derive(Default)]
pub struct Registration;

/// Who registers.
#[derive(Object, Deserialize)]
#[oai(example)]
struct RegisterRequest {
    #[oai(validator(max_length = 254))]
    email: String,
    /// At least 12 characters, at most 256 bytes; none that many people use.
    #[oai(validator(min_length = 12, max_length = 256))]
    password: Hidden,
    #[oai(validator(min_length = 1, max_length = 100))]
    first_name: String,
    #[oai(validator(min_length = 1, max_length = 100))]
    last_name: String,
}

#[derive(Object, Deserialize)]
struct VerifyRequest {
    /// As it was mailed.
    token: String,
}

#[derive(Object, Deserialize)]
struct ResendRequest {
    #[oai(validator(max_length = 254))]
    email: String,
}

#[derive(Object, Serialize)]
struct Accepted {
    success: bool,
}

#[derive(ApiResponse)]
enum RegisterResponse {
    /// What happens next is mailed. The answer is the same whether the address has an account or not.
    #[oai(status = 202)]
    Accepted(Json<Accepted>),
}

#[derive(ApiResponse)]
enum VerifyResponse {
    /// The account can be used.
    #[oai(status = 200)]
    Verified(Json<Profile>, #[oai(header = "X-Position")] i64),
}

#[derive(ApiResponse)]
enum ResendResponse {
    /// Mailed, if there is an account that waits for it and no mail was sent just now.
    #[oai(status = 202)]
    Accepted(Json<Accepted>),
}

refusals!(Register, V1, [400, 408, 409, 413, 415, 422, 429, 500, 503, 504]);
refusals!(Verify, V1, [400, 408, 409, 413, 415, 422, 429, 500, 503, 504]);
refusals!(Resend, V1, [400, 408, 413, 415, 422, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v1/auth", tag = "Tag::Authentication")]
impl Registration {
    /// Open an account
    ///
    /// Registers a person by e-mail address and password. The account can be used once the address is verified.
    #[oai(path = "/register", method = "post", operation_id = "register")]
    async fn register(
        &self,
        visitor: Visitor,
        body: Json<RegisterRequest>,
    ) -> Result<RegisterResponse, Failure<Register>> {
        let service = &visitor.service;
        visitor.strict(Policy::Register, Some(&body.0.email)).await?;
        accounts::register(&service.system, body.0.into(), &visitor.origin()).await?;
        Ok(RegisterResponse::Accepted(Json(Accepted { success: true })))
    }

    /// Verify the e-mail address
    ///
    /// By the token that was mailed, which works once and for 24 hours.
    #[oai(path = "/verify-email", method = "post", operation_id = "verifyEmail")]
    async fn verify(&self, visitor: Visitor, body: Json<VerifyRequest>) -> Result<VerifyResponse, Failure<Verify>> {
        let service = &visitor.service;
        visitor.strict(Policy::Verify, None).await?;
        let token = SecretString::from(body.0.token);
        let written = accounts::verify_email(&service.system, &token, &visitor.origin()).await?;
        visitor.noted(written.value.user_id, written.position);
        let profile = Profile { success: true, user: User::from(written.value) };
        Ok(VerifyResponse::Verified(Json(profile), written.position))
    }

    /// Ask for the verification mail again
    ///
    /// At most one mail in two minutes is sent.
    #[oai(path = "/verify-email/resend", method = "post", operation_id = "resendVerification")]
    async fn resend(&self, visitor: Visitor, body: Json<ResendRequest>) -> Result<ResendResponse, Failure<Resend>> {
        let service = &visitor.service;
        visitor.strict(Policy::Resend, Some(&body.0.email)).await?;
        accounts::resend_verification(&service.system, &body.0.email, &visitor.origin()).await?;
        Ok(ResendResponse::Accepted(Json(Accepted { success: true })))
    }
}

impl From<RegisterRequest> for accounts::Registration {
    fn from(request: RegisterRequest) -> accounts::Registration {
        let RegisterRequest { email, password, first_name, last_name } = request;
        accounts::Registration { email, password: SecretString::from(password), first_name, last_name }
    }
}

impl Example for RegisterRequest {
    fn example() -> RegisterRequest {
        RegisterRequest {
            email: "user@example.com".into(),
            password: "securePassword123".into(),
            first_name: "John".into(),
            last_name: "Doe".into(),
        }
    }
}
