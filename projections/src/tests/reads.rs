//! Readers get what they may rely on, or are told within bounded time that they cannot have it.

use std::time::{Duration, Instant};

use aggregates::{CardId, PaymentId, UserId};

use super::{
    history::{History, usd},
    redis_server::{RedisServer, quick},
};
use crate::{Config, Inbox, ReadError, Views};

#[tokio::test]
async fn what_is_not_there_is_none() {
    let server = RedisServer::start();
    let mut history = History::default();
    let stranger = history.id();
    history.a_person();
    server.built("vc", &history.log).await;
    let views = server.views("vc");
    let user = UserId(stranger);
    assert_eq!(views.profile(user, None).await.unwrap(), None);
    assert_eq!(views.card(CardId(stranger), None).await.unwrap(), None);
    assert_eq!(views.transaction(PaymentId(stranger), None).await.unwrap(), None);
    assert_eq!(views.fraud_state(user).await.unwrap(), None);
    assert_eq!(views.cards(user, None).await.unwrap(), []);
    assert_eq!(views.inbox(user, 10, None).await.unwrap(), Inbox::default());
    let page = views.transactions(user, None, 10, None).await.unwrap();
    assert_eq!((page.transactions.len(), page.truncated), (0, false));
}

#[tokio::test]
async fn lists_are_newest_first_and_continue_where_they_ended() {
    let server = RedisServer::start();
    let mut history = History::default();
    let (user, card) = history.a_person_with_card();
    let second = history.a_card(user);
    let payments: Vec<PaymentId> = (1..=25).map(|cents| history.pays(user, card, usd(cents))).collect();
    server.built("vc", &history.log).await;
    let views = server.views("vc");
    let cards: Vec<CardId> = views.cards(user, None).await.unwrap().iter().map(|card| card.card_id).collect();
    assert_eq!(cards, [second, card]);
    let (mut listed, mut before) = (Vec::new(), None);
    for expected in [10, 10, 5] {
        let page = views.transactions(user, before, 10, None).await.unwrap();
        assert_eq!((page.transactions.len(), page.truncated), (expected, false));
        before = page.transactions.last().map(|transaction| transaction.position);
        listed.extend(page.transactions.iter().map(|transaction| transaction.payment_id));
    }
    assert!(listed.iter().eq(payments.iter().rev()));
    assert_eq!(views.inbox(user, 3, None).await.unwrap().notifications.len(), 3);
    assert_eq!(views.inbox(user, 0, None).await.unwrap().notifications.len(), 0);
    assert_eq!(views.fraud_state(user).await.unwrap().unwrap().captured_count(), 25);
}

#[tokio::test]
async fn a_reader_waits_for_the_position_it_asks_for() {
    let server = RedisServer::start();
    let mut history = History::default();
    let (user, card) = history.a_person_with_card();
    let mut writer = server.built("vc", &history.log).await;
    let payment = history.pays(user, card, usd(1));
    let views = server.views("vc");
    assert_eq!(views.transaction(payment, None).await.unwrap(), None);
    let position = Some(history.position());
    let (read, listed, applied) = tokio::join!(
        views.transaction(payment, position),
        views.transactions(user, None, 10, position),
        writer.apply(&history.log)
    );
    applied.unwrap();
    assert_eq!(read.unwrap().unwrap().payment_id, payment);
    assert_eq!(listed.unwrap().transactions.len(), 1);
}

#[tokio::test]
async fn a_reader_does_not_wait_for_ever() {
    let server = RedisServer::start();
    let mut history = History::default();
    let user = history.a_person();
    server.built("vc", &history.log).await;
    let config = Config { wait_timeout_ms: 30, ..quick() };
    let views = Views::connect(&server.url(), "vc", &config).unwrap();
    let error = views.profile(user, Some(7)).await.unwrap_err();
    assert!(matches!(error, ReadError::Behind { wanted: 7, at: 1 }), "{error}");
}

async fn fails_soon(views: &Views) {
    let started = Instant::now();
    let error = views.fraud_state(UserId(uuid::Uuid::nil())).await.unwrap_err();
    assert!(matches!(error, ReadError::Unavailable(_)), "{error}");
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[tokio::test]
async fn without_redis_reads_fail_soon() {
    let server = RedisServer::start();
    let views = server.views("vc");
    assert!(matches!(views.checkpoint().await.unwrap_err(), ReadError::NotReady));
    drop(server);
    for _ in 0..5 {
        fails_soon(&views).await;
    }
    let never = Views::connect("redis+unix:///nowhere/redis.sock", "vc", &quick()).unwrap();
    fails_soon(&never).await;
}

#[tokio::test]
async fn a_redis_that_hangs_is_unavailable_and_comes_back() {
    let server = RedisServer::start();
    let mut history = History::default();
    let user = history.a_person();
    server.built("vc", &history.log).await;
    let views = server.views("vc");
    assert!(views.profile(user, None).await.unwrap().is_some());
    server.signal("STOP");
    fails_soon(&views).await;
    fails_soon(&views).await;
    server.signal("CONT");
    let started = Instant::now();
    while views.profile(user, None).await.is_err() {
        assert!(started.elapsed() < Duration::from_secs(5), "it does not come back");
    }
}

#[tokio::test]
async fn an_emptied_redis_never_looks_like_an_absence() {
    let server = RedisServer::start();
    let mut history = History::default();
    let (user, card) = history.a_person_with_card();
    history.pays(user, card, usd(1));
    for _ in 0..20 {
        server.built("vc", &history.log).await;
        let views = server.views("vc");
        let read = async {
            loop {
                match (views.profile(user, None).await, views.transactions(user, None, 10, None).await) {
                    (Ok(profile), Ok(page)) => {
                        assert!(profile.is_some());
                        assert_eq!(page.transactions.len(), 1);
                    }
                    (Err(ReadError::NotReady), _) | (_, Err(ReadError::NotReady)) => return,
                    other => panic!("{other:?}"),
                }
            }
        };
        tokio::join!(read, server.command("FLUSHALL"));
    }
}
