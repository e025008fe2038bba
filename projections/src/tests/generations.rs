//! A rebuild happens beside the live generation, and shows in one step.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use aggregates::{CardId, UserId};
use redis::Value;

use super::{
    history::{History, usd},
    inbox::text,
    redis_server::RedisServer,
};
use crate::{ApplyError, ReadError, Views};

/// One person with a card and twenty payments of `cents` each: two of these differ in every document but in no id.
fn payments_of(cents: i64) -> (History, UserId, CardId) {
    let mut history = History::default();
    let (user, card) = history.a_person_with_card();
    for _ in 0..20 {
        history.pays(user, card, usd(cents));
    }
    (history, user, card)
}

#[tokio::test]
async fn nothing_is_readable_before_the_first_generation_is_live() {
    let server = RedisServer::start();
    let (history, user, _) = payments_of(1);
    let views = server.views("vc");
    let mut writer = server.writer("vc").await;
    assert_eq!(writer.checkpoint(), None);
    assert!(matches!(writer.apply(&history.log).await.unwrap_err(), ApplyError::Missing));
    writer.start_generation().await.unwrap();
    writer.apply(&history.log).await.unwrap();
    assert!(matches!(views.profile(user, None).await.unwrap_err(), ReadError::NotReady));
    writer.go_live().await.unwrap();
    assert!(views.profile(user, None).await.unwrap().is_some());
    assert_eq!(server.writer("vc").await.checkpoint(), Some(history.position()));
}

