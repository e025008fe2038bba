//! Accounts, clients and what they were told.

use super::{ALICE, CLIENT, CREDENTIAL, SESSION, index, november, sealed};
use crate::{
    Permission, Role,
    client::{self, ClientKind},
    notification,
    user::{self, Mailbox, Preferences, SessionEnd},
};

pub fn user_events() -> Vec<user::Event> {
    vec![
        user::Event::Registered {
            email: sealed("c2VhbGVkIGUtbWFpbA"),
            email_index: index("5f2b8e"),
            first_name: sealed("c2VhbGVkIGZpcnN0"),
            last_name: sealed("c2VhbGVkIGxhc3Q"),
            at: november(1),
        },
        user::Event::SessionOpened {
            session_id: SESSION,
            device_id: Some("device_uuid_123".into()),
            at: november(2),
            expires_at: november(3),
        },
        user::Event::SessionClosed { session_id: SESSION, reason: SessionEnd::LoggedOut, at: november(2) },
        user::Event::EmailVerified { at: november(1) },
        user::Event::NameChanged {
            first_name: sealed("c2VhbGVkIGZpcnN0"),
            last_name: sealed("c2VhbGVkIGxhc3Q"),
            at: november(3),
        },
        user::Event::EmailChangeRequested {
            change_id: CREDENTIAL,
            email: sealed("c2VhbGVkIGUtbWFpbA"),
            email_index: index("7a91c0"),
            at: november(3),
        },
        user::Event::EmailChangeConfirmed { change_id: CREDENTIAL, by: Mailbox::Old, at: november(3) },
        user::Event::EmailChanged {
            change_id: CREDENTIAL,
            email: sealed("c2VhbGVkIGUtbWFpbA"),
            email_index: index("7a91c0"),
            at: november(3),
        },
        user::Event::PreferencesChosen { preferences: Preferences::default(), at: november(3) },
        user::Event::NotificationsRead { up_to_position: 17, at: november(4) },
        user::Event::PasswordChanged { at: november(4) },
        user::Event::PasswordReset { at: november(4) },
        user::Event::TotpEnabled { at: november(4) },
        user::Event::TotpDisabled { at: november(5) },
        user::Event::RecoveryCodesIssued { count: 10, set_id: Some(CREDENTIAL), at: november(4) },
        user::Event::RecoveryCodeUsed { remaining: 9, at: november(5) },
        user::Event::PasskeyAdded { passkey_id: CREDENTIAL, at: november(4) },
        user::Event::PasskeyRemoved { passkey_id: CREDENTIAL, at: november(5) },
        user::Event::RoleGranted { role: Role::Merchant, at: november(4) },
        user::Event::RoleRevoked { role: Role::Merchant, at: november(5) },
        user::Event::ApiKeyIssued {
            key_id: CREDENTIAL,
            scopes: vec![Permission::PaymentsRead],
            expires_at: november(30),
            at: november(4),
        },
        user::Event::ApiKeyRevoked { key_id: CREDENTIAL, at: november(5) },
        user::Event::IdentityLinked { identity_id: CREDENTIAL, provider: "google".into(), at: november(4) },
        user::Event::IdentityUnlinked { identity_id: CREDENTIAL, at: november(5) },
        user::Event::ConsentGranted {
            client_id: CLIENT,
            scopes: vec![Permission::CardsRead, Permission::PaymentsRead],
            at: november(4),
        },
        user::Event::ConsentWithdrawn { client_id: CLIENT, at: november(5) },
        user::Event::Closed { at: november(6) },
        user::Event::Erased { at: november(7) },
    ]
}

pub fn client_events() -> Vec<client::Event> {
    vec![
        client::Event::Registered {
            name: "Budget".into(),
            kind: ClientKind::Confidential,
            redirect_uris: vec!["https://budget.example/callback".into()],
            scopes: vec![Permission::CardsRead, Permission::PaymentsRead],
            at: november(1),
        },
        client::Event::SecretIssued { secret_id: CREDENTIAL, at: november(1) },
        client::Event::SecretRevoked { secret_id: CREDENTIAL, at: november(2) },
        client::Event::Disabled { at: november(3) },
    ]
}

pub fn notification_events() -> Vec<notification::Event> {
    vec![notification::Event::Sent {
        user_id: ALICE,
        topic: "transaction_success".into(),
        title: sealed("c2VhbGVkIHRpdGxl"),
        message: sealed("c2VhbGVkIHRleHQ"),
        data: sealed("c2VhbGVkIGRhdGE"),
        at: november(4),
    }]
}
