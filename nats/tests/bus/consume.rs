use std::time::{Duration, Instant};

use nats::{Bus, Publisher, Start};

use crate::{
    fixtures::{Log, bus, events, eventually, follow_until, follower, raw_stream, start_relay, without_repeats},
    server::Server,
};

async fn publish(bus: &Bus, positions: std::ops::RangeInclusive<i64>) {
    let mut publisher = Publisher::new(bus.clone());
    publisher.read_tail().await.unwrap();
    publisher.publish(&events(positions)).await.unwrap();
}

const WAIT: Duration = Duration::from_secs(20);

#[tokio::test]
async fn nothing_to_follow_gives_an_empty_batch_in_time() {
    let server = Server::start();
    let bus = bus(&server).await;
    let mut consumer = follower(&bus, Start::Beginning);
    assert!(consumer.next_batch(10, Duration::from_millis(50)).await.unwrap().events.is_empty());
}

#[tokio::test]
async fn a_batch_holds_what_has_arrived_but_not_more_than_asked_for() {
    let server = Server::start();
    let bus = bus(&server).await;
    publish(&bus, 1..=1000).await;
    let mut consumer = follower(&bus, Start::Beginning);
    let mut next = 1;
    while next <= 1000 {
        let batch = consumer.next_batch(300, WAIT).await.unwrap();
        assert!((1..=300).contains(&batch.events.len()));
        for event in batch.events {
            assert_eq!(event.unwrap().position, next);
            next += 1;
        }
        batch.receipt.ack().await;
    }
}

#[tokio::test]
async fn what_a_crashed_follower_did_not_acknowledge_comes_again() {
    let server = Server::start();
    let (before, after) = (bus(&server).await, bus(&server).await);
    publish(&before, 1..=10).await;
    let mut crashing = follower(&before, Start::Beginning);
    crashing.next_batch(4, WAIT).await.unwrap().ack().await;
    let lost = crashing.next_batch(100, WAIT).await.unwrap();
    assert!(!lost.events.is_empty());
    before.flush().await;
    drop((crashing, lost, before));

    let started = Instant::now();
    let mut restarted = follower(&after, Start::Beginning);
    assert_eq!(follow_until(&mut restarted, 10).await, (5..=10).collect::<Vec<_>>());
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
}

#[tokio::test]
async fn what_was_acknowledged_does_not_come_again() {
    let server = Server::start();
    let bus = bus(&server).await;
    publish(&bus, 1..=10).await;
    follow_until(&mut follower(&bus, Start::Beginning), 10).await;
    bus.flush().await;
    publish(&bus, 11..=12).await;
    assert_eq!(follow_until(&mut follower(&bus, Start::Beginning), 12).await, [11, 12]);
}

#[tokio::test]
async fn a_message_that_is_no_event_is_handed_out_as_such() {
    let server = Server::start();
    let bus = bus(&server).await;
    publish(&bus, 1..=1).await;
    let stranger = async_nats::connect(server.url()).await.unwrap();
    stranger.request("vc.events.card.held", "not an event".into()).await.unwrap();
    publish(&bus, 2..=2).await;

    let mut consumer = follower(&bus, Start::Beginning);
    let mut all = Vec::new();
    while all.len() < 3 {
        let batch = consumer.next_batch(10, WAIT).await.unwrap();
        all.extend(batch.events);
    }
    assert_eq!(all[0].as_ref().unwrap().position, 1);
    let foreign = all[1].as_ref().unwrap_err();
    assert_eq!((foreign.subject.as_str(), foreign.bytes, foreign.position), ("vc.events.card.held", 12, None));
    assert_eq!(all[2].as_ref().unwrap().position, 2);
}

#[tokio::test]
async fn a_follower_can_begin_after_a_position() {
    let server = Server::start();
    let bus = bus(&server).await;
    publish(&bus, 1..=100).await;
    // A repaired stream, whose sequences and positions differ: by none up to 97, by three after.
    let stream = raw_stream(&server).await;
    for sequence in 98..=100 {
        stream.delete_message(sequence).await.unwrap();
    }
    publish(&bus, 98..=120).await;
    for start in [0, 50, 97, 98, 110] {
        let mut consumer = follower(&bus, Start::After(start));
        assert_eq!(follow_until(&mut consumer, 120).await, (start + 1..=120).collect::<Vec<_>>());
        stream.delete_consumer("follower").await.unwrap();
    }
    let mut ahead = follower(&bus, Start::After(120));
    assert!(ahead.next_batch(10, Duration::from_millis(50)).await.unwrap().events.is_empty());
    publish(&bus, 121..=121).await;
    assert_eq!(follow_until(&mut ahead, 121).await, [121]);
}

