//! Recovery codes: shown once when they are made, each good for one login or step-up.

use secrecy::SecretString;
use store::authentications::{Action, Outcome};

use super::{Principal, new_codes, presence, record};
use crate::{
    Error, Origin, System, Written,
    mail::{self, Letter},
};

/// Makes new codes in the place of those that are left. Needs a step-up.
pub async fn renew(
    system: &System,
    principal: Principal,
    step_up: Option<&SecretString>,
    origin: &Origin,
) -> Result<Written<Vec<SecretString>>, Error> {
    presence::proven(system, principal, step_up, origin).await?;
    let codes = new_codes(system, principal.user_id, origin).await?;
    record(system, principal, Action::IssueRecoveryCodes, Outcome::Success, None, origin).await?;
    mail::notify(system, principal.user_id, Letter::RecoveryCodesIssued).await;
    Ok(codes)
}
