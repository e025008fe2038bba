use std::{collections::BTreeMap, time::Instant};

use aggregates::Envelope;
use chrono::Utc;
use redis::{AsyncConnectionConfig, Client, aio::MultiplexedConnection};

use crate::{
    Config, Generation,
    batch::{self, Outcasts, Parked, Read},
    config::client,
    error::{AddressError, ApplyError},
    keys::Keys,
    load::Sight,
};

/// How many events are written in one transaction; a larger batch takes several. It bounds how long Redis answers
/// nobody else.
pub const MAX_BATCH: usize = 2_000;

/// How many streams may be parked. One more, and the read models stand still instead.
pub const MAX_PARKED: usize = 1_000;

/// How often one batch begins again because the checkpoint was not where it was last seen.
const ATTEMPTS: usize = 3;

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Events folded into the read models.
    pub events: usize,
    /// Events left out because their stream is parked.
    pub parked: usize,
    /// Events that had been applied before.
    pub repeated: usize,
    /// Where the read models are now.
    pub checkpoint: i64,
}

/// Writes one generation. One writer is enough; of several, one at a time gets through and the others are told.
///
/// It has a connection of its own, because `WATCH` belongs to a connection. Any failure drops the connection, and
/// with it whatever was half done; the next call makes a new one.
pub struct Writer {
    pub(crate) client: Client,
    pub(crate) keys: Keys,
    pub(crate) config: Config,
    connection: Option<MultiplexedConnection>,
    pub(crate) target: Option<Target>,
}

/// What a writer writes to, and what it believes of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub generation: Generation,
    /// What the pointer to the live generation must say: this one's name while it is live, and until then what it
    /// said when this one was started.
    pub pointer: Option<Generation>,
    /// As last seen.
    pub checkpoint: i64,
}

impl Target {
    pub fn is_live(&self) -> bool {
        self.pointer == Some(self.generation)
    }
}

enum Attempt {
    Done(Applied),
    /// Another writer has moved the checkpoint.
    Moved,
    /// Another stream has to be left out.
    Poisoned,
}

impl Writer {
    /// A writer without a target; [`Writer::reopen`] finds it. Connects later.
    pub fn new(url: &str, namespace: &str, config: &Config) -> Result<Writer, AddressError> {
        let client = client(url)?;
        let keys = Keys::new(namespace);
        Ok(Writer { client, keys, config: config.clone(), connection: None, target: None })
    }

    /// A writer of the live generation, if there is one: [`Writer::checkpoint`] says.
    pub async fn open(url: &str, namespace: &str, config: &Config) -> Result<Writer, ApplyError> {
        let made = Writer::new(url, namespace, config);
        let mut writer = made.map_err(|e| ApplyError::Unavailable(e.to_string()))?;
        writer.reopen().await?;
        Ok(writer)
    }

    /// Where its generation is, as last seen; none without a generation: then everything has to be rebuilt.
    pub fn checkpoint(&self) -> Option<i64> {
        self.target.map(|target| target.checkpoint)
    }

    pub fn generation(&self) -> Option<Generation> {
        self.target.map(|target| target.generation)
    }

    pub fn is_live(&self) -> bool {
        self.target.is_some_and(|target| target.is_live())
    }

    /// Applies what is new in the batch, and moves the checkpoint with it in one atomic step.
    ///
    /// Events at or below the checkpoint change nothing. The others must follow it without a hole, else
    /// [`ApplyError::Gap`]. An event that cannot be read or folded parks its stream; all other streams go on. Of a
    /// batch longer than [`MAX_BATCH`] a first part may have been applied when an error is returned.
    pub async fn apply(&mut self, batch: &[Envelope]) -> Result<Applied, ApplyError> {
        let checkpoint = self.target.ok_or(ApplyError::Missing)?.checkpoint;
        let mut total = Applied { checkpoint, ..Applied::default() };
        for part in batch.chunks(MAX_BATCH) {
            let Applied { events, parked, repeated, checkpoint } = self.apply_part(part).await?;
            total.events += events;
            total.parked += parked;
            total.repeated += repeated;
            total.checkpoint = checkpoint;
        }
        Ok(total)
    }

    /// Looks whether the generation is still there and still this writer's, and where it is. For quiet times, in
    /// which no batch would find out.
    pub async fn check(&mut self) -> Result<i64, ApplyError> {
        let target = self.target.ok_or(ApplyError::Missing)?;
        self.refresh(target).await?;
        self.checkpoint().ok_or(ApplyError::Missing)
    }

    async fn apply_part(&mut self, part: &[Envelope]) -> Result<Applied, ApplyError> {
        let read: Vec<Read<'_>> = part.iter().map(Read::new).collect();
        let mut poisoned = BTreeMap::new();
        let mut moved = 0;
        // Each time round either parks one more stream, of which there are at most `MAX_PARKED`, or counts.
        loop {
            match self.attempt(&read, &mut poisoned).await? {
                Attempt::Done(applied) => return Ok(applied),
                Attempt::Poisoned => {}
                Attempt::Moved if moved < ATTEMPTS => moved += 1,
                Attempt::Moved => return Err(ApplyError::Fenced),
            }
        }
    }

