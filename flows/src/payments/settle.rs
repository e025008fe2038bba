//! From a held payment to its outcome.

use std::time::Duration;

use aggregates::{
    Actor, Money, PaymentId,
    card::{self, Card, Slot},
    payment::{self, Decline, Payment},
};
use providers::{
    CardNumber, Cvv, Failure,
    gateway::{Charge, ChargeResult},
};
use store::{AppendError, Loaded, Unit};

use super::PaymentView;
use crate::{ATTEMPTS, Error, Origin, System, Written, cards};

/// Between two looks at a payment that another request charges.
const WAIT_PAUSE: Duration = Duration::from_millis(25);

/// Who says how a payment ended.
const GATEWAY: Actor = Actor::System("gateway");

/// Finishes a payment that the request which began it left pending: a crash, or a gateway that did not answer.
pub async fn finish(system: &System, payment_id: PaymentId, origin: &Origin) -> Result<Written<PaymentView>, Error> {
    take_over(system, payment_id, origin).await?;
    charge_and_record(system, payment_id, Charging::Again, origin).await
}

/// Records that a worker charges from here on. This is what keeps the request that began the payment, should it be
/// alive after all, from declining what the worker charges: its append conflicts.
async fn take_over(system: &System, payment_id: PaymentId, origin: &Origin) -> Result<(), Error> {
    for _ in 0..ATTEMPTS {
        let payment = system.store.load_latest::<Payment>(payment_id).await?;
        if payment.status() != Some(payment::Status::Pending) {
            return Ok(());
        }
        let events = payment.decide(payment::Command::Resume { now: crate::now() })?;
        match append(system, Unit::new(origin.context(Actor::System("recovery"))).stream(&payment, events)).await {
            Ok(_) => return Ok(()),
            Err(Error::Conflict) => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::Conflict)
}

/// Whether somebody may have charged this payment before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charging {
    First,
    Again,
}

/// Charges and records what the gateway says. Where that stays unknown the payment stays pending. Does nothing for a
/// payment that has ended.
pub(super) async fn charge_and_record(
    system: &System,
    payment_id: PaymentId,
    charging: Charging,
    origin: &Origin,
) -> Result<Written<PaymentView>, Error> {
    let payment = system.store.load::<Payment>(payment_id).await?;
    if payment.status() != Some(payment::Status::Pending) {
        return Ok(Written { value: PaymentView::of(payment_id, &payment)?, position: 0 });
    }
    let gateway = system.providers.gateway.name();
    let outcome = match charge(system, payment_id, &payment, charging).await? {
        Asked::Answered(Ok(ChargeResult::Approved { reference })) => Outcome::Captured { reference },
        Asked::Answered(Ok(ChargeResult::Declined { code })) => Outcome::Declined(gateway_declined(gateway, code)),
        // Nothing happened now. That settles it only where nobody else can have sent anything before.
        Asked::Answered(Err(failure @ (Failure::Refused { .. } | Failure::Unreachable))) => match charging {
            Charging::First => Outcome::NothingCharged(nothing_charged(gateway, failure)),
            Charging::Again => return unknown(payment_id, &payment, "refuses or cannot be reached"),
        },
        Asked::Answered(Err(Failure::Unknown)) => return unknown(payment_id, &payment, "did not answer"),
        Asked::Answered(Err(Failure::Malformed)) => {
            return unknown(payment_id, &payment, "answered what cannot be understood");
        }
        Asked::NeverWillBe => {
            let reason = Decline::GatewayUnavailable { gateway: gateway.to_owned() };
            match charging {
                Charging::First => Outcome::NothingCharged(reason),
                // The gateway has nothing of it, and who began the payment was fenced off long ago.
                Charging::Again => Outcome::Declined(reason),
            }
        }
    };
    record(system, payment_id, outcome, origin).await
}

/// Waits for the request that charges the payment; past the deadline the payment is answered as it is, pending.
pub(super) async fn wait(system: &System, payment_id: PaymentId) -> Result<Written<PaymentView>, Error> {
    let deadline = system.settings.deadline();
    loop {
        let payment = system.store.load_latest::<Payment>(payment_id).await?;
        if payment.status() != Some(payment::Status::Pending) || tokio::time::Instant::now() >= deadline {
            let position = system.store.head().await?;
            return Ok(Written { value: PaymentView::of(payment_id, &payment)?, position });
        }
        tokio::time::sleep(WAIT_PAUSE).await;
    }
}

/// Since it began. A clock that runs backwards makes it look old, which is the careful side.
fn age(payment: &Payment) -> Duration {
    payment.initiated_at().and_then(|at| (crate::now() - at).to_std().ok()).unwrap_or(Duration::MAX)
}

enum Outcome {
    Captured {
        reference: String,
    },
    Declined(Decline),
    /// Declined because this process could not charge. Holds only as long as no other one tries.
    NothingCharged(Decline),
}

fn gateway_declined(gateway: &str, gateway_code: String) -> Decline {
    Decline::GatewayDeclined { gateway: gateway.to_owned(), gateway_code }
}

fn nothing_charged(gateway: &str, failure: Failure) -> Decline {
    match failure {
        // 401 and 403 are about us, not about the payment.
        Failure::Refused { status, code } if status != 401 && status != 403 => gateway_declined(gateway, code),
        Failure::Refused { .. } | Failure::Unreachable | Failure::Unknown | Failure::Malformed => {
            Decline::GatewayUnavailable { gateway: gateway.to_owned() }
        }
    }
}

