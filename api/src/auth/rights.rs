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
    FraudCheck,
    NotificationsSend,
    AccountsManage,
    ClientsManage,
    AuditRead,
    EventsRead,
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
    /// Each attempt to give the password counts, so that an open session does not help to guess it.
    OwnersProof counts passwords,
    /// An export is made of a great many reads.
    Exporting counts exports,
);

/// All that one token permits, as bits, so that the check of each request is one operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights(u32);

impl Rights {
    /// What the roles permit together and, where a token is limited to scopes, is among these.
    pub fn of(roles: &[Role], scopes: Option<&[Permission]>) -> Rights {
        let permitted = roles.iter().flat_map(|role| role.permissions());
        let within = |permission: &&Permission| scopes.is_none_or(|scopes| scopes.contains(*permission));
        Rights(permitted.filter(within).fold(0, |bits, permission| bits | bit(*permission)))
    }

    pub fn permit(self, permission: Permission) -> bool {
        self.0 & bit(permission) != 0
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
            let rights = Rights::of(&[Role::Customer, Role::Auditor], None);
            let expected = Role::Customer.permits(permission) || Role::Auditor.permits(permission);
            assert_eq!(rights.permit(permission), expected, "{permission}");
            assert!(!Rights::of(&[], None).permit(permission));
        }
    }

    #[test]
    fn scopes_take_away_and_never_add() {
        let rights = Rights::of(&[Role::Customer], Some(&[Permission::CardsRead, Permission::AuditRead]));
        for permission in Permission::ALL {
            assert_eq!(rights.permit(permission), permission == Permission::CardsRead, "{permission}");
        }
    }
}
