//! Payments: screened, held on the card, charged at the gateway.
//!
//! Screening, intent and hold are one append before the gateway is asked; the outcome is a second one. The payment
//! id is the gateway's idempotency key, so whoever finishes a payment (the request, or a worker after a crash) may
//! repeat the charge without paying twice.

mod check;
mod read;
mod settle;
mod stepped_up;

use aggregates::{
    Actor, CardId, Money, PaymentId, UserId,
    card::{self, Card, Channel, HoldKind, Purchase, Slot},
    payment::{self, Decline, Payment, Screening},
};
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use store::{AppendError, Loaded, Unit};
use uuid::Uuid;

use crate::{ATTEMPTS, Error, Origin, Principal, System, Written, apart, cards, step_up::Unused};

pub(crate) use check::{check_linked, check_screenable};
pub use read::{Page, PaymentView, get, list};
pub use settle::finish;

#[derive(Clone, Debug)]
pub struct Pay {
    pub card_id: CardId,
    pub amount: Money,
    pub merchant: String,
    pub merchant_category: String,
    pub device_id: Option<String>,
}

/// How a request is told from another.
#[derive(Clone, Copy, Debug)]
pub enum Key<'a> {
    /// Each request makes something of its own.
    Fresh,
    /// The caller's idempotency key. Same caller, key and request: same payment, same answer.
    Client(&'a str),
}

/// Pays; above the policy's amount with a step-up only. Declined is an answer; pending: the gateway's is not known yet.
pub async fn process(
    system: &System,
    principal: Principal,
    step_up: Option<&SecretString>,
    pay: Pay,
    key: Key<'_>,
    origin: &Origin,
) -> Result<Written<PaymentView>, Error> {
    check::check(&pay)?;
    let now = crate::now();
    let user_id = principal.user_id;
    let (payment_id, request_digest) = identify(user_id, &pay, key);
    let step_up = match system.settings.step_up.asks_for(pay.amount) {
        true => stepped_up::demand(system, principal, step_up, &pay, (payment_id, key)).await?,
        false => None,
    };
    let screening = screen(system, user_id, &pay, now).await;
    let intent = Intent { payment_id, user_id, pay, screening, request_digest, now };
    let resource = || format!("/api/v1/transactions/{payment_id}");
    let begun = begin(system, intent, step_up, origin).await.map_err(|e| e.about(resource))?;
    // From here on the intent is in the log: whatever goes wrong, the answer says where the outcome will be.
    let after_intent = |e: Error| e.after_intent(resource);
    let payment = system.store.load::<Payment>(payment_id).await.map_err(|e| after_intent(e.into()))?;
    if payment.status() != Some(payment::Status::Pending) {
        let view = PaymentView::of(payment_id, &payment)?;
        return Ok(Written { value: view, position: begun.position });
    }
    if begun.is_repeat {
        return settle::wait(system, payment_id).await.map_err(after_intent);
    }
    // On a task of its own: a client that hangs up does not leave a payment half done.
    let (owned, origin) = (system.clone(), origin.clone());
    let settled =
        apart(async move { settle::charge_and_record(&owned, payment_id, settle::Charging::First, &origin).await });
    let settled = settled.await.map_err(after_intent)?;
    if settled.position > 0 || settled.value.status == payment::Status::Pending {
        return Ok(Written { position: settled.position.max(begun.position), ..settled });
    }
    // A worker had recorded the outcome before.
    let position = system.store.head().await.map_err(|e| after_intent(e.into()))?;
    Ok(Written { position, ..settled })
}

struct Begun {
    position: i64,
    /// Another request with the same key began the payment, and charges it.
    is_repeat: bool,
}

struct Intent {
    payment_id: PaymentId,
    user_id: UserId,
    pay: Pay,
    screening: Screening,
    request_digest: Option<String>,
    now: DateTime<Utc>,
}

