#![allow(clippy::unwrap_used)]

use std::{collections::BTreeSet, fs, path::PathBuf};

use super::*;
use crate::examples::{every_event, recorded};

fn tagged(event: &AnyEvent) -> serde_json::Value {
    match event {
        AnyEvent::User(e) => serde_json::to_value(e),
        AnyEvent::Kyc(e) => serde_json::to_value(e),
        AnyEvent::Card(e) => serde_json::to_value(e),
        AnyEvent::Payment(e) => serde_json::to_value(e),
        AnyEvent::Client(e) => serde_json::to_value(e),
        AnyEvent::Notification(e) => serde_json::to_value(e),
    }
    .unwrap()
}

#[test]
fn the_examples_are_complete() {
    let examples: BTreeSet<_> = every_event()
        .iter()
        .map(|event| {
            let Envelope { kind, name, version, .. } = recorded(event);
            format!("{kind}.{name}.v{version}.json")
        })
        .collect();
    let published: BTreeSet<_> = crate::schema::event_schemas().into_iter().map(|(file, _)| file).collect();
    assert_eq!(examples, published);
}

#[test]
fn an_events_name_is_its_serde_tag() {
    for event in every_event() {
        let tagged = tagged(&event);
        assert_eq!(tagged.as_object().unwrap().keys().collect::<Vec<_>>(), [&recorded(&event).name]);
    }
}

#[test]
fn what_is_written_is_the_data_alone() {
    for event in every_event() {
        let Envelope { name, data, .. } = recorded(&event);
        let value: serde_json::Value = serde_json::from_str(data.get()).unwrap();
        assert_eq!(tagged(&event)[&name], value);
    }
}

#[test]
fn every_event_is_read_as_it_was_written() {
    for event in every_event() {
        assert_eq!(recorded(&event).decode().unwrap(), event);
    }
}

#[test]
fn every_event_survives_its_cloud_event() {
    for event in every_event() {
        let envelope = recorded(&event);
        let bytes = envelope.to_cloud_event();
        let read = Envelope::from_cloud_event(&bytes).unwrap();
        assert_eq!(read.decode().unwrap(), event);
        assert_eq!(format!("{read:?}"), format!("{envelope:?}"));
        assert_eq!(read.to_cloud_event(), bytes);
    }
}

#[test]
fn the_optional_attributes_may_be_missing() {
    let envelope = Envelope { causation_id: None, traceparent: None, ..recorded(&every_event()[0]) };
    let bytes = envelope.to_cloud_event();
    assert!(!String::from_utf8_lossy(&bytes).contains("causationid"));
    assert_eq!(format!("{:?}", Envelope::from_cloud_event(&bytes).unwrap()), format!("{envelope:?}"));
}

#[test]
fn a_message_that_is_not_of_this_log_is_refused() {
    let ours = String::from_utf8(recorded(&every_event()[0]).to_cloud_event()).unwrap();
    for (what, changed) in [
        ("no JSON", "ping".to_owned()),
        ("another type", ours.replace("virtualcards.user.registered.v1", "com.example.user.registered.v1")),
        ("a type of another kind", ours.replace("virtualcards.user.", "virtualcards.card.")),
        ("an unknown kind", ours.replace("user/", "order/")),
        ("a subject without an id", ours.replace("user/00000000", "user/x")),
        ("a position that is no number", ours.replace("\"9223372036854775807\"", "\"last\"")),
    ] {
        assert_ne!(changed, ours, "{what}");
        assert!(matches!(Envelope::from_cloud_event(changed.as_bytes()), Err(EventError::NotOurs(_))), "{what}");
    }
}

#[test]
fn an_unknown_version_is_named_in_the_error() {
    let envelope = Envelope { version: 9, ..recorded(&every_event()[0]) };
    let unknown = EventError::UnknownVersion { kind: Kind::User, name: "registered".into(), version: 9 };
    assert_eq!(envelope.decode(), Err(unknown));
}

#[test]
fn unknown_events_and_fields_are_unreadable() {
    let renamed = Envelope { name: "unheard_of".into(), ..recorded(&every_event()[0]) };
    assert!(matches!(renamed.decode(), Err(EventError::Unreadable { .. })));

    let mut more = recorded(&every_event()[0]);
    more.data = RawValue::from_string(more.data.get().replacen('{', "{\"surplus\":1,", 1)).unwrap();
    assert!(matches!(more.decode(), Err(EventError::Unreadable { .. })));
}

