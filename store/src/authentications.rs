//! The record of every attempt to prove who one is and of every use of a credential (PCI DSS 4.0.1, 10.2.1 and
//! 10.2.2), readable by auditors. Append only.

use std::net::IpAddr;

use aggregates::{BlindIndex, ClientId, SessionId, UserId};
use chrono::{DateTime, Utc};
use uuid::Uuid;

mod read;

use crate::{Error, Store};
pub use read::{Filter, Recorded};

/// Entries deleted in one transaction.
const FORGOTTEN_AT_ONCE: u64 = 5_000;

/// What was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Register,
    VerifyEmail,
    LogIn,
    SecondFactor,
    StepUp,
    /// A sensitive operation that used a step-up.
    UseStepUp,
    /// A token for a card's secrets, used or refused.
    RevealCard,
    Refresh,
    LogOut,
    RevokeSession,
    ChangePassword,
    RequestPasswordReset,
    ResetPassword,
    ChangeEmail,
    EnrolFactor,
    RemoveFactor,
    IssueRecoveryCodes,
    LinkIdentity,
    UnlinkIdentity,
    IssueApiKey,
    RevokeApiKey,
    UseApiKey,
    Authorize,
    IssueToken,
    RevokeToken,
    GrantRole,
    RevokeRole,
    CloseAccount,
    EraseAccount,
    ReadAudit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Success,
    Failure,
    /// Not even looked at: too many failures before.
    Locked,
}

/// One attempt.
#[derive(Clone, Debug)]
pub struct Authentication {
    pub action: Action,
    pub outcome: Outcome,
    /// A stable code, such as `bad_password`.
    pub reason: Option<&'static str>,
    pub user_id: Option<UserId>,
    pub client_id: Option<ClientId>,
    /// The address that was tried, as blind index.
    pub subject: Option<BlindIndex>,
    pub session_id: Option<SessionId>,
    pub device_id: Option<String>,
    pub address: Option<IpAddr>,
    pub request_id: Uuid,
}

impl Action {
    pub const fn as_str(self) -> &'static str {
        match self {
            Action::Register => "register",
            Action::VerifyEmail => "verify_email",
            Action::LogIn => "log_in",
            Action::SecondFactor => "second_factor",
            Action::StepUp => "step_up",
            Action::UseStepUp => "use_step_up",
            Action::RevealCard => "reveal_card",
            Action::Refresh => "refresh",
            Action::LogOut => "log_out",
            Action::RevokeSession => "revoke_session",
            Action::ChangePassword => "change_password",
            Action::RequestPasswordReset => "request_password_reset",
            Action::ResetPassword => "reset_password",
            Action::ChangeEmail => "change_email",
            Action::EnrolFactor => "enrol_factor",
            Action::RemoveFactor => "remove_factor",
            Action::IssueRecoveryCodes => "issue_recovery_codes",
            Action::LinkIdentity => "link_identity",
            Action::UnlinkIdentity => "unlink_identity",
            Action::IssueApiKey => "issue_api_key",
            Action::RevokeApiKey => "revoke_api_key",
            Action::UseApiKey => "use_api_key",
            Action::Authorize => "authorize",
            Action::IssueToken => "issue_token",
            Action::RevokeToken => "revoke_token",
            Action::GrantRole => "grant_role",
            Action::RevokeRole => "revoke_role",
            Action::CloseAccount => "close_account",
            Action::EraseAccount => "erase_account",
            Action::ReadAudit => "read_audit",
        }
    }
}

impl Outcome {
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Success => "success",
            Outcome::Failure => "failure",
            Outcome::Locked => "locked",
        }
    }
}

impl Store {
    /// Records an attempt. Durable when this returns.
    pub async fn record_authentication(&self, entry: &Authentication) -> Result<(), Error> {
        sqlx::query(
            "INSERT INTO authentications
                 (action, outcome, reason, user_id, client_id, subject, session_id, device_id, address, request_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::inet, $10)",
        )
        .bind(entry.action.as_str())
        .bind(entry.outcome.as_str())
        .bind(entry.reason)
        .bind(entry.user_id.map(|user| user.0))
        .bind(entry.client_id.map(|client| client.0))
        .bind(entry.subject.as_ref().map(|subject| subject.0.as_bytes()))
        .bind(entry.session_id.map(|session| session.0))
        .bind(entry.device_id.as_deref())
        .bind(entry.address.map(|address| address.to_string()))
        .bind(entry.request_id)
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Deletes what was recorded before `time`, the only way in which the table lets rows go; how many. Some thousands
    /// at a time, so that nobody waits long.
    pub async fn forget_authentications(&self, time: DateTime<Utc>) -> Result<u64, Error> {
        let mut forgotten = 0;
        loop {
            let mut transaction = self.pool().begin().await?;
            sqlx::query("SELECT set_config('vc.forget_authentications', 'on', true)")
                .execute(&mut *transaction)
                .await?;
            let deleted = sqlx::query(
                "DELETE FROM authentications WHERE entry_id IN
                     (SELECT entry_id FROM authentications WHERE at < $1 ORDER BY at LIMIT $2)",
            )
            .bind(time)
            .bind(FORGOTTEN_AT_ONCE as i64)
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await?;
            forgotten += deleted.rows_affected();
            if deleted.rows_affected() < FORGOTTEN_AT_ONCE {
                return Ok(forgotten);
            }
        }
    }
}
