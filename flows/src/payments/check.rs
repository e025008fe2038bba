use aggregates::Money;

use super::Pay;
use crate::Error;

const LONGEST_MERCHANT: usize = 200;
const LONGEST_CATEGORY: usize = 64;
const LONGEST_DEVICE: usize = 128;

/// A payment that a step-up is asked for is one that could be made.
pub(crate) fn check_linked(amount: Money, merchant: &str) -> Result<(), Error> {
    check_screenable(amount, merchant, "any", None)
}

pub(super) fn check(pay: &Pay) -> Result<(), Error> {
    check_screenable(pay.amount, &pay.merchant, &pay.merchant_category, pay.device_id.as_deref())
}

/// What a payment says of itself has to be within bounds before anybody judges it.
pub(crate) fn check_screenable(
    amount: Money,
    merchant: &str,
    merchant_category: &str,
    device_id: Option<&str>,
) -> Result<(), Error> {
    let plain =
        |text: &str, longest| !text.trim().is_empty() && text.len() <= longest && !text.contains(char::is_control);
    if !amount.is_positive() {
        return Err(Error::invalid("amount", "must be above zero"));
    }
    if !plain(merchant, LONGEST_MERCHANT) {
        return Err(Error::invalid("merchant", format!("has 1 to {LONGEST_MERCHANT} bytes")));
    }
    if !plain(merchant_category, LONGEST_CATEGORY) {
        return Err(Error::invalid("merchant_category", format!("has 1 to {LONGEST_CATEGORY} bytes")));
    }
    if device_id.is_some_and(|id| !plain(id, LONGEST_DEVICE)) {
        return Err(Error::invalid("device_id", format!("has 1 to {LONGEST_DEVICE} bytes")));
    }
    Ok(())
}