#[test]
fn sealed_data_does_not_print() {
    let event = &every_event()[0];
    assert!(!format!("{event:?}").contains("c2VhbGVk"));
}

fn golden() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// `card.held.v1.json`; a declined payment has one for each reason: `payment.declined.v1.card_frozen.json`.
fn golden_name(event: &AnyEvent) -> String {
    let Envelope { kind, name, version, .. } = recorded(event);
    match event {
        AnyEvent::Payment(payment::Event::Declined { reason, .. }) => {
            format!("{kind}.{name}.v{version}.{}.json", reason.code())
        }
        AnyEvent::Kyc(kyc::Event::ReviewStarted { people_decide: true, .. }) => {
            format!("{kind}.{name}.v{version}.people.json")
        }
        AnyEvent::Kyc(event) if has_more(event) => format!("{kind}.{name}.v{version}.more.json"),
        AnyEvent::User(user::Event::RecoveryCodesIssued { set_id: Some(_), .. }) => {
            format!("{kind}.{name}.v{version}.set.json")
        }
        AnyEvent::Payment(payment::Event::Initiated { network: Some(network), .. }) if network.posted => {
            format!("{kind}.{name}.v{version}.posted.json")
        }
        AnyEvent::Payment(payment::Event::Initiated { network: Some(_), .. }) => {
            format!("{kind}.{name}.v{version}.network.json")
        }
        AnyEvent::Payment(payment::Event::Captured { is_final: false, .. }) => {
            format!("{kind}.{name}.v{version}.part.json")
        }
        AnyEvent::Payment(payment::Event::Incremented { forced: true, .. }) => {
            format!("{kind}.{name}.v{version}.forced.json")
        }
        AnyEvent::Payment(payment::Event::Initiated { slot: Some(_), .. })
        | AnyEvent::Card(card::Event::Held { slot: Some(_), .. } | card::Event::HoldReleased { slot: Some(_), .. }) => {
            format!("{kind}.{name}.v{version}.with_slot.json")
        }
        AnyEvent::Card(
            card::Event::Requested { needs_activation: true, .. }
            | card::Event::Issued { status: card::Status::Inactive, .. }
            | card::Event::Frozen { reason: Some(_), .. }
            | card::Event::Unfrozen { reason: Some(_), .. }
            | card::Event::Terminated { reason: Some(_), .. },
        ) => format!("{kind}.{name}.v{version}.full.json"),
        AnyEvent::User(_)
        | AnyEvent::Kyc(_)
        | AnyEvent::Card(_)
        | AnyEvent::Payment(_)
        | AnyEvent::Client(_)
        | AnyEvent::Notification(_) => format!("{kind}.{name}.v{version}.json"),
    }
}

/// Whether the event has what the first release did not write.
fn has_more(event: &kyc::Event) -> bool {
    match event {
        kyc::Event::Submitted { level, .. } => *level != kyc::Level::Basic,
        kyc::Event::ReviewStarted { reasons, .. } => !reasons.is_empty(),
        kyc::Event::Approved { decided_by, .. } | kyc::Event::Rejected { decided_by, .. } => !decided_by.is_empty(),
        _ => false,
    }
}

/// Golden files are what was stored once. They are added to, never changed: where this fails, give the event a new
/// version and teach `Fact::read` to read the old one.
#[test]
fn events_stored_by_any_release_are_read_for_ever() {
    for entry in fs::read_dir(golden()).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        let mut parts = file.split('.');
        let (kind, name, version) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
        let text = fs::read_to_string(&path).unwrap();
        let envelope = Envelope {
            kind: Kind::parse(kind).unwrap(),
            name: name.into(),
            version: version[1..].parse().unwrap(),
            data: RawValue::from_string(text.trim_end().to_owned()).unwrap(),
            ..recorded(&every_event()[0])
        };
        let event = envelope.decode().unwrap_or_else(|error| panic!("{file}: {error}"));
        let today = recorded(&event);
        if today.version == envelope.version {
            assert_eq!(today.data.get(), text.trim_end(), "{file} is written differently today");
        }
    }
}

#[test]
fn every_event_of_today_has_a_golden_file() {
    for event in every_event() {
        let (file, data) = (golden_name(&event), recorded(&event).data);
        let text = fs::read_to_string(golden().join(&file));
        let text = text.unwrap_or_else(|_| panic!("add aggregates/golden/{file} with this line:\n{data}"));
        assert_eq!(text, format!("{data}\n"), "{file}");
    }
}
