//! A log to fold: people, cards and payments, recorded as the store would.

use std::collections::HashMap;

use aggregates::{
    BlindIndex, CardId, Currency, Envelope, Fact, Kind, KycCaseId, Money, PaymentId, Sealed, SessionId, UserId,
    card::{self, CardType, Expiry, HoldKind, Purpose, Slot},
    kyc,
    payment::{self, Check, Checks, Decline, RiskLevel, Screening},
    user,
};
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

#[derive(Default)]
pub struct History {
    pub log: Vec<Envelope>,
    sequences: HashMap<(Kind, Uuid), i64>,
    ids: u128,
}

impl History {
    /// When the next event happens: one second after the last, from New Year 2027 on.
    pub fn now(&self) -> DateTime<Utc> {
        let start: DateTime<Utc> = "2027-01-01T00:00:00Z".parse().unwrap();
        start + TimeDelta::seconds(self.log.len() as i64)
    }

    pub fn position(&self) -> i64 {
        self.log.len() as i64
    }

    pub fn id(&mut self) -> Uuid {
        self.ids += 1;
        Uuid::from_u128(self.ids)
    }

    pub fn record<E: Fact>(&mut self, id: impl Into<Uuid>, event: E) {
        let aggregate_id = id.into();
        let sequence = self.sequences.entry((E::KIND, aggregate_id)).or_default();
        *sequence += 1;
        let position = self.log.len() as i64 + 1;
        let envelope = Envelope {
            id: Uuid::from_u128(u128::MAX - position as u128),
            position,
            kind: E::KIND,
            aggregate_id,
            sequence: *sequence,
            name: event.name().into(),
            version: event.version(),
            recorded_at: self.now(),
            correlation_id: Uuid::nil(),
            causation_id: None,
            traceparent: None,
            actor: "system:test".into(),
            data: event.write(),
        };
        self.log.push(envelope);
    }

    pub fn a_person(&mut self) -> UserId {
        let user = UserId(self.id());
        let sealed = |text: &str| Sealed::from_ciphertext(format!("{text} of {user}"));
        let event = user::Event::Registered {
            email: sealed("email"),
            email_index: BlindIndex("00ff".into()),
            first_name: sealed("first name"),
            last_name: sealed("last name"),
            at: self.now(),
        };
        self.record(user, event);
        user
    }

    pub fn a_login(&mut self, user: UserId) {
        let (session_id, at) = (SessionId(self.id()), self.now());
        let expires_at = at + TimeDelta::minutes(30);
        self.record(user, user::Event::SessionOpened { session_id, device_id: None, at, expires_at });
    }

    pub fn submits(&mut self, user: UserId) -> KycCaseId {
        let case_id = KycCaseId(self.id());
        let event = kyc::Event::Submitted {
            case_id,
            applicant: Sealed::from_ciphertext("applicant".into()),
            document_type: kyc::DocumentType::Passport,
            country: "DE".into(),
            level: kyc::Level::Basic,
            at: self.now(),
        };
        self.record(user, event);
        case_id
    }

    pub fn is_approved(&mut self, user: UserId, case_id: KycCaseId) {
        let (provider, provider_reference, at) = ("onfido".into(), "ref".into(), self.now());
        let (decided_by, valid_until) = (vec![], None);
        let event = kyc::Event::Approved { case_id, provider, provider_reference, decided_by, valid_until, at };
        self.record(user, event);
    }

    pub fn is_rejected(&mut self, user: UserId, case_id: KycCaseId) {
        let (provider, provider_reference, at) = ("onfido".into(), "ref".into(), self.now());
        let reasons = vec!["document_unreadable".into()];
        let decided_by = vec![];
        self.record(user, kyc::Event::Rejected { case_id, provider, provider_reference, reasons, decided_by, at });
    }

    pub fn is_reviewed(&mut self, user: UserId, case_id: KycCaseId) {
        let (provider, provider_reference, at) = ("onfido".into(), "ref".into(), self.now());
        let reasons = vec![];
        self.record(
            user,
            kyc::Event::ReviewStarted { case_id, provider, provider_reference, reasons, people_decide: false, at },
        );
    }

    pub fn requests_card(&mut self, user_id: UserId) -> CardId {
        let card = CardId(self.id());
        let (card_type, monthly_limit, at) = (CardType::VirtualVisa, usd(1_000_000), self.now());
        let event = card::Event::Requested {
            user_id,
            card_type,
            monthly_limit,
            purpose: Purpose::Standard,
            controls: Box::default(),
            needs_activation: false,
            replaces: None,
            at,
        };
        self.record(card, event);
        card
    }

