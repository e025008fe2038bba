//! Rate limits, counted in Redis for all instances together. What happens while Redis is away stands in [`policy`].

mod account;
mod memory;
mod policy;
mod standing;
mod window;

use std::{net::IpAddr, sync::Arc, time::Duration};

use aggregates::UserId;
use flows::lockout::network;
use poem::http::StatusCode;
use redis::Script;

use crate::{
    config::RateLimits,
    problem::Problem,
    redis_link::{Down, RedisLink},
};

pub use account::AccountKey;
use memory::InMemory;
pub use policy::{Policy, WhileAway};
pub use standing::Standing;
use standing::{Stand, too_many};
use window::{SLOTS, WINDOW};

/// What a client whose request Redis would have to count is told to wait.
const COME_BACK: Duration = Duration::from_secs(5);

pub struct Limits {
    redis: Arc<RedisLink>,
    rates: RateLimits,
    script: Script,
    in_memory: InMemory,
    account_key: AccountKey,
}

/// One limit that a request counts against.
#[derive(Clone, Debug)]
pub struct Counter {
    policy: Policy,
    limit: u32,
    key: String,
}

/// What is read in the round trip that counts.
#[derive(Clone, Copy, Debug)]
pub enum Reads<'a> {
    Nothing,
    Session { session: &'a str },
    SessionAndLastWrite { session: &'a str, last_write: &'a str },
}

/// What came back from Redis in one round trip.
pub struct Admission {
    /// The session's entry, if one was asked for and is there.
    pub session: Option<String>,
    /// The position of the person's last write, likewise.
    pub last_write: Option<i64>,
    verdict: Verdict,
}

enum Verdict {
    Admitted(Standing),
    Refused { policy: Policy, limit: u32, wait: Duration },
}

impl Limits {
    pub fn new(redis: Arc<RedisLink>, rates: RateLimits, account_key: AccountKey) -> Limits {
        let script = Script::new(include_str!("admit.lua"));
        Limits { redis, rates, script, in_memory: InMemory::new(), account_key }
    }

    pub fn address(&self, client: IpAddr) -> Option<Counter> {
        self.counter(Policy::Address, || network(client))
    }

    pub fn person(&self, user: UserId) -> Option<Counter> {
        self.counter(Policy::Person, || user.to_string())
    }

    pub fn payments(&self, user: UserId) -> Option<Counter> {
        self.counter(Policy::Payments, || user.to_string())
    }

    /// Passwords given once more, within a session.
    pub fn passwords(&self, user: UserId) -> Option<Counter> {
        self.counter(Policy::Password, || user.to_string())
    }

    pub fn reveals(&self, user: UserId) -> Option<Counter> {
        self.counter(Policy::Reveal, || user.to_string())
    }

    pub fn exports(&self, user: UserId) -> Option<Counter> {
        self.counter(Policy::Export, || user.to_string())
    }

    fn counter(&self, policy: Policy, of: impl FnOnce() -> String) -> Option<Counter> {
        let limit = policy.rate(&self.rates);
        let key = || self.redis.key("limit", format_args!("{}:{}", policy.name(), of()));
        (limit > 0).then(|| Counter { policy, limit, key: key() })
    }

    /// Counts one request and reads what is asked for, in one round trip.
    pub async fn admit(&self, reads: Reads<'_>, counters: &[Counter]) -> Result<Admission, Down> {
        let keys = reads.keys();
        let mut connection = self.redis.connection();
        if counters.is_empty() {
            return self.read(keys).await;
        }
        let mut call = self.script.prepare_invoke();
        call.arg(keys.len()).arg(WINDOW.as_millis() as u64).arg(SLOTS);
        for key in keys {
            call.key(key);
        }
        for counter in counters {
            call.key(&counter.key).arg(counter.limit);
        }
        let reply = self.redis.run(call.invoke_async::<Vec<redis::Value>>(&mut connection)).await?;
        parse(reply, counters).ok_or(Down)
    }

    async fn read(&self, keys: Vec<&str>) -> Result<Admission, Down> {
        let mut values = Vec::new();
        if !keys.is_empty() {
            let mut connection = self.redis.connection();
            let get = async move { redis::cmd("MGET").arg(keys).query_async(&mut connection).await };
            values = self.redis.run(get).await?;
        }
        parse(values, &[]).ok_or(Down)
    }

    /// Counts while Redis is away, as each limit's policy says.
    pub fn alone(&self, counters: &[Counter]) -> Result<Standing, Problem> {
        if counters.iter().any(|counter| counter.policy.while_away() == WhileAway::Refused) {
            return Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "system.unavailable",
                "A part of the system is down",
            )
            .detail("This cannot be counted now and is therefore not done. Nothing has changed.")
            .retry_after(COME_BACK));
        }
        self.in_memory.count(counters)
    }

    /// Counts a request that guessers and flooders like, from an address and, if there is one, against whom it tries:
    /// an e-mail address, a client's id. The subject is hashed before it becomes part of a key.
    ///
    /// Handlers call `Context::strict`, which also tells the caller how they stand.
    pub async fn strict(&self, policy: Policy, client: IpAddr, subject: Option<&str>) -> Result<Standing, Problem> {
        let address = self.counter(policy, || format!("address:{}", network(client)));
        let subject =
            subject.and_then(|subject| self.counter(policy, || format!("subject:{}", self.account_key.name(subject))));
        let counters: Vec<_> = address.into_iter().chain(subject).collect();
        match self.admit(Reads::Nothing, &counters).await {
            Ok(admission) => admission.verdict(),
            Err(Down) => self.alone(&counters),
        }
    }
}

