//! Authenticator apps: time-based codes of six digits (RFC 6238), HMAC-SHA-1, a new one every 30 seconds.

use std::time::Duration;

use aggregates::{
    Proof, UserId,
    user::{Command, User},
};
use secrecy::{ExposeSecret, SecretString};
use store::PersonalData;
use totp_rs::{Builder, Secret, Totp};

use super::{Change, Codes, Presence, Principal, Verdict, change, left_over, presence};
use crate::{Error, Origin, System, Written, mail::Factor};

/// How long a new secret waits for its first code.
pub const CONFIRM_WITHIN: Duration = Duration::from_secs(10 * 60);

/// Steps before and after the present one whose codes are accepted: clocks differ, and people type slowly.
const SKEW: u16 = 1;

const STEP_SECONDS: u64 = 30;

/// What an authenticator app needs. Shown once.
pub struct Enrolment {
    /// Base 32, for people who type it.
    pub secret: SecretString,
    /// `otpauth://totp/…`, to be shown as a QR code.
    pub otpauth_url: SecretString,
}

/// Begins to set up an authenticator app; nothing changes until its first code confirms it.
pub async fn begin(
    system: &System,
    principal: Principal,
    presence: Presence,
    origin: &Origin,
) -> Result<Enrolment, Error> {
    let user_id = principal.user_id;
    let person = system.store.load_latest::<User>(user_id).await?;
    if person.has_totp() {
        return Err(Error::TotpEnabled);
    }
    presence::shown(system, principal, presence, origin).await?;
    let email = person.email().ok_or(Error::NotFound { what: "account" })?;
    let email = system.store.open(user_id, PersonalData::Email, email).await?;
    let bytes = system.store.begin_totp(user_id).await?.ok_or(Error::Conflict)?;
    // A colon separates issuer and account in the URL.
    let totp = generator(&bytes)
        .with_account_name(email.replace(':', "_"))
        .with_issuer(Some(system.settings.webauthn.name().replace(':', " ")))
        .build()
        .map_err(|e| Error::Internal(e.to_string().into()))?;
    let otpauth_url = totp.to_url().map_err(|e| Error::Internal(e.to_string().into()))?;
    Ok(Enrolment {
        secret: SecretString::from(totp.secret().to_base32()),
        otpauth_url: SecretString::from(otpauth_url),
    })
}

/// Enables the app by its first code; answers recovery codes, which take the place of earlier ones.
pub async fn confirm(
    system: &System,
    principal: Principal,
    code: &SecretString,
    origin: &Origin,
) -> Result<Written<Vec<SecretString>>, Error> {
    let user_id = principal.user_id;
    let person = system.store.load_latest::<User>(user_id).await?;
    if person.has_totp() {
        return Err(Error::TotpEnabled);
    }
    let within = Some(CONFIRM_WITHIN);
    let secret = system.store.totp_secret(user_id, within).await?.ok_or(Error::NotFound { what: "factor" })?;
    let step = step_of(&secret.bytes, code).ok_or(Error::WrongCode)?;
    if !system.store.use_totp_step(user_id, &secret, step).await? {
        return Err(Error::WrongCode);
    }
    change(system, principal, Change::Added(Factor::Totp), Codes::New, origin, |person| match person.has_totp() {
        true => Err(Error::TotpEnabled),
        false => Ok(Command::EnableTotp { now: crate::now() }),
    })
    .await
}

/// Disables the app. Needs a step-up. Recovery codes go with the last factor.
pub async fn disable(
    system: &System,
    principal: Principal,
    step_up: Option<&SecretString>,
    origin: &Origin,
) -> Result<Written<()>, Error> {
    let user_id = principal.user_id;
    let person = system.store.load_latest::<User>(user_id).await?;
    if !person.has_totp() {
        return Err(aggregates::user::Error::NoSuchFactor.into());
    }
    presence::proven(system, principal, step_up, origin).await?;
    let secret = system.store.totp_secret(user_id, None).await?;
    let disable = |_: &User| Ok(Command::DisableTotp { now: crate::now() });
    let disabled = change(system, principal, Change::Removed(Factor::Totp), Codes::None, origin, disable).await?;
    // This one and no other: the app may have been enabled anew meanwhile.
    if let Some(secret) = secret {
        left_over(system.store.delete_totp(user_id, &secret).await);
    }
    Ok(Written { value: (), position: disabled.position })
}

/// Checks a code and uses its step up.
pub(super) async fn check(system: &System, user_id: UserId, code: &SecretString) -> Result<Verdict, Error> {
    let Some(secret) = system.store.totp_secret(user_id, None).await? else {
        return Ok(Verdict::Refused("no_totp"));
    };
    let Some(step) = step_of(&secret.bytes, code) else { return Ok(Verdict::Refused("bad_totp")) };
    match system.store.use_totp_step(user_id, &secret, step).await? {
        true => Ok(Verdict::Proven(Proof::Totp)),
        false => Ok(Verdict::Refused("totp_used")),
    }
}

/// The code of a secret (base 32) in the time step that is `offset` steps from the present one, as an app shows it.
/// None if the secret is none.
pub fn code(secret: &str, offset: i64) -> Option<String> {
    let totp = generator(Secret::try_from_base32(secret).ok()?.as_bytes()).build().ok()?;
    let time = seconds().checked_add_signed(offset.checked_mul(STEP_SECONDS as i64)?)?;
    Some(totp.generate(time).to_string())
}

/// The time step whose code this is, if it is near enough to the present one.
fn step_of(secret: &[u8], code: &SecretString) -> Option<u64> {
    let totp: Totp = generator(secret).build().ok()?;
    totp.check(code.expose_secret(), seconds())
}

/// SHA-1, six digits: what every app understands.
fn generator(secret: &[u8]) -> Builder {
    Builder::new().with_secret(secret.to_vec()).with_skew(SKEW).with_step_duration(STEP_SECONDS)
}

fn seconds() -> u64 {
    u64::try_from(crate::now().timestamp()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, the last six of eight digits.
    #[test]
    fn codes_are_those_of_the_standard() {
        let totp = generator(b"12345678901234567890").build().expect("20 bytes are a secret");
        for (time, code) in [(59, "287082"), (1_111_111_109, "081804"), (2_000_000_000, "279037")] {
            assert_eq!(totp.generate(time).to_string(), code);
        }
    }

    #[test]
    fn three_steps_are_accepted_and_no_more() {
        let secret = Secret::from(*b"12345678901234567890").to_base32();
        let step_at = |offset| {
            let code = code(&secret, offset).expect("a valid secret");
            step_of(b"12345678901234567890", &SecretString::from(code))
        };
        // The step may turn between the two looks at the clock; then all answers are one step later.
        let present = step_at(0).expect("the present code");
        assert_eq!((step_at(-1), step_at(1)), (Some(present - 1), Some(present + 1)));
        assert_eq!((step_at(-3), step_at(3)), (None, None));
    }

    #[test]
    fn only_six_digits_are_a_code() {
        for code in ["", "1", "12345", "1234567", "12345a", "+12345", " 12345", "１２３４５６"] {
            assert_eq!(step_of(b"12345678901234567890", &SecretString::from(code)), None, "{code}");
        }
    }
}
