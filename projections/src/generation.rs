//! The life of a generation: started beside the live one, filled, made live in one step, and in the end deleted.

use std::time::Duration;

use chrono::Utc;
use redis::aio::MultiplexedConnection;
use tokio::task::JoinHandle;

use crate::{
    Generation,
    commit::LEASE,
    error::ApplyError,
    keys::Keys,
    load::{Sight, parse},
    writer::{Target, Writer},
};

/// Keys looked at in one step of a sweep.
const SWEEP_STEP: usize = 1_000;

/// How often a switch looks again because the old generation moved in that moment.
const SWITCH_ATTEMPTS: usize = 5;

/// The deletion of what no reader needs any more, running in the background. Dropping this does not stop it.
#[derive(Debug)]
pub struct Sweep(JoinHandle<Result<u64, ApplyError>>);

impl Sweep {
    /// Waits for the end; how many keys were deleted.
    pub async fn finished(self) -> Result<u64, ApplyError> {
        self.0.await.unwrap_or_else(|e| Err(ApplyError::Unavailable(e.to_string())))
    }
}

impl Writer {
    /// Turns to the live generation; its checkpoint, or none if there is nothing to go on from: Redis is empty, or
    /// an older release wrote it. Call this at the start and after [`ApplyError::Fenced`].
    pub async fn reopen(&mut self) -> Result<Option<i64>, ApplyError> {
        self.target = None;
        let Some(generation) = self.live().await?.filter(|live| live.is_readable()) else { return Ok(None) };
        let mut connection = self.connection().await?;
        let key = self.keys.checkpoint(generation);
        let checkpoint: Option<i64> = redis::cmd("GET").arg(key).query_async(&mut connection).await?;
        self.give_back(connection);
        self.target = checkpoint.map(|checkpoint| Target { generation, pointer: Some(generation), checkpoint });
        Ok(checkpoint)
    }

    /// Starts an empty generation and turns to it. Its checkpoint is 0; readers do not see it before
    /// [`Writer::go_live`]. What abandoned rebuilds left is deleted in the background.
    pub async fn start_generation(&mut self) -> Result<Generation, ApplyError> {
        self.target = None;
        let pointer = self.live().await?;
        let mut connection = self.connection().await?;
        let mut generation = Generation::starting(Utc::now());
        loop {
            let mut pipe = redis::pipe();
            pipe.atomic().cmd("SADD").arg(self.keys.generations()).arg(generation.to_string()).ignore();
            pipe.cmd("SET").arg(self.keys.checkpoint(generation)).arg(0).arg("NX").arg("EX").arg(LEASE.as_secs());
            let (taken,): (Option<String>,) = pipe.query_async(&mut connection).await?;
            if taken.is_some() {
                break;
            }
            generation = generation.next();
        }
        self.give_back(connection);
        self.target = Some(Target { generation, pointer, checkpoint: 0 });
        self.sweep(None, Duration::ZERO);
        Ok(generation)
    }

    /// Makes this writer's generation the live one, unless it is behind it, or another one went live since it was
    /// started. The writer stays on it. The old one's keys are deleted after the configured grace.
    pub async fn go_live(&mut self) -> Result<Sweep, ApplyError> {
        for _ in 0..SWITCH_ATTEMPTS {
            let target = self.target.ok_or(ApplyError::Missing)?;
            let old = target.pointer.filter(|old| *old != target.generation);
            match self.switch(target, old).await {
                // What is watched has changed, most likely the old one's checkpoint. Look again.
                Err(ApplyError::Fenced) => {
                    self.check().await?;
                }
                switched => return switched.map(|()| self.sweep(old, self.config.grace())),
            }
        }
        Err(ApplyError::Fenced)
    }

