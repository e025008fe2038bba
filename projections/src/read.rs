//! Asking the live generation, consistently and within bounded time.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use redis::{
    FromRedisValue, Value,
    aio::{ConnectionManager, ConnectionManagerConfig},
    from_redis_value,
};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use crate::{
    Config, Generation, ReadError,
    config::client,
    error::AddressError,
    keys::{Key, Keys},
    workspace::Document,
};

/// Pauses between looks while waiting for a position: the first, growing to the last.
const PAUSES: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(10));

/// How often one question follows the pointer to another generation.
const SWITCHES: usize = 3;

/// Requests that may wait to be sent on the shared connection; more callers wait their turn, within their time.
const IN_FLIGHT: usize = 1_024;

/// The readers. Cheap to clone; all clones share one connection, which comes back by itself.
///
/// Each answer is from one generation at one position: documents, checkpoint and the pointer to the live
/// generation are read by one atomic command, so neither a switch nor a sudden `FLUSHALL` can pass for an absence.
#[derive(Clone)]
pub struct Views {
    inner: Arc<Inner>,
}

struct Inner {
    connection: ConnectionManager,
    keys: Keys,
    config: Config,
    /// The live generation as last seen. Every answer confirms or replaces it.
    live: Mutex<Option<Generation>>,
}

/// What to read besides documents, in the same atomic step.
pub(crate) type Extra<'a> = &'a (dyn Fn(&dyn Fn(Key) -> String) -> Vec<redis::Cmd> + Sync);

pub(crate) struct Answer {
    pub generation: Generation,
    pub checkpoint: i64,
    pub documents: Vec<Option<Vec<u8>>>,
    pub extra: Vec<Value>,
}

/// Part of an index.
pub(crate) struct Members {
    pub members: Vec<Uuid>,
    /// How many the whole index has.
    pub size: usize,
}

