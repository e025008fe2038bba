use std::fmt;

use cqrs_es::Aggregate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Fact;

/// The kinds of stream in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    User,
    Kyc,
    Card,
    Payment,
    Client,
    Notification,
}

impl Kind {
    pub const ALL: [Kind; 6] = [Kind::User, Kind::Kyc, Kind::Card, Kind::Payment, Kind::Client, Kind::Notification];

    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::User => "user",
            Kind::Kyc => "kyc",
            Kind::Card => "card",
            Kind::Payment => "payment",
            Kind::Client => "client",
            Kind::Notification => "notification",
        }
    }

    pub fn parse(text: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An aggregate of this domain: cqrs-es's `Aggregate` over two pure functions.
///
/// `cqrs_es::Aggregate::handle` is a thin adaptor over [`Root::decide`]; the macro `aggregate!` writes both.
pub trait Root: Aggregate<Event: Fact, Services = (), Error: Send + Sync> + Clone + 'static {
    const KIND: Kind;
    /// Raised whenever the meaning of the serialised state changes, so that older snapshots are passed over.
    const SNAPSHOT_VERSION: i32;

    /// The events that `command` causes in this state, none for a repeat, or the rule it breaks.
    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Error>;

    /// The next state. Total: an event that is in the log has happened.
    fn evolve(&mut self, event: &Self::Event);
}

/// Ties an aggregate's inherent `decide(&self, Command)` and `apply(&mut self, &Event)` to [`Root`] and to cqrs-es.
macro_rules! aggregate {
    ($name:ident, $kind:expr, snapshot_version = $version:literal) => {
        impl $crate::Root for $name {
            const KIND: $crate::Kind = $kind;
            const SNAPSHOT_VERSION: i32 = $version;

            fn decide(&self, command: Command) -> Result<Vec<Event>, Error> {
                $name::decide(self, command)
            }

            fn evolve(&mut self, event: &Event) {
                $name::apply(self, event)
            }
        }

        impl cqrs_es::Aggregate for $name {
            const TYPE: &'static str = $kind.as_str();
            type Command = Command;
            type Event = Event;
            type Error = Error;
            type Services = ();

            async fn handle(
                &mut self,
                command: Command,
                (): &(),
                sink: &cqrs_es::event_sink::EventSink<Self>,
            ) -> Result<(), Error> {
                for event in $name::decide(self, command)? {
                    sink.write(event, self).await;
                }
                Ok(())
            }

            fn apply(&mut self, event: Event) {
                $name::apply(self, &event)
            }
        }
    };
}
pub(crate) use aggregate;
