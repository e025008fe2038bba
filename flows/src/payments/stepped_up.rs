use std::time::Duration;

use aggregates::{PaymentId, payment::Payment};
use secrecy::SecretString;

use super::{Key, Pay};
use crate::{
    Error, Origin, Principal, System,
    step_up::{Linked, Operation, Unused},
};

/// How often, and with which pauses, a repeat looks for the payment that its twin is just beginning.
const LOOKS: usize = 10;
const PAUSE: Duration = Duration::from_millis(20);

/// The step-up that a large payment needs; none for the repeat of a payment that passed before: then the step-up is
/// used up already, and the answer is that of the first request.
pub(super) async fn demand<'a>(
    system: &System,
    principal: Principal,
    token: Option<&'a SecretString>,
    pay: &Pay,
    (payment_id, key): (PaymentId, Key<'_>),
) -> Result<Option<Unused<'a>>, Error> {
    if matches!(key, Key::Client(_)) && is_begun(system, payment_id).await? {
        return Ok(None);
    }
    let linked = Linked { card_id: pay.card_id, amount: pay.amount, merchant: pay.merchant.clone() };
    Unused::new(system, principal, Operation::Payment(linked), token).await.map(Some)
}

/// Uses the step-up up. Where a twin with the same key has used it, that twin's payment is waited for: the append will
/// find it.
pub(super) async fn redeem(
    system: &System,
    step_up: &mut Unused<'_>,
    payment_id: PaymentId,
    may_be_repeat: bool,
    origin: &Origin,
) -> Result<(), Error> {
    match step_up.redeem(system, origin).await {
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
