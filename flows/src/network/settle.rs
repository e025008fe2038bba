//! What the issuer tells of purchases afterwards. Each delivery is acted on as if it were the first and the only one:
//! what the log has already, by the issuer's own ids, changes nothing.

use aggregates::{
    CardId, Money,
    card::{Card, Purchase, Slot},
    payment::{self, Command, Decline, Payment, Release, Screening},
};
use providers::issuing::network::{Ended, Movement, MovementKind, Report, Reversal, Ruling};

use super::{decide::attempt, find_card, is_about, of_network, payment_id, request, work::Work};
use crate::{ATTEMPTS, Error, Origin, System, payments};

/// Settles a report against the log.
pub(super) async fn settle(
    system: &System,
    issuer: &'static str,
    report: Report,
    origin: &Origin,
) -> Result<(), Error> {
    if report.authorization.is_some() {
        return Settlement { system, issuer, report: &report, looked_up: None }.run(origin).await;
    }
    // Movements that nobody asked about are purchases of their own.
    for movement in &report.movements {
        let of_its_own = Report {
            authorization: Some(movement.reference.clone()),
            movements: vec![movement.clone()],
            rulings: vec![],
            reversal: None,
            ended: None,
            ..report.clone()
        };
        Settlement { system, issuer, report: &of_its_own, looked_up: None }.run(origin).await?;
    }
    Ok(())
}

/// Settles how an authorisation stands, as the issuer said where it was asked at this version of the payment. What has
/// happened since may be newer than the answer: then nothing is done.
pub(super) async fn settle_standing(
    system: &System,
    issuer: &'static str,
    (report, version): (&Report, i64),
    origin: &Origin,
) -> Result<(), Error> {
    Settlement { system, issuer, report, looked_up: Some(version) }.run(origin).await
}

struct Settlement<'a> {
    system: &'a System,
    issuer: &'static str,
    report: &'a Report,
    /// Of an answer to our asking, which is all that there is to say: the payment's version then.
    looked_up: Option<i64>,
}

