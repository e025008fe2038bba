//! The one place where a rule that was broken becomes a status and a stable code. No wildcard arms: a new rule
//! does not compile until it has a code.

use std::time::Duration;

use aggregates::{MoneyError, PaymentId, kyc, payment, user};
use flows::passwords::Refusal;
use poem::http::StatusCode;

use super::Problem;

impl From<flows::Error> for Problem {
    fn from(error: flows::Error) -> Problem {
        use flows::Error;
        match error {
            Error::InvalidInput { field, reason } => Problem::invalid(field, reason),
            Error::EmailTaken => conflict("account.email_taken", "The e-mail address has an account already"),
            Error::BadCredentials => {
                Problem::new(StatusCode::UNAUTHORIZED, "auth.bad_credentials", "E-mail address or password is wrong")
            }
            Error::PaymentsPending { payments } => pending(payments),
            Error::ProofRefused => unauthorized("auth.proof_refused", "The proof is refused")
                .detail("It is wrong, was used before, or is not the account's."),
            Error::BadTicket => unauthorized("auth.bad_ticket", "The login is over")
                .detail("It took too long or was tried too often. Begin again."),
            Error::WrongCode => unprocessable("factor.wrong_code", "The code is wrong")
                .field("code", "is not the code that the app shows now"),
            Error::WrongPassword => forbidden("auth.wrong_password", "The password is wrong"),
            Error::FreshLoginRequired => forbidden("auth.fresh_login_required", "The login is too long ago")
                .detail("Give the password, or log in again."),
            Error::SecondFactorRequired => forbidden("auth.second_factor_required", "A second factor is needed")
                .detail("Set up an authenticator app or a passkey first."),
            Error::StepUpRequired { operation } => {
                forbidden("auth.step_up_required", "A second proof is needed").step_up(operation).detail(format!(
                    "Ask for a step-up for {operation}, complete it, and send its token in X-Step-Up-Token."
                ))
            }
            Error::StepUpByPersonOnly { operation } => {
                forbidden("auth.step_up_by_person_only", "Only the person's own app can do this").detail(format!(
                    "{operation} needs a second proof, which programs that act for a person and API keys cannot give."
                ))
            }
            Error::StepUpRefused => forbidden("auth.step_up_refused", "The step-up is refused")
                .detail("It is wrong, was used before, is too old, or is for something else. Begin a new one."),
            Error::RevealRefused => forbidden("card.reveal_refused", "The token is refused").detail(
                "It was used before, is too old, or is for another card, device or session. Begin with a new step-up.",
            ),
            Error::TotpEnabled => conflict("factor.totp_enabled", "An authenticator app is enabled already"),
            Error::PasskeyRefused => unprocessable("passkey.refused", "The passkey is refused")
                .field("credential", "does not answer the challenge of this ticket, or is registered already"),
            Error::LastWayIn => conflict("factor.last_way_in", "Nobody could log in to the account any more"),
            Error::PasswordExpired => {
                Problem::new(StatusCode::FORBIDDEN, "auth.password_expired", "The password has expired")
                    .detail("A token to set a new one was mailed to the account's address.")
            }
            Error::Password(refusal) => refusal.into(),
            Error::BadToken => unprocessable("auth.token_not_valid", "The token is not valid")
                .detail("It is unknown, used, void, expired, or for something else. Ask for a new one.")
                .field("token", "is not valid"),
            Error::Locked { retry_after } => {
                Problem::new(StatusCode::TOO_MANY_REQUESTS, "auth.locked", "Too many failed attempts")
                    .detail("The attempt was not looked at. Wait before the next one.")
                    .retry_after(retry_after)
            }
            Error::KycRequired { status } => {
                Problem::new(StatusCode::FORBIDDEN, "kyc.required", "Identity has to be verified first")
                    .detail(format!("The verification is {}.", kyc_status(status)))
            }
            Error::KycLevelRequired { limit } => {
                Problem::new(StatusCode::FORBIDDEN, "kyc.level_required", "Full verification is needed for this")
                    .detail(format!("At level basic a card's monthly limit is {limit} at most."))
            }
            Error::User(error) => error.into(),
            Error::Kyc(error) => error.into(),
            Error::Card(error) => error.into(),
            Error::Payment(error) => error.into(),
            Error::Notification(error) => error.into(),
            Error::Client(error) => error.into(),
            Error::Money(error) => error.into(),
            Error::NotVouched => {
                Problem::new(StatusCode::UNAUTHORIZED, "auth.not_vouched", "The provider's login is not accepted")
                    .detail("It was not begun here, is over, or the provider does not vouch for it. Begin again.")
            }
            Error::EmailNotVouched => forbidden("auth.email_not_vouched", "The e-mail address is not verified")
                .detail("The provider has to vouch for an e-mail address before it can open an account."),
            Error::LinkRequired => conflict("auth.link_required", "The address has an account already")
                .detail("Log in to the account as before, then link the provider to it."),
            Error::IdentityTaken => conflict("identity.taken", "The identity belongs to another account"),
            Error::OwnRights => forbidden("role.own", "Nobody changes their own rights"),
            Error::LastAdmin => conflict("role.last_admin", "The last admin cannot be removed"),
            Error::RightLost => forbidden("auth.right_lost", "The right was lost meanwhile").detail("Log in again."),
            Error::WebhookRefused => unauthorized("webhook.refused", "The webhook is refused")
                .detail("It has no signature of its sender, or is too old."),
            Error::WebhookNotUnderstood => unprocessable("webhook.not_understood", "The webhook is not understood")
                .detail("Its sender signed it, but it is not of the agreed form."),
            Error::NotFound { what } => not_found(what),
            Error::Busy { retry_after } => {
                unavailable("system.busy", "The system is busy").retry_after(retry_after).detail("Nothing has changed.")
            }
            Error::Outdated { what } => {
                Problem::new(StatusCode::PRECONDITION_FAILED, "request.outdated", "It has changed since it was read")
                    .detail(format!("The {what} are others by now. Read them again."))
            }
            Error::Conflict => conflict("system.conflict", "Too many changes to the same thing at once")
                .detail("Nothing has changed; it is safe to try again."),
            Error::Behind { position } => unavailable("system.behind", "The readable state is behind")
                .detail(format!("Position {position} is not visible yet."))
                .retry_after(Duration::from_secs(1)),
            Error::Unavailable { what, resource } => unavailable("system.unavailable", "A part of the system is down")
                .detail(format!("{what} cannot be reached."))
                .resource(resource)
                .retry_after(Duration::from_secs(1)),
            Error::Provider { vendor } => {
                Problem::new(StatusCode::BAD_GATEWAY, "provider.failed", "A third party failed")
                    .detail(format!("{vendor} did not do its part."))
            }
            Error::Internal(cause) => Problem::internal(cause),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let code = match refusal {
            Refusal::TooShort => "password.too_short",
            Refusal::TooLong => "password.too_long",
            Refusal::Common => "password.common",
            Refusal::Personal => "password.personal",
            Refusal::Reused => "password.reused",
        };
        unprocessable(code, "The password is not acceptable").field("password", refusal.to_string())
    }
}

impl From<user::Error> for Problem {
    fn from(error: user::Error) -> Problem {
        let said = error.to_string();
        match error {
            user::Error::NotRegistered => not_found("account"),
            user::Error::AlreadyRegistered => conflict("account.already_registered", "The account exists already"),
            user::Error::NoSuchSession => Problem::unauthenticated(),
            user::Error::EmailNotVerified => conflict("account.email_not_verified", "The address is not verified yet"),
            user::Error::EmailUnchanged => conflict("account.email_unchanged", "The address is the account's already"),
            user::Error::NoSuchEmailChange => not_found("email_change"),
            user::Error::TooManyPasskeys { .. } => conflict("passkey.too_many", "Too many passkeys").detail(said),
            user::Error::NoSuchPasskey => not_found("passkey"),
            user::Error::NoSuchFactor => not_found("factor"),
            user::Error::NoFactorToRecover => {
                conflict("factor.none_to_recover", "Recovery codes go with a second factor")
            }
            user::Error::NoSuchRole => not_found("role"),
            user::Error::RoleNotForPeople { .. } => {
                unprocessable("role.not_for_people", "The role is not for people").field("role", said)
            }
            user::Error::TooManyApiKeys { .. } => conflict("api_key.too_many", "Too many API keys").detail(said),
            user::Error::NoSuchApiKey => not_found("api_key"),
            user::Error::ScopeNotAllowed => {
                unprocessable("scope.not_allowed", "The right cannot be handed on").field("scopes", said)
            }
            user::Error::TooManyIdentities { .. } => {
                conflict("identity.too_many", "Too many linked identities").detail(said)
            }
            user::Error::NoSuchIdentity => not_found("identity"),
            user::Error::NoSuchConsent => not_found("consent"),
            // Told only to somebody whose session was still open a moment ago.
            user::Error::Closed => conflict("account.closed", "The account is closed"),
            user::Error::NotClosed => conflict("account.not_closed", "The account has to be closed first"),
        }
    }
}

impl From<payment::Error> for Problem {
    fn from(error: payment::Error) -> Problem {
        let said = error.to_string();
        match error {
            payment::Error::NotFound => not_found("payment"),
            payment::Error::AmountNotPositive { .. } => amount_not_positive(),
            payment::Error::KeyReused => {
                unprocessable("payment.key_reused", "The idempotency key belongs to another request")
                    .detail("The first request with this key said something else. Use a fresh key.")
            }
            payment::Error::CaptureExceedsAuthorized { .. } => Problem::internal(said),
            payment::Error::NotHeld => conflict("payment.not_held", "Nothing is held for this payment"),
            payment::Error::AlreadyCaptured => conflict("payment.already_captured", "The payment is captured already"),
            payment::Error::AlreadyDeclined => conflict("payment.already_declined", "The payment is declined already"),
            payment::Error::AlreadyAuthorized => {
                conflict("payment.already_authorized", "The payment is authorised already")
            }
            payment::Error::AlreadyReleased => conflict("payment.already_released", "The authorisation is over"),
            payment::Error::NotAuthorized => conflict("payment.not_authorized", "The payment is not authorised yet"),
            payment::Error::RefundExceedsCaptured { .. } => {
                conflict("payment.refund_exceeds_captured", "More than was captured cannot be refunded").detail(said)
            }
            payment::Error::ReleaseExceedsHeld { .. } => {
                conflict("payment.release_exceeds_held", "More than is held cannot be released").detail(said)
            }
            payment::Error::TooManyMovements { .. } => {
                conflict("payment.too_many_movements", "The payment has too many movements").detail(said)
            }
            payment::Error::CurrencyMismatch { .. } => {
                unprocessable("payment.currency_mismatch", "The payment has another currency").detail(said)
            }
            payment::Error::OutOfRange => amount("request.amount_out_of_range", said),
            payment::Error::NotOfNetwork => Problem::internal(said),
        }
    }
}

impl From<MoneyError> for Problem {
    fn from(error: MoneyError) -> Problem {
        let said = error.to_string();
        match error {
            // Its message quotes what was sent.
            MoneyError::NotANumber(_) => amount("request.amount_not_a_number", "is not a decimal number"),
            MoneyError::TooManyDecimals { .. } => amount("request.amount_too_precise", said),
            MoneyError::OutOfRange => amount("request.amount_out_of_range", "is out of range"),
            MoneyError::CurrencyMismatch { .. } => {
                unprocessable("request.amount_currency_mismatch", "The currencies differ").detail(said)
            }
        }
    }
}

fn pending(payments: Vec<PaymentId>) -> Problem {
    let first = payments.first().map(|payment| format!("/api/v2/payments/{payment}"));
    let named: Vec<_> = payments.iter().map(PaymentId::to_string).collect();
    conflict("account.payments_pending", "Payments have no outcome yet")
        .detail(format!("Try again when these have one: {}.", named.join(", ")))
        .resource(first)
}

/// The status of a verification as clients read it.
pub fn kyc_status(status: kyc::Status) -> &'static str {
    status.as_str()
}

fn amount(code: &'static str, reason: impl Into<String>) -> Problem {
    unprocessable(code, "The amount is wrong").field("amount", reason)
}

pub(super) fn amount_not_positive() -> Problem {
    amount("request.amount_not_positive", "must be positive")
}

fn unauthorized(code: &'static str, title: &'static str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, code, title)
}

pub(super) fn forbidden(code: &'static str, title: &'static str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, code, title)
}

pub(super) fn conflict(code: &'static str, title: &'static str) -> Problem {
    Problem::new(StatusCode::CONFLICT, code, title)
}

pub(super) fn unprocessable(code: &'static str, title: &'static str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, title)
}

fn unavailable(code: &'static str, title: &'static str) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, code, title)
}

pub(super) fn not_found(what: &'static str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("{what}.not_found"), "There is no such thing")
        .detail(format!("No such {}, or it belongs to somebody else.", what.replace('_', " ")))
}