impl<'a> Reads<'a> {
    fn keys(self) -> Vec<&'a str> {
        match self {
            Reads::Nothing => vec![],
            Reads::Session { session } => vec![session],
            Reads::SessionAndLastWrite { session, last_write } => vec![session, last_write],
        }
    }
}

impl Admission {
    /// How the caller stands, or the problem that turns it away.
    pub fn verdict(self) -> Result<Standing, Problem> {
        match self.verdict {
            Verdict::Admitted(standing) => Ok(standing),
            Verdict::Refused { policy, limit, wait } => Err(too_many(policy, limit, wait)),
        }
    }
}

/// The script's answer, or what was read where nothing is counted.
fn parse(reply: Vec<redis::Value>, counters: &[Counter]) -> Option<Admission> {
    let mut values = reply.into_iter();
    let mut text = || redis::from_redis_value::<Option<String>>(values.next().unwrap_or(redis::Value::Nil)).ok();
    let (session, last_write) = (text()?, text()?);
    let last_write = last_write.and_then(|position| position.parse().ok());
    let mut verdict = Verdict::Admitted(Standing::default());
    // An ended session is counted against nobody here.
    if !counters.is_empty() && (values.len() > 0 || session.is_none()) {
        verdict = counted(&mut values, counters)?;
    }
    Some(Admission { session, last_write, verdict })
}

fn counted(values: &mut impl Iterator<Item = redis::Value>, counters: &[Counter]) -> Option<Verdict> {
    let mut number = || redis::from_redis_value::<i64>(values.next()?).ok();
    let milliseconds = |n: i64| Duration::from_millis(n.max(0) as u64);
    let (refusing, wait) = (number()?, number()?);
    if let Some(index) = usize::try_from(refusing).ok()?.checked_sub(1) {
        let Counter { policy, limit, .. } = *counters.get(index)?;
        return Some(Verdict::Refused { policy, limit, wait: milliseconds(wait) });
    }
    let stands = counters.iter().map(|Counter { policy, limit, .. }| {
        Some(Stand { policy: *policy, limit: *limit, left: number()?, resets_in: milliseconds(number()?) })
    });
    Some(Verdict::Admitted(Standing(stands.collect::<Option<_>>()?)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use poem::http::HeaderMap;
    use redis::Value::{Int, Nil, SimpleString};

    fn counters() -> Vec<Counter> {
        let counter = |policy, limit| Counter { policy, limit, key: String::new() };
        vec![counter(Policy::Address, 1000), counter(Policy::Person, 100)]
    }

    #[test]
    fn an_admitted_caller_learns_what_is_left() {
        let session = || SimpleString("{}".into());
        let reply = vec![session(), SimpleString("17".into()), Int(0), Int(0), Int(998), Int(29_001), Int(42), Int(5)];
        let admission = parse(reply, &counters()).unwrap();
        assert_eq!((admission.session.as_deref(), admission.last_write), (Some("{}"), Some(17)));
        let mut headers = HeaderMap::new();
        admission.verdict().unwrap().write(&mut headers);
        assert_eq!(headers["ratelimit-policy"], "\"address\";q=1000;w=60, \"person\";q=100;w=60");
        assert_eq!(headers["ratelimit"], "\"address\";r=998;t=30, \"person\";r=42;t=1");
    }

    #[test]
    fn a_refused_caller_learns_by_which_limit() {
        let admission = parse(vec![Nil, Nil, Int(2), Int(1_500)], &counters()).unwrap();
        let problem = admission.verdict().unwrap_err();
        assert_eq!(problem.summary(), (429, "request.rate_limited".into(), vec![]));
        assert!(problem.to_string().contains("100 a minute (person)"), "{problem}");
    }

    #[test]
    fn nonsense_from_redis_is_no_answer() {
        assert!(parse(vec![], &counters()).is_none());
        assert!(parse(vec![Nil, Nil, Int(9), Int(0)], &counters()).is_none());
        assert!(parse(vec![Nil, Nil, Int(0), Int(0), Int(1)], &counters()).is_none());
    }

    #[test]
    fn addresses_of_one_client_count_together() {
        let same = [("192.0.2.7", "::ffff:192.0.2.7"), ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9")];
        for (a, b) in same {
            assert_eq!(network(a.parse().unwrap()), network(b.parse().unwrap()));
        }
        assert_ne!(network("2001:db8:1:2::1".parse().unwrap()), network("2001:db8:1:3::1".parse().unwrap()));
    }
}
