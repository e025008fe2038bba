//! Metrics of calls: `provider_requests_total{vendor,operation,outcome}`, one for each attempt, and the histogram
//! `provider_request_seconds{vendor,operation}`.

use metrics::{Counter, Histogram, counter, histogram};
use tokio::time::Instant;

use crate::Failure;

const OUTCOMES: [&str; 5] = ["answered", "unreachable", "unknown", "refused", "malformed"];
const ANSWERED: usize = 0;
const UNREACHABLE: usize = 1;
const UNKNOWN: usize = 2;
const REFUSED: usize = 3;
const MALFORMED: usize = 4;

/// One operation's meters. The handles are taken once, since looking them up costs more than counting.
pub(crate) struct Meter {
    outcomes: [Counter; OUTCOMES.len()],
    seconds: Histogram,
}

impl Meter {
    pub fn new(vendor: &'static str, operation: &'static str) -> Meter {
        let count = |outcome| counter!("provider_requests_total", "vendor" => vendor, "operation" => operation, "outcome" => outcome);
        let seconds = histogram!("provider_request_seconds", "vendor" => vendor, "operation" => operation);
        Meter { outcomes: OUTCOMES.map(count), seconds }
    }

    /// Runs and counts one attempt. One that the caller abandons counts as `unknown`.
    pub async fn measure<T>(&self, call: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let mut measurement = Measurement { meter: self, started: Instant::now(), outcome: UNKNOWN };
        let result = call.await;
        measurement.outcome = match &result {
            Ok(_) => ANSWERED,
            Err(Failure::Unreachable) => UNREACHABLE,
            Err(Failure::Unknown) => UNKNOWN,
            Err(Failure::Refused { .. }) => REFUSED,
            Err(Failure::Malformed) => MALFORMED,
        };
        result
    }
}

struct Measurement<'a> {
    meter: &'a Meter,
    started: Instant,
    outcome: usize,
}

impl Drop for Measurement<'_> {
    fn drop(&mut self) {
        self.meter.outcomes[self.outcome].increment(1);
        self.meter.seconds.record(self.started.elapsed());
    }
}
