//! Rate limits, counted in Redis for all instances together.
//!
//! If Redis does not answer, requests pass uncounted: paying people matter more than exact counting. Logins are the
//! exception, because guessing passwords is what an attacker would use the moment for: they are then counted in
//! this instance's memory.

mod account;
mod fallback;

use std::{net::IpAddr, sync::Arc, time::Duration};

use aggregates::UserId;
use poem::http::{HeaderMap, HeaderValue, StatusCode};
use redis::Script;

use crate::{
    config::RateLimits,
    problem::Problem,
    redis_link::{Down, RedisLink},
};

pub use account::AccountKey;
use fallback::InMemory;

pub(crate) const WINDOW: Duration = Duration::from_secs(60);

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
    policy: &'static str,
    limit: u32,
    key: String,
}

/// What came back from Redis in one round trip.
pub struct Admission {
    /// The session's entry, if one was asked for and is there.
    pub session: Option<String>,
    verdict: Verdict,
}

enum Verdict {
    Admitted(Standing),
    Refused { policy: &'static str, limit: u32, wait: Duration },
}

/// How a caller stands with each limit: its name, the limit, what is left; and when the window ends.
#[derive(Debug, Default)]
pub struct Standing {
    limits: Vec<(&'static str, u32, i64)>,
    resets_in: Duration,
}

impl Limits {
    pub fn new(redis: Arc<RedisLink>, rates: RateLimits, account_key: AccountKey) -> Limits {
        let script = Script::new(include_str!("admit.lua"));
        Limits { redis, rates, script, in_memory: InMemory::new(), account_key }
    }

    pub fn address(&self, client: IpAddr) -> Option<Counter> {
        self.counter("address", self.rates.address, || network(client))
    }

    pub fn person(&self, user: UserId) -> Option<Counter> {
        self.counter("person", self.rates.person, || user.to_string())
    }

    pub fn payments(&self, user: UserId) -> Option<Counter> {
        self.counter("payments", self.rates.payments, || user.to_string())
    }

    pub fn passwords(&self, user: UserId) -> Option<Counter> {
        self.counter("password", self.rates.login, || user.to_string())
    }

    pub fn exports(&self, user: UserId) -> Option<Counter> {
        self.counter("export", self.rates.export, || user.to_string())
    }

    fn counter(&self, policy: &'static str, limit: u32, of: impl FnOnce() -> String) -> Option<Counter> {
        (limit > 0).then(|| Counter { policy, limit, key: self.redis.key("limit", format_args!("{policy}:{}", of())) })
    }

    /// Counts one request and reads a session, in one round trip.
    pub async fn admit(&self, session: Option<&str>, counters: Vec<Counter>) -> Result<Admission, Down> {
        let mut connection = self.redis.connection();
        if counters.is_empty() {
            let session = match session {
                None => None,
                Some(key) => {
                    let get = async move { redis::cmd("GET").arg(key).query_async(&mut connection).await };
                    self.redis.run(get).await?
                }
            };
            return Ok(Admission { session, verdict: Verdict::Admitted(Standing::default()) });
        }
        let mut call = self.script.prepare_invoke();
        // Without a session the first counter stands in for its key, so that all keys are in one slot of a cluster.
        call.key(session.unwrap_or(&counters[0].key)).arg(u8::from(session.is_some())).arg(WINDOW.as_millis() as u64);
        for counter in &counters {
            call.key(&counter.key).arg(counter.limit);
        }
        let reply = self.redis.run(call.invoke_async::<Vec<redis::Value>>(&mut connection)).await?;
        read(reply, &counters).ok_or(Down)
    }

