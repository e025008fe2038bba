//! The one envelope of an event: in the log, on the bus, in exports. CloudEvents 1.0, JSON format.

use chrono::{DateTime, SecondsFormat, Utc};
use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{ClientId, Kind, UserId, card, client, kyc, notification, payment, user};

/// A domain event that has a name, a version and a stable JSON form.
///
/// The enum is externally tagged in snake case and every variant has named fields, so `{"held":{…}}` splits into
/// the name and the data without a second serialisation.
pub trait Fact: DomainEvent + JsonSchema {
    const KIND: Kind;

    /// The event's name within its kind, equal to its serde tag: `held`.
    fn name(&self) -> &'static str;

    /// The version of the data's shape. A changed shape is a new version and an upcaster in [`Fact::read`].
    fn version(&self) -> i16 {
        1
    }

    /// Reads stored data of any version that was ever written.
    fn read(name: &str, version: i16, data: &str) -> Result<Self, EventError> {
        if version != 1 {
            return Err(EventError::UnknownVersion { kind: Self::KIND, name: name.into(), version });
        }
        let tagged = format!("{{\"{name}\":{data}}}");
        serde_json::from_str(&tagged).map_err(|e| EventError::Unreadable {
            kind: Self::KIND,
            name: name.into(),
            reason: e.to_string(),
        })
    }

    /// The event's data as JSON, without name and envelope.
    fn write(&self) -> Box<RawValue> {
        let tagged = serde_json::to_string(self).expect("events have string keys and no failing serialisers");
        // `{"` name `":` data `}`
        let data = tagged[self.name().len() + 4..tagged.len() - 1].to_owned();
        RawValue::from_string(data).expect("a value inside valid JSON is valid JSON")
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    #[error("{kind}.{name} has no version {version}")]
    UnknownVersion { kind: Kind, name: String, version: i16 },
    #[error("{kind}.{name} cannot be read: {reason}")]
    Unreadable { kind: Kind, name: String, reason: String },
    #[error("not a CloudEvent of this log: {0}")]
    NotOurs(String),
}

/// Who caused an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    Person(UserId),
    /// A program with a service token.
    Service(ClientId),
    /// A part of the system acting on its own, such as `recovery`.
    System(&'static str),
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Actor::Person(id) => write!(f, "person:{id}"),
            Actor::Service(id) => write!(f, "service:{id}"),
            Actor::System(name) => write!(f, "system:{name}"),
        }
    }
}

/// What a command carries along besides its intent; it ends up in every event that the command causes.
#[derive(Clone, Debug)]
pub struct Context {
    /// One per request of a client; everything that follows from the request shares it.
    pub correlation_id: Uuid,
    /// The event that led to this command, if an event did.
    pub causation_id: Option<Uuid>,
    /// W3C Trace Context `traceparent`.
    pub traceparent: Option<String>,
    pub actor: Actor,
}

/// A recorded event.
#[derive(Clone, Debug)]
pub struct Envelope {
    pub id: Uuid,
    /// The place in the whole log: 1, 2, 3 … in commit order, without holes.
    pub position: i64,
    pub kind: Kind,
    pub aggregate_id: Uuid,
    /// The place in the aggregate's own stream: 1, 2, 3 …
    pub sequence: i64,
    /// The event's name within its kind: `held`.
    pub name: String,
    pub version: i16,
    pub recorded_at: DateTime<Utc>,
    pub correlation_id: Uuid,
    pub causation_id: Option<Uuid>,
    pub traceparent: Option<String>,
    pub actor: String,
    pub data: Box<RawValue>,
}

/// An event of any kind, for readers that follow the whole log.
#[derive(Clone, Debug, PartialEq)]
pub enum AnyEvent {
    User(user::Event),
    Kyc(kyc::Event),
    Card(card::Event),
    Payment(payment::Event),
    Client(client::Event),
    Notification(notification::Event),
}

