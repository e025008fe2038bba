use super::{Account, EmailChange, Event, Mailbox, Session, Standing, User};
use crate::Role;

impl User {
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Registered { email, email_index, first_name, last_name, at } => {
                self.account = Some(Account {
                    email: email.clone(),
                    email_index: email_index.clone(),
                    email_verified: false,
                    first_name: first_name.clone(),
                    last_name: last_name.clone(),
                    registered_at: *at,
                });
                self.roles.insert(Role::Customer);
            }
            Event::EmailVerified { at: _ } => self.edit(|account| account.email_verified = true),
            Event::NameChanged { first_name, last_name, at: _ } => self.edit(|account| {
                account.first_name = first_name.clone();
                account.last_name = last_name.clone();
            }),
            Event::EmailChangeRequested { change_id, email, email_index, at: _ } => {
                self.email_change = Some(EmailChange {
                    change_id: *change_id,
                    email: email.clone(),
                    email_index: email_index.clone(),
                    confirmed_by_old: false,
                    confirmed_by_new: false,
                });
            }
            Event::EmailChangeConfirmed { change_id: _, by, at: _ } => {
                if let Some(change) = &mut self.email_change {
                    match by {
                        Mailbox::Old => change.confirmed_by_old = true,
                        Mailbox::New => change.confirmed_by_new = true,
                    }
                }
            }
            Event::EmailChanged { change_id: _, email, email_index, at: _ } => {
                self.email_change = None;
                self.edit(|account| {
                    account.email = email.clone();
                    account.email_index = email_index.clone();
                    account.email_verified = true;
                });
            }
            Event::PreferencesChosen { preferences, at: _ } => self.preferences = preferences.clone(),
            Event::NotificationsRead { up_to_position, at: _ } => self.notifications_read = *up_to_position,
            Event::PasswordChanged { at } | Event::PasswordReset { at } => {
                self.password_replaced_at = Some(*at);
            }
            Event::TotpEnabled { at: _ } => self.totp = true,
            Event::TotpDisabled { at: _ } => {
                self.totp = false;
                self.void_needless_codes();
            }
            Event::RecoveryCodesIssued { count, set_id, at: _ } => {
                (self.recovery_codes, self.recovery_set) = (*count, *set_id);
            }
            Event::RecoveryCodeUsed { remaining, at: _ } => self.recovery_codes = *remaining,
            Event::PasskeyAdded { passkey_id, at: _ } => self.passkeys.push(*passkey_id),
            Event::PasskeyRemoved { passkey_id, at: _ } => {
                self.passkeys.retain(|known| known != passkey_id);
                self.void_needless_codes();
            }
            Event::RoleGranted { role, at: _ } => {
                self.roles.insert(*role);
            }
            Event::RoleRevoked { role, at: _ } => {
                self.roles.remove(role);
            }
            Event::ApiKeyIssued { key_id, scopes: _, expires_at, at } => {
                // No event tells of an expiry; this is the moment to forget, and it keeps the list bounded.
                self.api_keys.retain(|(_, expires_at)| expires_at > at);
                self.api_keys.push((*key_id, *expires_at));
            }
            Event::ApiKeyRevoked { key_id, at: _ } => self.api_keys.retain(|(known, _)| known != key_id),
            Event::IdentityLinked { identity_id, provider, at: _ } => {
                self.identities.insert(*identity_id, provider.clone());
            }
            Event::IdentityUnlinked { identity_id, at: _ } => {
                self.identities.remove(identity_id);
            }
            Event::ConsentGranted { client_id, scopes, at: _ } => {
                self.consents.insert(*client_id, scopes.clone());
            }
            Event::ConsentWithdrawn { client_id, at: _ } => {
                self.consents.remove(client_id);
            }
            Event::SessionOpened { session_id, device_id: _, at, expires_at } => {
                // No event tells of an expiry; this is the moment to forget, and it keeps the list bounded.
                self.sessions.retain(|session| session.expires_at > *at);
                self.sessions.push(Session { session_id: *session_id, expires_at: *expires_at });
            }
            Event::SessionClosed { session_id, reason: _, at: _ } => {
                self.sessions.retain(|session| session.session_id != *session_id);
            }
            Event::Closed { at: _ } => self.standing = Standing::Closed,
            Event::Erased { at: _ } => self.standing = Standing::Erased,
        }
    }

    fn edit(&mut self, change: impl FnOnce(&mut Account)) {
        if let Some(account) = &mut self.account {
            change(account);
        }
    }

    fn void_needless_codes(&mut self) {
        if !self.has_second_factor() {
            (self.recovery_codes, self.recovery_set) = (0, None);
        }
    }
}
