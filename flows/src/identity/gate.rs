//! What verification permits.

use aggregates::{
    Money,
    kyc::{self, Kyc, Level},
};

use crate::{Error, Settings};

/// Whether somebody may have a card with this monthly limit. It hangs on the approval in force, not on later cases.
pub(crate) fn permits_card(settings: &Settings, identity: &Kyc, monthly_limit: Money) -> Result<(), Error> {
    let now = crate::now();
    let Some(approval) = identity.approval(now) else {
        let status = if identity.is_expired(now) { kyc::Status::Expired } else { identity.status() };
        return Err(Error::KycRequired { status });
    };
    let limit = Settings::limit(settings.kyc.basic_monthly_limit, monthly_limit.currency);
    match approval.level {
        Level::Basic if monthly_limit.minor_units > limit.minor_units => Err(Error::KycLevelRequired { limit }),
        Level::Basic | Level::Full => Ok(()),
    }
}
