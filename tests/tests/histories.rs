//! Histories that could have happened: random commands, decided by the aggregates themselves.

use std::collections::BTreeMap;

use aggregates::{
    BlindIndex, CardId, Envelope, Fact, KycCaseId, PaymentId, Root, Sealed, SessionId, UserId,
    card::{self, Authority, Card, CardType, Expiry, HoldKind, Reason, Terms},
    kyc::{self, DocumentType, Kyc, Verdict},
    payment::{self, Decline, Payment},
    user::{self, User},
};
use chrono::{DateTime, Duration, Utc};
use proptest::prelude::{Arbitrary, Just, Strategy, any, prop_oneof};
use proptest::{collection::vec, sample::Index};
use uuid::Uuid;

use crate::examples::{low_risk, november, purchase, usd};

/// Something that somebody tries. The indexes choose among the people, cards or payments that there are.
#[derive(Clone, Debug)]
pub enum Step {
    Register,
    Login(Index),
    Submit(Index),
    Decide(Index, Verdict),
    RequestCard(Index, i64),
    AnswerRequest(Index, bool),
    Pay(Index, i64),
    Capture(Index),
    Decline(Index),
    Freeze(Index),
    Unfreeze(Index),
    Terminate(Index),
}

/// Steps with the hours that pass before each; sometimes the clocks of two processes disagree.
pub fn steps(length: usize) -> impl Strategy<Value = Vec<(i64, Step)>> {
    let verdict = prop_oneof![
        Just(Verdict::Approved),
        Just(Verdict::Review { reasons: vec!["data_mismatch".into()] }),
        Just(Verdict::Rejected { reasons: vec!["document_unreadable".into(), "face_mismatch".into()] }),
    ];
    let who = || Index::arbitrary();
    let step = prop_oneof![
        2 => Just(Step::Register),
        1 => who().prop_map(Step::Login),
        3 => who().prop_map(Step::Submit),
        4 => (who(), verdict).prop_map(|(who, verdict)| Step::Decide(who, verdict)),
        3 => (who(), 1..3_i64).prop_map(|(who, limit)| Step::RequestCard(who, limit * 10_000)),
        4 => (who(), any::<bool>()).prop_map(|(card, issued)| Step::AnswerRequest(card, issued)),
        12 => (who(), 1..9_000_i64).prop_map(|(card, cents)| Step::Pay(card, cents)),
        6 => who().prop_map(Step::Capture),
        6 => who().prop_map(Step::Decline),
        1 => who().prop_map(Step::Freeze),
        1 => who().prop_map(Step::Unfreeze),
        1 => who().prop_map(Step::Terminate),
    ];
    vec((-30..150_i64, step), length)
}

/// What happened, and what each aggregate has become of it.
#[derive(Default)]
pub struct History {
    pub events: Vec<Envelope>,
    pub users: Streams<User>,
    pub cases: Streams<Kyc>,
    pub cards: Streams<Card>,
    pub payments: Streams<Payment>,
    hours: i64,
    ids: u128,
}

type Streams<A> = BTreeMap<Uuid, (i64, A)>;

impl History {
    pub fn of(steps: &[(i64, Step)]) -> History {
        let mut history = History::default();
        for (hours, step) in steps {
            history.hours += hours;
            history.take(step);
        }
        history
    }

    fn now(&self) -> DateTime<Utc> {
        november(1) + Duration::hours(self.hours)
    }

    fn id(&mut self) -> Uuid {
        self.ids += 1;
        Uuid::from_u128(self.ids)
    }

    fn take(&mut self, step: &Step) {
        let now = self.now();
        match step {
            Step::Register => self.register(),
            Step::Login(who) => self.login(who),
            Step::Submit(who) => self.submit(who),
            Step::Decide(who, verdict) => self.verdict(who, verdict.clone()),
            Step::RequestCard(who, limit) => self.request_card(who, *limit),
            Step::AnswerRequest(card, issued) => self.answer_request(card, *issued),
            Step::Pay(card, cents) => self.pay(card, *cents),
            Step::Capture(payment) => self.capture(payment),
            Step::Decline(payment) => self.decline(payment),
            Step::Freeze(card) => {
                self.switch(card, card::Command::Freeze { by: Authority::Person, reason: Reason::Requested, now })
            }
            Step::Unfreeze(card) => self.switch(card, unfreeze(now)),
            Step::Terminate(card) => {
                self.switch(card, card::Command::Terminate { by: Authority::Person, reason: Reason::Requested, now })
            }
        }
    }