    async fn attempt(
        &mut self,
        part: &[Read<'_>],
        poisoned: &mut BTreeMap<String, Parked>,
    ) -> Result<Attempt, ApplyError> {
        let started = Instant::now();
        let target = self.target.ok_or(ApplyError::Missing)?;
        let fresh = match batch::follow(target.checkpoint, part) {
            Ok(fresh) => fresh,
            // Perhaps another writer has filled the hole already.
            Err(gap) => return if self.refresh(target).await? { Err(gap) } else { Ok(Attempt::Moved) },
        };
        let checkpoint = target.checkpoint + fresh.len() as i64;
        let Some(last) = fresh.last() else {
            return Ok(Attempt::Done(Applied { repeated: part.len(), checkpoint, ..Applied::default() }));
        };
        let mut loaded = self.load(target, &fresh).await?;
        if !self.confirm(target, &loaded.sight)? {
            return Ok(Attempt::Moved);
        }
        let mut outcasts = Outcasts { before: loaded.parked, now: std::mem::take(poisoned) };
        let folded = batch::fold(&fresh, &mut outcasts, &mut loaded.workspace);
        if outcasts.len() > MAX_PARKED {
            return Err(ApplyError::TooManyParked { parked: outcasts.len() });
        }
        let Ok(left_out) = folded else {
            *poisoned = outcasts.now;
            return Ok(Attempt::Poisoned);
        };
        self.commit(target, checkpoint, loaded.workspace.into_changes(), &outcasts).await?;
        self.target = Some(Target { checkpoint, ..target });
        log_parked(target, &outcasts);
        if target.is_live() {
            report(&outcasts, left_out, last.envelope, started);
        }
        let (events, repeated) = (fresh.len() - left_out, part.len() - fresh.len());
        Ok(Attempt::Done(Applied { events, parked: left_out, repeated, checkpoint }))
    }

    /// Looks where the generation is; whether that is where it was last seen.
    async fn refresh(&mut self, target: Target) -> Result<bool, ApplyError> {
        let mut connection = self.connection().await?;
        let seen = redis::cmd("MGET").arg(&self.watched(target)).query_async(&mut connection).await?;
        self.connection = Some(connection);
        self.confirm(target, &Sight::read(seen)?)
    }

    /// Whether the generation is where it was last seen; where it is now is noted.
    pub(crate) fn confirm(&mut self, target: Target, sight: &Sight) -> Result<bool, ApplyError> {
        let checkpoint = sight.checkpoint.ok_or(ApplyError::Missing)?;
        if sight.pointer != target.pointer {
            return Err(ApplyError::Fenced);
        }
        self.target = Some(Target { checkpoint, ..target });
        Ok(checkpoint == target.checkpoint)
    }

    /// The keys that a transaction depends on, in the order of [`Sight`].
    pub(crate) fn watched(&self, target: Target) -> [String; 2] {
        [self.keys.live(), self.keys.checkpoint(target.generation)]
    }

    /// Takes the connection, or makes one. Whoever succeeds puts it back; after a failure, or if the caller goes
    /// away in between, nobody does.
    pub(crate) async fn connection(&mut self) -> Result<MultiplexedConnection, ApplyError> {
        if let Some(connection) = self.connection.take() {
            return Ok(connection);
        }
        let timeout = Some(self.config.write_timeout());
        let settings = AsyncConnectionConfig::new().set_connection_timeout(timeout).set_response_timeout(timeout);
        Ok(self.client.get_multiplexed_async_connection_with_config(&settings).await?)
    }

    /// The connection that pointer and checkpoint are being watched on. A new one would watch nothing.
    pub(crate) fn watching(&mut self) -> Result<MultiplexedConnection, ApplyError> {
        self.connection.take().ok_or_else(|| ApplyError::Unavailable("the connection was lost".into()))
    }

    pub(crate) fn give_back(&mut self, connection: MultiplexedConnection) {
        self.connection = Some(connection);
    }
}

fn log_parked(target: Target, outcasts: &Outcasts) {
    let generation = target.generation;
    for (stream, Parked { position, event, error }) in &outcasts.now {
        tracing::error!(%generation, stream, position, %event, error, "stream parked: its read models stand still");
    }
}

/// The live view's figures. A rebuild beside it has none: its position and lag would be mistaken for the live one's.
fn report(outcasts: &Outcasts, left_out: usize, last: &Envelope, started: Instant) {
    let lag = (Utc::now() - last.recorded_at).as_seconds_f64().max(0.0);
    metrics::gauge!("projection_position", "projection" => "views").set(last.position as f64);
    metrics::gauge!("projection_parked_streams", "projection" => "views").set(outcasts.len() as f64);
    metrics::counter!("projection_parked_events_total", "projection" => "views").increment(left_out as u64);
    metrics::histogram!("projection_batch_seconds", "projection" => "views").record(started.elapsed().as_secs_f64());
    metrics::histogram!("projection_lag_seconds", "projection" => "views").record(lag);
}