/// Appends intent, hold and screening, or intent and refusal, and gives the position. A repeat of a client's key
/// finds the payment that the first request began.
async fn begin(
    system: &System,
    intent: Intent,
    mut step_up: Option<Unused<'_>>,
    origin: &Origin,
) -> Result<Begun, Error> {
    let store = &system.store;
    let context = || origin.context(Actor::Person(intent.user_id));
    let _turn = system.turns.take(intent.pay.card_id).await;
    for _ in 0..ATTEMPTS {
        let card = store.load::<Card>(intent.pay.card_id).await?;
        let payment = Loaded::<Payment>::new(intent.payment_id);
        let (held, events) = intent.decide(&card, &payment, &system.settings.fraud)?;
        // The card's stream belongs to the unit although nothing may be held: a refusal, too, has to be decided on
        // the card as it is.
        let unit = Unit::new(context()).stream(&payment, events).stream(&card, held);
        let place = store.place()?;
        if let Some(step_up) = &mut step_up {
            let may_be_repeat = intent.request_digest.is_some();
            stepped_up::redeem(system, step_up, intent.payment_id, may_be_repeat, origin).await?;
        }
        match store.append_at(place, unit).await {
            Ok(appended) => return Ok(Begun { position: appended.position, is_repeat: false }),
            Err(AppendError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
        let earlier = store.load_latest::<Payment>(intent.payment_id).await?;
        if earlier.version > 0 {
            earlier.decide(intent.initiate(None))?;
            return Ok(Begun { position: store.head().await?, is_repeat: true });
        }
    }
    Err(Error::Conflict)
}

impl Intent {
    /// The card's events and the payment's.
    fn decide(
        &self,
        card: &Card,
        payment: &Payment,
        policy: &fraud::Policy,
    ) -> Result<(Vec<card::Event>, Vec<payment::Event>), Error> {
        let held = match self.screening.approved {
            true => card.decide(card::Command::Hold {
                user_id: self.user_id,
                payment_id: self.payment_id,
                kind: HoldKind::Authorization,
                purchase: self.purchase(),
                earlier: 0,
                now: self.now,
            }),
            // Whether the card is this person's must be known before anything is said about it.
            false if card.owner() != Some(self.user_id) => Err(card::Error::NotOwner),
            false => Ok(cards::freeze_for_fraud(policy, card, &self.screening, self.now)?),
        };
        let (held, refusal) = match held {
            Ok(events) if self.screening.approved => (events, None),
            Ok(frozen) => (frozen, Some(Decline::SuspectedFraud { risk_score: self.screening.risk_score })),
            Err(refusal) => (vec![], Some(decline(refusal)?)),
        };
        let hold = held.iter().find_map(|event| if let card::Event::Held { slot, .. } = event { *slot } else { None });
        let mut events = payment.decide(self.initiate(hold))?;
        if let Some(reason) = refusal {
            let mut initiated = payment.clone();
            events.iter().for_each(|event| initiated.apply(event));
            events.extend(initiated.decide(payment::Command::Decline { reason, now: self.now })?);
        }
        Ok((held, events))
    }

    fn purchase(&self) -> Purchase {
        let Pay { amount, merchant, merchant_category, .. } = &self.pay;
        Purchase {
            amount: *amount,
            merchant: merchant.clone(),
            merchant_category: merchant_category.clone(),
            // Some clients name the category by its code.
            mcc: merchant_category.parse().ok(),
            country: None,
            currency: Some(amount.currency),
            channel: Channel::Online,
        }
    }

    fn initiate(&self, hold: Option<Slot>) -> payment::Command {
        payment::Command::Initiate {
            user_id: self.user_id,
            card_id: self.pay.card_id,
            amount: self.pay.amount,
            merchant: self.pay.merchant.clone(),
            merchant_category: self.pay.merchant_category.clone(),
            device_id: self.pay.device_id.clone(),
            screening: self.screening.clone(),
            hold,
            request_digest: self.request_digest.clone(),
            network: None,
            now: self.now,
        }
    }
}

/// What a card's refusal means for the payment: a decline on record, or an error where there is nothing to record.
pub(crate) fn decline(refusal: card::Error) -> Result<Decline, Error> {
    use card::Error as Refusal;
    Ok(match refusal {
        Refusal::LimitExceeded { limit, used, attempted, window } => {
            Decline::LimitExceeded { limit, used, attempted, window }
        }
        Refusal::ControlRefused { refusal } => Decline::ControlRefused { refusal },
        Refusal::Frozen => Decline::CardFrozen,
        Refusal::Terminated => Decline::CardTerminated,
        Refusal::NotIssued => Decline::CardNotIssued,
        Refusal::NotActivated => Decline::CardNotActivated,
        Refusal::Expired { expiry } => Decline::CardExpired { expiry },
        Refusal::CurrencyMismatch { card, payment } => Decline::CurrencyMismatch { card, payment },
        // Somebody else's card is as unknown as none.
        Refusal::NotFound | Refusal::NotOwner => return Err(Error::NotFound { what: "card" }),
        Refusal::AmountNotPositive { .. }
        | Refusal::LimitNotPositive { .. }
        | Refusal::AlreadyRequested { .. }
        | Refusal::IssueDecided
        | Refusal::FrozenByOthers { .. }
        | Refusal::NotExpired { .. }
        | Refusal::Replaced
        | Refusal::UsedUp
        | Refusal::ControlsNotValid { .. }
        | Refusal::Loosened
        | Refusal::ReleaseExceedsHeld { .. } => return Err(refusal.into()),
    })
}

/// A client's key makes the payment's id, so the log itself is the record of what was done under that key.
fn identify(user_id: UserId, pay: &Pay, key: Key<'_>) -> (PaymentId, Option<String>) {
    let Key::Client(key) = key else { return (PaymentId(store::new_id()), None) };
    let mut named = Sha256::new();
    named.update(b"payment");
    named.update(user_id.0.as_bytes());
    named.update(key.as_bytes());
    let mut id = [0; 16];
    id.copy_from_slice(&named.finalize()[..16]);
    let request = serde_json::json!([pay.card_id, pay.amount, pay.merchant, pay.merchant_category, pay.device_id]);
    let digest = Sha256::digest(request.to_string()).iter().map(|byte| format!("{byte:02x}")).collect();
    (PaymentId(Uuid::new_v8(id)), Some(digest))
}

/// Scores the payment on what is known of the person. Where Redis is away nothing is known, and the payment is
/// judged like a newcomer's: the card's limit still binds.
async fn screen(system: &System, user_id: UserId, pay: &Pay, now: DateTime<Utc>) -> Screening {
    let attempt = fraud::Attempt {
        amount: pay.amount,
        merchant_category: &pay.merchant_category,
        device_id: pay.device_id.as_deref(),
        of_network: false,
        now,
    };
    assess(system, user_id, &attempt).await
}

pub(crate) async fn assess(system: &System, user_id: UserId, attempt: &fraud::Attempt<'_>) -> Screening {
    let state = system.views.fraud_state(user_id).await.unwrap_or_else(|_| {
        metrics::counter!("fraud_state_unavailable_total").increment(1);
        None
    });
    fraud::assess(&state.unwrap_or_default(), attempt, &system.settings.fraud)
}