    fn register(&mut self) {
        let (now, id) = (self.now(), self.id());
        let command = user::Command::Register {
            email: Sealed::from_ciphertext(format!("email {id}")),
            email_index: BlindIndex(id.to_string()),
            first_name: Sealed::from_ciphertext(format!("first {id}")),
            last_name: Sealed::from_ciphertext(format!("last {id}")),
            now,
        };
        run(&mut self.users, &mut self.events, id, command, now);
    }

    fn login(&mut self, who: &Index) {
        let (now, session_id) = (self.now(), SessionId(self.id()));
        let Some(user) = chosen(&self.users, who) else { return };
        let command =
            user::Command::OpenSession { session_id, device_id: None, now, expires_at: now + Duration::days(7) };
        run(&mut self.users, &mut self.events, user, command, now);
    }

    fn submit(&mut self, who: &Index) {
        let (now, case_id) = (self.now(), KycCaseId(self.id()));
        let Some(user) = chosen(&self.users, who) else { return };
        let command = kyc::Command::Submit {
            case_id,
            applicant: Sealed::from_ciphertext("applicant".into()),
            document_type: DocumentType::Passport,
            country: "DE".into(),
            attempts: u32::MAX,
            now,
        };
        run(&mut self.cases, &mut self.events, user, command, now);
    }

    fn verdict(&mut self, who: &Index, verdict: Verdict) {
        let now = self.now();
        let Some(user) = chosen(&self.cases, who) else { return };
        let Some(case_id) = self.cases[&user].1.case().map(|case| case.case_id) else { return };
        let (provider, provider_reference) = ("sandbox".into(), format!("ver_{case_id}"));
        let command = kyc::Command::RecordVerdict {
            case_id,
            provider,
            provider_reference,
            verdict,
            four_eyes: kyc::FourEyes::WatchList,
            valid_until: None,
            now,
        };
        run(&mut self.cases, &mut self.events, user, command, now);
    }

    fn request_card(&mut self, who: &Index, limit: i64) {
        let (now, id) = (self.now(), self.id());
        let Some(user) = chosen(&self.users, who) else { return };
        let command = card::Command::Request {
            user_id: UserId(user),
            card_type: CardType::VirtualMastercard,
            monthly_limit: usd(limit),
            terms: Terms::default(),
            now,
        };
        run(&mut self.cards, &mut self.events, id, command, now);
    }

    fn answer_request(&mut self, card: &Index, issued: bool) {
        let now = self.now();
        let Some(id) = chosen(&self.cards, card) else { return };
        let issuer = "sandbox".to_owned();
        let command = match (issued, Expiry::new(10, 2029)) {
            (true, Some(expiry)) => card::Command::RecordIssued {
                issuer,
                issuer_reference: format!("iss_{id}"),
                last_four: "4242".into(),
                expiry,
                now,
            },
            _ => card::Command::RecordIssueFailed { issuer, reason: "programme_closed".into(), now },
        };
        run(&mut self.cards, &mut self.events, id, command, now);
    }

