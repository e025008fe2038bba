//! Fraud screening for other programs: the same judgement as of a payment, and nothing is recorded.

use std::net::IpAddr;

use aggregates::{Money, UserId, payment::Screening, user::User};
use chrono::{DateTime, Utc};

use crate::{Error, System, payments};

/// A payment that somebody asks about.
pub struct Question {
    pub user_id: UserId,
    pub amount: Money,
    pub merchant: String,
    pub merchant_category: String,
    pub device_id: Option<String>,
    /// Taken, and not looked at: places are not known yet.
    pub ip_address: Option<IpAddr>,
    /// When the payment is made; now, where none is given.
    pub at: Option<DateTime<Utc>>,
}

/// How suspicious the payment would be. Changes nothing, not even what is known of the person.
pub async fn check(system: &System, question: Question) -> Result<Screening, Error> {
    let Question { user_id, amount, merchant, merchant_category, device_id, ip_address: _, at } = question;
    payments::check_screenable(amount, &merchant, &merchant_category, device_id.as_deref())?;
    let person = system.store.load_latest::<User>(user_id).await?;
    if !person.is_registered() {
        return Err(Error::NotFound { what: "account" });
    }
    let attempt = fraud::Attempt {
        amount,
        merchant_category: &merchant_category,
        device_id: device_id.as_deref(),
        of_network: false,
        now: at.unwrap_or_else(crate::now),
    };
    Ok(payments::assess(system, user_id, &attempt).await)
}
