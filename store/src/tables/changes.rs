//! What a batch of events changes in the tables, folded together so that a row is written once.

mod cards;

use std::collections::BTreeMap;

use aggregates::{
    CardId, Currency, Envelope, KycCaseId, PaymentId, UserId, card::Window, envelope::AnyEvent, kyc, payment, user,
};
use chrono::{DateTime, NaiveDate, Utc};

pub(super) use cards::{CardChange, Transition};

#[derive(Default)]
pub(super) struct Changes {
    pub users: Vec<NewUser>,
    pub people: BTreeMap<UserId, Person>,
    pub cases: Vec<NewCase>,
    pub verdicts: BTreeMap<KycCaseId, Verdict>,
    pub cards: Vec<NewCard>,
    pub issued: Vec<(CardId, IssuedCard)>,
    pub card_statuses: BTreeMap<CardId, (&'static str, DateTime<Utc>)>,
    pub card_changes: BTreeMap<CardId, CardChange>,
    pub transitions: Vec<Transition>,
    pub spending: BTreeMap<CardId, Spending>,
    pub payments: BTreeMap<PaymentId, NewPayment>,
    pub outcomes: BTreeMap<PaymentId, Outcome>,
}

pub(super) struct NewUser {
    pub user_id: UserId,
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    pub at: DateTime<Utc>,
}

/// What changed about a person; the columns that did not are left as they are.
#[derive(Default)]
pub(super) struct Person {
    pub email: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub email_verified_at: Option<DateTime<Utc>>,
    pub closed_at: Option<DateTime<Utc>>,
    pub erased_at: Option<DateTime<Utc>>,
}

pub(super) struct NewCase {
    pub case_id: KycCaseId,
    pub user_id: UserId,
    pub document_type: String,
    pub country: String,
    pub at: DateTime<Utc>,
    pub position: i64,
}

pub(super) struct Verdict {
    pub status: &'static str,
    pub provider: String,
    pub reference: String,
    pub reasons: Vec<String>,
    pub decided_at: Option<DateTime<Utc>>,
}

pub(super) struct NewCard {
    pub card_id: CardId,
    pub user_id: UserId,
    pub card_type: String,
    pub currency: Currency,
    pub monthly_limit: i64,
    pub purpose: &'static str,
    pub predecessor: Option<CardId>,
    pub at: DateTime<Utc>,
    pub position: i64,
}

pub(super) struct IssuedCard {
    pub issuer: String,
    pub reference: String,
    pub last_four: String,
    pub expiry: String,
    pub expires_on: Option<NaiveDate>,
}

/// What a batch adds to (or takes from) the newest window it spends in.
pub(super) struct Spending {
    pub window: Window,
    pub change: i64,
}

pub(super) struct NewPayment {
    pub user_id: UserId,
    pub card_id: CardId,
    pub amount: i64,
    pub currency: Currency,
    pub merchant: String,
    pub merchant_category: String,
    pub risk_score: f64,
    pub at: DateTime<Utc>,
    pub position: i64,
}

pub(super) struct Outcome {
    pub status: &'static str,
    pub decline: Option<serde_json::Value>,
    pub gateway: Option<String>,
    pub reference: Option<String>,
    pub at: DateTime<Utc>,
}

impl Changes {
    /// Takes one event in, or says why it cannot be read.
    pub fn take(&mut self, event: &Envelope) -> Result<(), String> {
        match event.decode().map_err(|e| e.to_string())? {
            AnyEvent::User(fact) => self.user(UserId(event.aggregate_id), fact),
            AnyEvent::Kyc(fact) => self.kyc(UserId(event.aggregate_id), event.position, fact),
            AnyEvent::Card(fact) => self.card(event, fact),
            AnyEvent::Payment(fact) => self.payment(PaymentId(event.aggregate_id), event.position, fact),
            // Read from their streams, and rarely.
            AnyEvent::Client(_) | AnyEvent::Notification(_) => {}
        }
        Ok(())
    }

