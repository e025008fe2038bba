use aggregates::{UserId, kyc, user::Standing};
use flows::{
    accounts::{self, Account, Names, Profile as Person},
    identity,
};
use poem_openapi::{
    ApiResponse, Enum, Object, OpenApi,
    param::{Header, Path, Query},
    types::Example,
};
use serde::{Deserialize, Serialize};
use uuid::{Uuid, uuid};

use super::{Tag, kyc::Verification};
use crate::{
    auth::{
        Caller,
        rights::{ProfileRead, ProfileWrite, UsersRead, UsersVerify},
    },
    json::Json,
    parameters::MinPosition,
    problem::{Failure, refusals},
};

#[derive(Default)]
pub struct Users;

/// A person as they see themselves.
#[derive(Object, Serialize)]
#[oai(example)]
pub struct User {
    pub id: Uuid,
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    pub kyc_status: KycStatus,
}

/// How far identity verification has come.
#[derive(Clone, Copy, Enum, Serialize)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum KycStatus {
    /// Nothing was submitted yet.
    NotStarted,
    /// The provider is working on it.
    Pending,
    /// A human looks at it.
    InReview,
    Approved,
    /// It may be submitted again.
    Rejected,
    /// The approval has run out; it may be submitted again.
    Expired,
}

#[derive(Object, Serialize)]
pub struct Profile {
    pub success: bool,
    pub user: User,
}

#[derive(ApiResponse)]
enum Found {
    /// The caller's profile.
    #[oai(status = 200)]
    Profile(Json<Profile>),
}

/// The names to change; what is absent stays.
#[derive(Object, Deserialize)]
#[oai(skip_serializing_if_is_none, example)]
struct ProfileChange {
    #[oai(nullable, validator(min_length = 1, max_length = 100))]
    first_name: Option<String>,
    #[oai(nullable, validator(min_length = 1, max_length = 100))]
    last_name: Option<String>,
}

#[derive(ApiResponse)]
enum Changed {
    /// The caller's profile as it is now.
    #[oai(status = 200)]
    Profile(Json<Profile>, #[oai(header = "X-Position")] i64),
}

/// Whose address it is.
#[derive(Object, Serialize)]
struct VerifiedUser {
    success: bool,
    user_id: Uuid,
    email: String,
    first_name: String,
    last_name: String,
    kyc_status: KycStatus,
    /// Whether the account is open and its address confirmed, so that its owner may log in.
    verified: bool,
}

#[derive(ApiResponse)]
enum VerifyResponse {
    /// The account of the address.
    #[oai(status = 200)]
    Found(Json<VerifiedUser>),
}

#[derive(ApiResponse)]
enum KycStatusResponse {
    /// How far the person's verification has come.
    #[oai(status = 200)]
    Status(Json<Verification>),
}

refusals!(Me, V1, [400, 401, 403, 404, 429, 500, 503, 504]);
refusals!(Change, V1, [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503, 504]);
refusals!(Verify, V1, [400, 401, 403, 404, 414, 429, 500, 503, 504]);
refusals!(GetKycStatusOf, V1, [400, 401, 403, 404, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v1/users", tag = "Tag::Users")]
impl Users {
    /// Who am I
    ///
    /// The caller's own account.
    #[oai(path = "/me", method = "get", operation_id = "getMe")]
    async fn me(
        &self,
        caller: Caller<ProfileRead>,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<MinPosition>>,
    ) -> Result<Found, Failure<Me>> {
        let at_least = caller.at_least(min_position.0);
        let account = accounts::account(&caller.service.system, caller.user_id, at_least).await?;
        Ok(Found::Profile(Json(Profile { success: true, user: account.into() })))
    }

    /// Change my name
    ///
    /// Names that are the same already change nothing.
    #[oai(path = "/me", method = "patch", operation_id = "changeMe")]
    async fn change(
        &self,
        caller: Caller<ProfileWrite>,
        body: Json<ProfileChange>,
    ) -> Result<Changed, Failure<Change>> {
        let ProfileChange { first_name, last_name } = body.0;
        let names = Names { first_name, last_name };
        let written = accounts::rename(&caller.service.system, caller.user_id, names, &caller.origin()).await?;
        let (profile, position) = caller.wrote(written);
        Ok(Changed::Profile(Json(Profile { success: true, user: profile.account.into() }), position))
    }

    /// Whose address is this
    ///
    /// For services: the account of an e-mail address. Passwords and their hashes are given to nobody.
    #[oai(path = "/verify", method = "get", operation_id = "verifyUser", tag = "Tag::Services")]
    async fn verify(
        &self,
        caller: Caller<UsersVerify>,
        #[oai(validator(max_length = 254))] email: Query<String>,
    ) -> Result<VerifyResponse, Failure<Verify>> {
        let person = accounts::by_email(&caller.service.system, &email.0).await?;
        Ok(VerifyResponse::Found(Json(person.into())))
    }

    /// How far is a user's verification
    ///
    /// For services and for those who look after people's accounts.
    #[oai(path = "/:user_id/kyc-status", method = "get", operation_id = "getUserKycStatus", tag = "Tag::Services")]
    async fn kyc_status(
        &self,
        caller: Caller<UsersRead>,
        user_id: Path<Uuid>,
    ) -> Result<KycStatusResponse, Failure<GetKycStatusOf>> {
        let view = identity::status_of(&caller.service.system, UserId(user_id.0)).await?;
        Ok(KycStatusResponse::Status(Json(view.into())))
    }
}

impl From<Person> for VerifiedUser {
    fn from(person: Person) -> VerifiedUser {
        let Account { user_id, email, first_name, last_name, kyc_status } = person.account;
        VerifiedUser {
            success: true,
            user_id: user_id.0,
            email,
            first_name,
            last_name,
            kyc_status: kyc_status.into(),
            verified: person.email_verified && person.standing == Standing::Open,
        }
    }
}

impl Example for ProfileChange {
    fn example() -> ProfileChange {
        ProfileChange { first_name: Some("John".into()), last_name: Some("Doe".into()) }
    }
}

impl From<Account> for User {
    fn from(account: Account) -> User {
        let Account { user_id, email, first_name, last_name, kyc_status, .. } = account;
        User { id: user_id.0, email, first_name, last_name, kyc_status: kyc_status.into() }
    }
}

impl From<kyc::Status> for KycStatus {
    fn from(status: kyc::Status) -> KycStatus {
        match status {
            kyc::Status::NotStarted => KycStatus::NotStarted,
            kyc::Status::Pending => KycStatus::Pending,
            kyc::Status::InReview => KycStatus::InReview,
            kyc::Status::Approved => KycStatus::Approved,
            kyc::Status::Rejected => KycStatus::Rejected,
            kyc::Status::Expired => KycStatus::Expired,
        }
    }
}

impl Example for User {
    fn example() -> User {
        User {
            id: uuid!("0199f5a4-3f00-7b3e-9c1a-5d2f6a8b4c01"),
            email: "user@example.com".into(),
            first_name: "John".into(),
            last_name: "Doe".into(),
            kyc_status: KycStatus::Approved,
        }
    }
}