fn unknown(payment_id: PaymentId, payment: &Payment, why: &str) -> Result<Written<PaymentView>, Error> {
    tracing::warn!(%payment_id, "the gateway {why}: the payment stays pending");
    metrics::counter!("payments_unknown_total").increment(1);
    Ok(Written { value: PaymentView::of(payment_id, payment)?, position: 0 })
}

/// What asking the gateway came to.
enum Asked {
    Answered(Result<ChargeResult, Failure>),
    /// Nothing is charged, and nobody is going to charge it: the payment is too old for its idempotency key, or the card's
    /// secrets are gone.
    NeverWillBe,
}

async fn charge(system: &System, payment_id: PaymentId, payment: &Payment, charging: Charging) -> Result<Asked, Error> {
    let (Some(user_id), Some(card_id), Some(amount), Some(merchant)) =
        (payment.user_id(), payment.card_id(), payment.amount(), payment.merchant())
    else {
        return Err(payment::Error::NotFound.into());
    };
    let gateway = &system.providers.gateway;
    if charging == Charging::Again {
        match gateway.look_up(payment_id, amount).await {
            Ok(Some(result)) => return Ok(Asked::Answered(Ok(result))),
            Ok(None) if age(payment) < system.settings.charge_again_within() => {}
            Ok(None) => return Ok(Asked::NeverWillBe),
            Err(_) => return Ok(Asked::Answered(Err(Failure::Unknown))),
        }
    }
    let Some(secrets) = system.store.card_secrets(user_id, card_id).await? else {
        tracing::warn!(%payment_id, %card_id, "the vault has no secrets of the card: the payment is declined");
        return Ok(Asked::NeverWillBe);
    };
    let broken = |e| Error::Internal(Box::new(e));
    let number = CardNumber::parse(&secrets.number).map_err(broken)?;
    let cvv = Cvv::parse(&secrets.cvv).map_err(broken)?;
    let charge = Charge { payment_id, number: &number, cvv: &cvv, expiry: secrets.expiry, amount, merchant };
    // An answer may be lost; what the gateway did is not. Finding nothing, or not finding out, settles nothing: the
    // request may still be on its way, and the charge is repeated.
    let attempt = || async {
        match gateway.charge(&charge).await {
            Err(Failure::Unknown) => match gateway.look_up(payment_id, amount).await {
                Ok(Some(result)) => Ok(result),
                Ok(None) | Err(_) => Err(Failure::Unknown),
            },
            answered => answered,
        }
    };
    Ok(Asked::Answered(system.providers.retry.run(system.settings.deadline(), attempt).await))
}

async fn record(
    system: &System,
    payment_id: PaymentId,
    outcome: Outcome,
    origin: &Origin,
) -> Result<Written<PaymentView>, Error> {
    let store = &system.store;
    for _ in 0..ATTEMPTS {
        let payment = store.load::<Payment>(payment_id).await?;
        let appended = match &outcome {
            Outcome::Captured { reference } => {
                let events = payment.decide(payment::Command::Capture {
                    gateway: system.providers.gateway.name().to_owned(),
                    gateway_reference: reference.clone(),
                    amount: payment.amount().ok_or(payment::Error::NotFound)?,
                    is_final: true,
                    now: crate::now(),
                })?;
                let mut unit = Unit::new(origin.context(GATEWAY)).stream(&payment, events);
                if !unit.is_empty() {
                    unit = cards::used_up(system, unit, &payment).await?;
                }
                append(system, unit).await
            }
            Outcome::NothingCharged(_) if payment.is_resumed() => {
                return unknown(payment_id, &payment, "is being asked by a worker");
            }
            Outcome::Declined(reason) | Outcome::NothingCharged(reason) => {
                decline(system, &payment, reason, origin).await
            }
        };
        match appended {
            Ok(position) => {
                let payment = store.load::<Payment>(payment_id).await?;
                count(&payment);
                return Ok(Written { value: PaymentView::of(payment_id, &payment)?, position });
            }
            Err(Error::Conflict) => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::Conflict)
}

/// Ends the payment and gives its hold back, both or neither.
async fn decline(system: &System, payment: &Loaded<Payment>, reason: &Decline, origin: &Origin) -> Result<i64, Error> {
    let events = payment.decide(payment::Command::Decline { reason: reason.clone(), now: crate::now() })?;
    let mut unit = Unit::new(origin.context(GATEWAY)).stream(payment, events.clone());
    let (Some(card_id), Some(amount)) = (payment.card_id(), payment.amount()) else {
        return Err(payment::Error::NotFound.into());
    };
    let _turn = system.turns.take(card_id).await;
    if let Some(slot) = payment.hold().filter(|_| !events.is_empty()) {
        // Not from memory: a refused release would not be noticed as a conflict.
        let card = system.store.load_latest::<Card>(card_id).await?;
        let released = release(&card, PaymentId(payment.id), amount, slot)?;
        unit = unit.stream(&card, released);
    }
    append(system, unit).await
}

fn release(card: &Card, payment_id: PaymentId, amount: Money, slot: Slot) -> Result<Vec<card::Event>, card::Error> {
    card.decide(card::Command::ReleaseHold { payment_id, amount, slot, partial: false, now: crate::now() })
}

/// The position, 0 where somebody else had recorded the outcome before.
async fn append(system: &System, unit: Unit) -> Result<i64, Error> {
    if unit.is_empty() {
        return Ok(0);
    }
    match system.store.append(unit).await {
        Ok(appended) => Ok(appended.position),
        Err(AppendError::Conflict) => Err(Error::Conflict),
        Err(error) => Err(error.into()),
    }
}

fn count(payment: &Payment) {
    let status = payment.status().map_or("unknown", payment::Status::as_str);
    metrics::counter!("payments_total", "status" => status).increment(1);
}
