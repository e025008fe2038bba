//! The texts, all in one place. Plain text, and nothing in them that somebody else could have chosen: a name or a
//! device's own description in a mail of ours would be a stranger's words under our letterhead.

use std::time::Duration;

use aggregates::user::Mailbox;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// How long each token that is mailed is good; its letter is not sent any later either.
pub(crate) const VERIFY_WITHIN: Duration = Duration::from_secs(DAY);
pub(crate) const RESET_WITHIN: Duration = Duration::from_secs(10 * MINUTE);
pub const EMAIL_CHANGE_WITHIN: Duration = Duration::from_secs(DAY);

/// A notice that could not be sent for this long tells nobody anything new.
const NOTICE_WITHIN: Duration = Duration::from_secs(3 * DAY);

/// What we write to people.
#[derive(Clone, Copy, Debug)]
pub enum Letter<'a> {
    VerifyEmail {
        token: &'a SecretString,
    },
    /// Somebody registers with an address that has an account.
    AlreadyRegistered,
    ResetPassword {
        token: &'a SecretString,
    },
    /// The password has expired by policy; the token sets a new one.
    PasswordExpired {
        token: &'a SecretString,
    },
    /// The address is verified, but nobody's password counts: several were given before.
    ChoosePassword {
        token: &'a SecretString,
    },
    PasswordChanged,
    /// To each of the two mailboxes.
    ConfirmEmailChange {
        mailbox: Mailbox,
        token: &'a SecretString,
    },
    /// To the old address, after the change.
    EmailChanged,
    /// A login from a device that the account has not been used on.
    NewDevice,
    FactorAdded(Factor),
    FactorRemoved(Factor),
    RecoveryCodesIssued,
    RecoveryCodeUsed {
        remaining: u32,
    },
    /// `provider` is one of those we are configured for.
    /// A passkey's counter went back.
    PasskeyCopied,
    IdentityLinked {
        provider: &'a str,
    },
    IdentityUnlinked {
        provider: &'a str,
    },
    /// A card's number and CVV were handed out.
    CardShown {
        last_four: &'a str,
    },
    AccountClosed,
}

/// A second factor, as a letter calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Factor {
    Totp,
    Passkey,
}

impl Factor {
    const fn name(self) -> &'static str {
        match self {
            Factor::Totp => "an authenticator app",
            Factor::Passkey => "a passkey",
        }
    }
}

