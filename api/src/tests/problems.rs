use std::time::Duration;

use aggregates::{CardId, Currency, KycCaseId, Money, MoneyError, card, kyc, payment, user};
use flows::{Error, passwords::Refusal};

use crate::problem::Problem;

#[test]
fn every_rule_has_its_status_and_code() {
    let money = Money::new(1_00, Currency::USD);
    let window = card::Window::of(chrono::DateTime::UNIX_EPOCH);
    let expiry: card::Expiry = "10/27".parse().unwrap();
    let card_type = card::CardType::VirtualVisa;
    let table: Vec<(Error, u16, &str)> = vec![
        (Error::InvalidInput { field: "email", reason: "is no address".into() }, 422, "request.invalid"),
        (Error::EmailTaken, 409, "account.email_taken"),
        (Error::BadCredentials, 401, "auth.bad_credentials"),
        (Error::WrongPassword, 403, "auth.wrong_password"),
        (Error::PasswordExpired, 403, "auth.password_expired"),
        (Error::Password(Refusal::TooShort), 422, "password.too_short"),
        (Error::Password(Refusal::TooLong), 422, "password.too_long"),
        (Error::Password(Refusal::Common), 422, "password.common"),
        (Error::Password(Refusal::Personal), 422, "password.personal"),
        (Error::Password(Refusal::Reused), 422, "password.reused"),
        (Error::BadToken, 422, "auth.token_not_valid"),
        (Error::Locked { retry_after: Duration::from_secs(30) }, 429, "auth.locked"),
        (Error::KycRequired { status: kyc::Status::Pending }, 403, "kyc.required"),
        (user::Error::NotRegistered.into(), 404, "account.not_found"),
        (user::Error::AlreadyRegistered.into(), 409, "account.already_registered"),
        (user::Error::NoSuchSession.into(), 401, "auth.invalid_token"),
        (kyc::Error::AlreadyApproved.into(), 409, "kyc.already_approved"),
        (kyc::Error::CaseOpen { case_id: KycCaseId(uuid::Uuid::now_v7()) }.into(), 409, "kyc.case_open"),
        (kyc::Error::NoSuchCase.into(), 404, "kyc_case.not_found"),
        (card::Error::NotFound.into(), 404, "card.not_found"),
        (card::Error::NotOwner.into(), 404, "card.not_found"),
        (card::Error::AlreadyRequested { card_type, monthly_limit: money }.into(), 409, "card.already_requested"),
        (card::Error::LimitNotPositive { limit: money }.into(), 422, "card.limit_not_positive"),
        (card::Error::AmountNotPositive { amount: money }.into(), 422, "request.amount_not_positive"),
        (card::Error::NotIssued.into(), 409, "card.not_issued"),
        (card::Error::NotActivated.into(), 409, "card.not_activated"),
        (card::Error::FrozenByOthers { whose: card::Authority::Issuer }.into(), 403, "card.frozen_by_others"),
        (card::Error::NotExpired { expiry }.into(), 409, "card.not_expired"),
        (card::Error::Replaced.into(), 409, "card.replaced"),
        (card::Error::UsedUp.into(), 409, "card.used_up"),
        (
            card::Error::ControlsNotValid { field: "limits", problem: "are wrong".into() }.into(),
            422,
            "card.controls_not_valid",
        ),
        (card::Error::Loosened.into(), 403, "auth.step_up_required"),
        (
            card::Error::ControlRefused { refusal: card::Refusal::OnlineOnly { channel: card::Channel::InPerson } }
                .into(),
            409,
            "card.control_refused",
        ),
        (Error::Outdated { what: "controls" }, 412, "request.outdated"),
        (card::Error::IssueDecided.into(), 409, "card.issue_decided"),
        (card::Error::Frozen.into(), 409, "card.frozen"),
        (card::Error::Terminated.into(), 409, "card.terminated"),
        (card::Error::Expired { expiry }.into(), 409, "card.expired"),
        (
            card::Error::CurrencyMismatch { card: Currency::USD, payment: Currency::EUR }.into(),
            422,
            "card.currency_mismatch",
        ),
        (
            card::Error::LimitExceeded { limit: money, used: money, attempted: money, window }.into(),
            409,
            "card.limit_exceeded",
        ),
        (card::Error::ReleaseExceedsHeld { held: money, attempted: money, window }.into(), 500, "system.internal"),
        (payment::Error::NotFound.into(), 404, "payment.not_found"),
        (payment::Error::AmountNotPositive { amount: money }.into(), 422, "request.amount_not_positive"),
        (payment::Error::KeyReused.into(), 422, "payment.key_reused"),
        (
            payment::Error::CaptureExceedsAuthorized { authorized: money, attempted: money }.into(),
            500,
            "system.internal",
        ),
        (payment::Error::NotHeld.into(), 409, "payment.not_held"),
        (payment::Error::AlreadyCaptured.into(), 409, "payment.already_captured"),
        (payment::Error::AlreadyDeclined.into(), 409, "payment.already_declined"),
        (MoneyError::NotANumber("4111".into()).into(), 422, "request.amount_not_a_number"),
        (
            MoneyError::TooManyDecimals { currency: Currency::JPY, allowed: 0, given: 2 }.into(),
            422,
            "request.amount_too_precise",
        ),
        (MoneyError::OutOfRange.into(), 422, "request.amount_out_of_range"),
        (
            MoneyError::CurrencyMismatch { left: Currency::USD, right: Currency::EUR }.into(),
            422,
            "request.amount_currency_mismatch",
        ),
        (Error::NotFound { what: "transaction" }, 404, "transaction.not_found"),
        (Error::Busy { retry_after: Duration::from_secs(2) }, 503, "system.busy"),
        (Error::Conflict, 409, "system.conflict"),
        (Error::Behind { position: 7 }, 503, "system.behind"),
        (Error::Unavailable { what: "database", resource: None }, 503, "system.unavailable"),
        (Error::Provider { vendor: "issuer" }, 502, "provider.failed"),
        (Error::Internal("a secret".into()), 500, "system.internal"),
    ];
    for (error, status, code) in table {
        let said = format!("{error:?}");
        let problem = Problem::from(error);
        assert_eq!((problem.http_status().as_u16(), problem.summary().1.as_str()), (status, code), "{said}");
    }
}

#[test]
fn a_problem_tells_neither_internals_nor_input() {
    let card = CardId(uuid::Uuid::now_v7());
    let secrets = [
        Error::Internal(format!("secret {card}").into()),
        MoneyError::NotANumber("secret".into()).into(),
        card::Error::ReleaseExceedsHeld {
            held: Money::new(5, Currency::USD),
            attempted: Money::new(6, Currency::USD),
            window: card::Window::of(chrono::DateTime::UNIX_EPOCH),
        }
        .into(),
    ];
    for error in secrets {
        let told = Problem::from(error).to_string();
        assert!(!told.contains("secret") && !told.contains("0.05"), "{told}");
    }
}