    /// As the flow does it: what the card refuses is a payment that was declined in the same breath.
    fn pay(&mut self, card: &Index, cents: i64) {
        let (now, id) = (self.now(), self.id());
        let Some(card_id) = chosen(&self.cards, card) else { return };
        let Some(user_id) = self.cards[&card_id].1.owner() else { return };
        let amount = usd(cents);
        let (payment_id, kind, purchase) = (PaymentId(id), HoldKind::Authorization, purchase(amount));
        let hold = card::Command::Hold { user_id, payment_id, kind, purchase, earlier: 0, now };
        let held = run(&mut self.cards, &mut self.events, card_id, hold, now);
        let initiate = payment::Command::Initiate {
            user_id,
            card_id: CardId(card_id),
            amount,
            merchant: "example-merchant.com".into(),
            merchant_category: "electronics".into(),
            device_id: None,
            screening: low_risk(),
            hold: held.then(|| card::Slot::utc(now)),
            request_digest: None,
            network: None,
            now,
        };
        run(&mut self.payments, &mut self.events, id, initiate, now);
        if !held {
            let decline = payment::Command::Decline { reason: Decline::CardFrozen, now };
            run(&mut self.payments, &mut self.events, id, decline, now);
        }
    }

    fn capture(&mut self, payment: &Index) {
        let now = self.now();
        let Some(id) = chosen(&self.payments, payment) else { return };
        let Some(amount) = self.payments[&id].1.amount() else { return };
        let (gateway, gateway_reference) = ("sandbox".into(), format!("ch_{id}"));
        let command = payment::Command::Capture { gateway, gateway_reference, amount, is_final: true, now };
        run(&mut self.payments, &mut self.events, id, command, now);
    }

    fn decline(&mut self, payment: &Index) {
        let now = self.now();
        let Some(id) = chosen(&self.payments, payment) else { return };
        let reason = Decline::GatewayDeclined { gateway: "sandbox".into(), gateway_code: "do_not_honor".into() };
        if !run(&mut self.payments, &mut self.events, id, payment::Command::Decline { reason, now }, now) {
            return;
        }
        let payment = &self.payments[&id].1;
        let (Some(card), Some(amount), Some(slot)) = (payment.card_id(), payment.amount(), payment.hold()) else {
            return;
        };
        let release = card::Command::ReleaseHold { payment_id: PaymentId(id), amount, slot, partial: false, now };
        run(&mut self.cards, &mut self.events, card.0, release, now);
    }

    fn switch(&mut self, card: &Index, command: card::Command) {
        let now = self.now();
        let Some(id) = chosen(&self.cards, card) else { return };
        run(&mut self.cards, &mut self.events, id, command, now);
    }
}

fn unfreeze(now: DateTime<Utc>) -> card::Command {
    let (by, whose, reason) = (Authority::Person, Authority::Person, Reason::Requested);
    card::Command::Unfreeze { by, whose, reason, now }
}

fn chosen<A>(streams: &Streams<A>, which: &Index) -> Option<Uuid> {
    (!streams.is_empty()).then(|| *which.get(&streams.keys().copied().collect::<Vec<_>>()))
}

/// Decides and records; whether anything happened.
fn run<A: Root>(
    streams: &mut Streams<A>,
    log: &mut Vec<Envelope>,
    id: Uuid,
    command: A::Command,
    now: DateTime<Utc>,
) -> bool {
    let (sequence, state) = streams.get(&id).map_or_else(|| (0, A::default()), |(at, state)| (*at, state.clone()));
    let events = state.decide(command).unwrap_or_default();
    if events.is_empty() {
        return false;
    }
    let stream = streams.entry(id).or_insert((sequence, state));
    for event in &events {
        stream.0 += 1;
        stream.1.evolve(event);
        log.push(envelope::<A>(log.len(), id, stream.0, event, now));
    }
    true
}

fn envelope<A: Root>(behind: usize, id: Uuid, sequence: i64, event: &A::Event, now: DateTime<Utc>) -> Envelope {
    let position = i64::try_from(behind).map_or(i64::MAX, |events| events + 1);
    Envelope {
        id: Uuid::from_u128(0xeeee_0000_0000 + u128::from(position.unsigned_abs())),
        position,
        kind: A::KIND,
        aggregate_id: id,
        sequence,
        name: event.name().into(),
        version: event.version(),
        recorded_at: now,
        correlation_id: Uuid::from_u128(1),
        causation_id: None,
        traceparent: None,
        actor: "system:test".into(),
        data: event.write(),
    }
}
