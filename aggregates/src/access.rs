//! Who may do what: roles, and what each role permits.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What somebody is to the programme. A person has one role or several; a service has `Service` alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Has cards and pays with them. Everybody who registers is one.
    Customer,
    /// Is paid, and reads about it by API key.
    Merchant,
    /// Grants roles and registers clients.
    Admin,
    /// Reads what happened, changes nothing.
    Auditor,
    /// Reads the event stream.
    Analyst,
    /// Looks after people's accounts.
    Support,
    /// A program of ours or a partner's, by client credentials.
    Service,
}

/// A right that an operation demands. Its text is also its OAuth scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Permission {
    #[serde(rename = "profile:read")]
    ProfileRead,
    #[serde(rename = "profile:write")]
    ProfileWrite,
    /// Sessions, password, second factors, linked identities, consents: never given to third parties.
    #[serde(rename = "security:manage")]
    SecurityManage,
    #[serde(rename = "kyc:read")]
    KycRead,
    #[serde(rename = "kyc:write")]
    KycWrite,
    #[serde(rename = "cards:read")]
    CardsRead,
    #[serde(rename = "cards:write")]
    CardsWrite,
    #[serde(rename = "payments:read")]
    PaymentsRead,
    #[serde(rename = "payments:write")]
    PaymentsWrite,
    #[serde(rename = "notifications:read")]
    NotificationsRead,
    #[serde(rename = "api_keys:manage")]
    ApiKeysManage,
    /// Finds a person by e-mail address.
    #[serde(rename = "users:verify")]
    UsersVerify,
    /// Reads other people's accounts and verification status.
    #[serde(rename = "users:read")]
    UsersRead,
    #[serde(rename = "fraud:check")]
    FraudCheck,
    #[serde(rename = "notifications:send")]
    NotificationsSend,
    /// Roles and sessions of others.
    #[serde(rename = "accounts:manage")]
    AccountsManage,
    #[serde(rename = "clients:manage")]
    ClientsManage,
    #[serde(rename = "audit:read")]
    AuditRead,
    #[serde(rename = "events:read")]
    EventsRead,
    /// To learn who somebody is (OpenID Connect Core 1.0 §3.1.2.1).
    #[serde(rename = "openid")]
    OpenId,
    /// To learn the name (§5.4).
    #[serde(rename = "profile")]
    Profile,
    /// To learn the e-mail address (§5.4).
    #[serde(rename = "email")]
    Email,
    /// To go on without the person being there (§11).
    #[serde(rename = "offline_access")]
    OfflineAccess,
}

impl Role {
    pub const ALL: [Role; 7] =
        [Role::Customer, Role::Merchant, Role::Admin, Role::Auditor, Role::Analyst, Role::Support, Role::Service];

    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Customer => "customer",
            Role::Merchant => "merchant",
            Role::Admin => "admin",
            Role::Auditor => "auditor",
            Role::Analyst => "analyst",
            Role::Support => "support",
            Role::Service => "service",
        }
    }

    pub fn parse(text: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// What the role permits. Every person may let a program know who they are.
    pub const fn permissions(self) -> &'static [Permission] {
        use Permission as P;
        match self {
            Role::Customer => &[
                P::OpenId,
                P::Profile,
                P::Email,
                P::OfflineAccess,
                P::ProfileRead,
                P::ProfileWrite,
                P::SecurityManage,
                P::KycRead,
                P::KycWrite,
                P::CardsRead,
                P::CardsWrite,
                P::PaymentsRead,
                P::PaymentsWrite,
                P::NotificationsRead,
            ],
            Role::Merchant => &[
                P::OpenId,
                P::Profile,
                P::Email,
                P::OfflineAccess,
                P::ProfileRead,
                P::ProfileWrite,
                P::SecurityManage,
                P::PaymentsRead,
                P::ApiKeysManage,
            ],
            Role::Admin => &[
                P::OpenId,
                P::Profile,
                P::Email,
                P::OfflineAccess,
                P::ProfileRead,
                P::ProfileWrite,
                P::SecurityManage,
                P::UsersRead,
                P::AccountsManage,
                P::ClientsManage,
                P::AuditRead,
            ],
            Role::Auditor => &[
                P::OpenId,
                P::Profile,
                P::Email,
                P::OfflineAccess,
                P::ProfileRead,
                P::SecurityManage,
                P::UsersRead,
                P::AuditRead,
                P::EventsRead,
            ],
            Role::Analyst => {
                &[P::OpenId, P::Profile, P::Email, P::OfflineAccess, P::ProfileRead, P::SecurityManage, P::EventsRead]
            }
            Role::Support => {
                &[P::OpenId, P::Profile, P::Email, P::OfflineAccess, P::ProfileRead, P::SecurityManage, P::UsersRead]
            }
            Role::Service => &[P::UsersVerify, P::UsersRead, P::FraudCheck, P::NotificationsSend],
        }
    }

    /// Whether the role reaches beyond its holder's own things. Such rights take a second factor to use.
    pub const fn is_staff(self) -> bool {
        match self {
            Role::Admin | Role::Auditor | Role::Analyst | Role::Support => true,
            Role::Customer | Role::Merchant | Role::Service => false,
        }
    }

    pub fn permits(self, permission: Permission) -> bool {
        self.permissions().contains(&permission)
    }
}