/// What a reader sees in one look: the payments' amounts and what the inbox says, each from one answer.
async fn looks_whole(views: &Views, user: UserId, card: CardId) -> i64 {
    let card = views.card(card, None).await.unwrap().expect("the card is always there");
    let used = card.used_minor_units / 20;
    let page = views.transactions(user, None, 50, None).await.unwrap();
    let amount = page.transactions[0].amount;
    assert_eq!(page.transactions.len(), 20);
    assert!(page.transactions.iter().all(|transaction| transaction.amount == amount), "a mixture");
    let inbox = views.inbox(user, 20, None).await.unwrap().notifications;
    assert_eq!(inbox.len(), 20);
    assert!(inbox.iter().all(|told| text(told).message == text(&inbox[0]).message), "a mixture");
    assert!(amount.minor_units >= used, "back in time");
    amount.minor_units
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_see_one_generation_or_the_next() {
    const REBUILDS: i64 = 30;
    let server = RedisServer::start();
    let (history, user, card) = payments_of(1);
    server.built("vc", &history.log).await;
    let (views, over, looks) = (server.views("vc"), AtomicBool::new(false), AtomicUsize::new(0));
    let read = async {
        let mut newest = 1;
        while !over.load(Ordering::Relaxed) || newest < REBUILDS {
            let seen = looks_whole(&views, user, card).await;
            assert!(seen >= newest, "back in time");
            newest = seen;
            looks.fetch_add(1, Ordering::Relaxed);
        }
    };
    let rebuild = async {
        for cents in 2..=REBUILDS {
            let looked = looks.load(Ordering::Relaxed);
            server.built("vc", &payments_of(cents).0.log).await;
            while looks.load(Ordering::Relaxed) < looked + 2 {
                tokio::task::yield_now().await;
            }
        }
        over.store(true, Ordering::Relaxed);
    };
    tokio::join!(read, rebuild);
}

#[tokio::test]
async fn the_old_generation_leaves_nothing_behind() {
    let server = RedisServer::start();
    let (history, ..) = payments_of(1);
    server.built("other", &history.log).await;
    server.built("vc", &history.log).await;
    let before = server.command("DBSIZE").await;
    let writer = server.built("vc", &history.log).await;
    assert_eq!(server.command("DBSIZE").await, before);
    let live = server.command("SMEMBERS {vc}:generations").await;
    assert_eq!(live, Value::Array(vec![Value::BulkString(writer.generation().unwrap().to_string().into())]));
    assert!(server.views("other").checkpoint().await.is_ok());
}

#[tokio::test]
async fn a_generation_that_is_behind_does_not_go_live() {
    let server = RedisServer::start();
    let (history, ..) = payments_of(1);
    let live = server.built("vc", &history.log).await;
    let mut writer = server.writer("vc").await;
    writer.start_generation().await.unwrap();
    let (most, last) = history.log.split_at(history.log.len() - 1);
    writer.apply(most).await.unwrap();
    let error = writer.go_live().await.unwrap_err();
    assert!(matches!(error, ApplyError::Behind { at, live_at } if at + 1 == live_at), "{error}");
    assert_eq!(server.views("vc").live().await.unwrap(), live.generation().unwrap());
    writer.apply(last).await.unwrap();
    writer.go_live().await.unwrap();
    assert_eq!(server.views("vc").live().await.unwrap(), writer.generation().unwrap());
}

#[tokio::test]
async fn of_two_rebuilds_the_first_to_finish_goes_live() {
    let server = RedisServer::start();
    let (history, ..) = payments_of(1);
    let (mut one, mut two) = (server.writer("vc").await, server.writer("vc").await);
    for writer in [&mut one, &mut two] {
        writer.start_generation().await.unwrap();
        writer.apply(&history.log[..10]).await.unwrap();
    }
    two.go_live().await.unwrap();
    assert!(matches!(one.go_live().await.unwrap_err(), ApplyError::Fenced));
    assert!(matches!(one.apply(&history.log).await.unwrap_err(), ApplyError::Fenced));
    assert_eq!(one.reopen().await.unwrap(), Some(10));
    assert_eq!(one.generation(), two.generation());
}

#[tokio::test]
async fn the_writer_of_a_replaced_generation_is_told() {
    let server = RedisServer::start();
    let (history, ..) = payments_of(1);
    let mut old = server.built("vc", &history.log[..10]).await;
    server.built("vc", &history.log[..12]).await;
    let error = old.apply(&history.log).await.unwrap_err();
    assert!(matches!(error, ApplyError::Fenced | ApplyError::Missing), "{error}");
    assert_eq!(old.reopen().await.unwrap(), Some(12));
    assert_eq!(old.apply(&history.log).await.unwrap().events, history.log.len() - 12);
}

#[tokio::test]
async fn what_a_killed_rebuild_left_is_swept_once_its_lease_is_over() {
    let server = RedisServer::start();
    let (history, ..) = payments_of(1);
    server.built("vc", &history.log).await;
    let before = server.command("DBSIZE").await;
    let mut killed = server.writer("vc").await;
    let generation = killed.start_generation().await.unwrap();
    killed.apply(&history.log).await.unwrap();
    let checkpoint = format!("{{vc}}:{generation}:checkpoint");
    let Value::Int(lease) = server.command(&format!("TTL {checkpoint}")).await else { panic!("no lease") };
    assert!(lease > 60, "{lease}");
    server.built("vc", &history.log).await;
    assert_ne!(server.command("DBSIZE").await, before, "it may still be at work");
    server.command(&format!("EXPIRE {checkpoint} 0")).await;
    server.built("vc", &history.log).await;
    assert_eq!(server.command("DBSIZE").await, before);
    assert!(matches!(killed.apply(&history.log).await, Err(ApplyError::Missing) | Ok(_)));
    assert!(matches!(killed.check().await.unwrap_err(), ApplyError::Missing));
}

#[tokio::test]
async fn a_live_generation_has_no_lease() {
    let server = RedisServer::start();
    let (history, ..) = payments_of(1);
    let mut writer = server.built("vc", &history.log[..10]).await;
    let ttl = format!("TTL {{vc}}:{}:checkpoint", writer.generation().unwrap());
    assert_eq!(server.command(&ttl).await, Value::Int(-1));
    writer.apply(&history.log).await.unwrap();
    assert_eq!(server.command(&ttl).await, Value::Int(-1));
}

#[tokio::test]
async fn an_abandoned_rebuild_leaves_nothing_behind() {
    let server = RedisServer::start();
    let (history, ..) = payments_of(1);
    let live = server.built("vc", &history.log).await;
    let before = server.command("DBSIZE").await;
    let mut writer = server.writer("vc").await;
    let generation = writer.start_generation().await.unwrap();
    writer.apply(&history.log).await.unwrap();
    let views = server.views("vc");
    let rebuilt = views.fingerprint(generation).await.unwrap();
    assert_eq!(rebuilt, views.fingerprint(live.generation().unwrap()).await.unwrap());
    assert_eq!(rebuilt.checkpoint, Some(history.position()));
    writer.abandon().await.unwrap();
    assert_eq!(server.command("DBSIZE").await, before);
    assert!(live.abandon().await.is_err(), "the live one stays");
}

#[tokio::test]
async fn one_changed_document_shows_in_the_fingerprint() {
    let server = RedisServer::start();
    let (history, user, _) = payments_of(1);
    let generation = server.built("vc", &history.log).await.generation().unwrap();
    let views = server.views("vc");
    let before = views.fingerprint(generation).await.unwrap();
    server.command(&format!("LTRIM {{vc}}:{generation}:inbox:{user} 1 -1")).await;
    assert_ne!(views.fingerprint(generation).await.unwrap(), before);
}

#[tokio::test]
async fn a_release_leaves_what_a_newer_one_wrote() {
    let server = RedisServer::start();
    let (history, user, _) = payments_of(1);
    let mut writer = server.built("vc", &history.log).await;
    let views = server.views("vc");
    server.command("SET {vc}:live 999-1").await;
    assert!(matches!(views.profile(user, None).await.unwrap_err(), ReadError::NotReady));
    assert!(writer.apply(&history.log[..1]).await.is_ok(), "nothing new, nothing done");
    assert!(matches!(writer.reopen().await.unwrap_err(), ApplyError::Newer(_)));
    assert!(matches!(writer.start_generation().await.unwrap_err(), ApplyError::Newer(_)));
}

#[tokio::test]
async fn a_release_replaces_what_an_older_one_wrote() {
    let server = RedisServer::start();
    let (history, user, _) = payments_of(1);
    server.command("MSET {vc}:live 0-1 {vc}:0-1:checkpoint 5 {vc}:0-1:user:x {}").await;
    server.command("SADD {vc}:generations 0-1").await;
    assert!(matches!(server.views("vc").profile(user, None).await.unwrap_err(), ReadError::NotReady));
    assert_eq!(server.writer("vc").await.checkpoint(), None);
    server.built("vc", &history.log).await;
    assert!(server.views("vc").profile(user, None).await.unwrap().is_some());
    assert_eq!(server.command("EXISTS {vc}:0-1:user:x").await, Value::Int(0));
}
