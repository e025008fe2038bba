use aggregates::kyc;
use flows::accounts::{self, Account};
use poem_openapi::{ApiResponse, Enum, Object, OpenApi, param::Header, types::Example};
use serde::Serialize;
use uuid::{Uuid, uuid};

use super::Tag;
use crate::{
    auth::{Caller, rights::ProfileRead},
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

refusals!(Me, V1, [400, 401, 403, 404, 429, 500, 503, 504]);

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