impl Permission {
    pub const ALL: [Permission; 23] = [
        Permission::ProfileRead,
        Permission::ProfileWrite,
        Permission::SecurityManage,
        Permission::KycRead,
        Permission::KycWrite,
        Permission::CardsRead,
        Permission::CardsWrite,
        Permission::PaymentsRead,
        Permission::PaymentsWrite,
        Permission::NotificationsRead,
        Permission::ApiKeysManage,
        Permission::UsersVerify,
        Permission::UsersRead,
        Permission::FraudCheck,
        Permission::NotificationsSend,
        Permission::AccountsManage,
        Permission::ClientsManage,
        Permission::AuditRead,
        Permission::EventsRead,
        Permission::OpenId,
        Permission::Profile,
        Permission::Email,
        Permission::OfflineAccess,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Permission::ProfileRead => "profile:read",
            Permission::ProfileWrite => "profile:write",
            Permission::SecurityManage => "security:manage",
            Permission::KycRead => "kyc:read",
            Permission::KycWrite => "kyc:write",
            Permission::CardsRead => "cards:read",
            Permission::CardsWrite => "cards:write",
            Permission::PaymentsRead => "payments:read",
            Permission::PaymentsWrite => "payments:write",
            Permission::NotificationsRead => "notifications:read",
            Permission::ApiKeysManage => "api_keys:manage",
            Permission::UsersVerify => "users:verify",
            Permission::UsersRead => "users:read",
            Permission::FraudCheck => "fraud:check",
            Permission::NotificationsSend => "notifications:send",
            Permission::AccountsManage => "accounts:manage",
            Permission::ClientsManage => "clients:manage",
            Permission::AuditRead => "audit:read",
            Permission::EventsRead => "events:read",
            Permission::OpenId => "openid",
            Permission::Profile => "profile",
            Permission::Email => "email",
            Permission::OfflineAccess => "offline_access",
        }
    }

    pub fn parse(text: &str) -> Option<Permission> {
        Permission::ALL.into_iter().find(|permission| permission.as_str() == text)
    }

    /// Whether a person may hand this right to a third party's program or to an API key.
    pub const fn is_delegable(self) -> bool {
        matches!(
            self,
            Permission::ProfileRead
                | Permission::KycRead
                | Permission::CardsRead
                | Permission::PaymentsRead
                | Permission::PaymentsWrite
                | Permission::NotificationsRead
        )
    }

    /// Whether this is a scope of OpenID Connect: about who the person is, not about what is done for them.
    pub const fn is_identity(self) -> bool {
        matches!(self, Permission::OpenId | Permission::Profile | Permission::Email | Permission::OfflineAccess)
    }

    /// Whether a person may consent to it for a third party's program.
    pub const fn is_consentable(self) -> bool {
        self.is_delegable() || self.is_identity()
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_back() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(role));
            assert_eq!(serde_json::to_value(role).ok(), Some(role.as_str().into()));
        }
        for permission in Permission::ALL {
            assert_eq!(Permission::parse(permission.as_str()), Some(permission));
            assert_eq!(serde_json::to_value(permission).ok(), Some(permission.as_str().into()));
        }
    }

    #[test]
    fn every_permission_belongs_to_a_role() {
        for permission in Permission::ALL {
            assert!(Role::ALL.iter().any(|role| role.permits(permission)), "{permission}");
        }
    }

    #[test]
    fn whoever_may_look_at_others_is_staff_or_a_service() {
        for role in Role::ALL.into_iter().filter(|role| !role.is_staff() && *role != Role::Service) {
            for permission in role.permissions().iter().filter(|permission| !Role::Customer.permits(**permission)) {
                assert_eq!(*permission, Permission::ApiKeysManage, "{role}");
            }
        }
    }

    #[test]
    fn rights_over_others_and_over_credentials_are_never_delegated() {
        for permission in Permission::ALL.into_iter().filter(|permission| permission.is_consentable()) {
            assert!(Role::Customer.permits(permission), "{permission}");
            assert_ne!(permission, Permission::SecurityManage);
        }
    }
}
