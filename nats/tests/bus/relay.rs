use std::{fs::OpenOptions, time::Duration};

use nats::{Publisher, Start};

use crate::{
    fixtures::{
        Log, bus, event, eventually, eventually_complete, follow_until, follower, raw_stream, start_relay,
        without_repeats,
    },
    server::Server,
};

#[tokio::test]
async fn two_relays_leave_neither_gap_nor_duplicate() {
    let server = Server::start();
    let log = Log::default();
    let buses = [bus(&server).await, bus(&server).await];
    let _relays = [start_relay(&buses[0], &log), start_relay(&buses[1], &log)];
    for length in (0..=5000).step_by(50) {
        log.grow_to(length);
        tokio::task::yield_now().await;
    }
    buses[0].ensure().await.unwrap();
    eventually_complete(&server, 5000).await;
}

#[tokio::test]
async fn what_was_deleted_from_the_end_of_a_running_stream_is_published_again() {
    let server = Server::start();
    let (bus, log) = (bus(&server).await, Log::default());
    bus.ensure().await.unwrap();
    let _relay = start_relay(&bus, &log);
    log.grow_to(20);
    eventually_complete(&server, 20).await;

    let stream = raw_stream(&server).await;
    for sequence in 18..=20 {
        stream.delete_message(sequence).await.unwrap();
    }
    eventually_complete(&server, 20).await;
    assert_eq!(bus.tail().await.unwrap().last_sequence, 23);
}

#[tokio::test]
async fn a_purged_stream_fills_again() {
    let server = Server::start();
    let (bus, log) = (bus(&server).await, Log::default());
    bus.ensure().await.unwrap();
    let _relay = start_relay(&bus, &log);
    log.grow_to(2500);
    eventually_complete(&server, 2500).await;
    raw_stream(&server).await.purge().await.unwrap();
    eventually_complete(&server, 2500).await;
}

/// As after a power cut, with writes that were acknowledged and never reached the disk.
#[tokio::test]
async fn what_the_storage_lost_is_published_again() {
    let mut server = Server::start();
    let (bus, log) = (bus(&server).await, Log::default());
    bus.ensure().await.unwrap();
    log.grow_to(1000);
    let relay = start_relay(&bus, &log);
    eventually_complete(&server, 1000).await;
    drop(relay);

    server.kill();
    let messages = server.store().join("jetstream/$G/streams/VC_EVENTS/msgs");
    let block = OpenOptions::new().write(true).open(messages.join("1.blk")).unwrap();
    block.set_len(block.metadata().unwrap().len() / 2).unwrap();
    let _ = std::fs::remove_file(messages.join("index.db"));
    server.run();

    let tail = || async { bus.tail().await.map_or(1000, |tail| tail.position) };
    eventually("shorter", async || tail().await < 1000).await;
    assert!(tail().await > 0);
    let _relay = start_relay(&bus, &log);
    eventually_complete(&server, 1000).await;
}

#[tokio::test]
async fn everything_wiped_while_relay_and_follower_run_arrives_all_the_same() {
    let mut server = Server::start();
    let (bus, log) = (bus(&server).await, Log::default());
    bus.ensure().await.unwrap();
    let _relay = start_relay(&bus, &log);
    let mut consumer = follower(&bus, Start::Beginning);
    log.grow_to(3000);
    let mut positions = follow_until(&mut consumer, 3000).await;

    let followed = tokio::spawn(async move { follow_until(&mut consumer, 3500).await });
    server.kill();
    server.wipe();
    log.grow_to(3500);
    server.run();
    positions.extend(followed.await.unwrap());
    assert_eq!(without_repeats(&positions), (1..=3500).collect::<Vec<_>>());
    eventually_complete(&server, 3500).await;
}

#[tokio::test]
async fn a_server_killed_again_and_again_ends_up_with_the_whole_log() {
    let mut server = Server::start();
    let (bus, log) = (bus(&server).await, Log::default());
    bus.ensure().await.unwrap();
    let _relay = start_relay(&bus, &log);
    let mut consumer = follower(&bus, Start::Beginning);
    for length in (2000..=8000).step_by(2000) {
        log.grow_to(length);
        // Killed in the middle of publishing and following.
        let mut seen = 0;
        while seen < length - 1500 {
            if let Ok(batch) = consumer.next_batch(100, Duration::from_millis(200)).await {
                seen = batch.events.iter().flatten().map(|event| event.position).max().unwrap_or(0).max(seen);
                batch.ack().await;
            }
        }
        server.kill();
        server.run();
    }
    follow_until(&mut consumer, 8000).await;
    eventually_complete(&server, 8000).await;
}

#[tokio::test]
async fn a_stream_that_is_ahead_of_the_log_is_left_alone() {
    let server = Server::start();
    let (bus, log) = (bus(&server).await, Log::default());
    let mut publisher = Publisher::new(bus.clone());
    publisher.read_tail().await.unwrap();
    publisher.publish(&[event(1), event(2)]).await.unwrap();

    log.grow_to(1);
    let _relay = start_relay(&bus, &log);
    never_published(&bus, 2).await;
    log.grow_to(5);
    eventually_complete(&server, 5).await;
}

#[tokio::test]
async fn a_stream_of_another_log_is_left_alone() {
    let server = Server::start();
    let (bus, log) = (bus(&server).await, Log::default());
    let mut publisher = Publisher::new(bus.clone());
    publisher.read_tail().await.unwrap();
    let other = aggregates::Envelope { id: uuid::Uuid::from_u128(7), ..event(1) };
    publisher.publish(&[other]).await.unwrap();

    log.grow_to(5);
    let _relay = start_relay(&bus, &log);
    never_published(&bus, 1).await;
}

/// For half a second, which is many turns of a relay.
async fn never_published(bus: &nats::Bus, position: i64) {
    let until = std::time::Instant::now() + Duration::from_millis(500);
    while std::time::Instant::now() < until {
        assert_eq!(bus.tail().await.unwrap().position, position);
    }
}
