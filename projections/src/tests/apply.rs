//! Each event takes effect once, whatever happens to the writer, to its rivals and to Redis.

use redis::Value;

use super::{
    history::{History, usd},
    redis_server::RedisServer,
};
use crate::{
    Applied, ApplyError,
    batch::{self, Outcasts, Read},
};

fn some_history() -> History {
    let mut history = History::default();
    let (user, card) = history.a_person_with_card();
    for cents in 1..=30 {
        history.pays(user, card, usd(cents));
    }
    history
}

#[tokio::test]
async fn a_repeated_batch_changes_nothing() {
    let server = RedisServer::start();
    let history = some_history();
    let mut writer = server.built("vc", &history.log).await;
    let views = server.views("vc");
    let before = views.dump(writer.generation().unwrap()).await.unwrap();
    let checkpoint = history.position();
    let repeated = Applied { repeated: history.log.len(), checkpoint, ..Applied::default() };
    assert_eq!(writer.apply(&history.log).await.unwrap(), repeated);
    let mut fresh = server.writer("vc").await;
    assert_eq!(fresh.apply(&history.log).await.unwrap(), repeated, "another writer");
    assert_eq!(views.dump(writer.generation().unwrap()).await.unwrap(), before);
}

#[tokio::test]
async fn a_batch_that_does_not_follow_is_a_gap() {
    let server = RedisServer::start();
    let history = some_history();
    let mut writer = server.built("vc", &history.log[..10]).await;
    let views = server.views("vc");
    let before = views.dump(writer.generation().unwrap()).await.unwrap();
    let error = writer.apply(&history.log[11..20]).await.unwrap_err();
    assert!(matches!(error, ApplyError::Gap { checkpoint: 10, next: 12 }), "{error}");
    let holed: Vec<_> = history.log[10..20].iter().filter(|event| event.position != 15).cloned().collect();
    let error = writer.apply(&holed).await.unwrap_err();
    assert!(matches!(error, ApplyError::Gap { checkpoint: 10, next: 16 }), "{error}");
    assert_eq!(views.dump(writer.generation().unwrap()).await.unwrap(), before);
    assert_eq!(writer.apply(&history.log[5..20]).await.unwrap().events, 10);
}

#[tokio::test]
async fn a_hole_that_another_writer_filled_is_none() {
    let server = RedisServer::start();
    let history = some_history();
    let mut slow = server.built("vc", &history.log[..10]).await;
    server.writer("vc").await.apply(&history.log[..20]).await.unwrap();
    assert_eq!(slow.apply(&history.log[15..25]).await.unwrap().events, 5);
}

#[tokio::test]
async fn of_two_writers_exactly_one_applies_each_event() {
    let server = RedisServer::start();
    let mut history = some_history();
    let (user, card) = history.a_person_with_card();
    for cents in 1..=300 {
        history.pays(user, card, usd(cents));
    }
    let expected = {
        let writer = server.built("alone", &history.log).await;
        server.views("alone").dump(writer.generation().unwrap()).await.unwrap()
    };
    let generation = server.built("vc", &[]).await.generation().unwrap();
    let (log, applied) = (&history.log, std::sync::atomic::AtomicUsize::new(0));
    let compete = |size: usize| {
        let (applied, server) = (&applied, &server);
        async move {
            let mut writer = server.writer("vc").await;
            for batch in log.chunks(size) {
                loop {
                    match writer.apply(batch).await {
                        Ok(done) => {
                            applied.fetch_add(done.events, std::sync::atomic::Ordering::Relaxed);
                            break;
                        }
                        Err(ApplyError::Fenced) => {}
                        // The batches of the other are cut elsewhere; it is ahead or behind.
                        Err(error) => panic!("{error}"),
                    }
                }
            }
        }
    };
    tokio::join!(compete(7), compete(7), compete(11));
    assert_eq!(applied.into_inner(), log.len());
    assert_eq!(server.views("vc").dump(generation).await.unwrap(), expected);
}

/// Stops between loading and writing, the only moment in which something could slip in.
async fn interrupted(server: &RedisServer, interruption: impl AsyncFnOnce()) -> ApplyError {
    let history = some_history();
    let mut writer = server.built("vc", &history.log[..10]).await;
    let target = writer.target.unwrap();
    let read: Vec<Read<'_>> = history.log.iter().map(Read::new).collect();
    let fresh = batch::follow(10, &read).unwrap();
    let mut loaded = writer.load(target, &fresh).await.unwrap();
    batch::fold(&fresh, &mut Outcasts::default(), &mut loaded.workspace).ok().unwrap();
    interruption().await;
    let changes = loaded.workspace.into_changes();
    writer.commit(target, history.position(), changes, &Outcasts::default()).await.unwrap_err()
}

