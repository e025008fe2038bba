use std::time::Duration;

use aggregates::{MoneyError, PaymentId, card, client, kyc, notification, payment, user};
use store::{AppendError, authentications::Outcome};

use crate::passwords::Refusal;

/// Why a flow did not do what it was asked. Unless the variant says otherwise nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{field}: {reason}")]
    InvalidInput { field: &'static str, reason: String },
    #[error("there is an account with this e-mail address")]
    EmailTaken,
    #[error("e-mail address or password is wrong")]
    BadCredentials,
    /// A second proof, or a passkey at login: wrong, used before, or not the account's.
    #[error("the proof is refused")]
    ProofRefused,
    /// A half-done login or a ceremony that is over, or was tried too often.
    #[error("the ticket is unknown, used up or too old")]
    BadTicket,
    #[error("the code is wrong")]
    WrongCode,
    #[error("the password is wrong")]
    WrongPassword,
    #[error("the login is too long ago")]
    FreshLoginRequired,
    #[error("a second factor has to be set up first")]
    SecondFactorRequired,
    #[error("{operation} needs a step-up")]
    StepUpRequired { operation: &'static str },
    /// A program that acts for somebody cannot prove that they sit there: this is for our own app.
    #[error("{operation} needs a step-up, which only the person's own app can get")]
    StepUpByPersonOnly { operation: &'static str },
    /// The step-up is unknown, used up, too old, somebody else's or for something else; it is void now.
    #[error("the step-up is refused")]
    StepUpRefused,
    /// The token that buys a card's secrets is unknown, used up, too old, or for something else; it is void now.
    #[error("the reveal is refused")]
    RevealRefused,
    #[error("an authenticator app is enabled already")]
    TotpEnabled,
    #[error("the passkey is refused")]
    PasskeyRefused,
    #[error("nobody could log in to the account any more")]
    LastWayIn,
    /// Everything was right, but the password is older than the person's roles allow. A way to a new one was mailed.
    #[error("the password has expired")]
    PasswordExpired,
    #[error("the password is not acceptable: {0}")]
    Password(#[from] Refusal),
    /// A token that was mailed is unknown, used, void or too old.
    #[error("the token is not valid")]
    BadToken,
    /// Too many failures before: the attempt was not even looked at.
    #[error("too many failed attempts")]
    Locked { retry_after: Duration },
    /// An account cannot end while these payments have no outcome.
    #[error("payments are pending")]
    PaymentsPending { payments: Vec<PaymentId> },
    #[error("identity must be verified first")]
    KycRequired { status: kyc::Status },
    /// The level of verification does not reach.
    #[error("without full verification the limit is {limit}")]
    KycLevelRequired { limit: aggregates::Money },
    #[error(transparent)]
    User(#[from] user::Error),
    #[error(transparent)]
    Kyc(#[from] kyc::Error),
    #[error(transparent)]
    Card(#[from] card::Error),
    #[error(transparent)]
    Payment(#[from] payment::Error),
    #[error(transparent)]
    Notification(#[from] notification::Error),
    #[error(transparent)]
    Client(#[from] client::Error),
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// A login through a provider that was not begun here, is over, or is not vouched for.
    #[error("the provider's login is not accepted")]
    NotVouched,
    /// The provider does not vouch for the e-mail address.
    #[error("the provider has not verified the e-mail address")]
    EmailNotVouched,
    /// The address that the provider vouches for has an account, which has to be logged in to first.
    #[error("the account has to be logged in to and linked")]
    LinkRequired,
    #[error("the identity belongs to another account")]
    IdentityTaken,
    /// A webhook without its sender's signature, or too old.
    #[error("the webhook is refused")]
    WebhookRefused,
    /// A webhook that its sender signed, and that is not of the agreed form.
    #[error("the webhook is not understood")]
    WebhookNotUnderstood,
    #[error("no such {what}")]
    NotFound { what: &'static str },
    /// A queue is full.
    #[error("too much is going on")]
    Busy { retry_after: Duration },
    /// Nobody changes their own rights.
    #[error("nobody changes their own rights")]
    OwnRights,
    /// Without an admin nobody could make one.
    #[error("the last admin cannot be removed")]
    LastAdmin,
    /// Whoever asks had the right when they logged in, and has lost it.
    #[error("the right was lost meanwhile")]
    RightLost,
    /// Somebody changed it since it was seen.
    #[error("the {what} have changed")]
    Outdated { what: &'static str },
    /// Others kept changing the same thing.
    #[error("others are changing the same thing")]
    Conflict,
    /// The read models have not reached the position that the read asked for.
    #[error("read models have not reached {position}")]
    Behind { position: i64 },
    /// A part of the system cannot be reached. Where the outcome is unknown, `resource` says where it will appear.
    #[error("{what} cannot be reached")]
    Unavailable { what: &'static str, resource: Option<String> },
    /// A third party failed for good.
    #[error("{vendor} failed")]
    Provider { vendor: &'static str },
    #[error("{0}")]
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// What an error means once the intent is in the log: not that nothing happened, but that the outcome will show
    /// in `resource` (invariant 4).
    pub(crate) fn after_intent(self, resource: impl FnOnce() -> String) -> Error {
        match self {
            error @ Error::Unavailable { .. } => error.about(resource),
            error => {
                tracing::error!(%error, "a flow was interrupted after its intent; a worker goes on");
                Error::Unavailable { what: "outcome", resource: Some(resource()) }
            }
        }
    }

    /// What the record of authentications says of an attempt that ended so.
    pub(crate) fn as_outcome(&self) -> (Outcome, Option<&'static str>) {
        match self {
            Error::Locked { .. } => (Outcome::Locked, Some("too_many_failures")),
            Error::BadCredentials => (Outcome::Failure, Some("bad_credentials")),
            Error::WrongPassword => (Outcome::Failure, Some("wrong_password")),
            Error::PasswordExpired => (Outcome::Failure, Some("password_expired")),
            Error::Password(_) => (Outcome::Failure, Some("password_not_acceptable")),
            Error::BadToken => (Outcome::Failure, Some("bad_token")),
            Error::BadTicket => (Outcome::Failure, Some("bad_ticket")),
            Error::NotVouched => (Outcome::Failure, Some("not_vouched")),
            Error::EmailNotVouched => (Outcome::Failure, Some("email_not_vouched")),
            Error::LinkRequired => (Outcome::Failure, Some("link_required")),
            Error::IdentityTaken => (Outcome::Failure, Some("identity_taken")),
            _ => (Outcome::Failure, Some("not_completed")),
        }
    }

    pub(crate) fn invalid(field: &'static str, reason: impl Into<String>) -> Error {
        Error::InvalidInput { field, reason: reason.into() }
    }

    /// Names the resource in which the outcome will appear, where it is unknown.
    pub(crate) fn about(self, resource: impl FnOnce() -> String) -> Error {
        match self {
            Error::Unavailable { what, resource: None } => Error::Unavailable { what, resource: Some(resource()) },
            error => error,
        }
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Busy => Error::Busy { retry_after: Duration::from_secs(1) },
            store::Error::Void => Error::BadToken,
            store::Error::Erased => Error::NotFound { what: "account" },
            store::Error::Database(error) if is_passing(&error) => {
                tracing::warn!(%error, "the database cannot be reached");
                Error::Unavailable { what: "database", resource: None }
            }
            error => Error::Internal(Box::new(error)),
        }
    }
}

/// Whether PostgreSQL is away, starting, stopping, full or read-only, rather than asked something wrong.
fn is_passing(error: &store::DatabaseError) -> bool {
    match error.as_database_error() {
        None => true,
        Some(error) => {
            error.code().is_some_and(|code| ["08", "25", "53", "57"].iter().any(|class| code.starts_with(class)))
        }
    }
}

impl From<AppendError> for Error {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Conflict | AppendError::Taken => Error::Conflict,
            AppendError::Overloaded { retry_after } => Error::Busy { retry_after },
            AppendError::Unknown => Error::Unavailable { what: "database", resource: None },
            AppendError::Refused(_) => Error::Internal(Box::new(error)),
        }
    }
}
