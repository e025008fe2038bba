use std::{
    convert::Infallible,
    future::Future,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use aggregates::{Envelope, Kind};
use async_nats::jetstream::{self, consumer, stream::Stream};
use futures::StreamExt;
use nats::{Bus, Config, Consumer, ConsumerSpec, Publisher, RelayConfig, Source, Start, relay};
use serde_json::value::RawValue;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use crate::server::Server;

/// An event of about 600 bytes as a CloudEvent. The same position gives the same event.
pub fn event(position: i64) -> Envelope {
    let (kind, name) =
        [(Kind::Payment, "initiated"), (Kind::Card, "held"), (Kind::Payment, "captured")][position as usize % 3];
    let data = format!(
        r#"{{"amount":{{"minor_units":{position},"currency":"EUR"}},"merchant":"Corner Shop","note":"{:0>70}"}}"#,
        ""
    );
    Envelope {
        id: Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0000 + position as u128),
        position,
        kind,
        aggregate_id: Uuid::from_u128(position as u128 / 3),
        sequence: 1,
        name: name.into(),
        version: 1,
        recorded_at: "2026-01-01T00:00:00Z".parse().unwrap(),
        correlation_id: Uuid::from_u128(position as u128),
        causation_id: None,
        traceparent: None,
        actor: "system:test".into(),
        data: RawValue::from_string(data).unwrap(),
    }
}

pub fn events(positions: std::ops::RangeInclusive<i64>) -> Vec<Envelope> {
    positions.map(event).collect()
}

/// A log in memory. Clones are the same log.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<Envelope>>>);

impl Log {
    /// Appends until the log has `length` events.
    pub fn grow_to(&self, length: i64) {
        let mut log = self.0.lock().unwrap();
        let next = log.len() as i64 + 1;
        log.extend(events(next..=length));
    }
}

impl Source for Log {
    type Error = Infallible;

    async fn read_after(&mut self, position: i64, limit: usize) -> Result<Vec<Envelope>, Infallible> {
        let log = self.0.lock().unwrap();
        Ok(log.iter().skip(position as usize).take(limit).cloned().collect())
    }
}

pub async fn bus(server: &Server) -> Bus {
    let bus = Bus::connect(&Config::new(server.url(), "vc")).await.unwrap();
    eventually("connected", async || bus.is_connected()).await;
    bus
}

/// A relay that runs until the guard is dropped.
pub fn start_relay(bus: &Bus, log: &Log) -> DropGuard {
    let (mut publisher, mut log, stop) = (Publisher::new(bus.clone()), log.clone(), CancellationToken::new());
    let stopped = stop.clone();
    let config = RelayConfig { recheck: Duration::from_millis(200), ..RelayConfig::default() };
    tokio::spawn(async move { relay(&mut publisher, &mut log, &stopped, config).await });
    stop.drop_guard()
}

pub fn follower(bus: &Bus, start: Start) -> Consumer {
    Consumer::new(bus.clone(), ConsumerSpec { name: "follower".into(), start })
}

/// Follows, acknowledging, until it has been handed `last`; all positions in the order of delivery. Errors are
/// passed over, as a follower does.
pub async fn follow_until(consumer: &mut Consumer, last: i64) -> Vec<i64> {
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut positions = Vec::new();
    while positions.last() != Some(&last) {
        assert!(Instant::now() < deadline, "stopped at {:?} after {} events", positions.last(), positions.len());
        if let Ok(batch) = consumer.next_batch(1000, Duration::from_millis(200)).await {
            positions.extend(batch.events.iter().flatten().map(|event| event.position));
            batch.ack().await;
        }
    }
    positions
}

/// What a follower that skips by position would apply.
pub fn without_repeats(positions: &[i64]) -> Vec<i64> {
    let mut applied = Vec::new();
    for position in positions {
        if *position > applied.last().copied().unwrap_or(0) {
            applied.push(*position);
        }
    }
    applied
}

/// The stream seen without this crate's help.
pub async fn raw_stream(server: &Server) -> Stream {
    let client = async_nats::connect(server.url()).await.unwrap();
    jetstream::new(client).get_stream("VC_EVENTS").await.unwrap()
}

/// The positions of all messages that the stream holds, in its order.
pub async fn positions_in(stream: &Stream) -> Vec<i64> {
    let held = stream.get_info().await.unwrap().state.messages;
    let reader: consumer::PullConsumer = stream
        .create_consumer(consumer::pull::Config { ack_policy: consumer::AckPolicy::None, ..Default::default() })
        .await
        .unwrap();
    let messages = reader.stream().max_messages_per_batch(1000).messages().await.unwrap().take(held as usize);
    messages
        .map(|message| {
            let headers = message.unwrap().headers.clone().unwrap();
            headers.get("VC-Position").unwrap().as_str().parse::<i64>().unwrap()
        })
        .collect()
        .await
}

/// Polls until `condition` holds, for at most thirty seconds.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition().await {
        assert!(Instant::now() < deadline, "never {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Polls until the stream holds exactly the first `length` events, once each and in order.
pub async fn eventually_complete(server: &Server, length: i64) {
    let stream = raw_stream(server).await;
    eventually("complete", async || {
        let info = stream.get_info().await;
        info.is_ok_and(|info| info.state.messages >= length as u64)
    })
    .await;
    assert_eq!(positions_in(&stream).await, (1..=length).collect::<Vec<_>>());
}
