use flows::accounts;
use poem_openapi::{ApiResponse, Object, OpenApi, types::Example};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Tag;
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
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, rename = "Registration", example)]
struct NewAccount {
    #[oai(validator(max_length = 254))]
    email: String,
    /// At least 12 characters, at most 256 bytes; none that many people use, and nothing of the person's own name or
    /// address.
    #[oai(validator(min_length = 12, max_length = 256))]
    password: Hidden,
    #[oai(validator(min_length = 1, max_length = 100))]
    first_name: String,
    #[oai(validator(min_length = 1, max_length = 100))]
    last_name: String,
}

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct MailedToken {
    /// As it was mailed.
    token: String,
}

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct Address {
    #[oai(validator(max_length = 254))]
    email: String,
}

#[derive(Object, Serialize)]
struct VerifiedAccount {
    user_id: Uuid,
    email: String,
}

/// An answer that tells strangers nothing.
#[derive(ApiResponse)]
pub(super) enum Mailed {
    /// What happens next is mailed. The answer is the same whether the address has an account or not.
    #[oai(status = 202)]
    Accepted,
}

#[derive(ApiResponse)]
enum VerifyResponse {
    /// The account can be used.
    #[oai(status = 200)]
    Verified(Json<VerifiedAccount>, #[oai(header = "X-Position")] i64),
}

refusals!(Register, V2, [400, 408, 409, 413, 415, 422, 429, 500, 503, 504]);
refusals!(Verify, V2, [400, 408, 409, 413, 415, 422, 429, 500, 503, 504]);
refusals!(Resend, V2, [400, 408, 413, 415, 422, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v2/auth", tag = "Tag::Authentication")]
impl Registration {
    /// Open an account
    ///
    /// Registers a person by e-mail address and password. The account can be used once the address is verified.
    #[oai(path = "/register", method = "post", operation_id = "register_v2")]
    async fn register(&self, visitor: Visitor, body: Json<NewAccount>) -> Result<Mailed, Failure<Register>> {
        let service = &visitor.service;
        visitor.strict(Policy::Register, Some(&body.0.email)).await?;
        accounts::register(&service.system, body.0.into(), &visitor.origin()).await?;
        Ok(Mailed::Accepted)
    }

    /// Verify the e-mail address
    ///
    /// By the token that was mailed, which works once and for 24 hours.
    #[oai(path = "/verify-email", method = "post", operation_id = "verify_email_v2")]
    async fn verify(&self, visitor: Visitor, body: Json<MailedToken>) -> Result<VerifyResponse, Failure<Verify>> {
        let service = &visitor.service;
        visitor.strict(Policy::Verify, None).await?;
        let token = SecretString::from(body.0.token);
        let written = accounts::verify_email(&service.system, &token, &visitor.origin()).await?;
        let (account, position) = (written.value, written.position);
        visitor.noted(account.user_id, position);
        let verified = VerifiedAccount { user_id: account.user_id.0, email: account.email };
        Ok(VerifyResponse::Verified(Json(verified), position))
    }

    /// Ask for the verification mail again
    ///
    /// At most one mail in two minutes is sent.
    #[oai(path = "/verify-email/resend", method = "post", operation_id = "resend_verification_v2")]
    async fn resend(&self, visitor: Visitor, body: Json<Address>) -> Result<Mailed, Failure<Resend>> {
        let service = &visitor.service;
        visitor.strict(Policy::Resend, Some(&body.0.email)).await?;
        accounts::resend_verification(&service.system, &body.0.email, &visitor.origin()).await?;
        Ok(Mailed::Accepted)
    }
}

impl From<NewAccount> for accounts::Registration {
    fn from(account: NewAccount) -> accounts::Registration {
        let NewAccount { email, password, first_name, last_name } = account;
        accounts::Registration { email, password: SecretString::from(password), first_name, last_name }
    }
}

impl Example for NewAccount {
    fn example() -> NewAccount {
        NewAccount {
            email: "user@example.com".into(),
            password: "securePassword123".into(),
            first_name: "John".into(),
            last_name: "Doe".into(),
        }
    }
}
