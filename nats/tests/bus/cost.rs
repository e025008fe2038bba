//! Processor time for each event. Not a test: `cargo test --release -p nats --test bus -- --ignored --nocapture cost`.

use std::time::Instant;

use async_nats::jetstream;
use nats::{Bus, Publisher, Start};

use crate::{
    fixtures::{bus, event, events, follow_until, follower},
    server::Server,
};

const EVENTS: i64 = 200_000;
const BATCH: usize = 256;

/// User and system time of a process so far, in microseconds (the kernel counts in hundredths of a second).
fn cpu_us(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) * 10_000.0
}

async fn measure(name: &str, server: &Server, work: impl Future<Output = ()>) {
    let (server_before, ours_before, started) = (cpu_us(server.pid()), cpu_us(std::process::id()), Instant::now());
    work.await;
    println!(
        "{name:52} nats-server {:5.2} µs, this process {:5.2} µs an event, {:6.0} events/s",
        (cpu_us(server.pid()) - server_before) / EVENTS as f64,
        (cpu_us(std::process::id()) - ours_before) / EVENTS as f64,
        EVENTS as f64 / started.elapsed().as_secs_f64()
    );
}

async fn publish_chained(bus: &Bus) {
    let mut publisher = Publisher::new(bus.clone());
    publisher.read_tail().await.unwrap();
    for page in events(1..=EVENTS).chunks(BATCH) {
        publisher.publish(page).await.unwrap();
    }
}

async fn publish_each_acknowledged(server: &Server) {
    let client = async_nats::connect(server.url()).await.unwrap();
    let jetstream = jetstream::new(client);
    for page in events(1..=EVENTS).chunks(BATCH) {
        let mut acks = Vec::with_capacity(BATCH);
        for event in page {
            let mut headers = async_nats::HeaderMap::new();
            headers.insert("Nats-Msg-Id", event.id.to_string());
            headers.insert("VC-Position", event.position.to_string());
            let subject = format!("vc.events.{}.{}", event.kind, event.name);
            let payload = event.to_cloud_event().into();
            acks.push(jetstream.publish_with_headers(subject, headers, payload).await.unwrap());
        }
        for ack in acks {
            ack.await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn cost() {
    println!("{} events of {} bytes, batches of {BATCH}", EVENTS, event(EVENTS).to_cloud_event().len());
    for chained in [true, false] {
        let name = if chained { "one acknowledgement for a chained batch" } else { "Nats-Msg-Id, each acknowledged" };
        let server = Server::start();
        let (publishing, following) = (bus(&server).await, bus(&server).await);
        publishing.ensure().await.unwrap();
        let publish = async {
            if chained { publish_chained(&publishing).await } else { publish_each_acknowledged(&server).await }
        };
        measure(&format!("publish: {name}"), &server, publish).await;
        let follow = async { _ = follow_until(&mut follower(&following, Start::Beginning), EVENTS).await };
        measure("follow what is there", &server, follow).await;

        let server = Server::start();
        let (publishing, following) = (bus(&server).await, bus(&server).await);
        publishing.ensure().await.unwrap();
        let both = async {
            let mut consumer = follower(&following, Start::Beginning);
            let followed = tokio::spawn(async move { follow_until(&mut consumer, EVENTS).await });
            if chained {
                publish_chained(&publishing).await
            } else {
                publish_each_acknowledged(&server).await
            }
            followed.await.unwrap();
        };
        measure(&format!("publish and follow: {name}"), &server, both).await;
    }
}