#[tokio::test]
async fn a_deleted_consumer_is_made_anew() {
    let server = Server::start();
    let bus = bus(&server).await;
    publish(&bus, 1..=5).await;
    let mut consumer = follower(&bus, Start::Beginning);
    follow_until(&mut consumer, 5).await;
    consumer.start_from(Start::After(5));
    raw_stream(&server).await.delete_consumer("follower").await.unwrap();
    publish(&bus, 6..=7).await;
    assert_eq!(follow_until(&mut consumer, 7).await, [6, 7]);
}

#[tokio::test]
async fn a_deleted_stream_is_made_anew_and_followed() {
    let server = Server::start();
    let (bus, log) = (bus(&server).await, Log::default());
    let _relay = start_relay(&bus, &log);
    let mut consumer = follower(&bus, Start::Beginning);
    log.grow_to(1000);
    follow_until(&mut consumer, 1000).await;
    let client = async_nats::connect(server.url()).await.unwrap();
    async_nats::jetstream::new(client).delete_stream("VC_EVENTS").await.unwrap();
    log.grow_to(1100);
    let positions = follow_until(&mut consumer, 1100).await;
    assert_eq!(without_repeats(&positions), (1..=1100).collect::<Vec<_>>());
}

/// The stream's messages are gone, the consumer's memory of them is not.
#[tokio::test]
async fn a_consumer_that_is_ahead_of_its_stream_is_replaced() {
    let mut server = Server::start();
    let (bus, log) = (bus(&server).await, Log::default());
    let relay = start_relay(&bus, &log);
    let mut consumer = follower(&bus, Start::Beginning);
    log.grow_to(1000);
    follow_until(&mut consumer, 1000).await;
    bus.flush().await;
    drop((relay, consumer));

    let stream = raw_stream(&server).await;
    let acknowledged = async || stream.consumer_info("follower").await.unwrap().ack_floor.stream_sequence;
    eventually("acknowledged", async || acknowledged().await == 1000).await;
    server.kill();
    std::fs::remove_dir_all(server.store().join("jetstream/$G/streams/VC_EVENTS/msgs")).unwrap();
    server.run();

    let mut consumer = follower(&bus, Start::Beginning);
    eventually("subscribed", async || bus.tail().await.is_ok_and(|tail| tail.position == 0)).await;
    let _ = consumer.next_batch(1, Duration::from_millis(200)).await;
    let _relay = start_relay(&bus, &log);
    log.grow_to(1100);
    let positions = follow_until(&mut consumer, 1100).await;
    assert_eq!(without_repeats(&positions), (1..=1100).collect::<Vec<_>>());
}

#[tokio::test]
async fn ensuring_twice_changes_nothing_and_limits_are_brought_up_to_date() {
    let server = Server::start();
    let bus = bus(&server).await;
    bus.ensure().await.unwrap();
    publish(&bus, 1..=3).await;
    bus.ensure().await.unwrap();
    let config = nats::Config { max_bytes: 1 << 20, ..nats::Config::new(server.url(), "vc") };
    let other = Bus::connect(&config).await.unwrap();
    eventually("connected", async || other.is_connected()).await;
    other.ensure().await.unwrap();
    let info = raw_stream(&server).await.get_info().await.unwrap();
    assert_eq!((info.config.max_bytes, info.state.messages), (1 << 20, 3));
}

#[tokio::test]
async fn a_server_that_comes_late_is_used_as_soon_as_it_is_there() {
    let mut server = Server::start();
    server.kill();
    let bus = Bus::connect(&nats::Config::new(server.url(), "vc")).await.unwrap();
    let log = Log::default();
    log.grow_to(10);
    let _relay = start_relay(&bus, &log);
    let mut consumer = follower(&bus, Start::Beginning);
    assert!(consumer.next_batch(10, WAIT).await.is_err());
    assert!(!bus.is_connected());

    server.run();
    assert_eq!(follow_until(&mut consumer, 10).await, (1..=10).collect::<Vec<_>>());
}
