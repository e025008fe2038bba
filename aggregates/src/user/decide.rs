use chrono::{DateTime, Utc};

use super::{
    Account, Command, Error, Event, MAX_API_KEYS, MAX_IDENTITIES, MAX_PASSKEYS, MAX_SESSIONS, Mailbox, SessionEnd,
    Standing, User,
};
use crate::{CredentialId, Role, SessionId};

impl User {
    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Error> {
        match command {
            Command::Register { email, email_index, first_name, last_name, now } => match &self.account {
                // Sealing is randomised, so only the index can show that the e-mail is the same.
                Some(account) if account.email_index == email_index => Ok(vec![]),
                Some(_) => Err(Error::AlreadyRegistered),
                None => Ok(vec![Event::Registered { email, email_index, first_name, last_name, at: now }]),
            },
            Command::VerifyEmail { now } => match self.open()?.email_verified {
                true => Ok(vec![]),
                false => Ok(vec![Event::EmailVerified { at: now }]),
            },
            Command::ChangeName { first_name, last_name, now } => {
                self.open()?;
                Ok(vec![Event::NameChanged { first_name, last_name, at: now }])
            }
            Command::RequestEmailChange { change_id, email, email_index, now } => {
                let account = self.open()?;
                if self.email_change.as_ref().is_some_and(|change| change.change_id == change_id) {
                    return Ok(vec![]);
                }
                if !account.email_verified {
                    return Err(Error::EmailNotVerified);
                }
                if account.email_index == email_index {
                    return Err(Error::EmailUnchanged);
                }
                Ok(vec![Event::EmailChangeRequested { change_id, email, email_index, at: now }])
            }
            Command::ConfirmEmailChange { change_id, by, now } => self.confirm_email_change(change_id, by, now),
            Command::ChoosePreferences { preferences, now } => {
                self.open()?;
                Ok(if self.preferences == preferences {
                    vec![]
                } else {
                    vec![Event::PreferencesChosen { preferences, at: now }]
                })
            }
            Command::ReadNotifications { up_to_position, now } => {
                self.open()?;
                Ok(if up_to_position > self.notifications_read {
                    vec![Event::NotificationsRead { up_to_position, at: now }]
                } else {
                    vec![]
                })
            }
            Command::ChangePassword { now } => {
                self.open()?;
                Ok(if self.password_replaced_at == Some(now) {
                    vec![]
                } else {
                    vec![Event::PasswordChanged { at: now }]
                })
            }
            Command::ResetPassword { now } => {
                let verified = self.open()?.email_verified;
                if self.password_replaced_at == Some(now) {
                    return Ok(vec![]);
                }
                let mut events = vec![Event::PasswordReset { at: now }];
                if !verified {
                    events.push(Event::EmailVerified { at: now });
                }
                Ok(events)
            }
            Command::EnableTotp { now } => {
                self.open()?;
                Ok(if self.totp { vec![] } else { vec![Event::TotpEnabled { at: now }] })
            }
            Command::DisableTotp { now } => {
                self.open()?;
                Ok(if self.totp { vec![Event::TotpDisabled { at: now }] } else { vec![] })
            }
            Command::IssueRecoveryCodes { set_id, count, now } => {
                self.open()?;
                match self.has_second_factor() {
                    true if self.recovery_set == Some(set_id) => Ok(vec![]),
                    true => Ok(vec![Event::RecoveryCodesIssued { count, set_id: Some(set_id), at: now }]),
                    false => Err(Error::NoFactorToRecover),
                }
            }
            Command::UseRecoveryCode { now } => {
                self.open()?;
                let remaining = self.recovery_codes().checked_sub(1).ok_or(Error::NoSuchFactor)?;
                Ok(vec![Event::RecoveryCodeUsed { remaining, at: now }])
            }
            Command::AddPasskey { passkey_id, now } => {
                self.open()?;
                if self.passkeys.contains(&passkey_id) {
                    return Ok(vec![]);
                }
                match self.passkeys.len() < MAX_PASSKEYS {
                    true => Ok(vec![Event::PasskeyAdded { passkey_id, at: now }]),
                    false => Err(Error::TooManyPasskeys { limit: MAX_PASSKEYS }),
                }
            }
            Command::RemovePasskey { passkey_id, now } => {
                self.open()?;
                match self.passkeys.contains(&passkey_id) {
                    true => Ok(vec![Event::PasskeyRemoved { passkey_id, at: now }]),
                    false => Err(Error::NoSuchPasskey),
                }
            }
            Command::GrantRole { role, now } => {
                self.open()?;
                match role {
                    Role::Service => Err(Error::RoleNotForPeople { role }),
                    role if self.roles.contains(&role) => Ok(vec![]),
                    role => Ok(vec![Event::RoleGranted { role, at: now }]),
                }
            }
            Command::RevokeRole { role, now } => {
                self.open()?;
                match self.roles.contains(&role) {
                    true => Ok(vec![Event::RoleRevoked { role, at: now }]),
                    false => Err(Error::NoSuchRole),
                }
            }
            Command::IssueApiKey { key_id, scopes, expires_at, now } => {
                self.open()?;
                if self.has_api_key(key_id) {
                    return Ok(vec![]);
                }
                if scopes.is_empty() || !scopes.iter().all(|scope| scope.is_delegable()) {
                    return Err(Error::ScopeNotAllowed);
                }
                match self.api_keys.iter().filter(|(_, expires_at)| *expires_at > now).count() < MAX_API_KEYS {
                    true => Ok(vec![Event::ApiKeyIssued { key_id, scopes, expires_at, at: now }]),
                    false => Err(Error::TooManyApiKeys { limit: MAX_API_KEYS }),
                }
            }
            Command::RevokeApiKey { key_id, now } => {
                self.open()?;
                match self.has_api_key(key_id) {
                    true => Ok(vec![Event::ApiKeyRevoked { key_id, at: now }]),
                    false => Err(Error::NoSuchApiKey),
                }
            }
            Command::LinkIdentity { identity_id, provider, now } => {
                self.open()?;
                if self.identities.contains_key(&identity_id) {
                    return Ok(vec![]);
                }
                match self.identities.len() < MAX_IDENTITIES {
                    true => Ok(vec![Event::IdentityLinked { identity_id, provider, at: now }]),
                    false => Err(Error::TooManyIdentities { limit: MAX_IDENTITIES }),
                }
            }
            Command::UnlinkIdentity { identity_id, now } => {
                self.open()?;
                match self.identities.contains_key(&identity_id) {
                    true => Ok(vec![Event::IdentityUnlinked { identity_id, at: now }]),
                    false => Err(Error::NoSuchIdentity),
                }
            }
            Command::GrantConsent { client_id, scopes, now } => {
                self.open()?;
                if !scopes.iter().all(|scope| scope.is_consentable()) {
                    return Err(Error::ScopeNotAllowed);
                }
                Ok(match self.consents.get(&client_id) {
                    Some(known) if *known == scopes => vec![],
                    _ => vec![Event::ConsentGranted { client_id, scopes, at: now }],
                })
            }
            Command::WithdrawConsent { client_id, now } => {
                self.open()?;
                match self.consents.contains_key(&client_id) {
                    true => Ok(vec![Event::ConsentWithdrawn { client_id, at: now }]),
                    false => Err(Error::NoSuchConsent),
                }
            }
            Command::OpenSession { session_id, device_id, now, expires_at } => {
                self.open()?;
                if self.session(session_id).is_some() {
                    return Ok(vec![]);
                }
                let mut events = self.make_room(now);
                events.push(Event::SessionOpened { session_id, device_id, at: now, expires_at });
                Ok(events)
            }
            Command::CloseSession { session_id, reason, now } => {
                self.account.as_ref().ok_or(Error::NotRegistered)?;
                self.session(session_id).ok_or(Error::NoSuchSession)?;
                Ok(vec![Event::SessionClosed { session_id, reason, at: now }])
            }
            Command::CloseSessions { except, reason, now } => {
                self.account.as_ref().ok_or(Error::NotRegistered)?;
                Ok(self.close_sessions(except, reason, now))
            }
            Command::Close { now } => {
                self.account.as_ref().ok_or(Error::NotRegistered)?;
                if self.standing != Standing::Open {
                    return Ok(vec![]);
                }
                let mut events = self.close_sessions(None, SessionEnd::AccountClosed, now);
                events.push(Event::Closed { at: now });
                Ok(events)
            }
            Command::Erase { now } => {
                self.account.as_ref().ok_or(Error::NotRegistered)?;
                match self.standing {
                    Standing::Open => Err(Error::NotClosed),
                    Standing::Closed => Ok(vec![Event::Erased { at: now }]),
                    Standing::Erased => Ok(vec![]),
                }
            }
        }
    }

