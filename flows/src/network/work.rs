use aggregates::{
    Actor, CardId, Money, PaymentId, UserId,
    card::{self, Card, HoldKind, Purchase, Slot},
    payment::{self, Decline, Payment, Release, Screening},
};
use chrono::{DateTime, Utc};
use store::{AppendError, Loaded, Unit};

use crate::{ATTEMPTS, Error, Origin, System, cards};

/// Who says what becomes of the network's purchases.
const ISSUER: Actor = Actor::System("issuer");

/// One payment and its card, and what is decided on the two before it is appended as one unit.
pub(super) struct Work {
    pub payment_id: PaymentId,
    pub user_id: UserId,
    now: DateTime<Utc>,
    payment: Loaded<Payment>,
    card: Loaded<Card>,
    /// As they will be.
    pub next: Payment,
    next_card: Card,
    events: Vec<payment::Event>,
    card_events: Vec<card::Event>,
}

impl Work {
    /// None where there is no such card.
    pub fn begin(payment: Loaded<Payment>, card: Loaded<Card>, now: DateTime<Utc>) -> Option<Work> {
        Some(Work {
            payment_id: PaymentId(payment.id),
            user_id: card.owner()?,
            now,
            next: Payment::clone(&payment),
            next_card: Card::clone(&card),
            payment,
            card,
            events: vec![],
            card_events: vec![],
        })
    }

    /// The payment's first event.
    pub fn initiate(
        &mut self,
        purchase: &Purchase,
        network: payment::Network,
        screening: Screening,
        hold: Option<Slot>,
    ) -> Result<(), Error> {
        self.decide(payment::Command::Initiate {
            user_id: self.user_id,
            card_id: CardId(self.card.id),
            amount: purchase.amount,
            merchant: purchase.merchant.clone(),
            merchant_category: purchase.merchant_category.clone(),
            device_id: None,
            screening,
            hold,
            request_digest: None,
            network: Some(network),
            now: self.now,
        })
        .map(drop)
    }

    /// How many events it led to.
    pub fn decide(&mut self, command: payment::Command) -> Result<usize, Error> {
        let events = self.next.decide(command)?;
        events.iter().for_each(|event| self.next.apply(event));
        let happened = events.len();
        self.events.extend(events);
        Ok(happened)
    }

    /// Holds on the card, or says why it refuses.
    pub fn hold(&mut self, purchase: Purchase, kind: HoldKind) -> Result<Result<Slot, Decline>, Error> {
        let (user_id, payment_id, now) = (self.user_id, self.payment_id, self.now);
        let earlier = self.next.tally().map_or(0, |tally| tally.standing());
        let hold = card::Command::Hold { user_id, payment_id, kind, purchase, earlier, now };
        let held = self.next_card.decide(hold);
        let events = match held {
            Ok(events) => events,
            Err(refusal) => return crate::payments::decline(refusal).map(Err),
        };
        let slot =
            events.iter().find_map(|event| if let card::Event::Held { slot, .. } = event { *slot } else { None });
        self.card_has(events);
        Ok(Ok(slot.unwrap_or_else(|| Slot::utc(now))))
    }

    /// Freezes the card, where the purchase is suspicious enough for that.
    pub fn freeze(&mut self, policy: &fraud::Policy, screening: &Screening) -> Result<(), Error> {
        let frozen = cards::freeze_for_fraud(policy, &self.next_card, screening, self.now)?;
        self.card_has(frozen);
        Ok(())
    }

    /// Holds what the network took, whatever the card says.
    pub fn force(&mut self, purchase: Purchase) -> Result<Slot, Error> {
        let held = self.hold(purchase, self.next.forced_kind())?;
        held.map_err(|refusal| match refusal {
            Decline::CurrencyMismatch { card, payment } => {
                payment::Error::CurrencyMismatch { payment: card, attempted: payment }.into()
            }
            _ => Error::Internal("a forced hold is refused".into()),
        })
    }

    /// Does one part of what is told: all of it, or nothing where it can never be booked.
    pub fn part(&mut self, what: &'static str, act: impl FnOnce(&mut Work) -> Result<(), Error>) -> Result<(), Error> {
        let before = (self.next.clone(), self.next_card.clone(), self.events.len(), self.card_events.len());
        match act(self) {
            Err(error) if can_never_be_booked(&error) => {
                tracing::error!(payment_id = %self.payment_id, what, %error, "what the network tells cannot be booked");
                metrics::counter!("network_unbooked_total", "what" => what).increment(1);
                let (events, card_events);
                (self.next, self.next_card, events, card_events) = before;
                self.events.truncate(events);
                self.card_events.truncate(card_events);
                Ok(())
            }
            done => done,
        }
    }

