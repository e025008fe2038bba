use aggregates::Envelope;
use projections::{ApplyError, Writer};
use store::{Store, tables::ReadTables};

/// Something that events are projected into, in order of position, each once.
///
/// What it has reached is its own to keep, in one atomic step with the projected data.
pub(super) trait Sink: Send {
    const NAME: &'static str;

    /// Where it is, as kept with the data itself. None: it is empty and has to be rebuilt.
    fn position(&mut self) -> impl Future<Output = Result<Option<i64>, SinkError>> + Send;

    /// Starts it anew, empty, beside what readers may still see.
    fn rebuild(&mut self) -> impl Future<Output = Result<(), SinkError>> + Send;

    /// Shows a rebuilt one to readers.
    fn go_live(&mut self) -> impl Future<Output = Result<(), SinkError>> + Send;

    /// Applies the part of `batch` that is new; says where it is afterwards.
    fn apply(&mut self, batch: &[Envelope]) -> impl Future<Output = Result<i64, SinkError>> + Send;
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum SinkError {
    /// The batch does not follow: what lies between is in the log.
    #[error("a gap before the batch")]
    Gap,
    /// It is not what this process believed it to be: look where it is and go on from there.
    #[error("it changed under our hands")]
    Changed,
    #[error("{0}")]
    Failed(String),
}

/// The read models in Redis.
pub(super) struct Views(pub Writer);

impl Sink for Views {
    const NAME: &'static str = "views";

    async fn position(&mut self) -> Result<Option<i64>, SinkError> {
        Ok(self.0.reopen().await?)
    }

    async fn rebuild(&mut self) -> Result<(), SinkError> {
        self.0.start_generation().await?;
        Ok(())
    }

    async fn go_live(&mut self) -> Result<(), SinkError> {
        // The old generation, if there was one, goes in the background.
        self.0.go_live().await?;
        Ok(())
    }

    async fn apply(&mut self, batch: &[Envelope]) -> Result<i64, SinkError> {
        Ok(self.0.apply(batch).await?.checkpoint)
    }
}

impl From<ApplyError> for SinkError {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Gap { .. } => SinkError::Gap,
            ApplyError::Fenced | ApplyError::Missing | ApplyError::Behind { .. } => SinkError::Changed,
            ApplyError::TooManyParked { .. } | ApplyError::Newer(_) | ApplyError::Unavailable(_) => {
                SinkError::Failed(error.to_string())
            }
        }
    }
}

/// The relational read tables.
pub(super) struct Tables {
    pub store: Store,
    pub tables: ReadTables,
}

impl Sink for Tables {
    const NAME: &'static str = "tables";

    async fn position(&mut self) -> Result<Option<i64>, SinkError> {
        Ok(Some(self.tables.position().await?))
    }

    async fn rebuild(&mut self) -> Result<(), SinkError> {
        self.tables = self.store.rebuild_read_tables().await?;
        Ok(())
    }

    async fn go_live(&mut self) -> Result<(), SinkError> {
        self.tables.go_live().await?;
        self.tables = self.store.read_tables();
        Ok(())
    }

    async fn apply(&mut self, batch: &[Envelope]) -> Result<i64, SinkError> {
        let started = std::time::Instant::now();
        let progress = self.tables.apply(batch).await?;
        metrics::gauge!("projection_position", "projection" => Self::NAME).set(progress.position as f64);
        metrics::gauge!("projection_parked_streams", "projection" => Self::NAME).set(progress.parked as f64);
        metrics::histogram!("projection_batch_seconds", "projection" => Self::NAME)
            .record(started.elapsed().as_secs_f64());
        if let Some(last) = batch.last() {
            let lag = (chrono::Utc::now() - last.recorded_at).as_seconds_f64().max(0.0);
            metrics::histogram!("projection_lag_seconds", "projection" => Self::NAME).record(lag);
        }
        Ok(progress.position)
    }
}

impl From<store::Error> for SinkError {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Gap { .. } => SinkError::Gap,
            store::Error::RebuildBehind { .. } => SinkError::Changed,
            error => SinkError::Failed(error.to_string()),
        }
    }
}
