use chrono::{DateTime, Utc};

use crate::{BlindIndex, ClientId, CredentialId, Permission, Role, Sealed, SessionId};

use super::{Mailbox, Preferences, SessionEnd};

#[derive(Clone, Debug)]
pub enum Command {
    /// A repeat with the same e-mail is accepted silently.
    Register {
        email: Sealed,
        email_index: BlindIndex,
        first_name: Sealed,
        last_name: Sealed,
        now: DateTime<Utc>,
    },
    VerifyEmail {
        now: DateTime<Utc>,
    },
    /// Sealing is randomised, so the caller decides whether anything changed.
    ChangeName {
        first_name: Sealed,
        last_name: Sealed,
        now: DateTime<Utc>,
    },
    /// Takes the place of a change that was requested before.
    RequestEmailChange {
        change_id: CredentialId,
        email: Sealed,
        email_index: BlindIndex,
        now: DateTime<Utc>,
    },
    /// The second of the two confirmations changes the address.
    ConfirmEmailChange {
        change_id: CredentialId,
        by: Mailbox,
        now: DateTime<Utc>,
    },
    ChoosePreferences {
        preferences: Preferences,
        now: DateTime<Utc>,
    },
    /// Marks what the person was told up to a position as read. One that is not beyond the last changes nothing.
    ReadNotifications {
        up_to_position: i64,
        now: DateTime<Utc>,
    },
    /// The caller has checked the old password, the new one, and set it at this moment. What the log knows already
    /// changes nothing.
    ChangePassword {
        now: DateTime<Utc>,
    },
    /// Set at this moment; what the log knows already changes nothing. Second factors stay (OWASP ASVS 5.0 §6.4.3).
    /// Whoever reads the mail has thereby verified the address.
    ResetPassword {
        now: DateTime<Utc>,
    },
    EnableTotp {
        now: DateTime<Utc>,
    },
    DisableTotp {
        now: DateTime<Utc>,
    },
    /// The caller keeps the codes of this set, which count from the event on.
    IssueRecoveryCodes {
        set_id: CredentialId,
        count: u32,
        now: DateTime<Utc>,
    },
    /// The caller has consumed the code.
    UseRecoveryCode {
        now: DateTime<Utc>,
    },
    AddPasskey {
        passkey_id: CredentialId,
        now: DateTime<Utc>,
    },
    RemovePasskey {
        passkey_id: CredentialId,
        now: DateTime<Utc>,
    },
    GrantRole {
        role: Role,
        now: DateTime<Utc>,
    },
    RevokeRole {
        role: Role,
        now: DateTime<Utc>,
    },
    IssueApiKey {
        key_id: CredentialId,
        scopes: Vec<Permission>,
        expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    },
    RevokeApiKey {
        key_id: CredentialId,
        now: DateTime<Utc>,
    },
    LinkIdentity {
        identity_id: CredentialId,
        provider: String,
        now: DateTime<Utc>,
    },
    UnlinkIdentity {
        identity_id: CredentialId,
        now: DateTime<Utc>,
    },
    GrantConsent {
        client_id: ClientId,
        scopes: Vec<Permission>,
        now: DateTime<Utc>,
    },
    WithdrawConsent {
        client_id: ClientId,
        now: DateTime<Utc>,
    },
    /// Opens a session after the caller has checked who it is. Past `MAX_SESSIONS` the oldest is closed.
    OpenSession {
        session_id: SessionId,
        device_id: Option<String>,
        now: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    },
    CloseSession {
        session_id: SessionId,
        reason: SessionEnd,
        now: DateTime<Utc>,
    },
    /// Closes every open session but one, or every one.
    CloseSessions {
        except: Option<SessionId>,
        reason: SessionEnd,
        now: DateTime<Utc>,
    },
    /// Ends the sessions too.
    Close {
        now: DateTime<Utc>,
    },
    Erase {
        now: DateTime<Utc>,
    },
}
