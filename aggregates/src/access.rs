//! Who may do what: roles, and what each role permits.

use crate::named::named;

named! {
    /// What somebody is to the programme. A person has one role or several; a service has `Service` alone.
    pub enum Role {
        /// Has cards and pays with them. Everybody who registers is one.
        Customer = "customer",
        /// Is paid, and reads about it by API key.
        Merchant = "merchant",
        /// Grants roles and registers clients.
        Admin = "admin",
        /// Reads what happened, changes nothing.
        Auditor = "auditor",
        /// Reads the event stream.
        Analyst = "analyst",
        /// Looks after people's accounts.
        Support = "support",
        /// A program of ours or a partner's, by client credentials.
        Service = "service",
    }
}

named! {
    /// A right that an operation demands. Its text is also its OAuth scope.
    pub enum Permission {
        ProfileRead = "profile:read",
        ProfileWrite = "profile:write",
        /// Sessions, password, second factors, linked identities, consents: never given to third parties.
        SecurityManage = "security:manage",
        KycRead = "kyc:read",
        KycWrite = "kyc:write",
        CardsRead = "cards:read",
        CardsWrite = "cards:write",
        PaymentsRead = "payments:read",
        PaymentsWrite = "payments:write",
        NotificationsRead = "notifications:read",
        ApiKeysManage = "api_keys:manage",
        /// Finds a person by e-mail address.
        UsersVerify = "users:verify",
        /// Reads other people's accounts and verification status.
        UsersRead = "users:read",
        /// Looks at cases that wait for people, and decides them.
        KycReview = "kyc:review",
        /// Freezes, unfreezes and ends other people's cards, and reads what became of them.
        CardsManage = "cards:manage",
        FraudCheck = "fraud:check",
        NotificationsSend = "notifications:send",
        /// Roles and sessions of others.
        AccountsManage = "accounts:manage",
        ClientsManage = "clients:manage",
        AuditRead = "audit:read",
        EventsRead = "events:read",
        /// To learn who somebody is (OpenID Connect Core 1.0 §3.1.2.1).
        OpenId = "openid",
        /// To learn the name (§5.4).
        Profile = "profile",
        /// To learn the e-mail address (§5.4).
        Email = "email",
        /// To go on without the person being there (§11).
        OfflineAccess = "offline_access",
    }
}

impl Role {
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
                P::CardsManage,
                P::AccountsManage,
                P::ClientsManage,
                P::AuditRead,
                P::KycReview,
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
            Role::Support => &[
                P::OpenId,
                P::Profile,
                P::Email,
                P::OfflineAccess,
                P::ProfileRead,
                P::SecurityManage,
                P::UsersRead,
                P::KycReview,
                P::CardsManage,
            ],
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
