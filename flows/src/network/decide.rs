//! The issuer asks, and waits.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use aggregates::{
    CardId,
    card::{Card, HoldKind, Purchase},
    payment::{self, Decline, Payment, Release, Screening},
};
use providers::issuing::network::Question;
use store::Loaded;
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    find_card, is_about, of_network, payment_id, request,
    work::{GivenBack, Work},
};
use crate::{ATTEMPTS, Error, Origin, System, payments};

/// Whether the purchase may be made. Answers within the settings' time, whatever happens: what is not decided by then
/// is declined, and a decision that comes about all the same is taken back on record.
pub(super) async fn answer(system: &System, issuer: &'static str, question: Question, origin: &Origin) -> bool {
    let within = Duration::from_millis(system.settings.network.decide_within_milliseconds);
    let asked = Asked { issuer, question, deadline: Instant::now() + within, race: Arc::default() };
    let (race, deadline) = (asked.race.clone(), asked.deadline);
    // On a task of its own: neither the deadline nor an issuer that hangs up leaves half of it undone.
    let (owned, origin) = (system.clone(), origin.clone());
    let decided = tokio::spawn(async move {
        let decided = asked.decide(&owned, &origin).await;
        // Here, since past the deadline nobody looks at what comes of it.
        if let Err(error) = &decided {
            tracing::error!(%error, "a purchase could not be decided, and is declined");
        }
        decided
    });
    let (approved, outcome) = match timeout_at(deadline, decided).await {
        Ok(Ok(Ok(verdict))) => verdict,
        Ok(Ok(Err(_))) => (false, "failed"),
        Ok(Err(error)) => {
            tracing::error!(%error, "a purchase could not be decided, and is declined");
            (false, "failed")
        }
        Err(_) if race.give_up() => (false, "timed_out"),
        // The approval was on record just in time.
        Err(_) => (true, "approved"),
    };
    metrics::counter!("network_decisions_total", "outcome" => outcome).increment(1);
    approved
}

/// Who comes first: the approval on record, or the deadline.
#[derive(Default)]
struct Race(AtomicU8);

const OPEN: u8 = 0;
const APPROVED: u8 = 1;
const GIVEN_UP: u8 = 2;

