//! What a batch of events changes in the tables, folded together so that a row is written once.

mod cards;

use std::collections::BTreeMap;

use aggregates::{
    CardId, Currency, Envelope, KycCaseId, PaymentId, UserId, card::Window, envelope::AnyEvent, kyc, payment, user,
};
use chrono::{DateTime, NaiveDate, Utc};

pub(super) use cards::{CardChange, Transition};

use super::payments::{NewPayment, Outcome};

#[derive(Default)]
pub(super) struct Changes {
    pub users: Vec<NewUser>,
    pub people: BTreeMap<UserId, Person>,
    pub cases: Vec<NewCase>,
    pub verdicts: BTreeMap<KycCaseId, Verdict>,
    /// Who has taken which review, and which approvals are over; in the order of events.
    pub case_changes: Vec<(KycCaseId, CaseChange)>,
    pub cards: Vec<NewCard>,
    pub issued: Vec<(CardId, IssuedCard)>,
    pub card_statuses: BTreeMap<CardId, (&'static str, DateTime<Utc>)>,
    pub card_changes: BTreeMap<CardId, CardChange>,
    pub transitions: Vec<Transition>,
    pub spending: BTreeMap<CardId, Spending>,
    pub payments: BTreeMap<PaymentId, NewPayment>,
    /// What happened to payments, each one's events in their order.
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
    pub level: kyc::Level,
    pub at: DateTime<Utc>,
    pub position: i64,
}

pub(super) enum CaseChange {
    Assigned(UserId),
    ExpiryAnnounced,
    Expired,
    /// A watch list's hit waits for operators, or does not any more.
    Hit(bool),
    /// What the person was approved for up to this case is over.
    ApprovalsEnded,
}

pub(super) struct Verdict {
    pub status: &'static str,
    pub provider: String,
    pub reference: String,
    pub reasons: Vec<String>,
    pub decided_at: Option<DateTime<Utc>>,
    pub valid_until: Option<DateTime<Utc>>,
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

    fn payment(&mut self, payment_id: PaymentId, position: i64, event: payment::Event) {
        if let Some(new) = NewPayment::of(&event, position) {
            self.payments.insert(payment_id, new);
        }
        self.outcomes.entry(payment_id).or_default().add(event);
    }
}

/// An enum's name as serde writes it.
pub(super) fn text(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}