    /// Gives back what is held of `amount`; the rest is not ours to give any more.
    pub fn give_back(&mut self, amount: Money, reference: String, cause: Release) -> Result<(), Error> {
        let amount = Money::new(amount.minor_units.min(self.held()), amount.currency);
        if !amount.is_positive() {
            return Ok(());
        }
        self.release(amount, payment::Command::Reverse { reference, amount, cause, now: self.now })
    }

    /// Gives back all that is held: nobody captured it in time.
    pub fn expire(&mut self) -> Result<(), Error> {
        match self.next.held().filter(|held| held.is_positive()) {
            Some(held) => self.release(held, payment::Command::Expire { now: self.now }),
            None => Ok(()),
        }
    }

    /// Gives up `amount` of the payment by `command`, and the same on the card.
    fn release(&mut self, amount: Money, command: payment::Command) -> Result<(), Error> {
        let parts = self.next.parts(amount, command.withdraws());
        if self.decide(command)? == 0 {
            return Ok(());
        }
        let (payment_id, now) = (self.payment_id, self.now);
        for payment::Part { slot, amount, partial } in parts {
            let released =
                self.next_card.decide(card::Command::ReleaseHold { payment_id, amount, slot, partial, now })?;
            self.card_has(released);
        }
        Ok(())
    }

    /// A single-use card ends with its first capture.
    fn use_up(&mut self) -> Result<(), Error> {
        if self.events.iter().any(|event| matches!(event, payment::Event::Captured { .. })) {
            let ended = cards::use_up(&self.next_card, self.now)?;
            self.card_has(ended);
        }
        Ok(())
    }

    fn card_has(&mut self, events: Vec<card::Event>) {
        events.iter().for_each(|event| self.next_card.apply(event));
        self.card_events.extend(events);
    }

    /// What the payment holds and nobody captured.
    pub fn held(&self) -> i64 {
        self.next.held().map_or(0, |held| held.minor_units)
    }

    /// The payment's length before this, so that what is decided here has a name of its own.
    pub fn version(&self) -> i64 {
        self.payment.version
    }

    pub fn exists(&self) -> bool {
        self.next.status().is_some()
    }

    /// Appends everything at once, or nothing: the card's stream belongs to it although nothing may be held. False
    /// where somebody else was faster.
    pub async fn append(mut self, system: &System, origin: &Origin) -> Result<bool, Error> {
        if self.events.is_empty() {
            return Ok(true);
        }
        self.use_up()?;
        let forced =
            self.events.iter().filter(|event| matches!(event, payment::Event::Incremented { forced: true, .. }));
        let forced = forced.count() as u64;
        let unit = Unit::new(origin.context(ISSUER)).stream(&self.payment, self.events);
        match system.store.append(unit.stream(&self.card, self.card_events)).await {
            Ok(_) => {
                if forced > 0 {
                    metrics::counter!("network_forced_total").increment(forced);
                    tracing::warn!(payment_id = %self.payment_id, "the card network took more than was approved");
                }
                Ok(true)
            }
            Err(AppendError::Conflict) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// What is given back of a payment's hold by itself, without anything else that is told of it.
pub(super) struct GivenBack {
    pub payment_id: PaymentId,
    pub card_id: CardId,
    /// None: all of it.
    pub amount: Option<Money>,
    pub reference: String,
    pub cause: Release,
    /// Only if nothing has happened since this version of the payment.
    pub unless_after: Option<i64>,
}

impl GivenBack {
    /// Whoever calls this has the card's turn.
    pub async fn record(self, system: &System, origin: &Origin) -> Result<(), Error> {
        for _ in 0..ATTEMPTS {
            let payment = system.store.load_latest::<Payment>(self.payment_id).await?;
            let card = system.store.load_latest::<Card>(self.card_id).await?;
            if self.unless_after.is_some_and(|version| payment.version != version) {
                return Ok(());
            }
            let Some(amount) = self.amount.or(payment.held()) else { return Ok(()) };
            let Some(mut work) = Work::begin(payment, card, crate::now()) else { return Ok(()) };
            work.give_back(amount, self.reference.clone(), self.cause)?;
            if work.append(system, origin).await? {
                return Ok(());
            }
        }
        Err(Error::Conflict)
    }
}

/// Whether the same would be said however often it is tried.
fn can_never_be_booked(error: &Error) -> bool {
    use payment::Error as Refusal;
    matches!(
        error,
        Error::Payment(
            Refusal::CurrencyMismatch { .. }
                | Refusal::CaptureExceedsAuthorized { .. }
                | Refusal::TooManyMovements { .. }
                | Refusal::OutOfRange
        )
    )
}
