//! One broken event stops one stream.

use aggregates::{Envelope, KycCaseId, UserId};
use redis::Value;
use serde_json::value::RawValue;

use super::{
    history::{History, usd},
    redis_server::RedisServer,
};
use crate::{ApplyError, MAX_PARKED, ReadError};

fn spoil(event: &mut Envelope) {
    event.data = RawValue::from_string(r#"{"unheard":"of"}"#.into()).unwrap();
}

/// Two people; the first one's card cannot be read from its first hold on.
fn a_poisoned_history() -> (History, [UserId; 2], usize) {
    let mut history = History::default();
    let (one, card) = history.a_person_with_card();
    let (other, others_card) = history.a_person_with_card();
    let poison = history.log.len();
    for _ in 0..5 {
        history.pays(one, card, usd(100));
        history.pays(other, others_card, usd(100));
    }
    spoil(&mut history.log[poison]);
    (history, [one, other], poison)
}

#[tokio::test]
async fn an_unreadable_event_parks_only_its_stream() {
    let server = RedisServer::start();
    let (history, [one, other], poison) = a_poisoned_history();
    for (namespace, size) in [("whole", 1_000), ("cut", 3)] {
        let mut writer = server.built(namespace, &[]).await;
        let mut left_out = 0;
        for batch in history.log.chunks(size) {
            left_out += writer.apply(batch).await.unwrap().parked;
        }
        assert_eq!(left_out, 5, "the broken hold and the four after it");
        let views = server.views(namespace);
        assert_eq!(views.checkpoint().await.unwrap(), history.position());
        assert_eq!(views.cards(one, None).await.unwrap()[0].used_minor_units, 0);
        assert_eq!(views.cards(other, None).await.unwrap()[0].used_minor_units, 500);
        for user in [one, other] {
            assert_eq!(views.transactions(user, None, 10, None).await.unwrap().transactions.len(), 5);
        }
        let parked = views.parked().await.unwrap();
        let event = &history.log[poison];
        let stream = format!("card/{}", event.aggregate_id);
        assert_eq!(parked.keys().collect::<Vec<_>>(), [&stream]);
        assert_eq!((parked[&stream].position, parked[&stream].event), (event.position, event.id));
        assert!(parked[&stream].error.contains("card.held"), "{}", parked[&stream].error);
    }
}

#[tokio::test]
async fn an_event_that_cannot_be_folded_takes_no_effect_at_all() {
    let server = RedisServer::start();
    let mut history = History::default();
    let (user, card) = history.a_person_with_card();
    let stranger = UserId(history.id());
    history.is_approved(stranger, KycCaseId(stranger.0));
    history.pays(user, card, usd(100));
    server.built("vc", &history.log).await;
    let views = server.views("vc");
    assert_eq!(views.parked().await.unwrap().into_keys().collect::<Vec<_>>(), [format!("kyc/{stranger}")]);
    assert!(views.inbox(stranger, 10, None).await.unwrap().notifications.is_empty());
    assert_eq!(views.inbox(user, 10, None).await.unwrap().notifications.len(), 2);
}

#[tokio::test]
async fn a_document_that_cannot_be_read_parks_its_stream_and_fails_its_reader() {
    let server = RedisServer::start();
    let mut history = History::default();
    let (user, card) = history.a_person_with_card();
    let mut writer = server.built("vc", &history.log).await;
    let generation = writer.generation().unwrap();
    server.command(&format!("SET {{vc}}:{generation}:card:{card} {{}}")).await;
    history.pays(user, card, usd(100));
    assert_eq!(writer.apply(&history.log).await.unwrap().parked, 1);
    let views = server.views("vc");
    assert!(matches!(views.card(card, None).await.unwrap_err(), ReadError::Unavailable(_)));
    assert_eq!(views.transactions(user, None, 10, None).await.unwrap().transactions.len(), 1);
}

#[tokio::test]
async fn a_broken_release_stands_still_instead_of_parking_everything() {
    let server = RedisServer::start();
    let mut history = History::default();
    for _ in 0..=MAX_PARKED {
        history.a_person();
    }
    history.log.iter_mut().for_each(spoil);
    let mut writer = server.built("vc", &[]).await;
    let error = writer.apply(&history.log).await.unwrap_err();
    assert!(matches!(error, ApplyError::TooManyParked { .. }), "{error}");
    assert_eq!(server.views("vc").checkpoint().await.unwrap(), 0);
    assert_eq!(writer.apply(&history.log[..MAX_PARKED]).await.unwrap().parked, MAX_PARKED);
    let parked = format!("{{vc}}:{}:parked", writer.generation().unwrap());
    assert_eq!(server.command(&format!("HLEN {parked}")).await, Value::Int(MAX_PARKED as i64));
}