    fn user(&mut self, user_id: UserId, event: user::Event) {
        use user::Event;
        match event {
            Event::Registered { email, first_name, last_name, at, .. } => self.users.push(NewUser {
                user_id,
                email: email.ciphertext().to_owned(),
                first_name: first_name.ciphertext().to_owned(),
                last_name: last_name.ciphertext().to_owned(),
                at,
            }),
            Event::EmailVerified { at } => self.person(user_id).email_verified_at = Some(at),
            Event::NameChanged { first_name, last_name, at: _ } => {
                let person = self.person(user_id);
                person.first_name = Some(first_name.ciphertext().to_owned());
                person.last_name = Some(last_name.ciphertext().to_owned());
            }
            Event::EmailChanged { email, at, .. } => {
                let person = self.person(user_id);
                person.email = Some(email.ciphertext().to_owned());
                person.email_verified_at = Some(at);
            }
            Event::Closed { at } => self.person(user_id).closed_at = Some(at),
            Event::Erased { at } => self.person(user_id).erased_at = Some(at),
            // The tables of `sessions`, credentials and factors are the truth about them, not made from events;
            // preferences, roles, consents and changes under way are read from the stream.
            Event::EmailChangeRequested { .. }
            | Event::EmailChangeConfirmed { .. }
            | Event::PreferencesChosen { .. }
            | Event::NotificationsRead { .. }
            | Event::PasswordChanged { .. }
            | Event::PasswordReset { .. }
            | Event::TotpEnabled { .. }
            | Event::TotpDisabled { .. }
            | Event::RecoveryCodesIssued { .. }
            | Event::RecoveryCodeUsed { .. }
            | Event::PasskeyAdded { .. }
            | Event::PasskeyRemoved { .. }
            | Event::RoleGranted { .. }
            | Event::RoleRevoked { .. }
            | Event::ApiKeyIssued { .. }
            | Event::ApiKeyRevoked { .. }
            | Event::IdentityLinked { .. }
            | Event::IdentityUnlinked { .. }
            | Event::ConsentGranted { .. }
            | Event::ConsentWithdrawn { .. }
            | Event::SessionOpened { .. }
            | Event::SessionClosed { .. } => {}
        }
    }

    fn person(&mut self, user_id: UserId) -> &mut Person {
        self.people.entry(user_id).or_default()
    }

    fn kyc(&mut self, user_id: UserId, position: i64, event: kyc::Event) {
        match event {
            kyc::Event::Submitted { case_id, document_type, country, at, .. } => self.cases.push(NewCase {
                case_id,
                user_id,
                document_type: text(&document_type),
                country,
                at,
                position,
            }),
            kyc::Event::ReviewStarted { case_id, provider, provider_reference: reference, .. } => {
                let verdict = Verdict { status: "in_review", provider, reference, reasons: vec![], decided_at: None };
                self.verdicts.insert(case_id, verdict);
            }
            kyc::Event::Approved { case_id, provider, provider_reference: reference, at } => {
                let verdict =
                    Verdict { status: "approved", provider, reference, reasons: vec![], decided_at: Some(at) };
                self.verdicts.insert(case_id, verdict);
            }
            kyc::Event::Rejected { case_id, provider, provider_reference: reference, reasons, at } => {
                let verdict = Verdict { status: "rejected", provider, reference, reasons, decided_at: Some(at) };
                self.verdicts.insert(case_id, verdict);
            }
        }
    }

    fn payment(&mut self, payment_id: PaymentId, position: i64, event: payment::Event) {
        let outcome = match event {
            payment::Event::Initiated {
                user_id, card_id, amount, merchant, merchant_category, screening, at, ..
            } => {
                self.payments.insert(
                    payment_id,
                    NewPayment {
                        user_id,
                        card_id,
                        amount: amount.minor_units,
                        currency: amount.currency,
                        merchant,
                        merchant_category,
                        risk_score: screening.risk_score,
                        at,
                        position,
                    },
                );
                return;
            }
            // Still pending.
            payment::Event::Resumed { .. } => return,
            payment::Event::Captured { gateway, gateway_reference, at, .. } => Outcome {
                status: "captured",
                decline: None,
                gateway: Some(gateway),
                reference: Some(gateway_reference),
                at,
            },
            payment::Event::Declined { reason, at } => Outcome {
                status: "declined",
                decline: serde_json::to_value(&reason).ok(),
                gateway: None,
                reference: None,
                at,
            },
        };
        self.outcomes.insert(payment_id, outcome);
    }
}

/// An enum's name as serde writes it.
fn text(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}
