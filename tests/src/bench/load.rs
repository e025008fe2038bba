//! The load generators. Both run on one thread, so that they take as little as can be of the machine they measure.
//!
//! The closed loop finds what the system can do: each connection pays, waits for the answer, and pays again. The open
//! loop finds how long people wait at a given rate: payments begin when they are due, whether or not earlier ones were
//! answered, and the time is counted from when they were due, so that a stall shows in all that it held up.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    net::SocketAddr,
    rc::Rc,
    thread,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use hyper::StatusCode;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::{
    sync::{Mutex, mpsc},
    task::{JoinSet, LocalSet},
};

use crate::{
    client::{Answer, Client, ClientError, Prepared},
    processes::Failure,
};

/// Different failures that are told apart; further ones only count.
const KINDS: usize = 20;

/// Connections of the open loop. All busy, due payments wait, and their waiting counts.
const OPEN_CONNECTIONS: usize = 256;

/// What a load run saw.
pub struct Outcome {
    pub paid: u64,
    pub failed: u64,
    /// Failures by what was answered, the commonest kinds.
    pub failures: BTreeMap<String, u64>,
    pub time: Duration,
    /// Microseconds, of the payments that succeeded.
    pub latency: Histogram<u64>,
}

impl Outcome {
    fn new() -> Outcome {
        Outcome { paid: 0, failed: 0, failures: BTreeMap::new(), time: Duration::ZERO, latency: super::histogram() }
    }

    pub fn per_second(&self) -> f64 {
        self.paid as f64 / self.time.as_secs_f64().max(f64::EPSILON)
    }

    pub fn quantile_ms(&self, quantile: f64) -> f64 {
        self.latency.value_at_quantile(quantile) as f64 / 1000.0
    }

    fn note(&mut self, answer: &Result<Answer, ClientError>, since: Instant) {
        match answer {
            Ok(answer) if answer.status == StatusCode::OK && answer.contains(r#""status":"success""#) => {
                self.paid += 1;
                self.latency.saturating_record(u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX));
            }
            other => {
                self.failed += 1;
                let kind = match other {
                    Ok(answer) => {
                        format!("{} {}", answer.status.as_u16(), answer.text().chars().take(300).collect::<String>())
                    }
                    Err(error) => error.to_string(),
                };
                let known = self.failures.len() < KINDS || self.failures.contains_key(&kind);
                *self.failures.entry(if known { kind } else { "others".into() }).or_default() += 1;
            }
        }
    }
}

/// Pays on `connections` connections for `time`. Each connection has people of its own, so no two pay with one card
/// at the same time.
pub async fn closed(
    api: SocketAddr,
    payments: &[Prepared],
    connections: usize,
    time: Duration,
) -> Result<Outcome, Failure> {
    let payments = payments.to_vec();
    on_one_thread(move || async move {
        let outcome = Rc::new(RefCell::new(Outcome::new()));
        let (began, mut paying) = (Instant::now(), JoinSet::new());
        for first in 0..connections {
            let own: Vec<_> = payments.iter().skip(first % payments.len()).step_by(connections).cloned().collect();
            let outcome = Rc::clone(&outcome);
            paying.spawn_local(async move {
                let mut client = Client::new(api);
                for payment in own.iter().cycle() {
                    let sent = Instant::now();
                    let answer = client.post_prepared(payment, None).await;
                    if began.elapsed() >= time {
                        return;
                    }
                    outcome.borrow_mut().note(&answer, sent);
                }
            });
        }
        paying.join_all().await;
        let mut outcome = outcome.replace(Outcome::new());
        outcome.time = time;
        outcome
    })
    .await
}

/// Pays `rate` times a second for `time`, at random moments (a Poisson process), and waits for the last answer.
pub async fn open(api: SocketAddr, payments: &[Prepared], rate: f64, time: Duration) -> Result<Outcome, Failure> {
    let payments = payments.to_vec();
    on_one_thread(move || async move {
        let outcome = Rc::new(RefCell::new(Outcome::new()));
        let (due, arrivals) = mpsc::unbounded_channel();
        let arrivals = Rc::new(Mutex::new(arrivals));
        let mut paying = JoinSet::new();
        for _ in 0..OPEN_CONNECTIONS {
            let (outcome, arrivals, payments) = (Rc::clone(&outcome), Rc::clone(&arrivals), payments.clone());
            paying.spawn_local(async move {
                let mut client = Client::new(api);
                loop {
                    let next: Option<(usize, Instant)> = arrivals.lock().await.recv().await;
                    let Some((number, due)) = next else { return };
                    let answer = client.post_prepared(&payments[number % payments.len()], None).await;
                    outcome.borrow_mut().note(&answer, due);
                }
            });
        }
        // A thread of its own, because the runtime's timer knows whole milliseconds only.
        let clock = thread::spawn(move || arrive(rate, time, |number, at| due.send((number, at)).is_ok()));
        paying.join_all().await;
        let mut outcome = outcome.replace(Outcome::new());
        outcome.time = clock.join().unwrap_or(time);
        outcome
    })
    .await
}

/// Calls `due` at each arrival; the time until the last one.
fn arrive(rate: f64, time: Duration, mut due: impl FnMut(usize, Instant) -> bool) -> Duration {
    // Fixed, so that every run has the same arrivals.
    let mut random = StdRng::seed_from_u64(1);
    let began = Instant::now();
    let mut next = Duration::ZERO;
    for number in 0.. {
        next += Duration::from_secs_f64(-(1.0 - random.random::<f64>()).ln() / rate);
        if next >= time {
            break;
        }
        thread::sleep((began + next).saturating_duration_since(Instant::now()));
        if !due(number, began + next) {
            break;
        }
    }
    time
}

async fn on_one_thread<F: Future<Output = Outcome>>(
    load: impl FnOnce() -> F + Send + 'static,
) -> Result<Outcome, Failure> {
    let run = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok::<_, std::io::Error>(LocalSet::new().block_on(&runtime, load()))
    });
    Ok(run.await??)
}
