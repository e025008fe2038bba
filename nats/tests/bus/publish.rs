use aggregates::Envelope;
use nats::{Bus, PublishError, Publisher, Start};

use crate::{
    fixtures::{bus, event, events, eventually, follow_until, follower, positions_in, raw_stream, without_repeats},
    server::Server,
};

async fn publisher(bus: &Bus) -> Publisher {
    let mut publisher = Publisher::new(bus.clone());
    publisher.read_tail().await.unwrap();
    publisher
}

#[tokio::test]
async fn ten_thousand_events_arrive_in_order() {
    let server = Server::start();
    let bus = bus(&server).await;
    let mut consumer = follower(&bus, Start::Beginning);
    let mut publisher = publisher(&bus).await;
    let published = tokio::spawn(async move {
        for page in events(1..=10_000).chunks(1000) {
            publisher.publish(page).await.unwrap();
        }
    });
    let positions = follow_until(&mut consumer, 10_000).await;
    assert_eq!(without_repeats(&positions), (1..=10_000).collect::<Vec<_>>());
    published.await.unwrap();
}

#[tokio::test]
async fn an_event_arrives_as_it_was_published() {
    let server = Server::start();
    let bus = bus(&server).await;
    let sent = event(1);
    publisher(&bus).await.publish(std::slice::from_ref(&sent)).await.unwrap();
    let stored = bus.stored(1).await.unwrap().unwrap();
    assert_eq!((stored.sequence, stored.subject.as_str()), (1, "vc.events.card.held"));
    assert_eq!(stored.envelope.unwrap().to_cloud_event(), sent.to_cloud_event());
}

#[tokio::test]
async fn the_tail_moves_with_what_is_published() {
    let server = Server::start();
    let bus = bus(&server).await;
    let mut publisher = publisher(&bus).await;
    let after = publisher.publish(&events(1..=1500)).await.unwrap();
    assert_eq!((after.position, after.last_sequence, after.event_id), (1500, 1500, Some(event(1500).id)));
    assert_eq!(publisher.read_tail().await.unwrap(), after);
}

#[tokio::test]
async fn a_publisher_with_a_stale_tail_is_refused() {
    let server = Server::start();
    let bus = bus(&server).await;
    let (mut active, mut stale) = (publisher(&bus).await, publisher(&bus).await);
    active.publish(&events(1..=3)).await.unwrap();

    let refused = stale.publish(&events(1..=2)).await;
    assert!(matches!(refused, Err(PublishError::TailMoved(_))), "{refused:?}");
    assert_eq!(positions_in(&raw_stream(&server).await).await, [1, 2, 3]);

    let unread = stale.publish(&events(4..=5)).await;
    assert!(matches!(unread, Err(PublishError::TailUnknown)), "{unread:?}");
    assert_eq!(stale.read_tail().await.unwrap().position, 3);
    stale.publish(&events(4..=5)).await.unwrap();
    assert_eq!(positions_in(&raw_stream(&server).await).await, [1, 2, 3, 4, 5]);
}

/// The first three are refused as already there, the others continue them.
#[tokio::test]
async fn two_publishers_of_the_same_events_add_up() {
    let server = Server::start();
    let bus = bus(&server).await;
    let (mut first, mut second) = (publisher(&bus).await, publisher(&bus).await);
    first.publish(&events(1..=3)).await.unwrap();
    second.publish(&events(1..=5)).await.unwrap();
    assert_eq!(positions_in(&raw_stream(&server).await).await, [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_batch_with_a_hole_is_not_sent() {
    let server = Server::start();
    let bus = bus(&server).await;
    for batch in [vec![event(2)], vec![event(1), event(3)], vec![event(1), event(1)]] {
        let refused = publisher(&bus).await.publish(&batch).await;
        assert!(matches!(refused, Err(PublishError::NotNext { .. })), "{refused:?}");
    }
    assert_eq!(bus.tail().await.unwrap().last_sequence, 0);
}

#[tokio::test]
async fn an_event_too_large_for_the_server_is_named_and_those_before_it_are_stored() {
    let server = Server::start();
    let bus = bus(&server).await;
    let actor = "x".repeat(2 << 20);
    let batch = [event(1), event(2), Envelope { actor, ..event(3) }, event(4)];
    let refused = publisher(&bus).await.publish(&batch).await;
    assert!(matches!(refused, Err(PublishError::TooLarge { position: 3 })), "{refused:?}");
    eventually("stored", async || bus.tail().await.unwrap().position == 2).await;
}

#[tokio::test]
async fn a_foreign_message_at_the_end_hides_no_event() {
    let server = Server::start();
    let bus = bus(&server).await;
    publisher(&bus).await.publish(&events(1..=3)).await.unwrap();
    let stranger = async_nats::connect(server.url()).await.unwrap();
    stranger.request("vc.events.card.held", "not an event".into()).await.unwrap();

    let mut publisher = publisher(&bus).await;
    assert_eq!(publisher.read_tail().await.unwrap().position, 3);
    assert_eq!(publisher.publish(&events(4..=4)).await.unwrap().last_sequence, 5);
}
