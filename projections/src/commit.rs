use std::time::Duration;

use redis::{Pipeline, Value};

use crate::{
    batch::Outcasts,
    error::ApplyError,
    workspace::Changes,
    writer::{Target, Writer},
};

/// How long a generation that is not live yet outlives its last batch: a rebuild that was killed is
/// thereby told from one that goes on.
pub(crate) const LEASE: Duration = Duration::from_secs(120);

impl Writer {
    /// Writes the changes and the checkpoint, all or nothing, unless what is watched has changed since it was
    /// loaded.
    pub(crate) async fn commit(
        &mut self,
        target: Target,
        checkpoint: i64,
        changes: Changes,
        outcasts: &Outcasts,
    ) -> Result<(), ApplyError> {
        let mut pipe = redis::pipe();
        pipe.atomic();
        self.move_checkpoint(&mut pipe, target, checkpoint);
        self.write_changes(&mut pipe, target, changes);
        for (stream, parked) in &outcasts.now {
            let parked = serde_json::to_vec(parked).expect("strings and numbers");
            pipe.cmd("HSET").arg(self.keys.parked(target.generation)).arg(stream).arg(parked);
        }
        self.execute(target, &pipe).await
    }

    /// Runs a transaction on the connection that has been watching; tells a lost race from an emptied Redis.
    pub(crate) async fn execute(&mut self, target: Target, pipe: &Pipeline) -> Result<(), ApplyError> {
        let mut connection = self.watching()?;
        let answer: Value = pipe.query_async(&mut connection).await?;
        if answer != Value::Nil {
            self.give_back(connection);
            return Ok(());
        }
        let checkpoint = self.keys.checkpoint(target.generation);
        let is_there: bool = redis::cmd("EXISTS").arg(checkpoint).query_async(&mut connection).await?;
        self.give_back(connection);
        Err(if is_there { ApplyError::Fenced } else { ApplyError::Missing })
    }

    fn move_checkpoint(&self, pipe: &mut Pipeline, target: Target, checkpoint: i64) {
        let command = pipe.cmd("SET").arg(self.keys.checkpoint(target.generation)).arg(checkpoint);
        if !target.is_live() {
            command.arg("EX").arg(LEASE.as_secs());
        }
    }

    fn write_changes(&self, pipe: &mut Pipeline, target: Target, changes: Changes) {
        let name = |key| self.keys.key(target.generation, key);
        if !changes.written.is_empty() {
            let command = pipe.cmd("MSET");
            for (key, document) in changes.written {
                command.arg(name(key)).arg(document);
            }
        }
        if !changes.removed.is_empty() {
            let command = pipe.cmd("UNLINK");
            for key in changes.removed {
                command.arg(name(key));
            }
        }
        for (key, index) in changes.indexes {
            if index.added().len() > 0 {
                let command = pipe.cmd("ZADD").arg(name(key));
                for (position, member) in index.added() {
                    command.arg(position).arg(member.to_string());
                }
            }
            if !index.evicted().is_empty() {
                let command = pipe.cmd("ZREM").arg(name(key));
                for member in index.evicted() {
                    command.arg(member.to_string());
                }
            }
        }
        for (key, list) in changes.lists {
            let key = name(key);
            pipe.cmd("LPUSH").arg(&key).arg(list.added);
            pipe.cmd("LTRIM").arg(key).arg(0).arg(list.bound - 1);
        }
    }
}