    /// The account, if there is one that is open.
    fn open(&self) -> Result<&Account, Error> {
        let account = self.account.as_ref().ok_or(Error::NotRegistered)?;
        match self.standing {
            Standing::Open => Ok(account),
            Standing::Closed | Standing::Erased => Err(Error::Closed),
        }
    }

    fn confirm_email_change(
        &self,
        change_id: CredentialId,
        by: Mailbox,
        now: DateTime<Utc>,
    ) -> Result<Vec<Event>, Error> {
        self.open()?;
        let change = self.email_change.as_ref().filter(|change| change.change_id == change_id);
        let change = change.ok_or(Error::NoSuchEmailChange)?;
        let (already, other) = match by {
            Mailbox::Old => (change.confirmed_by_old, change.confirmed_by_new),
            Mailbox::New => (change.confirmed_by_new, change.confirmed_by_old),
        };
        if already {
            return Ok(vec![]);
        }
        let mut events = vec![Event::EmailChangeConfirmed { change_id, by, at: now }];
        if other {
            let (email, email_index) = (change.email.clone(), change.email_index.clone());
            events.push(Event::EmailChanged { change_id, email, email_index, at: now });
        }
        Ok(events)
    }

    fn close_sessions(&self, except: Option<SessionId>, reason: SessionEnd, now: DateTime<Utc>) -> Vec<Event> {
        let ended = self.sessions().filter(|session_id| Some(*session_id) != except);
        ended.map(|session_id| Event::SessionClosed { session_id, reason, at: now }).collect()
    }

    /// Closes the oldest sessions so that one more fits. Expired ones take no room.
    fn make_room(&self, now: DateTime<Utc>) -> Vec<Event> {
        let live: Vec<_> = self.sessions.iter().filter(|session| session.expires_at > now).collect();
        let surplus = (live.len() + 1).saturating_sub(MAX_SESSIONS);
        live.into_iter()
            .take(surplus)
            .map(|session| Event::SessionClosed {
                session_id: session.session_id,
                reason: SessionEnd::Superseded,
                at: now,
            })
            .collect()
    }
}
