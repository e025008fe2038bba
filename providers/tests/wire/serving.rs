#![allow(clippy::unwrap_used)]

use std::time::Duration;

use providers::{
    Config, Failure, Providers,
    sandbox::{SandboxConfig, serve},
};
use tokio::{
    net::TcpListener,
    sync::oneshot,
    time::{Instant, timeout},
};

use crate::harness::{a_payment, a_sandbox, approved, charge, pause};

#[tokio::test]
async fn it_says_that_it_is_healthy() {
    let base = a_sandbox().await.base;
    let answer = reqwest::get(format!("{base}/healthz")).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.text().await.unwrap().as_str()), (200, "ok"));
}

/// An idle connection and a call under way hold it up for about a second, not longer.
#[tokio::test]
async fn it_stops_soon_after_it_is_asked_to() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, SandboxConfig::default(), async {
        let _ = stopped.await;
    }));
    let providers = Providers::sandbox(&base, &Config::default()).unwrap();
    let payment = a_payment();
    assert_eq!(charge(&providers, payment, "shop.example").await, Ok(approved(payment)));
    let under_way = tokio::spawn(async move { charge(&providers, a_payment(), "slow.example").await });
    pause(200).await;

    let asked = Instant::now();
    stop.send(()).unwrap();
    timeout(Duration::from_secs(4), server).await.unwrap().unwrap().unwrap();
    assert!(asked.elapsed() >= Duration::from_millis(900), "calls under way get a second");
    assert_eq!(under_way.await.unwrap(), Err(Failure::Unknown));
}
