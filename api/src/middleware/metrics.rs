use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use metrics::{Counter, Histogram, counter, histogram};
use poem::http::StatusCode;

/// Statuses that we answer with; their counters are registered once. Others are looked up each time.
const STATUSES: [u16; 22] =
    [200, 201, 202, 204, 304, 400, 401, 403, 404, 405, 408, 409, 413, 414, 415, 422, 429, 431, 500, 502, 503, 504];

/// `http_requests_total{route,method,status}` and `http_request_seconds{route}` of one operation.
///
/// Labels are templates and names of ours, so that no client can make the number of series grow.
pub struct Meter {
    route: Arc<str>,
    method: &'static str,
    counts: [OnceLock<Counter>; STATUSES.len()],
    seconds: OnceLock<Histogram>,
}

impl Meter {
    pub fn new(route: &str, method: &'static str) -> Meter {
        Meter { route: route.into(), method, counts: Default::default(), seconds: OnceLock::new() }
    }

    pub fn route(&self) -> &str {
        &self.route
    }

    pub fn method(&self) -> &'static str {
        self.method
    }

    /// Handles are made on first use, because the recorder is installed after routes are known.
    pub fn record(&self, status: StatusCode, took: Duration) {
        match STATUSES.iter().position(|known| *known == status.as_u16()) {
            Some(slot) => self.counts[slot].get_or_init(|| self.counter(status)).increment(1),
            None => self.counter(status).increment(1),
        }
        let seconds = self.seconds.get_or_init(|| histogram!("http_request_seconds", "route" => self.route.clone()));
        seconds.record(took.as_secs_f64());
    }

    fn counter(&self, status: StatusCode) -> Counter {
        let status = status.as_str().to_owned();
        counter!("http_requests_total", "route" => self.route.clone(), "method" => self.method, "status" => status)
    }
}
