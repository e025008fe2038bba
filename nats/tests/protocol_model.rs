//! The publishing protocol, model-checked: every interleaving of two publishers, messages under way that arrive late
//! or never, crashes, and losses of the stream's tail, for a log of four events.
//!
//! A publisher that crashes and one that is refused do the same, namely forget the tail, so the model has no answers
//! and no errors: a publisher may forget or read the tail at any time. That covers every time-out too.

#![allow(clippy::unwrap_used)]

use std::collections::{HashMap, VecDeque};

/// A stream this long has gone wrong; longer ones are not looked at.
const LONGEST: usize = 6;
/// Messages that one publisher can have under way.
const UNDER_WAY: usize = 2;
/// What is left in the place of a message that was deleted.
const DELETED: u8 = 0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Protocol {
    /// The log's length in the end.
    events: u8,
    under_way: usize,
    /// The position to go on from: read from the stream's tail, else remembered when the server confirmed it.
    position_from_tail: bool,
    /// The server stores a message only in the place that it expects.
    expects_sequence: bool,
    /// How often somebody deletes messages from the end, leaving their sequences issued.
    deletions: u8,
}

const OURS: Protocol =
    Protocol { events: 4, under_way: UNDER_WAY, position_from_tail: true, expects_sequence: true, deletions: 0 };

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Message {
    expected: u8,
    position: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Publisher {
    /// The stream's last sequence and the position there, counted on by what was sent since.
    tail: Option<(u8, u8)>,
    under_way: [Option<Message>; UNDER_WAY],
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct State {
    log: u8,
    stream: [u8; LONGEST],
    last_sequence: u8,
    publishers: [Publisher; 2],
    /// The last position that the server confirmed, where the protocol remembers it.
    checkpoint: u8,
    deletions: u8,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Append,
    Read(usize),
    Forget(usize),
    Send(usize),
    Arrive(usize),
    Vanish(usize),
    LoseTo(u8),
    DeleteFrom(u8),
}

impl State {
    fn stored(&self) -> impl Iterator<Item = u8> {
        self.stream.into_iter().take(self.last_sequence.into()).filter(|position| *position != DELETED)
    }

    /// The state after `step`, if that can happen.
    fn after(mut self, step: Step, protocol: Protocol) -> Option<State> {
        let before = self;
        match step {
            Step::Append => self.log = (self.log + 1).min(protocol.events),
            Step::Read(p) => {
                let tail = self.stored().last().unwrap_or(0);
                let position = if protocol.position_from_tail { tail } else { self.checkpoint };
                self.publishers[p].tail = Some((self.last_sequence, position));
            }
            Step::Forget(p) => self.publishers[p].tail = None,
            Step::Send(p) => self.send(p, protocol)?,
            Step::Arrive(p) => {
                let message = self.publishers[p].take_first()?;
                self.store(message, protocol)?;
            }
            Step::Vanish(p) => _ = self.publishers[p].take_first()?,
            Step::LoseTo(last) => {
                self.last_sequence = self.last_sequence.min(last);
                self.stream[usize::from(last)..].fill(DELETED);
            }
            Step::DeleteFrom(sequence) => {
                self.deletions += 1;
                self.stream[usize::from(sequence)..].fill(DELETED);
            }
        }
        (self != before && self.deletions <= protocol.deletions).then_some(self)
    }

    fn send(&mut self, p: usize, protocol: Protocol) -> Option<()> {
        let log = self.log;
        let publisher = &mut self.publishers[p];
        let (sequence, position) = publisher.tail.filter(|(_, position)| *position < log)?;
        let free = publisher.under_way.iter_mut().take(protocol.under_way).find(|slot| slot.is_none())?;
        *free = Some(Message { expected: sequence, position: position + 1 });
        publisher.tail = Some((sequence + 1, position + 1));
        Some(())
    }

    fn store(&mut self, message: Message, protocol: Protocol) -> Option<()> {
        if protocol.expects_sequence && message.expected != self.last_sequence {
            return Some(());
        }
        *self.stream.get_mut(usize::from(self.last_sequence))? = message.position;
        self.last_sequence += 1;
        if !protocol.position_from_tail {
            self.checkpoint = self.checkpoint.max(message.position);
        }
        Some(())
    }

    /// What comes of it if from now on nothing fails and one publisher follows the protocol.
    fn settled(mut self, protocol: Protocol) -> State {
        for p in [0, 1, 0, 1] {
            self = self.after(Step::Arrive(p), protocol).unwrap_or(self);
        }
        self.log = protocol.events;
        for _ in 0..protocol.events {
            for step in [Step::Read(0), Step::Send(0), Step::Arrive(0)] {
                self = self.after(step, protocol).unwrap_or(self);
            }
        }
        self
    }
}

impl Publisher {
    fn take_first(&mut self) -> Option<Message> {
        let first = self.under_way[0].take()?;
        self.under_way.rotate_left(1);
        Some(first)
    }
}

fn steps() -> Vec<Step> {
    let of_one = |p| [Step::Read(p), Step::Forget(p), Step::Send(p), Step::Arrive(p), Step::Vanish(p)];
    let mut steps = vec![Step::Append];
    steps.extend((0..2).flat_map(of_one));
    steps.extend((0..LONGEST as u8).flat_map(|n| [Step::LoseTo(n), Step::DeleteFrom(n)]));
    steps
}

/// Looks at every state that can be reached; how many there are, or the shortest way to one where `wrong` has
/// something to say.
fn explore(protocol: Protocol, wrong: impl Fn(State) -> Option<&'static str>) -> Result<usize, String> {
    let steps = steps();
    let mut came_from = HashMap::from([(State::default(), None)]);
    let mut next = VecDeque::from([State::default()]);
    while let Some(state) = next.pop_front() {
        if let Some(what) = wrong(state) {
            let mut way = Vec::new();
            let mut at = state;
            while let Some(Some((before, step))) = came_from.get(&at) {
                way.push(format!("{step:?}"));
                at = *before;
            }
            way.reverse();
            return Err(format!("{what}: {}, stream {:?}", way.join(" "), state.stored().collect::<Vec<_>>()));
        }
        for step in &steps {
            if let Some(reached) = state.after(*step, protocol)
                && !came_from.contains_key(&reached)
            {
                came_from.insert(reached, Some((state, *step)));
                next.push_back(reached);
            }
        }
    }
    Ok(came_from.len())
}

fn out_of_order(state: State) -> Option<&'static str> {
    let in_order = state.stored().zip(1..).all(|(position, place)| position == place);
    (!in_order).then_some("stored twice or out of order")
}

fn never_delivered(state: State, protocol: Protocol) -> Option<&'static str> {
    let settled = state.settled(protocol);
    let complete = (1..=protocol.events).all(|position| settled.stored().any(|stored| stored == position));
    (!complete).then_some("never delivered")
}

