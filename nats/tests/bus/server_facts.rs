use async_nats::jetstream::{self, stream, message::PublishMessage};
use std::time::Duration;
use crate::server::Server;

async fn raw(server: &Server, window: Duration) -> (async_nats::Client, jetstream::Context, stream::Stream) {
    let client = async_nats::connect(server.url()).await.unwrap();
    let js = jetstream::new(client.clone());
    let s = js.create_stream(stream::Config{name:"T".into(), subjects: vec!["t.>".into()], duplicate_window: window, ..Default::default()}).await.unwrap();
    (client, js, s)
}
fn headers(id: &str, expected: u64) -> async_nats::HeaderMap {
    let mut h = async_nats::HeaderMap::new();
    if !id.is_empty() { h.insert("Nats-Msg-Id", id); }
    h.insert("Nats-Expected-Last-Sequence", expected.to_string());
    h
}

#[tokio::test]
async fn facts() {
    let mut server = Server::start();
    let (client, js, mut s) = raw(&server, Duration::from_secs(120)).await;
    for i in 0..9u64 { client.publish_with_headers(format!("t.a.{i}"), headers(&format!("m{i}"), i), "x".into()).await.unwrap(); }
    let ack = client.request_with_headers("t.a.9", headers("m9", 9), "x".into()).await.unwrap();
    println!("chain ack {:?}", ack.payload);
    client.publish_with_headers("t.a.10", headers("m10x", 7), "x".into()).await.unwrap();
    let ack = client.request_with_headers("t.a.9", headers("m11", 11), "x".into()).await.unwrap();
    println!("broken chain {:?}", ack.payload);
    let ack = client.request_with_headers("t.a.9", headers("mz", 0), "x".into()).await.unwrap();
    println!("expected 0 on nonempty {:?}", ack.payload);
    let ack = client.request_with_headers("t.a.9", headers("m9", 9), "x".into()).await.unwrap();
    println!("retry same id same expected {:?}", ack.payload);
    let ack = client.request_with_headers("t.a.9", headers("m9", 10), "x".into()).await.unwrap();
    println!("dup id right expected {:?}", ack.payload);
    println!("state {:?}", s.info().await.unwrap().state);
    println!("last by wildcard {:?}", s.get_last_raw_message_by_subject("t.>").await.map(|m| m.sequence));
    println!("next by wildcard {:?}", s.get_first_raw_message_by_subject("t.>", 4).await.map(|m| m.sequence));
    for q in 8..=10 { s.delete_message(q).await.unwrap(); }
    println!("state after delete 8..10 {:?}", s.info().await.unwrap().state);
    println!("last by wildcard {:?}", s.get_last_raw_message_by_subject("t.>").await.map(|m| m.sequence));
    println!("next by wildcard from 8 {:?}", s.get_first_raw_message_by_subject("t.>", 8).await.map(|m| m.sequence));
    let ack = client.request_with_headers("t.a.9", headers("m7", 10), "x".into()).await.unwrap();
    println!("republish m7 after delete, expected 10 {:?}", ack.payload);
    server.kill(); server.run();
    let mut n=0; loop { n+=1; if let Ok(i) = s.info().await { println!("state after kill+restart {:?}", i.state); break;} if n>200 {panic!()} tokio::time::sleep(Duration::from_millis(20)).await; }
    let ack = client.request_with_headers("t.a.9", headers("m7", 10), "x".into()).await.unwrap();
    println!("republish m7 after restart {:?}", ack.payload);
    s.purge().await.unwrap();
    println!("state after purge {:?}", s.info().await.unwrap().state);
    println!("last by wildcard {:?}", s.get_last_raw_message_by_subject("t.>").await.map(|m| m.sequence));
    let l = s.info().await.unwrap().state.last_sequence;
    let ack = client.request_with_headers("t.a.9", headers("m1", l), "x".into()).await.unwrap();
    println!("republish m1 after purge {:?}", ack.payload);
    let ack = client.request_with_headers("t.a.9", headers("m7", l+1), "x".into()).await.unwrap();
    println!("republish m7 after purge {:?}", ack.payload);
    js.delete_stream("T").await.unwrap();
    for w in [0u64, 1, 50, 100] {
        let r = js.create_stream(stream::Config{name:"W".into(), subjects: vec!["w.>".into()], duplicate_window: Duration::from_millis(w), ..Default::default()}).await;
        match r { Ok(s) => { println!("window {w} -> {:?}", s.cached_info().config.duplicate_window); js.delete_stream("W").await.unwrap(); }, Err(e) => println!("window {w} -> {e}") }
    }
    let (client, _js, mut s) = raw(&server, Duration::from_millis(100)).await;
    let ack = client.request_with_headers("t.a.9", headers("n1", 0), "x".into()).await.unwrap();
    println!("first into empty {:?}", ack.payload);
    s.delete_message(1).await.unwrap();
    let t=std::time::Instant::now();
    loop { let l = s.info().await.unwrap().state.last_sequence;
    let ack = client.request_with_headers("t.a.9", headers("n1", l), "x".into()).await.unwrap();
     if !String::from_utf8_lossy(&ack.payload).contains("duplicate") { println!("window 100ms passes after {:?}: {:?}", t.elapsed(), ack.payload); break; } tokio::time::sleep(Duration::from_millis(10)).await; }
    let _ = PublishMessage::build();
}
