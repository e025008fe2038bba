use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::Failure;

/// Upper bounds in seconds, close together where the targets are.
const SECONDS: [f64; 16] =
    [0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// Logs go to standard error, one JSON object a line, so that standard output stays for answers.
pub(crate) fn install_logs(filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    // A second installation, as in tests that run several parts in one process, keeps the first.
    let _ = tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}

/// Makes the recorder that `/metrics` renders. Once a process.
pub fn install_metrics() -> Result<PrometheusHandle, Failure> {
    let builder =
        PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS).and_then(
            |builder| builder.set_buckets_for_metric(Matcher::Suffix("_units".into()), &[1.0, 4.0, 16.0, 64.0, 256.0]),
        );
    let failed = |e: metrics_exporter_prometheus::BuildError| Failure::Config(e.to_string());
    builder.map_err(failed)?.install_recorder().map_err(failed)
}