#[test]
fn the_stream_never_holds_an_event_twice_or_out_of_order_and_ends_up_with_all() {
    let states = explore(OURS, |state| out_of_order(state).or_else(|| never_delivered(state, OURS))).unwrap();
    assert!(states > 10_000, "only {states} states were looked at");
}

#[test]
fn with_a_remembered_checkpoint_lost_events_are_never_delivered() {
    let checkpoint = Protocol { position_from_tail: false, ..OURS };
    let found = explore(checkpoint, |state| never_delivered(state, checkpoint)).unwrap_err();
    assert!(found.starts_with("never delivered") && found.contains("Lose"), "{found}");
}

#[test]
fn without_the_expected_sequence_two_publishers_store_events_twice() {
    let unguarded = Protocol { expects_sequence: false, ..OURS };
    let found = explore(unguarded, out_of_order).unwrap_err();
    assert!(found.starts_with("stored twice"), "{found}");
}

/// Deleting from the end of a running stream is what the protocol alone cannot mend.
#[test]
fn deletions_from_outside_can_leave_a_hole_but_the_last_event_arrives_and_shows_it() {
    let deleting = Protocol { events: 2, under_way: 1, deletions: 1, ..OURS };
    let hole = explore(deleting, |state| never_delivered(state, deleting)).unwrap_err();
    assert!(hole.contains("Delete"), "{hole}");

    let ends_early = |state: State| {
        let last = state.settled(deleting).stored().max();
        (last != Some(deleting.events)).then_some("a hole that no later event shows")
    };
    explore(deleting, ends_early).unwrap();
}
