use std::{collections::HashSet, str::FromStr};

use redis::{Value, aio::MultiplexedConnection, from_redis_value};
use uuid::Uuid;

use crate::{
    Generation,
    batch::{self, Read},
    error::ApplyError,
    index::Index,
    keys::Key,
    workspace::Workspace,
    writer::{Target, Writer},
};

/// What a batch starts from. Pointer and checkpoint are being watched since they were read.
pub(crate) struct Loaded {
    pub sight: Sight,
    /// The streams parked so far.
    pub parked: HashSet<String>,
    pub workspace: Workspace,
}

/// Which generation is live, and how far the target is.
pub(crate) struct Sight {
    pub pointer: Option<Generation>,
    pub checkpoint: Option<i64>,
}

impl Sight {
    pub fn read([pointer, checkpoint]: [Option<String>; 2]) -> Result<Sight, ApplyError> {
        Ok(Sight { pointer: parse(pointer)?, checkpoint: parse(checkpoint)? })
    }
}

pub(crate) fn parse<T: FromStr>(stored: Option<String>) -> Result<Option<T>, ApplyError> {
    let foreign = |text: String| ApplyError::Unavailable(format!("`{text}` is not ours"));
    stored.map(|text| text.parse().map_err(|_| foreign(text))).transpose()
}

impl Writer {
    /// Watches pointer and checkpoint, then loads what the batch needs: in one round trip, or in two where one
    /// document names another.
    pub(crate) async fn load(&mut self, target: Target, batch: &[&Read<'_>]) -> Result<Loaded, ApplyError> {
        let mut connection = self.connection().await?;
        let mut workspace = Workspace::default();
        let needs = batch::needs(batch, &mut workspace);
        let (missing, indexes) = (needs.missing(&workspace), needs.indexes());

        let mut pipe = redis::pipe();
        pipe.cmd("UNWATCH").ignore();
        pipe.cmd("WATCH").arg(&self.watched(target)).ignore();
        pipe.cmd("MGET").arg(&self.watched(target));
        pipe.cmd("HKEYS").arg(self.keys.parked(target.generation));
        for (key, bound, pushes) in &indexes {
            let (from, to) = Index::ranks(*bound, *pushes);
            pipe.cmd("ZREVRANGE").arg(self.keys.key(target.generation, *key)).arg(from).arg(to);
        }
        if !missing.is_empty() {
            pipe.add_command(self.mget(target, &missing));
        }
        let mut answers = pipe.query_async::<Vec<Value>>(&mut connection).await?.into_iter();
        let mut next = || answers.next().unwrap_or_default();

        let sight = Sight::read(from_redis_value(next())?)?;
        let parked = from_redis_value(next())?;
        for (key, bound, pushes) in indexes {
            let members: Vec<String> = from_redis_value(next())?;
            let members: Result<Vec<Uuid>, _> = members.iter().map(|member| member.parse()).collect();
            let members = members.map_err(|e| ApplyError::Unavailable(format!("a member of {key}: {e}")))?;
            workspace.load_index(key, Index::new(bound, pushes, members));
        }
        if !missing.is_empty() {
            place(&mut workspace, missing, next())?;
        }
        for key in needs.created() {
            workspace.load(key, None);
        }
        self.load_named(&mut connection, target, batch, &mut workspace).await?;
        self.give_back(connection);
        Ok(Loaded { sight, parked, workspace })
    }

    /// Loads what documents name, until they name nothing new.
    async fn load_named(
        &self,
        connection: &mut MultiplexedConnection,
        target: Target,
        batch: &[&Read<'_>],
        workspace: &mut Workspace,
    ) -> Result<(), ApplyError> {
        loop {
            let missing = batch::needs(batch, workspace).missing(workspace);
            if missing.is_empty() {
                return Ok(());
            }
            let answer = self.mget(target, &missing).query_async(connection).await?;
            place(workspace, missing, answer)?;
        }
    }

    fn mget(&self, target: Target, keys: &[Key]) -> redis::Cmd {
        let mut command = redis::cmd("MGET");
        for key in keys {
            command.arg(self.keys.key(target.generation, *key));
        }
        command
    }
}

fn place(workspace: &mut Workspace, keys: Vec<Key>, answer: Value) -> Result<(), ApplyError> {
    let documents: Vec<Option<Vec<u8>>> = from_redis_value(answer)?;
    for (key, document) in keys.into_iter().zip(documents) {
        workspace.load(key, document);
    }
    Ok(())
}
