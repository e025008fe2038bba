use aggregates::Permission;
use flows::oauth;
use poem::{Request, Response, http::StatusCode};
use serde::Serialize;
use uuid::Uuid;

use super::json;
use crate::{
    auth::{Caller, rights::OpenId},
    problem::Problem,
};

/// OpenID Connect Core 1.0 §5.3.2.
#[derive(Serialize)]
struct UserInfo {
    sub: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    given_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    family_name: Option<String>,
}

/// Who the person is, as far as the token's scopes go.
pub async fn answer(request: &Request) -> Result<Response, Problem> {
    let caller = Caller::<OpenId>::of(request).await?;
    let who = oauth::who(&caller.service.system, caller.user_id).await?;
    let (email, profile) = (caller.rights.permit(Permission::Email), caller.rights.permit(Permission::Profile));
    let info = UserInfo {
        sub: caller.user_id.0,
        email_verified: email.then_some(who.email_verified),
        email: email.then_some(who.email),
        name: profile.then(|| format!("{} {}", who.first_name, who.last_name)),
        given_name: profile.then_some(who.first_name),
        family_name: profile.then_some(who.last_name),
    };
    Ok(json(StatusCode::OK, &info, &caller))
}
