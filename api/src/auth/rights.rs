//! The right that an operation demands, named beside it as the parameter of its `Caller`.

use aggregates::{Permission, Role, UserId};

use crate::limits::{Counter, Limits};

/// What a caller has to be allowed, and what the request is counted as beside being a request.
pub trait Right: Send + Sync + 'static {
    const PERMISSION: Permission;

    fn counter(_: &Limits, _: UserId) -> Option<Counter> {
        None
    }
}

macro_rules! rights {
    ($($name:ident),+ $(,)?) => {
        $(
            pub struct $name;

            impl Right for $name {
                const PERMISSION: Permission = Permission::$name;
            }
        )+
    };
}

rights!(
    ProfileRead,
    ProfileWrite,
    SecurityManage,
    KycRead,
    KycWrite,
    CardsRead,
    CardsWrite,
    PaymentsRead,
    NotificationsRead,
    ApiKeysManage,
    UsersVerify,
    UsersRead,
    KycReview,
    CardsManage,
    FraudCheck,
    NotificationsSend,
    AccountsManage,
    ClientsManage,
    AuditRead,
    EventsRead,
    OpenId,
);

/// Paying has a stricter limit of its own.
pub struct PaymentsWrite;

impl Right for PaymentsWrite {
    const PERMISSION: Permission = Permission::PaymentsWrite;

    fn counter(limits: &Limits, user: UserId) -> Option<Counter> {
        limits.payments(user)
    }
}

/// What asks for the password once more, or hands everything out: the owner's own affair, and with limits of its own.
macro_rules! of_the_owner {
    ($($(#[$doc:meta])* $name:ident counts $counter:ident),+ $(,)?) => {
        $(
            $(#[$doc])*
            pub struct $name;

            impl Right for $name {
                const PERMISSION: Permission = Permission::SecurityManage;

                fn counter(limits: &Limits, user: UserId) -> Option<Counter> {
                    limits.$counter(user)
                }
            }
        )+
    };
}

of_the_owner!(
    /// Each request that may give the password once more counts, so that an open session does not help to guess it.
    OwnersProof counts passwords,
    /// Seeing a card's number, which no program of others ever may.
    Revealing counts reveals,
    /// An export is made of a great many reads.
    Exporting counts exports,
);

/// All that one credential permits, as bits, so that the check of each request is one operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    granted: u32,
    /// What the roles would permit to somebody who had proven a second factor.
    withheld: u32,
}

impl Rights {
    /// What the roles permit together and, where a token is limited to scopes, is among these. Without a second
    /// factor the roles of staff permit what anybody may do with their own account, so that a stolen password opens
    /// nothing of others, and the factor can still be set up.
    pub fn of(roles: &[Role], scopes: Option<&[Permission]>, two_factors: bool) -> Rights {
        let mut rights = Rights::default();
        for role in roles {
            for permission in role.permissions() {
                if scopes.is_some_and(|scopes| !scopes.contains(permission)) {
                    continue;
                }
                match !role.is_staff() || two_factors || Role::Customer.permits(*permission) {
                    true => rights.granted |= bit(*permission),
                    false => rights.withheld |= bit(*permission),
                }
            }
        }
        rights
    }

    /// By name.
    pub fn all(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.into_iter().filter(move |permission| self.permit(*permission))
    }

    pub fn permit(self, permission: Permission) -> bool {
        self.granted & bit(permission) != 0
    }

    /// Whether only the second factor is missing.
    pub fn withhold(self, permission: Permission) -> bool {
        !self.permit(permission) && self.withheld & bit(permission) != 0
    }
}

const fn bit(permission: Permission) -> u32 {
    1 << permission as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_those_of_all_roles_together() {
        for permission in Permission::ALL {
            let rights = Rights::of(&[Role::Customer, Role::Auditor], None, true);
            let expected = Role::Customer.permits(permission) || Role::Auditor.permits(permission);
            assert_eq!(rights.permit(permission), expected, "{permission}");
            assert!(!Rights::of(&[], None, true).permit(permission));
        }
    }

    #[test]
    fn scopes_take_away_and_never_add() {
        let rights = Rights::of(&[Role::Customer], Some(&[Permission::CardsRead, Permission::AuditRead]), true);
        for permission in Permission::ALL {
            assert_eq!(rights.permit(permission), permission == Permission::CardsRead, "{permission}");
        }
    }

    #[test]
    fn staff_without_a_second_factor_have_their_own_account_alone() {
        for role in Role::ALL.into_iter().filter(|role| role.is_staff()) {
            let rights = Rights::of(&[role], None, false);
            assert!(rights.permit(Permission::SecurityManage), "{role} could not set a factor up");
            for permission in Permission::ALL.into_iter().filter(|permission| role.permits(*permission)) {
                let own = Role::Customer.permits(permission);
                assert_eq!(
                    (rights.permit(permission), rights.withhold(permission)),
                    (own, !own),
                    "{role} {permission}"
                );
            }
        }
    }

    #[test]
    fn a_customer_needs_no_second_factor_and_a_service_has_none() {
        for role in [Role::Customer, Role::Merchant, Role::Service] {
            assert_eq!(Rights::of(&[role], None, false), Rights::of(&[role], None, true), "{role}");
        }
    }
}