    pub fn is_issued(&mut self, card: CardId) {
        let event = card::Event::Issued {
            issuer: "marqeta".into(),
            issuer_reference: "ref".into(),
            last_four: "9012".into(),
            expiry: Expiry::new(10, 2027).unwrap(),
            status: card::Status::Active,
            at: self.now(),
        };
        self.record(card, event);
    }

    pub fn is_not_issued(&mut self, card: CardId) {
        let (issuer, reason, at) = ("marqeta".into(), "refused".into(), self.now());
        self.record(card, card::Event::IssueFailed { issuer, reason, at });
    }

    pub fn a_card(&mut self, user: UserId) -> CardId {
        let card = self.requests_card(user);
        self.is_issued(card);
        card
    }

    pub fn a_person_with_card(&mut self) -> (UserId, CardId) {
        let user = self.a_person();
        let card = self.a_card(user);
        (user, card)
    }

    /// The first append of a payment: the hold and the intent.
    pub fn begins(&mut self, user_id: UserId, card_id: CardId, amount: Money) -> PaymentId {
        let (payment_id, at) = (PaymentId(self.id()), self.now());
        self.record(card_id, held(payment_id, amount, Slot::utc(at)));
        self.record(payment_id, initiated(user_id, card_id, amount, Some(Slot::utc(at)), at));
        payment_id
    }

    /// A worker took it over.
    pub fn is_resumed(&mut self, payment: PaymentId) {
        let at = self.now();
        self.record(payment, payment::Event::Resumed { at });
    }

    pub fn is_captured(&mut self, payment: PaymentId, amount: Money) {
        let (gateway, gateway_reference, at) = ("stripe".into(), format!("txn {payment}"), self.now());
        self.record(payment, payment::Event::Captured { gateway, gateway_reference, amount, is_final: true, at });
    }

    /// Refused by the gateway: the hold is given back with it.
    pub fn is_declined(&mut self, payment_id: PaymentId, card: CardId, amount: Money) {
        let (gateway, gateway_code, at) = ("stripe".into(), "insufficient_funds".into(), self.now());
        self.record(
            payment_id,
            payment::Event::Declined { reason: Decline::GatewayDeclined { gateway, gateway_code }, at },
        );
        self.record(card, released(payment_id, amount, Slot::utc(at)));
    }

    pub fn pays(&mut self, user: UserId, card: CardId, amount: Money) -> PaymentId {
        let payment = self.begins(user, card, amount);
        self.is_captured(payment, amount);
        payment
    }

    /// Refused by ourselves, before anything was held.
    pub fn is_refused(&mut self, user: UserId, card: CardId, amount: Money, reason: Decline) -> PaymentId {
        let (payment, at) = (PaymentId(self.id()), self.now());
        self.record(payment, initiated(user, card, amount, None, at));
        self.record(payment, payment::Event::Declined { reason, at });
        payment
    }
}

pub fn held(payment_id: PaymentId, amount: Money, slot: Slot) -> card::Event {
    let (kind, window, at) = (HoldKind::Authorization, slot.window(), slot.at);
    card::Event::Held { payment_id, kind, amount, window, slot: Some(slot), at }
}

pub fn released(payment_id: PaymentId, amount: Money, slot: Slot) -> card::Event {
    let (window, at) = (slot.window(), slot.at);
    card::Event::HoldReleased { payment_id, amount, window, slot: Some(slot), partial: false, at }
}

fn initiated(user_id: UserId, card_id: CardId, amount: Money, hold: Option<Slot>, at: DateTime<Utc>) -> payment::Event {
    let checks = Checks {
        amount_check: Check::Pass,
        location_check: Check::Pass,
        device_check: Check::Pass,
        velocity_check: Check::Pass,
    };
    payment::Event::Initiated {
        user_id,
        card_id,
        amount,
        merchant: "example-merchant.com".into(),
        merchant_category: "electronics".into(),
        device_id: Some("device-1".into()),
        // A number without a short binary form, which careless parsing would change.
        screening: Screening {
            risk_score: 0.1 + 0.05,
            risk_level: RiskLevel::Low,
            approved: true,
            checks,
            rules_version: 1,
        },
        hold: hold.map(Slot::window),
        slot: hold,
        request_digest: None,
        network: None,
        at,
    }
}

pub fn usd(cents: i64) -> Money {
    Money::new(cents, Currency::USD)
}