#[tokio::test]
async fn a_writer_that_was_overtaken_writes_nothing() {
    let server = RedisServer::start();
    let history = some_history();
    let error = interrupted(&server, async || {
        server.writer("vc").await.apply(&history.log[..20]).await.unwrap();
    })
    .await;
    assert!(matches!(error, ApplyError::Fenced), "{error}");
    assert_eq!(server.views("vc").checkpoint().await.unwrap(), 20);
}

#[tokio::test]
async fn a_writer_of_a_generation_that_was_replaced_writes_nothing() {
    let server = RedisServer::start();
    let history = some_history();
    let error = interrupted(&server, async || drop(server.built("vc", &history.log[..15]).await)).await;
    assert!(matches!(error, ApplyError::Missing | ApplyError::Fenced), "{error}");
    assert_eq!(server.views("vc").checkpoint().await.unwrap(), 15);
}

#[tokio::test]
async fn emptied_in_mid_batch_redis_stays_empty() {
    let server = RedisServer::start();
    let error = interrupted(&server, async || drop(server.command("FLUSHALL").await)).await;
    assert!(matches!(error, ApplyError::Missing), "{error}");
    assert_eq!(server.command("DBSIZE").await, Value::Int(0));
}

#[tokio::test]
async fn emptied_redis_is_rebuilt_equal() {
    let server = RedisServer::start();
    let history = some_history();
    let mut writer = server.built("vc", &history.log).await;
    let views = server.views("vc");
    let before = views.dump(writer.generation().unwrap()).await.unwrap();
    let (past, last) = history.log.split_at(history.log.len() - 1);
    server.command("FLUSHALL").await;
    assert!(matches!(writer.check().await.unwrap_err(), ApplyError::Missing));
    assert_eq!(writer.reopen().await.unwrap(), None);
    assert!(matches!(writer.apply(past).await.unwrap_err(), ApplyError::Missing));

    writer.start_generation().await.unwrap();
    writer.apply(past).await.unwrap();
    writer.apply(last).await.unwrap();
    writer.go_live().await.unwrap();
    assert_eq!(views.dump(writer.generation().unwrap()).await.unwrap(), before);
}

#[tokio::test]
async fn emptied_at_any_moment_redis_comes_back_equal() {
    let server = RedisServer::start();
    let mut history = some_history();
    let (user, card) = history.a_person_with_card();
    for cents in 1..=200 {
        history.pays(user, card, usd(cents));
    }
    let expected = {
        let writer = server.built("alone", &history.log).await;
        server.views("alone").dump(writer.generation().unwrap()).await.unwrap()
    };
    let vandal = async {
        for _ in 0..20 {
            server.command("FLUSHALL").await;
        }
    };
    let worker = async {
        let mut writer = server.writer("vc").await;
        loop {
            writer.start_generation().await.unwrap();
            match fill(&mut writer, &history).await {
                Ok(()) => return,
                Err(ApplyError::Missing | ApplyError::Fenced) => {}
                Err(error) => panic!("{error}"),
            }
        }
    };
    tokio::join!(vandal, worker);
    let mut writer = server.writer("vc").await;
    if writer.checkpoint().is_none() {
        writer.start_generation().await.unwrap();
        fill(&mut writer, &history).await.unwrap();
    }
    assert_eq!(server.views("vc").dump(writer.generation().unwrap()).await.unwrap(), expected);
}

async fn fill(writer: &mut crate::Writer, history: &History) -> Result<(), ApplyError> {
    for batch in history.log.chunks(40) {
        writer.apply(batch).await?;
    }
    writer.go_live().await.map(drop)
}

#[tokio::test]
async fn a_lost_connection_costs_one_failed_batch() {
    let server = RedisServer::start();
    let history = some_history();
    let mut writer = server.built("vc", &history.log[..10]).await;
    server.command("CLIENT KILL TYPE normal SKIPME yes").await;
    assert!(matches!(writer.apply(&history.log).await.unwrap_err(), ApplyError::Unavailable(_)));
    assert_eq!(writer.apply(&history.log).await.unwrap().events, history.log.len() - 10);
}
