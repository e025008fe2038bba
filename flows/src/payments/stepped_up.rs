use std::time::Duration;

use aggregates::{PaymentId, payment::Payment};
use secrecy::SecretString;

use super::{Key, Pay};
use crate::{
    Error, Origin, Principal, System,
    step_up::{self, Linked, Operation},
};

/// How often, and with which pauses, a repeat looks for the payment that its twin is just beginning.
const LOOKS: usize = 10;
const PAUSE: Duration = Duration::from_millis(20);

/// Lets a large payment pass by a step-up that is linked to it, or as the repeat of a payment that passed before: then
/// the step-up is used up already, and the answer is that of the first request.
pub(super) async fn check(
    system: &System,
    principal: Principal,
    token: Option<&SecretString>,
    pay: &Pay,
    (payment_id, key): (PaymentId, Key<'_>),
    origin: &Origin,
) -> Result<(), Error> {
    let may_be_repeat = matches!(key, Key::Client(_));
    if may_be_repeat && is_begun(system, payment_id).await? {
        return Ok(());
    }
    let linked = Linked { card_id: pay.card_id, amount: pay.amount, merchant: pay.merchant.clone() };
    match step_up::redeem(system, principal, &Operation::Payment(linked), token, origin).await {
        // Of two requests with one key and one step-up, this one came second by a moment.
        Err(Error::StepUpRefused) if may_be_repeat => {
            for _ in 0..LOOKS {
                if is_begun(system, payment_id).await? {
                    return Ok(());
                }
                tokio::time::sleep(PAUSE).await;
            }
            Err(Error::StepUpRefused)
        }
        result => result,
    }
}

async fn is_begun(system: &System, payment_id: PaymentId) -> Result<bool, Error> {
    Ok(system.store.load_latest::<Payment>(payment_id).await?.version > 0)
}
