//! Given events, then documents: no Redis.

use std::collections::HashMap;

use aggregates::{
    CardId, Currency, Envelope, Money, PaymentId, UserId,
    card::{self, Slot},
    kyc,
    payment::{self, Decline},
};
use fraud::PersonState;

use super::history::{History, held, released, usd};
use crate::{
    Card, Notification, Profile, Transaction,
    batch::{self, Outcasts, Read},
    index::Index,
    keys::Key,
    workspace::{Changes, Document, Workspace},
};

/// What a log folds into, from nothing.
pub struct Folded(HashMap<Key, Vec<u8>>, HashMap<Key, crate::workspace::List>);

impl Folded {
    pub fn from(log: &[Envelope]) -> Folded {
        let read: Vec<Read<'_>> = log.iter().map(Read::new).collect();
        let batch = batch::follow(0, &read).unwrap();
        let mut workspace = Workspace::default();
        let needs = batch::needs(&batch, &mut workspace);
        for key in needs.missing(&workspace).into_iter().chain(needs.created()) {
            workspace.load(key, None);
        }
        for (key, bound, pushes) in needs.indexes() {
            workspace.load_index(key, Index::new(bound, pushes, vec![]));
        }
        let mut outcasts = Outcasts::default();
        assert_eq!(batch::fold(&batch, &mut outcasts, &mut workspace).ok(), Some(0), "{:?}", outcasts.now);
        let Changes { written, lists, .. } = workspace.into_changes();
        Folded(written.into_iter().collect(), lists)
    }

    pub fn get<D: Document>(&self, id: impl Into<uuid::Uuid>) -> D {
        serde_json::from_slice(&self.0[&D::key(id)]).unwrap()
    }

    /// Newest first.
    pub fn inbox(&self, user: UserId) -> Vec<Notification> {
        let list = self.1.get(&Key::new("inbox", user));
        let added = list.map(|list| list.added.as_slice()).unwrap_or_default();
        added.iter().rev().map(|entry| serde_json::from_slice(entry).unwrap()).collect()
    }
}

#[test]
fn a_registered_person_is_not_verified() {
    let mut history = History::default();
    let created_at = history.now();
    let user = history.a_person();
    history.a_login(user);
    let profile: Profile = Folded::from(&history.log).get(user);
    assert_eq!(profile.kyc_status(), kyc::Status::NotStarted);
    assert_eq!((profile.user_id, profile.created_at), (user, created_at));
    assert_eq!(profile.email.ciphertext(), format!("email of {user}"));
    assert_eq!((profile.verified_at, profile.provider, profile.kyc_case), (None, None, None));
}

#[test]
fn a_verdict_shows_in_the_profile() {
    let mut history = History::default();
    let user = history.a_person();
    let case = history.submits(user);
    assert_eq!(Folded::from(&history.log).get::<Profile>(user).kyc_status(), kyc::Status::Pending);
    history.is_reviewed(user, case);
    assert_eq!(Folded::from(&history.log).get::<Profile>(user).kyc_status(), kyc::Status::InReview);
    let verified_at = history.now();
    history.is_approved(user, case);
    let profile: Profile = Folded::from(&history.log).get(user);
    assert_eq!(profile.kyc_status(), kyc::Status::Approved);
    assert_eq!((profile.kyc_case, profile.verified_at), (Some(case), Some(verified_at)));
    assert_eq!(profile.provider.as_deref(), Some("onfido"));
}

#[test]
fn a_new_case_forgets_the_rejected_one() {
    let mut history = History::default();
    let user = history.a_person();
    let first = history.submits(user);
    history.is_rejected(user, first);
    let rejected: Profile = Folded::from(&history.log).get(user);
    assert_eq!(rejected.kyc_status(), kyc::Status::Rejected);
    assert_eq!(rejected.rejection_reasons, ["document_unreadable"]);
    let second = history.submits(user);
    let again: Profile = Folded::from(&history.log).get(user);
    assert_eq!((again.kyc_status(), again.kyc_case), (kyc::Status::Pending, Some(second)));
    assert_eq!((again.provider, again.rejection_reasons), (None, vec![]));
}

#[test]
fn a_card_is_active_once_issued() {
    let mut history = History::default();
    let user = history.a_person();
    let position = history.position() + 1;
    let card_id = history.requests_card(user);
    let requested: Card = Folded::from(&history.log).get(card_id);
    assert_eq!((requested.status, requested.position), (card::Status::Requested, position));
    assert_eq!((requested.last_four, requested.expiry), (None, None));
    history.is_issued(card_id);
    let issued: Card = Folded::from(&history.log).get(card_id);
    assert_eq!((issued.status, issued.user_id), (card::Status::Active, user));
    assert_eq!(issued.last_four.as_deref(), Some("9012"));
    assert_eq!(issued.expiry.unwrap().to_string(), "10/27");
}