    async fn switch(&mut self, target: Target, old: Option<Generation>) -> Result<(), ApplyError> {
        let [live, own] = self.watched(target);
        let old_checkpoint = old.map(|old| self.keys.checkpoint(old));
        let mut connection = self.connection().await?;
        let mut pipe = redis::pipe();
        pipe.cmd("UNWATCH").ignore();
        pipe.cmd("WATCH").arg(&live).arg(&own).arg(&old_checkpoint).ignore();
        pipe.cmd("MGET").arg(&live).arg(&own).arg(&old_checkpoint);
        let (seen,): (Vec<Option<String>>,) = pipe.query_async(&mut connection).await?;
        self.give_back(connection);
        let mut seen = seen.into_iter();
        let mut next = || seen.next().flatten();
        self.confirm(target, &Sight::read([next(), next()])?)?;
        let (at, live_at) = (self.checkpoint().unwrap_or_default(), parse(next())?.unwrap_or_default());
        if live_at > at {
            return Err(ApplyError::Behind { at, live_at });
        }

        let mut pipe = redis::pipe();
        pipe.atomic().cmd("SET").arg(&live).arg(target.generation.to_string());
        pipe.cmd("PERSIST").arg(&own);
        if let Some(old_checkpoint) = &old_checkpoint {
            // Should this process not live to sweep, the next sweep finds the old one dead.
            pipe.cmd("EXPIRE").arg(old_checkpoint).arg(self.config.grace().as_secs());
        }
        self.execute(target, &pipe).await?;
        self.target = Some(Target { pointer: Some(target.generation), checkpoint: at, ..target });
        Ok(())
    }

    /// Deletes this writer's generation, which must not be live; how many keys that were.
    pub async fn abandon(mut self) -> Result<u64, ApplyError> {
        let target = self.target.filter(|target| !target.is_live()).ok_or(ApplyError::Fenced)?;
        let mut connection = self.connection().await?;
        redis::cmd("UNLINK").arg(self.keys.checkpoint(target.generation)).exec_async(&mut connection).await?;
        self.sweep(None, Duration::ZERO).finished().await
    }

    /// The generation that the pointer names.
    async fn live(&mut self) -> Result<Option<Generation>, ApplyError> {
        let mut connection = self.connection().await?;
        let live = redis::cmd("GET").arg(self.keys.live()).query_async(&mut connection).await?;
        self.give_back(connection);
        match parse::<Generation>(live)? {
            Some(newer) if newer.is_from_the_future() => Err(ApplyError::Newer(newer)),
            live => Ok(live),
        }
    }

    fn sweep(&self, retired: Option<Generation>, grace: Duration) -> Sweep {
        let (client, keys) = (self.client.clone(), self.keys.clone());
        Sweep(tokio::spawn(async move {
            tokio::time::sleep(grace).await;
            let mut connection = client.get_multiplexed_async_connection().await?;
            let swept = sweep(&mut connection, &keys, retired).await;
            if let Err(error) = &swept {
                tracing::warn!(%error, "old read models are left to the next sweep");
            }
            swept
        }))
    }
}

/// Deletes the keys of generations that are over: `retired`, and all that are not live and have lost their lease.
async fn sweep(
    connection: &mut MultiplexedConnection,
    keys: &Keys,
    retired: Option<Generation>,
) -> Result<u64, ApplyError> {
    let mut over = Vec::new();
    let known: Vec<String> = redis::cmd("SMEMBERS").arg(keys.generations()).query_async(connection).await?;
    for generation in known.iter().filter_map(|name| name.parse().ok()) {
        let question = redis::cmd("MGET").arg(keys.live()).arg(keys.checkpoint(generation)).clone();
        let Sight { pointer, checkpoint } = Sight::read(question.query_async(connection).await?)?;
        if pointer != Some(generation) && (checkpoint.is_none() || retired == Some(generation)) {
            over.push(generation);
        }
    }
    if over.is_empty() {
        return Ok(0);
    }
    let mut deleted = 0;
    let mut cursor = 0_u64;
    loop {
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(format!("{}*", keys.prefix(None))).arg("COUNT").arg(SWEEP_STEP);
        let (next, found): (u64, Vec<String>) = scan.query_async(connection).await?;
        let dead: Vec<&String> =
            found.iter().filter(|key| keys.generation_of(key).is_some_and(|of| over.contains(&of))).collect();
        if !dead.is_empty() {
            deleted += redis::cmd("UNLINK").arg(dead).query_async::<u64>(connection).await?;
        }
        cursor = next;
        if cursor == 0 {
            break;
        }
    }
    let names: Vec<String> = over.iter().map(Generation::to_string).collect();
    redis::cmd("SREM").arg(keys.generations()).arg(names).exec_async(connection).await?;
    Ok(deleted)
}
