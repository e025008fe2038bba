use std::time::Duration;

use poem::http::{HeaderMap, HeaderValue, StatusCode};

use super::{Policy, window::WINDOW};
use crate::problem::Problem;

/// How a caller stands with the limits that the request counted against.
#[derive(Clone, Debug, Default)]
pub struct Standing(pub(super) Vec<Stand>);

#[derive(Clone, Debug)]
pub(super) struct Stand {
    pub policy: Policy,
    pub limit: u32,
    pub left: i64,
    /// Until the first of what was counted is free again.
    pub resets_in: Duration,
}

impl Standing {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is left of each.
    #[cfg(test)]
    pub fn left(&self) -> Vec<i64> {
        self.0.iter().map(|stand| stand.left).collect()
    }

    /// Where a request counts twice, once as a request and once as what it tries, both are told.
    pub fn and(mut self, other: &Standing) -> Standing {
        self.0.extend(other.0.iter().cloned());
        self
    }

    /// `RateLimit-Policy` and `RateLimit` as the IETF draft has them. Nothing where no limit is on. Limits of one name,
    /// such as those of an account and of an address, are told as the one that is nearer.
    pub fn write(&self, headers: &mut HeaderMap) {
        use std::fmt::Write;
        if self.0.is_empty() {
            return;
        }
        let (mut policies, mut standing) = (String::with_capacity(80), String::with_capacity(80));
        for (i, Stand { policy, limit, left, resets_in }) in self.0.iter().enumerate() {
            let nearer = |(j, other): (usize, &Stand)| {
                other.policy == *policy && (other.left < *left || (other.left == *left && j < i))
            };
            if self.0.iter().enumerate().any(nearer) {
                continue;
            }
            let (comma, name) = (if policies.is_empty() { "" } else { ", " }, policy.name());
            // Writing to a String cannot fail.
            let _ = write!(policies, "{comma}\"{name}\";q={limit};w={}", WINDOW.as_secs());
            let _ = write!(standing, "{comma}\"{name}\";r={left};t={}", seconds(*resets_in));
        }
        for (name, value) in [("ratelimit-policy", policies), ("ratelimit", standing)] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
    }
}

/// Rounded up: who waits this long has waited long enough.
fn seconds(wait: Duration) -> u64 {
    wait.as_millis().div_ceil(1000).max(1) as u64
}

pub(super) fn too_many(policy: Policy, limit: u32, wait: Duration) -> Problem {
    metrics::counter!("rate_limited_total", "policy" => policy.name()).increment(1);
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "request.rate_limited", "Too many requests")
        .detail(format!("At most {limit} a minute ({}).", policy.name()))
        .retry_after(wait)
        .standing(Standing(vec![Stand { policy, limit, left: 0, resets_in: wait }]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_limits_with_one_name_the_nearer_is_told() {
        let stand =
            |policy, limit, left, millis| Stand { policy, limit, left, resets_in: Duration::from_millis(millis) };
        let request = Standing(vec![stand(Policy::Address, 1000, 998, 29_001)]);
        let login = Standing(vec![stand(Policy::Login, 10, 3, 9_000), stand(Policy::Login, 10, 2, 7_000)]);
        let mut headers = HeaderMap::new();
        request.and(&login).write(&mut headers);
        assert_eq!(headers["ratelimit-policy"], "\"address\";q=1000;w=60, \"login\";q=10;w=60");
        assert_eq!(headers["ratelimit"], "\"address\";r=998;t=30, \"login\";r=2;t=7");
    }
}
