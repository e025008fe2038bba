use crate::server::Server;
use async_nats::jetstream::{self, consumer::{self, AckPolicy}, stream};
use futures::StreamExt;
use std::time::{Duration, Instant};

fn cpu(pid: u32) -> f64 {
    let s = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let r: Vec<&str> = s.rsplit_once(')').unwrap().1.split_whitespace().collect();
    (r[11].parse::<f64>().unwrap() + r[12].parse::<f64>().unwrap()) / 100.0
}

async fn variant(name: &str, msgid: bool, window: u64, ack_each: bool, batch: u64, ack: Option<AckPolicy>, expected: bool, cbatch: usize) {
    const N: u64 = 200_000;
    let server = Server::start();
    let client = async_nats::connect(server.url()).await.unwrap();
    let js = jetstream::new(client.clone());
    let s = js.create_stream(stream::Config { name: "T".into(), subjects: vec!["t.>".into()], duplicate_window: Duration::from_millis(window), ..Default::default() }).await.unwrap();
    let task = if let Some(policy) = ack {
        let c: consumer::PullConsumer = s.create_consumer(consumer::pull::Config { durable_name: Some("d".into()), ack_policy: policy, ack_wait: Duration::from_secs(5), max_ack_pending: if policy==AckPolicy::None {0} else {4096}, ..Default::default() }).await.unwrap();
        let cl = async_nats::connect(server.url()).await.unwrap();
        let js2 = jetstream::new(cl);
        let c: consumer::PullConsumer = { drop(c); js2.get_stream("T").await.unwrap().get_consumer("d").await.unwrap() };
        Some(tokio::spawn(async move {
            let mut m = c.stream().max_messages_per_batch(cbatch).expires(Duration::from_secs(30)).heartbeat(Duration::from_secs(5)).messages().await.unwrap().ready_chunks(1000);
            let mut n = 0; let mut acks = 0;
            while n < N { let b = m.next().await.unwrap(); n += b.len() as u64; acks += 1; if policy == AckPolicy::All { b.last().unwrap().as_ref().unwrap().ack().await.unwrap(); } }
            acks
        }))
    } else { None };
    let payload = bytes::Bytes::from(vec![b'x'; 600]);
    let t = Instant::now(); let c0 = cpu(server.pid()); let me0 = cpu(std::process::id());
    let mut seq = 0u64;
    while seq < N {
        let mut acks = vec![];
        for i in 0..batch {
            let mut h = async_nats::HeaderMap::new();
            if expected { h.insert("Nats-Expected-Last-Sequence", (seq).to_string()); }
            if msgid { h.insert("Nats-Msg-Id", format!("0199c7f2-4a2e-7b3c-9d1e-{:012x}", seq)); }
            h.insert("VC-Position", (seq + 1).to_string());
            seq += 1;
            let subject = ["t.payment.initiated", "t.card.held", "t.payment.captured"][(seq % 3) as usize];
            if ack_each { acks.push(js.publish_with_headers(subject, h, payload.clone()).await.unwrap()); }
            else if i + 1 == batch {
                acks.push(js.publish_with_headers(subject, h, payload.clone()).await.unwrap());
            } else { client.publish_with_headers(subject, h, payload.clone()).await.unwrap(); }
        }
        for a in acks { a.await.unwrap(); }
    }
    let tp = t.elapsed();
    let acks = if let Some(t) = task { t.await.unwrap() } else { 0 };
    let el = t.elapsed();
    let c1 = cpu(server.pid()); let me1 = cpu(std::process::id());
    println!("{name:60} nats {:.2} us/msg  client {:.2} us/msg  {:.0}/s publish {:.0}/s all, {acks} acks", (c1 - c0) * 1e6 / N as f64, (me1 - me0) * 1e6 / N as f64, N as f64 / tp.as_secs_f64(), N as f64 / el.as_secs_f64());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scratch() {
    use AckPolicy::*;
    for _ in 0..1 {
    variant("publish only, 256, no msgid", false, 120000, false, 256, Option::None, true, 1000).await;
    variant("publish only, 256, no msgid, no expected", false, 120000, false, 256, Option::None, false, 1000).await;
    variant("publish only, 256, msgid 120s", true, 120000, false, 256, Option::None, true, 1000).await;
    variant("publish only, 256, msgid 100ms", true, 100, false, 256, Option::None, true, 1000).await;
    variant("publish only, 256 ack each, no msgid", false, 120000, true, 256, Option::None, true, 1000).await;
    variant("publish only, 256 ack each, msgid 120", true, 120000, true, 256, Option::None, true, 1000).await;
    variant("256 + AckAll 1000", false, 120000, false, 256, Some(All), true, 1000).await;
    variant("256 + AckAll 256", false, 120000, false, 256, Some(All), true, 256).await;
    variant("256 + AckNone 1000", false, 120000, false, 256, Some(None), true, 1000).await;
    variant("256 msgid ack each + AckAll 1000", true, 120000, true, 256, Some(All), true, 1000).await;
    variant("64 + AckAll 1000", false, 120000, false, 64, Some(All), true, 1000).await;
    variant("1000 + AckAll 1000", false, 120000, false, 1000, Some(All), true, 1000).await;
    }
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Mode { Stream, Fetch, FetchLinger }

async fn paced(name: &str, mode: Mode, per_tick: u64, tick_ms: u64, work: Duration, policy: AckPolicy) {
    let n_total: u64 = per_tick * 5000 / tick_ms;
    let server = Server::start();
    let client = async_nats::connect(server.url()).await.unwrap();
    let js = jetstream::new(client.clone());
    let s = js.create_stream(stream::Config { name: "T".into(), subjects: vec!["t.>".into()], ..Default::default() }).await.unwrap();
    let _: consumer::PullConsumer = s.create_consumer(consumer::pull::Config { durable_name: Some("d".into()), ack_policy: policy, ack_wait: Duration::from_secs(5), max_ack_pending: if policy==AckPolicy::None {0} else {4096}, ..Default::default() }).await.unwrap();
    let cl = async_nats::connect(server.url()).await.unwrap();
    let js2 = jetstream::new(cl.clone());
    let c: consumer::PullConsumer = js2.get_stream("T").await.unwrap().get_consumer("d").await.unwrap();
    let task = tokio::spawn(async move {
        let mut n = 0; let mut acks = 0u64; let mut lat = vec![];
        let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros() as u64;
        if mode == Mode::Stream {
            let mut m = c.stream().max_messages_per_batch(1000).expires(Duration::from_secs(30)).heartbeat(Duration::from_secs(5)).messages().await.unwrap().ready_chunks(1000);
            while n < n_total { let b = m.next().await.unwrap(); n += b.len() as u64; acks += 1; tokio::time::sleep(work).await; 
               for x in &b { lat.push(now() - x.as_ref().unwrap().headers.as_ref().unwrap().get("T").unwrap().as_str().parse::<u64>().unwrap()); }
               if policy == AckPolicy::All { b.last().unwrap().as_ref().unwrap().ack().await.unwrap(); } }
        } else {
            let inbox: async_nats::Subject = cl.new_inbox().into();
            let mut sub = cl.subscribe(inbox.clone()).await.unwrap();
            let mut wait_for_one = false;
            while n < n_total {
                let want = if wait_for_one { 1 } else { 1000usize };
                let cfg = if wait_for_one { consumer::pull::BatchConfig { batch: 1, expires: Some(Duration::from_secs(30)), ..Default::default() } } else { consumer::pull::BatchConfig { batch: 1000, no_wait: true, ..Default::default() } };
                c.request_batch(cfg, inbox.clone()).await.unwrap();
                let mut b = vec![];
                while b.len() < want {
                    let m = sub.next().await.unwrap();
                    match m.status { Option::None => b.push(m), Some(_) => break }
                }
                if b.is_empty() { wait_for_one = true; continue }
                if wait_for_one { wait_for_one = false; if mode == Mode::FetchLinger { tokio::time::sleep(Duration::from_millis(1)).await; 
                   c.request_batch(consumer::pull::BatchConfig { batch: 999, no_wait: true, ..Default::default() }, inbox.clone()).await.unwrap();
                   while b.len() < 1000 { let m = sub.next().await.unwrap(); match m.status { Option::None => b.push(m), Some(_) => break } }
                } }
                n += b.len() as u64; acks += 1; tokio::time::sleep(work).await;
               for x in &b { lat.push(now() - x.headers.as_ref().unwrap().get("T").unwrap().as_str().parse::<u64>().unwrap()); }
                if policy == AckPolicy::All { cl.publish(b.last().unwrap().reply.clone().unwrap(), "".into()).await.unwrap(); }
            }
        }
        lat.sort();
        (acks, lat[lat.len()/2], lat[lat.len()*99/100])
    });
    let payload = bytes::Bytes::from(vec![b'x'; 600]);
    let c0 = cpu(server.pid()); let me0 = cpu(std::process::id());
    let mut seq = 0u64;
    let mut iv = tokio::time::interval(Duration::from_millis(tick_ms));
    while seq < n_total {
        iv.tick().await;
        let mut acks = vec![];
        for i in 0..per_tick {
            let mut h = async_nats::HeaderMap::new();
            h.insert("Nats-Expected-Last-Sequence", (seq).to_string());
            h.insert("T", std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros().to_string());
            seq += 1;
            let subject = ["t.payment.initiated", "t.card.held", "t.payment.captured"][(seq % 3) as usize];
            if i + 1 == per_tick {
                acks.push(js.publish_with_headers(subject, h, payload.clone()).await.unwrap());
            } else { client.publish_with_headers(subject, h, payload.clone()).await.unwrap(); }
        }
        for a in acks { a.await.unwrap(); }
    }
    let (acks, p50, p99) = task.await.unwrap();
    let c1 = cpu(server.pid()); let me1 = cpu(std::process::id());
    println!("{name:40} {mode:?} {per_tick}/{tick_ms}ms work {work:?} nats {:.2} us/msg  client {:.2} us/msg  {acks} acks p50 {p50} p99 {p99} us", (c1 - c0) * 1e6 / n_total as f64, (me1 - me0) * 1e6 / n_total as f64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pacedtest() {
    for (tick, ms) in [(100, 5), (10, 5)] { for work in [0u64, 1000] {
    for mode in [Mode::Stream, Mode::Fetch, Mode::FetchLinger] {
    paced("AckAll", mode, tick, ms, Duration::from_micros(work), AckPolicy::All).await;
    } 
    paced("AckNone", Mode::Stream, tick, ms, Duration::from_micros(work), AckPolicy::None).await;
    }}
}