    /// Counts a login from an address to an account. Counted here if Redis does not answer.
    pub async fn login(&self, client: IpAddr, email: &str) -> Result<(), Problem> {
        let limit = self.rates.login;
        let address = self.counter("login", limit, || format!("address:{}", network(client)));
        let account = self.counter("login", limit, || format!("account:{}", self.account_key.name(email)));
        let counters: Vec<_> = address.into_iter().chain(account).collect();
        match self.admit(None, counters.clone()).await {
            Ok(admission) => admission.verdict().map(drop),
            Err(Down) => counters.iter().try_for_each(|counter| self.in_memory.count(counter)),
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

impl Standing {
    /// `RateLimit-Policy` and `RateLimit` as the IETF draft has them. Nothing where no limit is on.
    pub fn write(&self, headers: &mut HeaderMap) {
        use std::fmt::Write;
        if self.limits.is_empty() {
            return;
        }
        let (mut policy, mut left) = (String::with_capacity(80), String::with_capacity(80));
        let seconds = self.resets_in.as_secs() + 1;
        for (i, (name, limit, remaining)) in self.limits.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            // Writing to a String cannot fail.
            let _ = write!(policy, "{comma}\"{name}\";q={limit};w={}", WINDOW.as_secs());
            let _ = write!(left, "{comma}\"{name}\";r={remaining};t={seconds}");
        }
        for (name, value) in [("ratelimit-policy", policy), ("ratelimit", left)] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
    }
}

fn too_many(policy: &'static str, limit: u32, wait: Duration) -> Problem {
    metrics::counter!("rate_limited_total", "policy" => policy).increment(1);
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "request.rate_limited", "Too many requests")
        .detail(format!("At most {limit} a minute ({policy})."))
        .retry_after(wait)
        .standing(Standing { limits: vec![(policy, limit, 0)], resets_in: wait })
}

fn read(reply: Vec<redis::Value>, counters: &[Counter]) -> Option<Admission> {
    let mut values = reply.into_iter();
    let session: Option<String> = redis::from_redis_value(values.next()?).ok()?;
    if values.len() == 0 {
        return Some(Admission { session, verdict: Verdict::Admitted(Standing::default()) });
    }
    let mut number = || redis::from_redis_value::<i64>(values.next()?).ok();
    let (refusing, wait, resets_in) = (number()?, number()?, number()?);
    let milliseconds = |n: i64| Duration::from_millis(n.max(0) as u64);
    let verdict = match usize::try_from(refusing).ok()?.checked_sub(1) {
        Some(index) => {
            let Counter { policy, limit, .. } = counters.get(index)?;
            Verdict::Refused { policy, limit: *limit, wait: milliseconds(wait) }
        }
        None => {
            let left = counters.iter().map(|counter| Some((counter.policy, counter.limit, number()?)));
            Verdict::Admitted(Standing { limits: left.collect::<Option<_>>()?, resets_in: milliseconds(resets_in) })
        }
    };
    Some(Admission { session, verdict })
}

/// Who is one client: an IPv4 address, or an IPv6 /64, which one household or one attacker has whole.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}")
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use redis::Value::{Int, Nil, SimpleString};

    fn counters() -> Vec<Counter> {
        let counter = |policy, limit| Counter { policy, limit, key: policy.into() };
        vec![counter("address", 1000), counter("person", 100)]
    }

    #[test]
    fn an_admitted_caller_learns_what_is_left() {
        let reply = vec![SimpleString("revoked".into()), Int(0), Int(0), Int(29_001), Int(998), Int(42)];
        let admission = read(reply, &counters()).unwrap();
        assert_eq!(admission.session.as_deref(), Some("revoked"));
        let mut headers = HeaderMap::new();
        admission.verdict().unwrap().write(&mut headers);
        assert_eq!(headers["ratelimit-policy"], "\"address\";q=1000;w=60, \"person\";q=100;w=60");
        assert_eq!(headers["ratelimit"], "\"address\";r=998;t=30, \"person\";r=42;t=30");
    }

    #[test]
    fn a_refused_caller_learns_by_which_limit() {
        let admission = read(vec![Nil, Int(2), Int(1_500), Int(29_000)], &counters()).unwrap();
        let problem = admission.verdict().unwrap_err();
        assert_eq!(problem.summary(), (429, "request.rate_limited".into(), vec![]));
        assert!(problem.to_string().contains("100 a minute (person)"), "{problem}");
    }

    #[test]
    fn nonsense_from_redis_is_no_answer() {
        assert!(read(vec![], &counters()).is_none());
        assert!(read(vec![Nil, Int(9), Int(0), Int(0)], &counters()).is_none());
        assert!(read(vec![Nil, Int(0), Int(0), Int(0), Int(1)], &counters()).is_none());
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
