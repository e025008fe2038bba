//! The person's events, with what is sealed in them beside.

use std::collections::BTreeMap;

use aggregates::{Envelope, Sealed, UserId, envelope::AnyEvent, kyc, notification, user};
use serde::Serialize;
use serde_json::value::RawValue;
use store::PersonalData;

use crate::{Error, System};

#[derive(Serialize)]
pub struct Opened {
    /// As it was recorded, a CloudEvent.
    event: Box<RawValue>,
    /// The sealed fields of its data, opened.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    opened: BTreeMap<&'static str, String>,
}

pub async fn opened(system: &System, user_id: UserId, events: Vec<Envelope>) -> Result<Vec<Opened>, Error> {
    let mut found = Vec::with_capacity(events.len());
    for envelope in events {
        let mut opened = BTreeMap::new();
        let event = envelope.decode().map_err(|e| Error::Internal(e.into()))?;
        if is_of_operators(&event) {
            continue;
        }
        for (name, field, sealed) in sealed_fields(&event) {
            opened.insert(name, system.store.open(user_id, field, sealed).await?.to_string());
        }
        let json = String::from_utf8(envelope.to_cloud_event()).map_err(|e| Error::Internal(e.into()))?;
        let event = RawValue::from_string(json).map_err(|e| Error::Internal(e.into()))?;
        found.push(Opened { event, opened });
    }
    Ok(found)
}

/// The sealed fields of an event: their names, and what they were sealed as.
fn sealed_fields(event: &AnyEvent) -> Vec<(&'static str, PersonalData, &Sealed)> {
    match event {
        AnyEvent::User(event) => of_user(event),
        AnyEvent::Kyc(event) => of_kyc(event),
        AnyEvent::Notification(notification::Event::Sent { title, message, data, .. }) => vec![
            ("title", PersonalData::NotificationTitle, title),
            ("message", PersonalData::NotificationMessage, message),
            ("data", PersonalData::NotificationData, data),
        ],
        AnyEvent::Card(_) | AnyEvent::Payment(_) | AnyEvent::Client(_) => vec![],
    }
}

fn of_kyc(event: &kyc::Event) -> Vec<(&'static str, PersonalData, &Sealed)> {
    use kyc::Event;
    match event {
        Event::Submitted { applicant, .. } | Event::DetailsGiven { applicant, .. } => {
            vec![("applicant", PersonalData::Applicant, applicant)]
        }
        Event::AddressGiven { address, .. } => vec![("address", PersonalData::Address, address)],
        Event::DraftOpened { .. }
        | Event::DocumentAdded { .. }
        | Event::ReviewStarted { .. }
        | Event::WatchListNamed { .. }
        | Event::WatchListCleared { .. }
        | Event::Assigned { .. }
        | Event::Noted { .. }
        | Event::DocumentViewed { .. }
        | Event::CaseViewed { .. }
        | Event::DecisionProposed { .. }
        | Event::Approved { .. }
        | Event::Rejected { .. }
        | Event::ExpiryAnnounced { .. }
        | Event::Expired { .. } => vec![],
    }
}

/// What operators did about a case, and why: whom a watch list names must not be told of it.
fn is_of_operators(event: &AnyEvent) -> bool {
    use kyc::Event;
    match event {
        AnyEvent::Kyc(Event::ReviewStarted { reasons, .. }) => !reasons.is_empty(),
        AnyEvent::Kyc(event) => matches!(
            event,
            Event::WatchListNamed { .. }
                | Event::WatchListCleared { .. }
                | Event::Assigned { .. }
                | Event::Noted { .. }
                | Event::DocumentViewed { .. }
                | Event::CaseViewed { .. }
                | Event::DecisionProposed { .. }
        ),
        AnyEvent::User(_)
        | AnyEvent::Card(_)
        | AnyEvent::Payment(_)
        | AnyEvent::Client(_)
        | AnyEvent::Notification(_) => false,
    }
}

fn of_user(event: &user::Event) -> Vec<(&'static str, PersonalData, &Sealed)> {
    use user::Event;
    match event {
        Event::Registered { email, first_name, last_name, .. } => vec![
            ("email", PersonalData::Email, email),
            ("first_name", PersonalData::FirstName, first_name),
            ("last_name", PersonalData::LastName, last_name),
        ],
        Event::NameChanged { first_name, last_name, .. } => {
            vec![("first_name", PersonalData::FirstName, first_name), ("last_name", PersonalData::LastName, last_name)]
        }
        Event::EmailChangeRequested { email, .. } | Event::EmailChanged { email, .. } => {
            vec![("email", PersonalData::Email, email)]
        }
        Event::EmailVerified { .. }
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
        | Event::SessionClosed { .. }
        | Event::Closed { .. }
        | Event::Erased { .. } => vec![],
    }
}