impl Settlement<'_> {
    fn authorization(&self) -> &str {
        self.report.authorization.as_deref().unwrap_or_default()
    }

    async fn run(&self, origin: &Origin) -> Result<(), Error> {
        let payment_id = payment_id(self.issuer, self.authorization());
        let known = self.system.store.load_latest::<Payment>(payment_id).await?;
        let card_id = match known.card_id() {
            Some(card_id) => card_id,
            None => self.card().await?,
        };
        // Only a payment that we have never heard of is screened, so that what is known of the person has a judgement.
        let screening = match known.status() {
            Some(_) => known.screening().cloned(),
            None => Some(self.screen(card_id).await?),
        };
        let screening = screening.ok_or(payment::Error::NotFound)?;
        let _turn = self.system.turns.take(card_id).await;
        for _ in 0..ATTEMPTS {
            let payment = self.system.store.load_latest::<Payment>(payment_id).await?;
            let card = self.system.store.load_latest::<Card>(card_id).await?;
            if !is_about(self.issuer, &self.report.card, &card) {
                return Err(Error::NotFound { what: "card" });
            }
            if self.looked_up.is_some_and(|version| payment.version != version) {
                return Ok(());
            }
            let work = Work::begin(payment, card, crate::now()).ok_or(Error::NotFound { what: "card" })?;
            if self.apply(work, &screening)?.append(self.system, origin).await? {
                return Ok(());
            }
        }
        Err(Error::Conflict)
    }

    async fn card(&self) -> Result<CardId, Error> {
        let card_id = find_card(self.system, self.issuer, &self.report.card).await?;
        card_id.ok_or(Error::NotFound { what: "card" })
    }

    async fn screen(&self, card_id: CardId) -> Result<Screening, Error> {
        let card = self.system.store.load_latest::<Card>(card_id).await?;
        let user_id = card.owner().ok_or(Error::NotFound { what: "card" })?;
        Ok(payments::assess(self.system, user_id, &attempt(&self.report.purchase)).await)
    }

    /// Part by part: what can never be booked is told to whoever looks after the system, and keeps nothing else back.
    fn apply(&self, mut work: Work, screening: &Screening) -> Result<Work, Error> {
        for (number, ruling) in self.report.rulings.iter().enumerate() {
            work.part("ruling", |work| self.rule(work, number, ruling, screening))?;
        }
        for movement in &self.report.movements {
            work.part("movement", |work| self.book(work, movement, screening))?;
        }
        if let Some(reversal) = &self.report.reversal {
            work.part("reversal", |work| self.reverse(work, reversal))?;
        }
        if let Some(ended) = self.report.ended {
            work.part("end", |work| self.end(work, ended))?;
        }
        if self.looked_up.is_some() {
            work.part("rest", |work| self.trim(work))?;
        }
        Ok(work)
    }

    fn book(&self, work: &mut Work, movement: &Movement, screening: &Screening) -> Result<(), Error> {
        self.begin(work, movement.amount, screening, true)?;
        match movement.kind {
            MovementKind::Capture => self.capture(work, movement),
            MovementKind::Refund => {
                let (reference, amount, now) = (movement.reference.clone(), movement.amount, crate::now());
                work.decide(Command::Refund { reference, amount, heard: true, now }).map(drop)
            }
        }
    }

    /// What the issuer made of a request, beside what we answered.
    fn rule(&self, work: &mut Work, number: usize, ruling: &Ruling, screening: &Screening) -> Result<(), Error> {
        let reference = request(self.authorization(), number);
        if !ruling.amount.is_positive() {
            return Ok(());
        }
        match (work.next.answer(&reference), ruling.approved) {
            (Some(true), true) | (Some(false), false) => Ok(()),
            // It did not ask, or did not hear us.
            (None, true) => self.force(work, reference, ruling.amount, screening),
            (Some(false), true) => self.force(work, format!("{reference}!"), ruling.amount, screening),
            (Some(true), false) => work.give_back(ruling.amount, reference, Release::IssuerDeclined),
            (None, false) => self.refuse(work, reference, number, ruling, screening),
        }
    }

    /// Holds what the network approved without us, less what captures have forced before we heard of it.
    fn force(&self, work: &mut Work, reference: String, amount: Money, screening: &Screening) -> Result<(), Error> {
        self.begin(work, amount, screening, false)?;
        let now = crate::now();
        let unruled = work.next.unruled().filter(|unruled| unruled.currency == amount.currency);
        let rest = amount.minor_units.saturating_sub(unruled.map_or(0, |unruled| unruled.minor_units));
        if rest <= 0 {
            return work.decide(Command::Acknowledge { reference, amount, now }).map(drop);
        }
        let amount = Money::new(rest, amount.currency);
        let purchase = Purchase { amount, ..self.report.purchase.clone() };
        let command = |slot| Command::Increment { reference: reference.clone(), amount, forced: true, slot, now };
        // Asked first, so that nothing is held twice.
        if work.next.decide(command(Slot::utc(now)))?.is_empty() {
            return Ok(());
        }
        let slot = work.force(purchase)?;
        work.decide(command(slot)).map(drop)
    }

    fn refuse(
        &self,
        work: &mut Work,
        reference: String,
        number: usize,
        ruling: &Ruling,
        screening: &Screening,
    ) -> Result<(), Error> {
        let (amount, now) = (ruling.amount, crate::now());
        let reason = Decline::IssuerDeclined { issuer: self.issuer.to_owned(), issuer_code: ruling.reason.clone() };
        match (work.exists(), number) {
            (false, _) => {
                self.begin(work, amount, screening, false)?;
                work.decide(Command::Decline { reason, now }).map(drop)
            }
            (true, 0) => Ok(()),
            (true, _) => work.decide(Command::DeclineIncrement { reference, amount, reason, now }).map(drop),
        }
    }

    /// The payment, if nobody has heard of it. `posted`: money moved, and nobody had asked.
    fn begin(&self, work: &mut Work, amount: Money, screening: &Screening, posted: bool) -> Result<(), Error> {
        if work.exists() {
            return Ok(());
        }
        let purchase = Purchase { amount, ..self.report.purchase.clone() };
        let network = payment::Network { posted, ..of_network(self.issuer, self.authorization(), &purchase) };
        work.initiate(&purchase, network, screening.clone(), None)
    }

    /// The money has moved: what goes beyond what is held is forced.
    fn capture(&self, work: &mut Work, movement: &Movement) -> Result<(), Error> {
        let Movement { reference, amount, kind: _ } = movement;
        let (amount, now) = (*amount, crate::now());
        let capture = Command::Capture {
            gateway: self.issuer.to_owned(),
            gateway_reference: reference.clone(),
            amount,
            is_final: false,
            now,
        };
        match work.next.decide(capture.clone()) {
            Ok(_) => {}
            Err(
                payment::Error::CaptureExceedsAuthorized { .. }
                | payment::Error::NotHeld
                | payment::Error::AlreadyDeclined
                | payment::Error::AlreadyReleased
                | payment::Error::AlreadyCaptured,
            ) => {
                let excess = Money::new(amount.minor_units.saturating_sub(work.held()), amount.currency);
                if excess.is_positive() {
                    let purchase = Purchase { amount: excess, ..self.report.purchase.clone() };
                    let slot = work.force(purchase)?;
                    let reference = reference.clone();
                    work.decide(Command::Increment { reference, amount: excess, forced: true, slot, now })?;
                }
            }
            Err(error) => return Err(error.into()),
        }
        work.decide(capture).map(drop)
    }

    fn end(&self, work: &mut Work, ended: Ended) -> Result<(), Error> {
        let Some(rest) = work.next.held() else { return Ok(()) };
        let heard = self.report.rulings.len() + self.report.movements.len();
        let reference = format!("{}/{heard}", self.authorization());
        match ended {
            Ended::Closed => work.give_back(rest, reference, Release::Closed),
            Ended::Reversed => work.give_back(rest, reference, Release::Merchant),
            Ended::Expired => work.expire(),
        }
    }

    /// No more than is held beyond what stood after it: we may have looked, and given it back, before we heard of it.
    fn reverse(&self, work: &mut Work, Reversal { reference, amount }: &Reversal) -> Result<(), Error> {
        let beyond = self.beyond(work);
        let amount = Money::new(amount.minor_units.min(beyond.minor_units), amount.currency);
        work.give_back(amount, reference.clone(), Release::Merchant)
    }

    /// What is held beyond all that is authorised now was given back, and nobody told us.
    fn trim(&self, work: &mut Work) -> Result<(), Error> {
        let reference = format!("{}/looked up/{}", self.authorization(), work.version());
        work.give_back(self.beyond(work), reference, Release::Merchant)
    }

    /// What is authorised here beyond what the issuer had when it said this. Its amount is less what was captured.
    fn beyond(&self, work: &Work) -> Money {
        let Report { purchase, movements, .. } = self.report;
        let captured = movements.iter().filter(|moved| moved.kind == MovementKind::Capture);
        let captured = captured.map(|moved| moved.amount.minor_units).fold(0, i64::saturating_add);
        let theirs = purchase.amount.minor_units.saturating_add(captured);
        let ours = work.next.tally().map_or(0, |tally| tally.standing());
        Money::new(ours.saturating_sub(theirs), purchase.amount.currency)
    }
}
