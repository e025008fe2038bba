//! The brake on guessing: after some failures an account, or a network, has to wait before the next attempt is even
//! looked at, longer each time.
//!
//! Counted in PostgreSQL, whatever Redis remembers. Whoever checks a proof calls [`admit`] before, then [`failed`] or
//! [`succeeded`]. Attempts that run side by side are all admitted, but the sixth and later ones of them learn nothing:
//! their answer is that the account is locked, whether they were right or wrong.
//!
//! A success takes back an account's failures, not a network's: an attacker has an account of their own to succeed
//! with. An account's failures are those of its address, whether there is such an account or not, so that a lock tells
//! nothing. The price is that a stranger can keep an account's owner waiting, for a quarter of an hour at most, by
//! failing on; the sessions that the owner has stay open.

use std::{net::IpAddr, time::Duration};

use aggregates::{BlindIndex, UserId};
use chrono::{DateTime, Utc};
use store::login_failures::{Counted, Lock, Subject};

use crate::{Error, Origin, System};

/// From how many failures on, and how long.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Failures for one account; 0 turns the lock off.
    pub account_failures: u32,
    /// Failures from one network: an IPv4 address or an IPv6 /64; 0 turns the lock off.
    pub network_failures: u32,
    /// The first lock; each failure that follows doubles it.
    pub first_seconds: u64,
    pub longest_seconds: u64,
    /// A day without a failure, and all is forgotten.
    pub forget_after_hours: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            account_failures: 5,
            network_failures: 20,
            first_seconds: 30,
            longest_seconds: 15 * 60,
            forget_after_hours: 24,
        }
    }
}

impl Settings {
    fn lock(&self, from: u32) -> Lock {
        Lock {
            from,
            first: Duration::from_secs(self.first_seconds),
            longest: Duration::from_secs(self.longest_seconds),
            forget_after: self.forget_after(),
        }
    }

    pub fn forget_after(&self) -> Duration {
        Duration::from_secs(self.forget_after_hours * 3_600)
    }
}

/// Whom an attempt is counted against.
#[derive(Clone, Copy, Debug)]
pub struct Tried {
    account: Subject,
    network: Option<Subject>,
}

impl Tried {
    /// A login with the e-mail address of this blind index, which may be nobody's.
    pub fn address(system: &System, address: &BlindIndex, origin: &Origin) -> Tried {
        Tried::new(system, "login failures of an address", &address.0, origin)
    }

    /// The current password of somebody who is logged in. Counted apart from logins, so that strangers who fail at the
    /// door do not keep the owner from what is done inside.
    pub fn password(system: &System, user_id: UserId, origin: &Origin) -> Tried {
        Tried::new(system, "wrong passwords inside an account", &user_id.to_string(), origin)
    }

    /// A second proof of somebody who is logged in, or half-way. Counted apart from passwords: a right one of those
    /// takes back no wrong one of these.
    pub fn second_proof(system: &System, user_id: UserId, origin: &Origin) -> Tried {
        Tried::new(system, "wrong second proofs of an account", &user_id.to_string(), origin)
    }

    fn new(system: &System, kind: &'static str, account: &str, origin: &Origin) -> Tried {
        let subject = |kind, value: &str| system.store.failure_subject(kind, value);
        Tried {
            account: subject(kind, account),
            network: origin.address.map(|address| subject("login failures of a network", &network(address))),
        }
    }

    /// What is counted, with the number of failures that lock it.
    fn counted(&self, system: &System) -> impl Iterator<Item = (Subject, u32)> {
        let Settings { account_failures, network_failures, .. } = system.settings.lockout;
        let both = [(Some(self.account), account_failures), (self.network, network_failures)];
        both.into_iter().filter_map(|(subject, from)| Some((subject.filter(|_| from > 0)?, from)))
    }
}

/// Lets an attempt pass to its check, or [`Error::Locked`].
pub async fn admit(system: &System, tried: &Tried) -> Result<(), Error> {
    let subjects: Vec<Subject> = tried.counted(system).map(|(subject, _)| subject).collect();
    refuse(system.store.locked_until(&subjects).await?)
}

/// Counts an attempt whose proof was wrong. [`Error::Locked`] where others have locked the way meanwhile: the caller
/// answers that, and not that the proof was wrong.
pub async fn failed(system: &System, tried: &Tried) -> Result<(), Error> {
    let mut already = None;
    for (subject, from) in tried.counted(system) {
        match system.store.count_failure(subject, system.settings.lockout.lock(from)).await? {
            Counted::Open => {}
            Counted::Locked { .. } => metrics::counter!("lockouts_total").increment(1),
            Counted::Already { until } => already = already.max(Some(until)),
        }
    }
    refuse(already)
}

/// An attempt was right. [`Error::Locked`] where others have locked the way meanwhile: then it counts
/// as not looked at.
pub async fn succeeded(system: &System, tried: &Tried) -> Result<(), Error> {
    admit(system, tried).await?;
    refuse(system.store.forget_failures(tried.account).await?)
}

fn refuse(locked_until: Option<DateTime<Utc>>) -> Result<(), Error> {
    match locked_until {
        None => Ok(()),
        Some(until) => {
            let left = (until - Utc::now()).to_std().unwrap_or_default();
            Err(Error::Locked { retry_after: left.max(Duration::from_secs(1)) })
        }
    }
}

/// Who is one client: an IPv4 address, or an IPv6 /64, which one household or one attacker has whole.
pub fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}")
        }
    }
}