impl Letter<'_> {
    /// How long the letter is worth sending.
    pub(crate) fn lifetime(&self) -> Duration {
        match self {
            Letter::VerifyEmail { .. } => VERIFY_WITHIN,
            Letter::ResetPassword { .. } | Letter::PasswordExpired { .. } | Letter::ChoosePassword { .. } => {
                RESET_WITHIN
            }
            Letter::ConfirmEmailChange { .. } => EMAIL_CHANGE_WITHIN,
            Letter::AlreadyRegistered
            | Letter::PasswordChanged
            | Letter::EmailChanged
            | Letter::NewDevice
            | Letter::FactorAdded(_)
            | Letter::FactorRemoved(_)
            | Letter::RecoveryCodesIssued
            | Letter::RecoveryCodeUsed { .. }
            | Letter::PasskeyCopied
            | Letter::IdentityLinked { .. }
            | Letter::IdentityUnlinked { .. }
            | Letter::CardShown { .. }
            | Letter::AccountClosed => NOTICE_WITHIN,
        }
    }

    /// Subject and text. `app_url` is where the app's own pages are; `now` is when what the letter tells of happened.
    pub(crate) fn render(&self, app_url: &str, now: DateTime<Utc>) -> (&'static str, String) {
        let when = now.format("%-d %B %Y, %H:%M UTC");
        let ask = |page: &str, token: &SecretString, what: &str, within: &str, otherwise: &str| {
            let token = token.expose_secret();
            // In the fragment, which browsers send to no server and put into no `Referer`.
            let link = format!("{}/{page}#token={token}", app_url.trim_end_matches('/'));
            format!(
                "{what}\n\n{link}\n\nOr enter this code in the app:\n\n{token}\n\nIt is good for {within} and works once. {otherwise}\n"
            )
        };
        let notice = |what: &str| {
            format!(
                "{what}\n\nWhen: {when}\n\nIf this was you, there is nothing to do. If it was not, reset your password \
                 now, look at the sessions that are open, and tell our support.\n"
            )
        };
        let ignore = "If you did not ask for this, ignore this mail: nothing has changed.";
        match self {
            Letter::VerifyEmail { token } => (
                "Confirm your e-mail address",
                ask(
                    "verify-email",
                    token,
                    "Somebody, probably you, opens an account with this address. Confirm that it is yours:",
                    "24 hours",
                    "If it was not you, do not confirm: without it nobody can use the account.",
                ),
            ),
            Letter::AlreadyRegistered => (
                "You have an account already",
                "Somebody, probably you, wanted to open an account with this address. It has one already: log in with \
                 its password, or reset the password if you have forgotten it. Nothing has changed.\n"
                    .into(),
            ),
            Letter::ResetPassword { token } => {
                let what = "Set a new password for your account:";
                ("Reset your password", ask("reset-password", token, what, "10 minutes", ignore))
            }
            Letter::PasswordExpired { token } => {
                let what = "Your password is older than your role allows. Set a new one to log in again:";
                ("Your password has expired", ask("reset-password", token, what, "10 minutes", ""))
            }
            Letter::ChoosePassword { token } => {
                let what = "Your address is confirmed. Different passwords were given for your account while it was \
                            not, so that none of them counts. Choose yours:";
                ("Choose your password", ask("reset-password", token, what, "10 minutes", ""))
            }
            Letter::PasswordChanged => (
                "Your password was changed",
                notice("The password of your account was changed, and other sessions were ended."),
            ),
            Letter::ConfirmEmailChange { mailbox: Mailbox::Old, token } => (
                "Confirm the change of your e-mail address",
                ask(
                    "confirm-email-change",
                    token,
                    "Your account is to have another e-mail address. Confirm that you want this:",
                    "24 hours",
                    "If you did not ask for this, do not confirm, and change your password: somebody has used your account.",
                ),
            ),
            Letter::ConfirmEmailChange { mailbox: Mailbox::New, token } => (
                "Confirm your new e-mail address",
                ask(
                    "confirm-email-change",
                    token,
                    "An account is to have this e-mail address from now on. Confirm that it is yours:",
                    "24 hours",
                    ignore,
                ),
            ),
            Letter::EmailChanged => (
                "Your e-mail address was changed",
                notice("Your account has another e-mail address now. This one is no longer used."),
            ),
            Letter::NewDevice => (
                "A login from a new device",
                notice("Somebody logged in to your account from a device that it has not been used on before."),
            ),
            Letter::FactorAdded(factor) => {
                ("A second factor was added", notice(&format!("Your account asks for {} from now on.", factor.name())))
            }
            Letter::FactorRemoved(factor) => (
                "A second factor was removed",
                notice(&format!("Your account does not ask for {} any more.", factor.name())),
            ),
            Letter::RecoveryCodesIssued => (
                "New recovery codes",
                notice("New recovery codes were made for your account. Older ones do not work any more."),
            ),
            Letter::RecoveryCodeUsed { remaining } => (
                "A recovery code was used",
                notice(&format!("A recovery code of your account was used; {remaining} are left.")),
            ),
            Letter::PasskeyCopied => (
                "A passkey was refused",
                notice(
                    "Somebody used a passkey of your account that seems to be a copy: it was refused. If you have one \
                     device with this passkey only, remove the passkey and register a new one.",
                ),
            ),
            Letter::IdentityLinked { provider } => (
                "A way to log in was added",
                notice(&format!("Your account can be logged in to with {provider} from now on.")),
            ),
            Letter::IdentityUnlinked { provider } => (
                "A way to log in was removed",
                notice(&format!("Your account can not be logged in to with {provider} any more.")),
            ),
            Letter::CardShown { last_four } => (
                "Your card's details were shown",
                notice(&format!("The number and the security code of your card ending in {last_four} were shown.")),
            ),
            Letter::AccountClosed => {
                ("Your account is closed", notice("Your account was closed, and all sessions were ended."))
            }
        }
    }
}