impl Views {
    /// Readers of `namespace`. Connects with the first question, so Redis may be down.
    pub fn connect(url: &str, namespace: &str, config: &Config) -> Result<Views, AddressError> {
        let client = client(url)?;
        let manager = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(config.read_timeout()))
            .set_response_timeout(Some(config.read_timeout()))
            .set_number_of_retries(1)
            .set_min_delay(PAUSES.0)
            .set_max_delay(PAUSES.1)
            .set_pipeline_buffer_size(IN_FLIGHT);
        let connection = ConnectionManager::new_lazy_with_config(client, manager).map_err(AddressError)?;
        let (keys, config) = (Keys::new(namespace), config.clone());
        Ok(Views { inner: Arc::new(Inner { connection, keys, config, live: Mutex::new(None) }) })
    }

    /// How far the live generation is.
    pub async fn checkpoint(&self) -> Result<i64, ReadError> {
        Ok(self.ask(&[], &|_| vec![], None).await?.checkpoint)
    }

    /// The generation that readers see.
    pub async fn live(&self) -> Result<Generation, ReadError> {
        Ok(self.ask(&[], &|_| vec![], None).await?.generation)
    }

    pub(crate) async fn document<D: Document>(
        &self,
        id: impl Into<Uuid>,
        at_least: Option<i64>,
    ) -> Result<Option<D>, ReadError> {
        let answer = self.ask(&[D::key(id)], &|_| vec![], at_least).await?;
        answer.documents.into_iter().flatten().next().as_deref().map(read).transpose()
    }

    /// Those of the documents that are there, in the order of `ids`.
    pub(crate) async fn documents<D: Document>(&self, ids: &[Uuid]) -> Result<Vec<D>, ReadError> {
        if ids.is_empty() {
            return Ok(vec![]);
        }
        let keys: Vec<Key> = ids.iter().map(|id| D::key(*id)).collect();
        // The index was read before, perhaps of the generation before: what it names is in this one as well.
        let answer = self.ask(&keys, &|_| vec![], None).await?;
        answer.documents.iter().flatten().map(|document| read(document)).collect()
    }

    /// The newest `limit` members of an index with a position below `before`, newest first.
    pub(crate) async fn index(
        &self,
        index: Key,
        before: Option<i64>,
        limit: usize,
        at_least: Option<i64>,
    ) -> Result<Members, ReadError> {
        let below = before.map_or_else(|| "+inf".to_owned(), |position| format!("({position}"));
        let extra: Extra<'_> = &|name| {
            let mut range = redis::cmd("ZREVRANGEBYSCORE");
            range.arg(name(index)).arg(&below).arg("-inf").arg("LIMIT").arg(0).arg(limit);
            vec![range, redis::cmd("ZCARD").arg(name(index)).clone()]
        };
        let mut extra = self.ask(&[], extra, at_least).await?.extra.into_iter();
        let members: Vec<String> = from_redis_value(extra.next().unwrap_or_default())?;
        let size = from_redis_value(extra.next().unwrap_or_default())?;
        let members: Result<_, _> = members.iter().map(|member| member.parse()).collect();
        Ok(Members { members: members.map_err(|e| ReadError::Unavailable(format!("a member of {index}: {e}")))?, size })
    }

    /// The newest `limit` entries of a list, newest first, and beside it a document, both as of one position.
    pub(crate) async fn list_beside<T: DeserializeOwned, D: Document>(
        &self,
        list: Key,
        limit: usize,
        document: impl Into<Uuid>,
        at_least: Option<i64>,
    ) -> Result<(Vec<T>, Option<D>), ReadError> {
        let extra: Extra<'_> = &|name| match limit.checked_sub(1) {
            Some(last) => vec![redis::cmd("LRANGE").arg(name(list)).arg(0).arg(last).clone()],
            None => vec![],
        };
        let answer = self.ask(&[D::key(document)], extra, at_least).await?;
        let entries: Vec<Vec<u8>> = match answer.extra.into_iter().next() {
            Some(entries) => from_redis_value(entries)?,
            None => vec![],
        };
        let document = answer.documents.into_iter().flatten().next().as_deref().map(read).transpose()?;
        Ok((entries.iter().map(|entry| read(entry)).collect::<Result<_, _>>()?, document))
    }

    /// Asks until the checkpoint is at least at `at_least`, or the time for that is over.
    async fn ask(&self, documents: &[Key], extra: Extra<'_>, at_least: Option<i64>) -> Result<Answer, ReadError> {
        let started = Instant::now();
        let (mut pause, longest) = PAUSES;
        loop {
            let answer = self.ask_live(documents, extra).await?;
            let Some(wanted) = at_least.filter(|wanted| answer.checkpoint < *wanted) else { return Ok(answer) };
            if started.elapsed() + pause > self.inner.config.wait_timeout() {
                return Err(ReadError::Behind { wanted, at: answer.checkpoint });
            }
            sleep(pause).await;
            pause = (pause * 2).min(longest);
        }
    }

    /// Asks the generation that was live last, and again if another one is live by now.
    async fn ask_live(&self, documents: &[Key], extra: Extra<'_>) -> Result<Answer, ReadError> {
        for _ in 0..SWITCHES {
            let believed = *self.live_slot();
            let generation = match believed {
                Some(generation) => generation,
                None => self.find_live().await?,
            };
            let (live, answer) = self.ask_once(generation, documents, extra).await?;
            *self.live_slot() = live;
            match (live, answer) {
                (Some(live), Some(answer)) if live == generation => return Ok(answer),
                (Some(live), _) if live != generation => {}
                (Some(_) | None, _) => return Err(ReadError::NotReady),
            }
        }
        Err(ReadError::NotReady)
    }

    async fn find_live(&self) -> Result<Generation, ReadError> {
        let mut pipe = redis::pipe();
        pipe.cmd("GET").arg(self.inner.keys.live());
        let (live,): (Option<String>,) = self.query(&pipe).await?;
        readable(live).ok_or(ReadError::NotReady)
    }

    /// The pointer, and the answer unless the generation has no checkpoint.
    async fn ask_once(
        &self,
        generation: Generation,
        documents: &[Key],
        extra: Extra<'_>,
    ) -> Result<(Option<Generation>, Option<Answer>), ReadError> {
        let keys = &self.inner.keys;
        let name = |key| keys.key(generation, key);
        let commands = extra(&name);
        let mut pipe = redis::pipe();
        if !commands.is_empty() {
            pipe.atomic();
        }
        let mget = pipe.cmd("MGET").arg(keys.live()).arg(keys.checkpoint(generation));
        for key in documents {
            mget.arg(name(*key));
        }
        for command in commands {
            pipe.add_command(command);
        }
        let mut answers = self.query::<Vec<Value>>(&pipe).await?.into_iter();
        let mut values = from_redis_value::<Vec<Option<Vec<u8>>>>(answers.next().unwrap_or_default())?.into_iter();
        let mut text = || values.next().flatten().and_then(|bytes| String::from_utf8(bytes).ok());
        let live = readable(text());
        let checkpoint = text().and_then(|checkpoint| checkpoint.parse().ok());
        let (documents, extra) = (values.collect(), answers.collect());
        Ok((live, checkpoint.map(|checkpoint| Answer { generation, checkpoint, documents, extra })))
    }

    fn live_slot(&self) -> MutexGuard<'_, Option<Generation>> {
        self.inner.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn query<T: FromRedisValue>(&self, pipe: &redis::Pipeline) -> Result<T, ReadError> {
        let mut connection = self.inner.connection.clone();
        // The manager's own limits are for each step; this one is for all of them.
        let answered = timeout(self.inner.config.read_timeout(), pipe.query_async(&mut connection)).await;
        Ok(answered.map_err(|_| ReadError::Unavailable("no answer in time".into()))??)
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.inner.keys
    }
}

fn readable(live: Option<String>) -> Option<Generation> {
    live?.parse().ok().filter(|live: &Generation| live.is_readable())
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ReadError> {
    serde_json::from_slice(bytes).map_err(|e| ReadError::Unavailable(format!("a document cannot be read: {e}")))
}
