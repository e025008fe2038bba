use cqrs_es::test::TestFramework;

use super::*;
use crate::examples::{ALICE, MALLORY, november, sealed};

fn send(user_id: UserId) -> Command {
    Command::Send {
        user_id,
        topic: "news".into(),
        title: sealed("title"),
        message: sealed("message"),
        data: sealed("data"),
        now: november(1),
    }
}

fn sent(user_id: UserId) -> Event {
    Event::Sent {
        user_id,
        topic: "news".into(),
        title: sealed("title"),
        message: sealed("message"),
        data: sealed("data"),
        at: november(1),
    }
}

fn given(history: Vec<Event>) -> cqrs_es::test::AggregateTestExecutor<Notification> {
    TestFramework::with(()).given(history)
}

#[test]
fn a_notification_is_sent_once() {
    given(vec![]).when(send(ALICE)).then_expect_events(vec![sent(ALICE)]);
    given(vec![sent(ALICE)]).when(send(ALICE)).then_expect_events(vec![]);
}

#[test]
fn a_notification_keeps_its_recipient() {
    given(vec![sent(ALICE)]).when(send(MALLORY)).then_expect_error(Error::AlreadySent);
}
