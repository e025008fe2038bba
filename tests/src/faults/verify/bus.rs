//! The bus, read from its first message: every event, in order, at least once.

use std::time::Duration;

use aggregates::Envelope;
use async_nats::jetstream::{self, consumer::pull::OrderedConfig, stream::Stream};
use futures::StreamExt;
use tokio::time::timeout;

use super::{Findings, Kind, Stage};
use crate::processes::Failure;

const POSITION: &str = "VC-Position";

/// How long the next message may take.
const SILENCE: Duration = Duration::from_secs(10);

pub(super) async fn compare(stage: &Stage, head: i64, findings: &mut Findings) -> Result<(), Failure> {
    let stream = stream(stage).await?;
    let last = stream.get_info().await?.state.last_sequence;
    let consumer = stream.create_consumer(OrderedConfig::default()).await?;
    let mut messages = consumer.messages().await?;
    let mut position = 0;
    while let Ok(Some(message)) = timeout(SILENCE, messages.next()).await {
        let message = message?;
        let named = message.headers.as_ref().and_then(|headers| headers.get(POSITION)?.as_str().parse::<i64>().ok());
        let event = Envelope::from_cloud_event(&message.payload);
        match (named, event) {
            (Some(named), Ok(event)) if named == event.position => match named {
                // Seen before: a repeat, which followers skip.
                _ if named <= position => {}
                _ if named == position + 1 => position = named,
                _ => {
                    findings.add(Kind::BusDifferences, format!("position {named} follows {position}"));
                    position = named;
                }
            },
            (named, event) => {
                let event = event.map(|event| event.position);
                findings.add(Kind::BusDifferences, format!("the header says {named:?}, the event {event:?}"));
            }
        }
        if message.info().map_err(|e| Failure(e.to_string()))?.stream_sequence >= last {
            break;
        }
    }
    if position != head {
        findings.add(Kind::BusDifferences, format!("the log ends at {head}, the bus at {position}"));
    }
    Ok(())
}

/// The position of the stream's last message.
pub(super) async fn last_position(stage: &Stage) -> Result<i64, Failure> {
    let stream = stream(stage).await?;
    let last = stream.get_info().await?.state.last_sequence;
    if last == 0 {
        return Ok(0);
    }
    let message = stream.get_raw_message(last).await?;
    Ok(Envelope::from_cloud_event(&message.payload)?.position)
}

async fn stream(stage: &Stage) -> Result<Stream, Failure> {
    let client = async_nats::connect(&stage.addresses.nats_url).await?;
    let name = format!("{}_EVENTS", stage.addresses.namespace.to_uppercase());
    Ok(jetstream::new(client).get_stream(name).await?)
}
