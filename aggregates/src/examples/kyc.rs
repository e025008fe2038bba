use super::{ALICE, CASE, CREDENTIAL, MALLORY, index, november, sealed};
use crate::kyc::{Decision, DocumentType, Event, Level, PictureKind};

pub fn kyc_events() -> Vec<Event> {
    let mut events = of_the_first_release();
    events.extend(of_a_draft());
    events.extend(of_a_review());
    events.extend(of_the_end());
    events
}

/// Without what was added since, as events still are where it does not apply.
fn of_the_first_release() -> Vec<Event> {
    let (provider, provider_reference) = ("sandbox".to_string(), "ver_1".to_string());
    vec![
        Event::Submitted {
            case_id: CASE,
            applicant: sealed("c2VhbGVkIGFwcGxpY2FudA"),
            document_type: DocumentType::Passport,
            country: "DE".into(),
            level: Level::Basic,
            at: november(1),
        },
        Event::ReviewStarted {
            case_id: CASE,
            provider: provider.clone(),
            provider_reference: provider_reference.clone(),
            reasons: vec![],
            people_decide: false,
            at: november(2),
        },
        Event::Approved {
            case_id: CASE,
            provider: provider.clone(),
            provider_reference: provider_reference.clone(),
            decided_by: vec![],
            valid_until: None,
            at: november(3),
        },
        Event::Rejected {
            case_id: CASE,
            provider,
            provider_reference,
            reasons: vec!["document_unreadable".into()],
            decided_by: vec![],
            at: november(3),
        },
    ]
}

fn of_a_draft() -> Vec<Event> {
    let (case_id, at) = (CASE, november(1));
    vec![
        Event::DraftOpened { case_id, level: Level::Full, at },
        Event::DetailsGiven {
            case_id,
            applicant: sealed("c2VhbGVkIGFwcGxpY2FudA"),
            document_type: DocumentType::NationalId,
            country: "DE".into(),
            at,
        },
        Event::AddressGiven { case_id, address: sealed("c2VhbGVkIGFkZHJlc3M"), at },
        Event::DocumentAdded {
            case_id,
            document_id: CREDENTIAL,
            kind: PictureKind::Front,
            digest: index("5f2b"),
            bytes: 48_213,
            at,
        },
        Event::Submitted {
            case_id,
            applicant: sealed("c2VhbGVkIGFwcGxpY2FudA"),
            document_type: DocumentType::NationalId,
            country: "DE".into(),
            level: Level::Full,
            at,
        },
    ]
}

fn of_a_review() -> Vec<Event> {
    let (case_id, at, operator) = (CASE, november(2), MALLORY);
    vec![
        Event::ReviewStarted {
            case_id,
            provider: "sandbox".into(),
            provider_reference: "ver_1".into(),
            reasons: vec!["watchlist_hit".into()],
            people_decide: false,
            at,
        },
        Event::ReviewStarted {
            case_id,
            provider: "sandbox".into(),
            provider_reference: "ver_1".into(),
            reasons: vec!["provider_overdue".into()],
            people_decide: true,
            at,
        },
        Event::WatchListNamed { case_id, provider: "sandbox".into(), provider_reference: "ver_1".into(), at },
        Event::WatchListCleared {
            case_id,
            provider_references: vec!["ver_1".into()],
            decided_by: vec![MALLORY, ALICE],
            at,
        },
        Event::Assigned { case_id, operator, at },
        Event::Noted { case_id, operator, note: sealed("c2VhbGVkIG5vdGU"), at },
        Event::DocumentViewed { case_id, document_id: CREDENTIAL, operator, at },
        Event::CaseViewed { case_id, operator, at },
        Event::DecisionProposed { case_id, operator, decision: Decision::Approve, at },
    ]
}

fn of_the_end() -> Vec<Event> {
    let (provider, provider_reference) = ("sandbox".to_string(), "ver_1".to_string());
    vec![
        Event::Approved {
            case_id: CASE,
            provider: provider.clone(),
            provider_reference: provider_reference.clone(),
            decided_by: vec![MALLORY, ALICE],
            valid_until: Some(november(30)),
            at: november(3),
        },
        Event::Rejected {
            case_id: CASE,
            provider,
            provider_reference,
            reasons: vec!["document_unreadable".into()],
            decided_by: vec![MALLORY],
            at: november(3),
        },
        Event::ExpiryAnnounced { case_id: CASE, valid_until: november(30), at: november(20) },
        Event::Expired { case_id: CASE, at: november(30) },
    ]
}
