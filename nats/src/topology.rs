//! What must exist on the server: one stream, and one durable consumer per follower. Declared here and nowhere else.

use std::time::Duration;

use aggregates::Kind;
use async_nats::{
    Subject,
    jetstream::{
        self,
        consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull},
        context::{ConsumerInfoErrorKind, GetStreamErrorKind},
        stream,
    },
};

use crate::{Bus, BusError, Config};

/// Messages that a consumer asks for at a time. At most one and a half times as many wait in this process.
pub(crate) const PREFETCH: usize = 1000;
/// Delivered and unacknowledged messages at which the server stops delivering: what waits here, what is being
/// applied, and room for acknowledgements under way.
const MAX_ACK_PENDING: i64 = 4 * PREFETCH as i64;
/// After a crash the unacknowledged messages come again this much later. Followers see the hole sooner, by position.
const ACK_WAIT: Duration = Duration::from_secs(5);

/// A durable consumer of all events: one per group of read models that move together.
#[derive(Clone, Debug)]
pub struct ConsumerSpec {
    /// Unique within the namespace, of letters, digits, `-` and `_`.
    pub name: String,
    /// Where to begin if the server does not know the consumer (any more).
    pub start: Start,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    Beginning,
    /// With the event after this position. Should the stream not show where that is, from the beginning.
    After(i64),
}

#[derive(Debug)]
pub(crate) struct Topology {
    pub stream: String,
    prefix: String,
    max_bytes: i64,
    replicas: usize,
}

impl Topology {
    pub fn new(config: &Config) -> Self {
        Self {
            stream: format!("{}_EVENTS", config.namespace.to_uppercase()),
            prefix: format!("{}.events", config.namespace),
            max_bytes: config.max_bytes,
            replicas: config.replicas,
        }
    }

    /// The subject of an event: `vc.events.card.held`.
    pub fn subject(&self, kind: Kind, name: &str) -> Subject {
        format!("{}.{kind}.{name}", self.prefix).into()
    }

    /// Every event's subject.
    pub fn all(&self) -> String {
        format!("{}.>", self.prefix)
    }

    /// `have` with what this project decides; the rest, such as placement, stays as operators set it.
    ///
    /// No `max_age`: followers that were away for long are served as far back as the bytes reach. The window for
    /// `Nats-Msg-Id` is left at the server's two minutes, unused by our own messages (see [`crate::publish`]).
    fn declare(&self, have: stream::Config) -> stream::Config {
        stream::Config {
            name: self.stream.clone(),
            subjects: vec![self.all()],
            storage: stream::StorageType::File,
            retention: stream::RetentionPolicy::Limits,
            discard: stream::DiscardPolicy::Old,
            max_bytes: self.max_bytes,
            num_replicas: self.replicas,
            ..have
        }
    }

    /// Acknowledging a message acknowledges all before it, so a batch costs one acknowledgement.
    fn consumer(&self, name: &str, deliver_policy: DeliverPolicy) -> pull::Config {
        pull::Config {
            durable_name: Some(name.to_owned()),
            deliver_policy,
            ack_policy: AckPolicy::All,
            ack_wait: ACK_WAIT,
            max_ack_pending: MAX_ACK_PENDING,
            ..pull::Config::default()
        }
    }
}

impl Bus {
    /// Creates the stream or brings it to the configured limits. Changes nothing if all is as it should be.
    pub async fn ensure(&self) -> Result<(), BusError> {
        let ensure = async {
            let stream = self.stream().await?;
            let have = stream.cached_info().config.clone();
            let want = self.topology.declare(have.clone());
            if want != have {
                self.jetstream.update_stream(&want).await.map_err(BusError::refused("update the stream"))?;
            }
            Ok(())
        };
        self.on_this_connection(ensure).await
    }

    /// The stream with its state as of now; created if it is missing.
    pub(crate) async fn stream(&self) -> Result<stream::Stream, BusError> {
        self.must_be_connected()?;
        let error = match self.jetstream.get_stream(&self.topology.stream).await {
            Ok(stream) => return Ok(stream),
            Err(error) => error,
        };
        match error.kind() {
            GetStreamErrorKind::JetStream(e) if e.error_code() == jetstream::ErrorCode::STREAM_NOT_FOUND => {
                tracing::warn!(stream = self.topology.stream, "the stream does not exist; creating it");
                let config = self.topology.declare(stream::Config::default());
                self.jetstream.create_stream(config).await.map_err(BusError::refused("create the stream"))
            }
            _ => Err(BusError::refused("describe the stream")(error)),
        }
    }

    /// The durable consumer; created, and the stream with it, if it is missing.
    pub(crate) async fn durable(&self, spec: &ConsumerSpec) -> Result<PullConsumer, BusError> {
        let stream = self.stream().await?;
        let policy = match self.deliver_policy(&stream, &spec.name).await? {
            Some(policy) => policy,
            None => self.deliver_from(spec.start).await?,
        };
        let config = self.topology.consumer(&spec.name, policy);
        stream.create_consumer(config).await.map_err(BusError::refused("create the consumer"))
    }

    /// The existing consumer's beginning, which the server does not let anybody change.
    ///
    /// A consumer that is ahead of the stream remembers a stream that was lost. It would wait until the new one has
    /// grown as long, so it is removed.
    async fn deliver_policy(&self, stream: &stream::Stream, name: &str) -> Result<Option<DeliverPolicy>, BusError> {
        let info = match stream.consumer_info(name).await {
            Ok(info) => info,
            Err(e) if e.kind() == ConsumerInfoErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(BusError::refused("describe the consumer")(e)),
        };
        // Asked after the consumer, since the stream may have grown and been delivered in between.
        let now = stream.get_info().await.map_err(BusError::refused("describe the stream"))?;
        if info.delivered.stream_sequence <= now.state.last_sequence {
            return Ok(Some(info.config.deliver_policy));
        }
        tracing::warn!(consumer = name, "the consumer is ahead of its stream; replacing it");
        stream.delete_consumer(name).await.map_err(BusError::refused("delete the consumer"))?;
        Ok(None)
    }
}