#[test]
fn a_card_follows_its_life() {
    let mut history = History::default();
    let (_, card) = history.a_person_with_card();
    let (by, at) = (card::Authority::Person, history.now());
    for (event, status) in [
        (card::Event::Frozen { by, reason: None, at }, card::Status::Frozen),
        (card::Event::Unfrozen { by, whose: by, reason: None, status: card::Status::Active, at }, card::Status::Active),
        (card::Event::Terminated { by, reason: None, at }, card::Status::Terminated),
    ] {
        history.record(card, event);
        assert_eq!(Folded::from(&history.log).get::<Card>(card).status, status);
    }
    let user = history.a_person();
    let refused = history.requests_card(user);
    history.is_not_issued(refused);
    assert_eq!(Folded::from(&history.log).get::<Card>(refused).status, card::Status::IssueFailed);
}

#[test]
fn a_card_shows_what_the_newest_month_holds() {
    let mut history = History::default();
    let (_, card) = history.a_person_with_card();
    let slot = |day: &str| Slot::utc(format!("{day}T12:00:00Z").parse().unwrap());
    let (january, february) = (slot("2027-01-31"), slot("2027-02-01"));
    let mut hold = |cents: i64, slot, back| {
        let (payment_id, amount) = (PaymentId(history.id()), usd(cents));
        let event = if back { released(payment_id, amount, slot) } else { held(payment_id, amount, slot) };
        history.record(card, event);
        let shown: Card = Folded::from(&history.log).get(card);
        let used = |slot: Slot| shown.used_in(slot.window()).minor_units;
        (used(january), used(february))
    };
    assert_eq!(hold(500, january, false), (500, 0));
    assert_eq!(hold(700, january, false), (1_200, 0));
    assert_eq!(hold(500, january, true), (700, 0));
    assert_eq!(hold(300, february, false), (0, 300));
    assert_eq!(hold(700, january, true), (0, 300), "a release of last month");
}

#[test]
fn a_payment_ends_captured_or_declined() {
    let mut history = History::default();
    let (user, card) = history.a_person_with_card();
    let payment = history.begins(user, card, usd(9_999));
    let pending: Transaction = Folded::from(&history.log).get(payment);
    assert_eq!((pending.status, pending.completed_at), (payment::Status::Pending, None));
    assert_eq!((pending.amount, pending.position), (usd(9_999), history.position()));
    let at = history.now();
    history.is_captured(payment, usd(9_999));
    let captured: Transaction = Folded::from(&history.log).get(payment);
    assert_eq!((captured.status, captured.completed_at), (payment::Status::Captured, Some(at)));
    assert_eq!(captured.gateway.as_deref(), Some("stripe"));

    let other = history.begins(user, card, usd(1));
    history.is_declined(other, card, usd(1));
    let declined: Transaction = Folded::from(&history.log).get(other);
    assert_eq!(declined.status, payment::Status::Declined);
    assert_eq!(declined.decline.unwrap().code(), "gateway_declined");
    assert_eq!(Folded::from(&history.log).get::<Card>(card).used_minor_units, 9_999);
}

#[test]
fn fraud_screening_learns_from_every_payment_event() {
    let mut history = History::default();
    let (user, card) = history.a_person_with_card();
    let mut expected = PersonState::default();
    history.pays(user, card, usd(1_000));
    let declined = history.begins(user, card, usd(70));
    history.is_declined(declined, card, usd(70));
    history.is_refused(user, card, usd(5), Decline::SuspectedFraud { risk_score: 0.9 });
    let mut tallies = HashMap::new();
    for envelope in &history.log {
        if let Ok(aggregates::envelope::AnyEvent::Payment(event)) = envelope.decode() {
            let tally: &mut payment::Tally = tallies.entry(envelope.aggregate_id).or_default();
            expected.step(&event, *tally);
            tally.step(&event);
        }
    }
    assert_eq!(expected.captured_count(), 1);
    assert_eq!(Folded::from(&history.log).get::<PersonState>(user), expected);
}

#[test]
fn one_persons_events_leave_others_alone() {
    let mut history = History::default();
    let (one, card) = history.a_person_with_card();
    let (other, others_card) = history.a_person_with_card();
    let before = Folded::from(&history.log);
    let of_other = |folded: &Folded| {
        (folded.get::<Profile>(other), folded.get::<Card>(CardId(others_card.0)), folded.inbox(other))
    };
    history.pays(one, card, Money::new(5, Currency::EUR));
    let after = Folded::from(&history.log);
    assert_eq!(of_other(&before), of_other(&after));
    assert_eq!(after.inbox(one).len(), 2);
}
