#![allow(clippy::unwrap_used)]

use metrics_exporter_prometheus::PrometheusBuilder;
use providers::{Config, Providers};

use crate::harness::{a_payment, a_sandbox, charge};

#[tokio::test]
async fn attempts_are_counted_by_vendor_operation_and_outcome() {
    let sandbox = a_sandbox().await;
    let recorder = PrometheusBuilder::new().build_recorder();
    let metered = metrics::with_local_recorder(&recorder, || Providers::sandbox(&sandbox.base, &Config::default()));
    let providers = metered.unwrap();
    for merchant in ["shop.example", "declined.example", "down.example"] {
        let _ = charge(&providers, a_payment(), merchant).await;
    }
    let abandoned = tokio::time::timeout(std::time::Duration::from_millis(50), async {
        charge(&providers, a_payment(), "slow.example").await
    });
    assert!(abandoned.await.is_err());

    let printed = recorder.handle().render();
    let count = |outcome, n| {
        format!(r#"provider_requests_total{{vendor="sandbox",operation="charge",outcome="{outcome}"}} {n}"#)
    };
    for line in [count("answered", 2), count("unknown", 2), count("refused", 0)] {
        assert!(printed.contains(&line), "{line} is not in\n{printed}");
    }
    assert!(printed.contains(r#"provider_request_seconds_count{vendor="sandbox",operation="charge"} 4"#), "{printed}");
}
