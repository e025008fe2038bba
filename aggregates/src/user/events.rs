use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{BlindIndex, ClientId, CredentialId, Fact, Kind, Permission, Role, Sealed, SessionId};

use super::{Mailbox, Preferences, SessionEnd};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// A person opened an account.
    Registered {
        email: Sealed,
        /// Finds the account at login; unique over all accounts.
        email_index: BlindIndex,
        first_name: Sealed,
        last_name: Sealed,
        at: DateTime<Utc>,
    },
    /// The person reads the mail that is sent to their address.
    EmailVerified {
        at: DateTime<Utc>,
    },
    NameChanged {
        first_name: Sealed,
        last_name: Sealed,
        at: DateTime<Utc>,
    },
    /// Both mailboxes have to confirm before anything changes.
    EmailChangeRequested {
        change_id: CredentialId,
        email: Sealed,
        email_index: BlindIndex,
        at: DateTime<Utc>,
    },
    EmailChangeConfirmed {
        change_id: CredentialId,
        by: Mailbox,
        at: DateTime<Utc>,
    },
    EmailChanged {
        change_id: CredentialId,
        email: Sealed,
        email_index: BlindIndex,
        at: DateTime<Utc>,
    },
    PreferencesChosen {
        preferences: Preferences,
        at: DateTime<Utc>,
    },
    /// The person has seen what they were told up to this position of the log.
    NotificationsRead {
        up_to_position: i64,
        at: DateTime<Utc>,
    },
    /// By the person, who knew the old one.
    PasswordChanged {
        at: DateTime<Utc>,
    },
    /// By the person, who had the token that was mailed.
    PasswordReset {
        at: DateTime<Utc>,
    },
    /// An authenticator app is a second factor from now on.
    TotpEnabled {
        at: DateTime<Utc>,
    },
    TotpDisabled {
        at: DateTime<Utc>,
    },
    /// Codes that were issued before are void.
    RecoveryCodesIssued {
        count: u32,
        /// Which codes these are, where what checks them is kept. Those without a name were never good for anything.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        set_id: Option<CredentialId>,
        at: DateTime<Utc>,
    },
    RecoveryCodeUsed {
        remaining: u32,
        at: DateTime<Utc>,
    },
    PasskeyAdded {
        passkey_id: CredentialId,
        at: DateTime<Utc>,
    },
    PasskeyRemoved {
        passkey_id: CredentialId,
        at: DateTime<Utc>,
    },
    RoleGranted {
        role: Role,
        at: DateTime<Utc>,
    },
    RoleRevoked {
        role: Role,
        at: DateTime<Utc>,
    },
    ApiKeyIssued {
        key_id: CredentialId,
        scopes: Vec<Permission>,
        expires_at: DateTime<Utc>,
        at: DateTime<Utc>,
    },
    ApiKeyRevoked {
        key_id: CredentialId,
        at: DateTime<Utc>,
    },
    /// The person may log in through an OpenID provider.
    IdentityLinked {
        identity_id: CredentialId,
        provider: String,
        at: DateTime<Utc>,
    },
    IdentityUnlinked {
        identity_id: CredentialId,
        at: DateTime<Utc>,
    },
    /// The person lets a client act for them, within these rights and no others.
    ConsentGranted {
        client_id: ClientId,
        scopes: Vec<Permission>,
        at: DateTime<Utc>,
    },
    ConsentWithdrawn {
        client_id: ClientId,
        at: DateTime<Utc>,
    },
    /// The person logged in: identity proven, session open until `expires_at`.
    SessionOpened {
        session_id: SessionId,
        device_id: Option<String>,
        at: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    },
    SessionClosed {
        session_id: SessionId,
        reason: SessionEnd,
        at: DateTime<Utc>,
    },
    /// Nobody can log in any more.
    Closed {
        at: DateTime<Utc>,
    },
    /// The person's key is to be destroyed, and with it all that is sealed under it.
    Erased {
        at: DateTime<Utc>,
    },
}

impl Fact for Event {
    const KIND: Kind = Kind::User;

    fn name(&self) -> &'static str {
        match self {
            Event::Registered { .. } => "registered",
            Event::EmailVerified { .. } => "email_verified",
            Event::NameChanged { .. } => "name_changed",
            Event::EmailChangeRequested { .. } => "email_change_requested",
            Event::EmailChangeConfirmed { .. } => "email_change_confirmed",
            Event::EmailChanged { .. } => "email_changed",
            Event::PreferencesChosen { .. } => "preferences_chosen",
            Event::NotificationsRead { .. } => "notifications_read",
            Event::PasswordChanged { .. } => "password_changed",
            Event::PasswordReset { .. } => "password_reset",
            Event::TotpEnabled { .. } => "totp_enabled",
            Event::TotpDisabled { .. } => "totp_disabled",
            Event::RecoveryCodesIssued { .. } => "recovery_codes_issued",
            Event::RecoveryCodeUsed { .. } => "recovery_code_used",
            Event::PasskeyAdded { .. } => "passkey_added",
            Event::PasskeyRemoved { .. } => "passkey_removed",
            Event::RoleGranted { .. } => "role_granted",
            Event::RoleRevoked { .. } => "role_revoked",
            Event::ApiKeyIssued { .. } => "api_key_issued",
            Event::ApiKeyRevoked { .. } => "api_key_revoked",
            Event::IdentityLinked { .. } => "identity_linked",
            Event::IdentityUnlinked { .. } => "identity_unlinked",
            Event::ConsentGranted { .. } => "consent_granted",
            Event::ConsentWithdrawn { .. } => "consent_withdrawn",
            Event::SessionOpened { .. } => "session_opened",
            Event::SessionClosed { .. } => "session_closed",
            Event::Closed { .. } => "closed",
            Event::Erased { .. } => "erased",
        }
    }
}

impl DomainEvent for Event {
    fn event_type(&self) -> String {
        self.name().into()
    }

    fn event_version(&self) -> String {
        self.version().to_string()
    }
}