impl Envelope {
    pub fn decode(&self) -> Result<AnyEvent, EventError> {
        let (name, version, data) = (self.name.as_str(), self.version, self.data.get());
        Ok(match self.kind {
            Kind::User => AnyEvent::User(Fact::read(name, version, data)?),
            Kind::Kyc => AnyEvent::Kyc(Fact::read(name, version, data)?),
            Kind::Card => AnyEvent::Card(Fact::read(name, version, data)?),
            Kind::Payment => AnyEvent::Payment(Fact::read(name, version, data)?),
            Kind::Client => AnyEvent::Client(Fact::read(name, version, data)?),
            Kind::Notification => AnyEvent::Notification(Fact::read(name, version, data)?),
        })
    }

    /// CloudEvents `type`: `virtualcards.card.held.v1`.
    pub fn event_type(&self) -> String {
        format!("virtualcards.{}.{}.v{}", self.kind, self.name, self.version)
    }

    /// The structured JSON form of CloudEvents 1.0 §3.
    pub fn to_cloud_event(&self) -> Vec<u8> {
        let wire = Wire {
            specversion: "1.0".into(),
            id: self.id,
            source: "/virtual-cards".into(),
            event_type: self.event_type(),
            subject: format!("{}/{}", self.kind, self.aggregate_id),
            time: self.recorded_at.to_rfc3339_opts(SecondsFormat::Micros, true),
            datacontenttype: "application/json".into(),
            dataschema: format!("/schemas/events/{}.{}.v{}.json", self.kind, self.name, self.version),
            position: self.position.to_string(),
            sequence: self.sequence.to_string(),
            correlationid: self.correlation_id,
            causationid: self.causation_id,
            traceparent: self.traceparent.clone(),
            actor: self.actor.clone(),
            data: self.data.clone(),
        };
        serde_json::to_vec(&wire).expect("the envelope has string keys and no failing serialisers")
    }

    pub fn from_cloud_event(bytes: &[u8]) -> Result<Envelope, EventError> {
        let wire: Wire = serde_json::from_slice(bytes).map_err(|e| EventError::NotOurs(e.to_string()))?;
        let broken = |what: &str| EventError::NotOurs(format!("bad `{what}`"));
        let (kind, aggregate_id) = wire.subject.split_once('/').ok_or_else(|| broken("subject"))?;
        let mut parts = wire.event_type.splitn(4, '.').skip(2);
        let name = parts.next().ok_or_else(|| broken("type"))?.to_owned();
        let version = parts.next().and_then(|v| v.strip_prefix('v')).and_then(|v| v.parse().ok());
        let envelope = Envelope {
            id: wire.id,
            position: wire.position.parse().map_err(|_| broken("position"))?,
            kind: Kind::parse(kind).ok_or_else(|| broken("subject"))?,
            aggregate_id: aggregate_id.parse().map_err(|_| broken("subject"))?,
            sequence: wire.sequence.parse().map_err(|_| broken("sequence"))?,
            name,
            version: version.ok_or_else(|| broken("type"))?,
            recorded_at: wire.time.parse().map_err(|_| broken("time"))?,
            correlation_id: wire.correlationid,
            causation_id: wire.causationid,
            traceparent: wire.traceparent,
            actor: wire.actor,
            data: wire.data,
        };
        // Whoever publishes on our subjects by mistake is told so, not half understood.
        match envelope.event_type() == wire.event_type {
            true => Ok(envelope),
            false => Err(broken("type")),
        }
    }
}

/// Attribute names as CloudEvents writes them. `position` and `sequence` are strings because the specification's
/// integers have 32 bits.
#[derive(Serialize, Deserialize)]
struct Wire {
    specversion: String,
    id: Uuid,
    source: String,
    #[serde(rename = "type")]
    event_type: String,
    subject: String,
    time: String,
    datacontenttype: String,
    dataschema: String,
    position: String,
    sequence: String,
    correlationid: Uuid,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    causationid: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    traceparent: Option<String>,
    actor: String,
    data: Box<RawValue>,
}

#[cfg(test)]
mod tests;
