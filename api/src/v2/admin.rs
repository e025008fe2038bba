use aggregates::UserId;
use flows::staff::{self, By, Change};
use poem_openapi::{ApiResponse, Enum, OpenApi, param::Path};
use uuid::Uuid;

use super::Tag;
use crate::{
    auth::{Caller, rights::AccountsManage},
    problem::{Failure, refusals},
};

#[derive(Default)]
pub struct Admin;

/// A role that a person can have.
#[derive(Clone, Copy, Enum)]
#[oai(rename_all = "snake_case")]
enum Role {
    Customer,
    Merchant,
    Admin,
    Auditor,
    Analyst,
    Support,
}

#[derive(ApiResponse)]
enum ChangeResponse {
    /// It is so. Where it was not so before, all sessions of the person have ended.
    #[oai(status = 204)]
    Changed(#[oai(header = "X-Position")] i64),
}

#[derive(ApiResponse)]
enum EndResponse {
    /// Ended; the person's tokens are refused from now on.
    #[oai(status = 204)]
    Ended(#[oai(header = "X-Position")] i64),
}

refusals!(ChangeRole, V2, [400, 401, 403, 404, 409, 422, 429, 500, 503, 504]);
refusals!(EndSessions, V2, [400, 401, 403, 404, 409, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v2/admin/users", tag = "Tag::Administration")]
impl Admin {
    /// Give a role
    ///
    /// Nobody changes their own roles. The person has to log in again.
    #[oai(path = "/:user_id/roles/:role", method = "put", operation_id = "grantRole")]
    async fn grant(
        &self,
        caller: Caller<AccountsManage>,
        user_id: Path<Uuid>,
        role: Path<Role>,
    ) -> Result<ChangeResponse, Failure<ChangeRole>> {
        change(caller, user_id.0, role.0, Change::Grant).await
    }

    /// Take a role
    ///
    /// Nobody changes their own roles. The person has to log in again; API keys that need the role are revoked.
    #[oai(path = "/:user_id/roles/:role", method = "delete", operation_id = "revokeRole")]
    async fn revoke(
        &self,
        caller: Caller<AccountsManage>,
        user_id: Path<Uuid>,
        role: Path<Role>,
    ) -> Result<ChangeResponse, Failure<ChangeRole>> {
        change(caller, user_id.0, role.0, Change::Revoke).await
    }

    /// End a person's sessions
    ///
    /// All of them, for instance when a device was stolen. API keys stay.
    #[oai(path = "/:user_id/sessions/revoke", method = "post", operation_id = "endSessionsOf")]
    async fn end_sessions(
        &self,
        caller: Caller<AccountsManage>,
        user_id: Path<Uuid>,
    ) -> Result<EndResponse, Failure<EndSessions>> {
        let (system, person) = (&caller.service.system, UserId(user_id.0));
        let (_, position) = caller.wrote(staff::end_sessions(system, by(&caller), person, &caller.origin()).await?);
        Ok(EndResponse::Ended(position))
    }
}

async fn change(
    caller: Caller<AccountsManage>,
    user_id: Uuid,
    role: Role,
    change: Change,
) -> Result<ChangeResponse, Failure<ChangeRole>> {
    let (by, user_id) = (by(&caller), UserId(user_id));
    let change = move |system, origin| async move {
        staff::change_role(&system, by, user_id, role.into(), change, &origin).await
    };
    let ((), position) = caller.wrote(caller.apart(change).await?);
    Ok(ChangeResponse::Changed(position))
}

fn by(caller: &Caller<AccountsManage>) -> By {
    By::Admin { user_id: caller.user_id, session_id: caller.session_id }
}

impl From<Role> for aggregates::Role {
    fn from(role: Role) -> aggregates::Role {
        match role {
            Role::Customer => aggregates::Role::Customer,
            Role::Merchant => aggregates::Role::Merchant,
            Role::Admin => aggregates::Role::Admin,
            Role::Auditor => aggregates::Role::Auditor,
            Role::Analyst => aggregates::Role::Analyst,
            Role::Support => aggregates::Role::Support,
        }
    }
}
