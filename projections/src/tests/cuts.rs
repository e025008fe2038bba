//! Where the batches are cut, and what arrives again, does not show in the result.

use aggregates::{CardId, PaymentId, UserId, payment::Decline};
use proptest::{collection::vec, prelude::*};

use super::{
    history::{History, usd},
    inbox::text,
    redis_server::RedisServer,
};
use crate::{INBOX_KEPT, TRANSACTIONS_KEPT};

/// A history in which people do the things that the numbers say, payments overlapping.
fn a_history(steps: &[(u8, u8, u16)]) -> History {
    let mut history = History::default();
    let people: Vec<(UserId, CardId)> = (0..4).map(|_| history.a_person_with_card()).collect();
    let mut open: Vec<(PaymentId, CardId, u16)> = Vec::new();
    for (what, who, cents) in steps {
        let (user, card) = people[usize::from(*who) % people.len()];
        let amount = usd(i64::from(*cents) + 1);
        match what % 8 {
            0..=2 => open.push((history.begins(user, card, amount), card, *cents)),
            resumed @ 3..=4 if !open.is_empty() => {
                let (payment, _, cents) = open.remove(0);
                if resumed == 4 {
                    history.is_resumed(payment);
                }
                history.is_captured(payment, usd(i64::from(cents) + 1));
            }
            5 if !open.is_empty() => {
                let (payment, card, cents) = open.pop().unwrap();
                history.is_declined(payment, card, usd(i64::from(cents) + 1));
            }
            6 => drop(history.is_refused(user, card, amount, Decline::SuspectedFraud { risk_score: 0.7 })),
            7 => {
                let case = history.submits(user);
                history.is_rejected(user, case);
                history.a_card(user);
            }
            _ => history.a_login(user),
        }
    }
    history
}

async fn applied_in(server: &RedisServer, namespace: &str, history: &History, cuts: &[(usize, usize)]) {
    let mut writer = server.writer(namespace).await;
    writer.start_generation().await.unwrap();
    let (mut at, mut cuts) = (0, cuts.iter().cycle());
    while at < history.log.len() {
        let (size, again) = cuts.next().unwrap();
        let batch = &history.log[at.saturating_sub(*again)..(at + size).min(history.log.len())];
        at = usize::try_from(writer.apply(batch).await.unwrap().checkpoint).unwrap();
    }
    writer.go_live().await.unwrap();
}

/// Both ways of applying `history` give the same bytes.
async fn compare(server: &RedisServer, history: &History, cuts: &[(usize, usize)], case: &str) {
    let (once, cut) = (format!("once{case}"), format!("cut{case}"));
    server.built(&once, &history.log).await;
    applied_in(server, &cut, history, cuts).await;
    let (once, cut) = (server.views(&once), server.views(&cut));
    let (in_one, in_many) = (once.live().await.unwrap(), cut.live().await.unwrap());
    assert_eq!(once.fingerprint(in_one).await.unwrap(), cut.fingerprint(in_many).await.unwrap());
    let expected = once.dump(in_one).await.unwrap();
    assert!(!expected.contains_key("parked"), "the history itself is sound");
    assert_eq!(cut.dump(in_many).await.unwrap(), expected);
}

#[test]
fn cuts_and_repeats_do_not_show() {
    let server = RedisServer::start();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let case = std::sync::atomic::AtomicUsize::new(0);
    let strategy = (vec(any::<(u8, u8, u16)>(), 1..150), vec((1..40_usize, 0..30_usize), 1..10));
    proptest!(ProptestConfig::with_cases(24), |((steps, cuts) in strategy)| {
        let case = case.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_string();
        runtime.block_on(compare(&server, &a_history(&steps), &cuts, &case));
    });
}

/// One person with more payments than are kept, the first of which ends last.
fn a_long_history() -> (History, UserId) {
    let mut history = History::default();
    let (user, card) = history.a_person_with_card();
    let forgotten = history.begins(user, card, usd(1));
    for cents in 1..=1_100 {
        history.pays(user, card, usd(cents));
    }
    history.is_captured(forgotten, usd(1));
    (history, user)
}

#[tokio::test]
async fn cuts_do_not_show_where_old_payments_make_room() {
    let server = RedisServer::start();
    let (history, _) = a_long_history();
    for (case, cuts) in [vec![(1_999, 0)], vec![(100, 50)], vec![(7, 3), (1_500, 900)]].iter().enumerate() {
        compare(&server, &history, cuts, &case.to_string()).await;
    }
}

#[tokio::test]
async fn lists_keep_the_newest_and_no_more() {
    let server = RedisServer::start();
    let (history, user) = a_long_history();
    applied_in(&server, "vc", &history, &[(300, 0)]).await;
    let views = server.views("vc");
    let dump = views.dump(views.live().await.unwrap()).await.unwrap();
    let documents = dump.keys().filter(|key| key.starts_with("payment:")).count();
    assert_eq!(documents, TRANSACTIONS_KEPT);
    let page = views.transactions(user, None, usize::MAX, None).await.unwrap();
    assert_eq!(page.transactions.len(), TRANSACTIONS_KEPT);
    assert_eq!(page.transactions[0].amount, usd(1_100));
    assert!(page.transactions.is_sorted_by(|newer, older| newer.position > older.position));
    assert!(!page.truncated);
    let last = page.transactions.last().unwrap().position;
    let beyond = views.transactions(user, Some(last), 10, None).await.unwrap();
    assert_eq!((beyond.transactions.len(), beyond.truncated), (0, true));
    let inbox = views.inbox(user, usize::MAX, None).await.unwrap().notifications;
    assert_eq!(inbox.len(), INBOX_KEPT);
    assert!(text(&inbox[0]).message.contains("$11.00"), "{:?}", inbox[0]);
}
