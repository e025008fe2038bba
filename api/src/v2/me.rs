use aggregates::{Role, kyc, user};
use chrono::{DateTime, Utc};
use flows::accounts::{self, Names};
use poem_openapi::{ApiResponse, Enum, Object, OpenApi, param::Header, types::Example};
use serde::{Deserialize, Serialize};
use uuid::{Uuid, uuid};

use super::Tag;
use crate::{
    auth::{
        Caller,
        rights::{ProfileRead, ProfileWrite},
    },
    json::Json,
    parameters::MinPosition,
    problem::{Failure, refusals},
};

#[derive(Default)]
pub struct Me;

/// An account.
#[derive(Object, Serialize)]
#[oai(rename = "Account", example)]
pub(super) struct Profile {
    user_id: Uuid,
    email: String,
    email_verified: bool,
    first_name: String,
    last_name: String,
    kyc_status: KycStatus,
    standing: Standing,
    /// What the person is to the programme; their rights follow from it.
    roles: Vec<String>,
    preferences: Preferences,
    created_at: DateTime<Utc>,
}

/// How far identity verification has come.
#[derive(Clone, Copy, Enum, Serialize)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "VerificationStatus")]
pub(super) enum KycStatus {
    NotStarted,
    Pending,
    InReview,
    Approved,
    Rejected,
    /// The approval has run out.
    Expired,
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

#[derive(Clone, Copy, Enum, Serialize)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "AccountStanding")]
pub(super) enum Standing {
    Open,
    /// Nobody can log in any more.
    Closed,
    /// Names and address read `erased`; nothing personal is left.
    Erased,
}

/// How the person wants to be addressed. Security notices are sent whatever is chosen here.
#[derive(Object, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
struct Preferences {
    /// A language tag (BCP 47), such as `en-GB`.
    #[oai(validator(min_length = 2, max_length = 35))]
    language: String,
    /// A name of the IANA time zone database, such as `Europe/Berlin`.
    #[oai(validator(min_length = 1, max_length = 64))]
    time_zone: String,
    push: bool,
    email: bool,
    sms: bool,
}

/// The names to change; what is absent stays.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(rename = "AccountChange", deny_unknown_fields, skip_serializing_if_is_none, example)]
struct ProfileChange {
    #[oai(nullable, validator(min_length = 1, max_length = 100))]
    first_name: Option<String>,
    #[oai(nullable, validator(min_length = 1, max_length = 100))]
    last_name: Option<String>,
}

#[derive(ApiResponse)]
enum Found {
    /// The caller's account.
    #[oai(status = 200)]
    Profile(Json<Profile>),
}

#[derive(ApiResponse)]
enum Changed {
    /// The account as it is now.
    #[oai(status = 200)]
    Profile(Json<Profile>, #[oai(header = "X-Position")] i64),
}

#[derive(ApiResponse)]
enum Chosen {
    /// The preferences as they are kept.
    #[oai(status = 200)]
    Preferences(Json<Preferences>, #[oai(header = "X-Position")] i64),
}

refusals!(Get, V2, [400, 401, 403, 404, 429, 500, 503, 504]);
refusals!(Change, V2, [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503, 504]);
refusals!(Choose, V2, [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v2/me", tag = "Tag::Account")]
impl Me {
    /// My account
    ///
    /// Profile, preferences, verification, roles and standing of the caller.
    #[oai(path = "/", method = "get", operation_id = "getMe_v2")]
    async fn get(
        &self,
        caller: Caller<ProfileRead>,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<MinPosition>>,
    ) -> Result<Found, Failure<Get>> {
        let at_least = caller.at_least(min_position.0);
        let profile = accounts::profile(&caller.service.system, caller.user_id, at_least).await?;
        Ok(Found::Profile(Json(profile.into())))
    }

    /// Change my name
    ///
    /// Names that are the same already change nothing.
    #[oai(path = "/", method = "patch", operation_id = "changeMe_v2")]
    async fn change(
        &self,
        caller: Caller<ProfileWrite>,
        body: Json<ProfileChange>,
    ) -> Result<Changed, Failure<Change>> {
        let ProfileChange { first_name, last_name } = body.0;
        let names = Names { first_name, last_name };
        let written = accounts::rename(&caller.service.system, caller.user_id, names, &caller.origin()).await?;
        let (profile, position) = caller.wrote(written);
        Ok(Changed::Profile(Json(profile.into()), position))
    }

    /// Choose how I am addressed
    ///
    /// Takes the place of all preferences before.
    #[oai(path = "/preferences", method = "put", operation_id = "choosePreferences")]
    async fn choose(&self, caller: Caller<ProfileWrite>, body: Json<Preferences>) -> Result<Chosen, Failure<Choose>> {
        let preferences = body.0.into();
        let written = accounts::choose(&caller.service.system, caller.user_id, preferences, &caller.origin()).await?;
        let (preferences, position) = caller.wrote(written);
        Ok(Chosen::Preferences(Json(preferences.into()), position))
    }
}

impl From<accounts::Profile> for Profile {
    fn from(profile: accounts::Profile) -> Profile {
        let accounts::Profile { account, email_verified, standing, roles, preferences, created_at } = profile;
        Profile {
            user_id: account.user_id.0,
            email: account.email,
            email_verified,
            first_name: account.first_name,
            last_name: account.last_name,
            kyc_status: account.kyc_status.into(),
            standing: match standing {
                user::Standing::Open => Standing::Open,
                user::Standing::Closed => Standing::Closed,
                user::Standing::Erased => Standing::Erased,
            },
            roles: roles.into_iter().map(|role| role.as_str().to_owned()).collect(),
            preferences: preferences.into(),
            created_at,
        }
    }
}

impl From<Preferences> for user::Preferences {
    fn from(chosen: Preferences) -> user::Preferences {
        let Preferences { language, time_zone, push, email, sms } = chosen;
        user::Preferences { language, time_zone, push, email, sms }
    }
}

impl From<user::Preferences> for Preferences {
    fn from(kept: user::Preferences) -> Preferences {
        let user::Preferences { language, time_zone, push, email, sms } = kept;
        Preferences { language, time_zone, push, email, sms }
    }
}

impl Example for Preferences {
    fn example() -> Preferences {
        Preferences { language: "en-GB".into(), time_zone: "Europe/Berlin".into(), push: true, email: true, sms: false }
    }
}

impl Example for ProfileChange {
    fn example() -> ProfileChange {
        ProfileChange { first_name: None, last_name: Some("Lovelace".into()) }
    }
}

impl Example for Profile {
    fn example() -> Profile {
        Profile {
            user_id: uuid!("0199f5a4-3f00-7b3e-9c1a-5d2f6a8b4c01"),
            email: "user@example.com".into(),
            email_verified: true,
            first_name: "John".into(),
            last_name: "Doe".into(),
            kyc_status: KycStatus::Approved,
            standing: Standing::Open,
            roles: vec![Role::Customer.as_str().into()],
            preferences: Preferences::example(),
            created_at: DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(1_760_970_605),
        }
    }
}
