//! The log as a cqrs-es event store, for single-stream commands run by `CqrsFramework`.

use std::collections::HashMap;

use aggregates::{Actor, Context, Envelope, Fact, Root};
use cqrs_es::{AggregateError, EventEnvelope, EventStore, persist::PersistenceError};
use uuid::Uuid;

use crate::{AppendError, Error, Loaded, Store, Unit, new_id};

/// An aggregate between load and commit.
pub struct CqrsContext<A> {
    loaded: Loaded<A>,
    state: A,
}

impl<A: Root> cqrs_es::AggregateContext<A> for CqrsContext<A> {
    fn aggregate(&mut self) -> &mut A {
        &mut self.state
    }
}

impl<A: Root> EventStore<A> for Store {
    type AC = CqrsContext<A>;

    async fn load_events(&self, aggregate_id: &str) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        let events = self.stream(A::KIND, id::<A>(aggregate_id)?).await.map_err(failed)?;
        events.iter().map(cqrs_envelope).collect()
    }

    async fn load_aggregate(&self, aggregate_id: &str) -> Result<Self::AC, AggregateError<A::Error>> {
        let loaded = self.load::<A>(id::<A>(aggregate_id)?).await.map_err(failed)?;
        let state = A::clone(&loaded.state);
        Ok(CqrsContext { loaded, state })
    }

    async fn commit(
        &self,
        events: Vec<A::Event>,
        context: Self::AC,
        metadata: HashMap<String, String>,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        let aggregate_id = context.loaded.id.to_string();
        let first = context.loaded.version + 1;
        let correlation_id = metadata.get("correlation_id").and_then(|id| id.parse().ok()).unwrap_or_else(new_id);
        let unit = Unit::new(Context {
            correlation_id,
            causation_id: None,
            traceparent: metadata.get("traceparent").cloned(),
            actor: Actor::System("cqrs"),
        });
        self.append(unit.stream(&context.loaded, events.clone())).await.map_err(refused)?;
        let envelopes = events.into_iter().zip(first..).map(|(payload, sequence)| EventEnvelope {
            aggregate_id: aggregate_id.clone(),
            sequence: usize::try_from(sequence).unwrap_or(usize::MAX),
            payload,
            metadata: metadata.clone(),
        });
        Ok(envelopes.collect())
    }
}

fn id<A: Root>(text: &str) -> Result<Uuid, AggregateError<A::Error>> {
    text.parse().map_err(|e: uuid::Error| AggregateError::UnexpectedError(Box::new(e)))
}

fn cqrs_envelope<A: Root>(event: &Envelope) -> Result<EventEnvelope<A>, AggregateError<A::Error>> {
    let payload = A::Event::read(&event.name, event.version, event.data.get())
        .map_err(|e| AggregateError::DeserializationError(Box::new(e)))?;
    Ok(EventEnvelope {
        aggregate_id: event.aggregate_id.to_string(),
        sequence: usize::try_from(event.sequence).unwrap_or(usize::MAX),
        payload,
        metadata: HashMap::from([("correlation_id".into(), event.correlation_id.to_string())]),
    })
}

fn failed<E: std::error::Error>(error: Error) -> AggregateError<E> {
    match error {
        Error::Event { source, .. } => AggregateError::DeserializationError(Box::new(source)),
        error => PersistenceError::ConnectionError(Box::new(error)).into(),
    }
}

fn refused<E: std::error::Error>(error: AppendError) -> AggregateError<E> {
    match error {
        AppendError::Conflict => AggregateError::AggregateConflict,
        error => AggregateError::DatabaseConnectionError(Box::new(error)),
    }
}
