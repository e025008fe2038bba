//! Projections: one consumer of the bus feeds all sinks, and each sink is on its own from there.

mod feed;
mod follow;
mod sink;

use std::{fmt, str::FromStr};

use projections::Writer;
use store::Store;

use crate::Failure;
pub(crate) use sink::SinkError as SinkFailure;
use sink::{Sink, SinkError, Tables, Views};

pub(crate) use feed::run;

/// What can be rebuilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Projection {
    /// The read models in Redis.
    Views,
    /// The relational read tables in PostgreSQL.
    Tables,
}

impl Projection {
    pub const ALL: [Projection; 2] = [Projection::Views, Projection::Tables];

    pub const fn name(self) -> &'static str {
        match self {
            Projection::Views => Views::NAME,
            Projection::Tables => Tables::NAME,
        }
    }
}

impl fmt::Display for Projection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Projection {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Projection::ALL.into_iter().find(|projection| projection.name() == text);
        found.ok_or_else(|| format!("there are: {}, {}", Views::NAME, Tables::NAME))
    }
}

/// Builds a projection anew from the whole log, beside the one that readers see, and switches over at the end. Says
/// how far it is after each page, and in the end how many events it took.
pub async fn rebuild(
    projection: Projection,
    store: &Store,
    redis_url: &str,
    namespace: &str,
    config: &projections::Config,
    progress: impl Fn(i64) + Sync,
) -> Result<i64, Failure> {
    // Two rebuilds of the same thing would throw each other's work away.
    let _lead = store.lead("rebuild").await;
    match projection {
        Projection::Views => {
            let writer = Writer::open(redis_url, namespace, config).await.map_err(SinkError::from)?;
            rebuild_sink(Views(writer), store, progress).await
        }
        Projection::Tables => {
            rebuild_sink(Tables { store: store.clone(), tables: store.read_tables() }, store, progress).await
        }
    }
}

async fn rebuild_sink<S: Sink>(mut sink: S, store: &Store, progress: impl Fn(i64) + Sync) -> Result<i64, Failure> {
    sink.rebuild().await?;
    let mut position = 0;
    loop {
        position = follow::read_up(&mut sink, store, position, &progress).await?;
        match sink.go_live().await {
            // The live one has gone further meanwhile: catch up and try again.
            Err(SinkError::Changed) if store.head().await? > position => {}
            switched => {
                switched?;
                return Ok(position);
            }
        }
    }
}
