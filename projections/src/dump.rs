//! A whole generation, to be compared with another one or looked at.

use std::{
    collections::{BTreeMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
};

use redis::{Value, from_redis_value};

use crate::{Generation, ReadError, Views, batch::Parked};

/// Keys read in one step.
const STEP: usize = 500;

/// Stands for everything in a generation. Comparable within one release of this program only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// Where the generation was all the while; none if it moved, and then the digest says nothing.
    pub checkpoint: Option<i64>,
    pub keys: u64,
    pub digest: u128,
}

impl Views {
    /// The live generation's parked streams (`card/0198…`).
    pub async fn parked(&self) -> Result<BTreeMap<String, Parked>, ReadError> {
        let mut pipe = redis::pipe();
        pipe.cmd("HGETALL").arg(self.keys().parked(self.live().await?));
        let (parked,): (BTreeMap<String, Vec<u8>>,) = self.query(&pipe).await?;
        let read = |(stream, parked): (String, Vec<u8>)| Some((stream, serde_json::from_slice(&parked).ok()?));
        Ok(parked.into_iter().filter_map(read).collect())
    }

    /// Everything in a generation: each key's value in a form that is equal for equal values. It is all in memory
    /// at once: for tests and for looking at small ones.
    pub async fn dump(&self, generation: Generation) -> Result<BTreeMap<String, Vec<u8>>, ReadError> {
        let mut dump = BTreeMap::new();
        self.visit(generation, |key, value| {
            dump.insert(key, value);
        })
        .await?;
        Ok(dump)
    }

    /// A digest of everything in a generation. It takes eight bytes of memory a key, and reads in steps, so the
    /// generation should stand still meanwhile.
    pub async fn fingerprint(&self, generation: Generation) -> Result<Fingerprint, ReadError> {
        let before = self.checkpoint_of(generation).await?;
        let (mut keys, mut digest) = (0, 0_u128);
        self.visit(generation, |key, value| {
            keys += 1;
            // A sum, so that the order of the keys does not matter.
            digest =
                digest.wrapping_add(u128::from(hash(0, &(&key, &value))) << 64 | u128::from(hash(1, &(key, value))));
        })
        .await?;
        let after = self.checkpoint_of(generation).await?;
        Ok(Fingerprint { checkpoint: before.filter(|_| before == after), keys, digest })
    }

    async fn checkpoint_of(&self, generation: Generation) -> Result<Option<i64>, ReadError> {
        let mut pipe = redis::pipe();
        pipe.cmd("GET").arg(self.keys().checkpoint(generation));
        let (checkpoint,) = self.query(&pipe).await?;
        Ok(checkpoint)
    }

    /// Calls `each` once for every key, named without the generation, with its value.
    async fn visit(&self, generation: Generation, mut each: impl FnMut(String, Vec<u8>)) -> Result<(), ReadError> {
        let prefix = self.keys().prefix(Some(generation));
        // SCAN may name a key twice.
        let mut seen = HashSet::new();
        let mut cursor = 0_u64;
        loop {
            let mut scan = redis::pipe();
            scan.cmd("SCAN").arg(cursor).arg("MATCH").arg(format!("{prefix}*")).arg("COUNT").arg(STEP);
            let ((next, mut keys),): ((u64, Vec<String>),) = self.query(&scan).await?;
            keys.retain(|key| key.starts_with(&prefix) && seen.insert(hash(0, key)));
            for (key, value) in keys.iter().zip(self.values(&keys).await?) {
                each(key[prefix.len()..].to_owned(), value);
            }
            cursor = next;
            if cursor == 0 {
                return Ok(());
            }
        }
    }

    async fn values(&self, keys: &[String]) -> Result<Vec<Vec<u8>>, ReadError> {
        if keys.is_empty() {
            return Ok(vec![]);
        }
        let mut types = redis::pipe();
        for key in keys {
            types.cmd("TYPE").arg(key);
        }
        let types: Vec<String> = self.query(&types).await?;
        let mut pipe = redis::pipe();
        for (key, kind) in keys.iter().zip(&types) {
            match kind.as_str() {
                "zset" => pipe.cmd("ZRANGE").arg(key).arg(0).arg(-1).arg("WITHSCORES"),
                "list" => pipe.cmd("LRANGE").arg(key).arg(0).arg(-1),
                "hash" => pipe.cmd("HGETALL").arg(key),
                _ => pipe.cmd("GET").arg(key),
            };
        }
        let values: Vec<Value> = self.query(&pipe).await?;
        values.into_iter().zip(&types).map(|(value, kind)| Ok(canonical(value, kind)?)).collect()
    }
}

fn canonical(value: Value, kind: &str) -> Result<Vec<u8>, redis::ParsingError> {
    let lines: Vec<Vec<u8>> = match kind {
        "zset" | "list" => from_redis_value(value)?,
        "hash" => {
            let fields: BTreeMap<Vec<u8>, Vec<u8>> = from_redis_value(value)?;
            fields.into_iter().flat_map(|(field, value)| [field, value]).collect()
        }
        _ => return Ok(from_redis_value::<Option<Vec<u8>>>(value)?.unwrap_or_default()),
    };
    Ok(lines.join(&b'\n'))
}

fn hash(seed: u8, value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    (seed, value).hash(&mut hasher);
    hasher.finish()
}