impl Race {
    fn approve(&self) -> bool {
        self.0.compare_exchange(OPEN, APPROVED, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn give_up(&self) -> bool {
        self.0.compare_exchange(OPEN, GIVEN_UP, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

struct Asked {
    issuer: &'static str,
    question: Question,
    deadline: Instant,
    race: Arc<Race>,
}

type Verdict = (bool, &'static str);

const APPROVE: Verdict = (true, "approved");
const DECLINE: Verdict = (false, "declined");
const REPEATED: &str = "repeated";
const APPROVED_BEFORE: Verdict = (true, REPEATED);
/// As a multiple of the time to decide: how old an approval of another process is that surely stands.
const SETTLED_AFTER: u32 = 4;
const TOO_LATE: Verdict = (false, "timed_out");
const UNKNOWN_CARD: Verdict = (false, "unknown_card");

impl Asked {
    async fn decide(self, system: &System, origin: &Origin) -> Result<Verdict, Error> {
        let Some(card_id) = find_card(system, self.issuer, &self.question.card).await? else {
            return Ok(UNKNOWN_CARD);
        };
        let card = system.store.load::<Card>(card_id).await?;
        let Some(user_id) = card.owner().filter(|_| self.is_about(&card)) else {
            tracing::warn!(%card_id, "the issuer asks about a card that is not its own");
            return Ok(UNKNOWN_CARD);
        };
        if self.question.purchase.amount.minor_units == 0 {
            return self.check(card);
        }
        let screening = self.screen(system, user_id).await;
        // Kept until the approval is either in time or taken back: a repetition hears no approval that is not to stand.
        let Ok(turn) = timeout_at(self.deadline, system.turns.take(card_id)).await else { return Ok(TOO_LATE) };
        let verdict = self.record(system, card_id, &screening, origin).await?;
        if verdict == APPROVE && !self.race.approve() {
            self.withdraw(system, card_id, origin).await.inspect_err(|error| {
                // The issuer's own report of the purchase gives it back, or its expiry.
                let payment_id = payment_id(self.issuer, &self.question.authorization);
                tracing::error!(%payment_id, %error, "an approval that nobody heard could not be taken back yet");
                metrics::counter!("network_withdrawals_failed_total").increment(1);
            })?;
            return Ok(DECLINE);
        }
        if verdict == APPROVE {
            system.approvals.remember(payment_id(self.issuer, &self.question.authorization), self.question.number);
        }
        drop(turn);
        if verdict == APPROVED_BEFORE { self.confirm(system).await } else { Ok(verdict) }
    }

    /// An approval on record that this process did not give in time may be one that another process is about to take back,
    /// as soon as a slow append lets it. Until that is over the answer is no: the issuer declines then, says so, and what
    /// is held is given back.
    async fn confirm(&self, system: &System) -> Result<Verdict, Error> {
        let payment_id = payment_id(self.issuer, &self.question.authorization);
        if system.approvals.knows(payment_id, self.question.number) {
            return Ok(APPROVED_BEFORE);
        }
        let payment = system.store.load_latest::<Payment>(payment_id).await?;
        let within = Duration::from_millis(system.settings.network.decide_within_milliseconds);
        let age = payment.updated_at().and_then(|at| (crate::now() - at).to_std().ok()).unwrap_or_default();
        let stands = age >= within * SETTLED_AFTER && payment.answer(&self.reference()) == Some(true);
        Ok((stands, REPEATED))
    }

    fn is_about(&self, card: &Card) -> bool {
        is_about(self.issuer, &self.question.card, card)
    }

    fn reference(&self) -> String {
        request(&self.question.authorization, self.question.number as usize)
    }

    /// A merchant that asks for nothing wants to know whether the card is good: whether the least could be held.
    /// Nothing is recorded, since nothing will move.
    fn check(&self, card: Loaded<Card>) -> Result<Verdict, Error> {
        let mut purchase = self.question.purchase.clone();
        purchase.amount.minor_units = 1;
        let payment = Loaded::<Payment>::new(payment_id(self.issuer, &self.question.authorization));
        let Some(mut work) = Work::begin(payment, card, crate::now()) else { return Ok(UNKNOWN_CARD) };
        Ok(match work.hold(purchase, HoldKind::Authorization)? {
            Ok(_) => (true, "checked"),
            Err(_) => (false, "checked"),
        })
    }

    async fn screen(&self, system: &System, user_id: aggregates::UserId) -> Screening {
        let purchase = &self.question.purchase;
        let attempt = attempt(purchase);
        let within = Duration::from_millis(system.settings.network.screen_within_milliseconds);
        let assessed = timeout(within, payments::assess(system, user_id, &attempt)).await;
        assessed.unwrap_or_else(|_| {
            metrics::counter!("fraud_state_unavailable_total").increment(1);
            fraud::assess(&fraud::PersonState::default(), &attempt, &system.settings.fraud)
        })
    }

    async fn record(
        &self,
        system: &System,
        card_id: CardId,
        screening: &Screening,
        origin: &Origin,
    ) -> Result<Verdict, Error> {
        let payment_id = payment_id(self.issuer, &self.question.authorization);
        for attempt in 0..ATTEMPTS {
            // A fresh authorisation is most likely new: finding that out costs nothing but a conflict.
            let payment = match self.question.number == 0 && attempt == 0 {
                true => Loaded::new(payment_id),
                false => system.store.load_latest::<Payment>(payment_id).await?,
            };
            if let Some(answered) = payment.answer(&self.reference()) {
                return Ok((answered, REPEATED));
            }
            if payment.status().is_some() && self.question.number == 0 {
                // The network has moved money on it already.
                return Ok((false, REPEATED));
            }
            let card = system.store.load::<Card>(card_id).await?;
            let Some(work) = Work::begin(payment, card, crate::now()) else { return Ok(UNKNOWN_CARD) };
            let (work, verdict) = self.settle(work, screening, system)?;
            if work.append(system, origin).await? {
                return Ok(verdict);
            }
        }
        Err(Error::Conflict)
    }

    /// What payment and card make of it.
    fn settle(&self, mut work: Work, screening: &Screening, system: &System) -> Result<(Work, Verdict), Error> {
        let purchase = &self.question.purchase;
        let is_more = work.exists();
        let kind = if is_more { HoldKind::Increment } else { HoldKind::Authorization };
        let held = match self.refusal(&work, screening, system) {
            Some(refusal) => Err(refusal),
            None => work.hold(purchase.clone(), kind)?,
        };
        if let Err(Decline::SuspectedFraud { .. }) = &held {
            work.freeze(&system.settings.fraud, screening)?;
        }
        let (reference, now) = (self.reference(), crate::now());
        match (held, is_more) {
            (Ok(slot), false) => {
                let network = of_network(self.issuer, &self.question.authorization, purchase);
                work.initiate(purchase, network, screening.clone(), Some(slot))?;
                work.decide(payment::Command::Authorize { reference, now })?;
                Ok((work, APPROVE))
            }
            (Ok(slot), true) => {
                let amount = purchase.amount;
                work.decide(payment::Command::Increment { reference, amount, forced: false, slot, now })?;
                Ok((work, APPROVE))
            }
            (Err(reason), false) => {
                let network = of_network(self.issuer, &self.question.authorization, purchase);
                work.initiate(purchase, network, screening.clone(), None)?;
                work.decide(payment::Command::Decline { reason, now })?;
                Ok((work, DECLINE))
            }
            (Err(reason), true) => {
                let amount = purchase.amount;
                work.decide(payment::Command::DeclineIncrement { reference, amount, reason, now })?;
                Ok((work, DECLINE))
            }
        }
    }

    /// Why not even the card is asked.
    fn refusal(&self, work: &Work, screening: &Screening, system: &System) -> Option<Decline> {
        use payment::Status;
        let over = match work.next.status() {
            None | Some(Status::Authorized | Status::Captured) => false,
            Some(Status::Pending | Status::Declined | Status::Voided | Status::Expired | Status::Refunded) => true,
        };
        if Instant::now() >= self.deadline {
            return Some(Decline::DecisionTimedOut {
                milliseconds: system.settings.network.decide_within_milliseconds,
            });
        }
        if over {
            return Some(Decline::AuthorizationOver);
        }
        (!screening.approved).then_some(Decline::SuspectedFraud { risk_score: screening.risk_score })
    }

    /// The issuer was told no before the approval was on record.
    async fn withdraw(&self, system: &System, card_id: CardId, origin: &Origin) -> Result<(), Error> {
        let back = GivenBack {
            payment_id: payment_id(self.issuer, &self.question.authorization),
            card_id,
            amount: Some(self.question.purchase.amount),
            reference: self.reference(),
            cause: Release::TooLate,
            unless_after: None,
        };
        back.record(system, origin).await
    }
}

/// How screening sees a purchase.
pub(super) fn attempt(purchase: &Purchase) -> fraud::Attempt<'_> {
    fraud::Attempt {
        amount: purchase.amount,
        merchant_category: &purchase.merchant_category,
        device_id: None,
        of_network: true,
        now: crate::now(),
    }
}
