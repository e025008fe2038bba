//! Every state against every command.

use super::*;
use crate::card::{Channel, Slot};

pub fn network() -> Network {
    Network {
        issuer: "sandbox".into(),
        authorization: "iauth_1".into(),
        mcc: None,
        country: None,
        currency: Some(crate::Currency::USD),
        channel: Channel::Online,
        posted: false,
    }
}

pub fn slot() -> Slot {
    Slot::utc(november(3))
}

pub fn of_network(held: bool) -> Event {
    let mut event = initiated();
    if let Event::Initiated { network: of, hold, slot, request_digest, device_id, .. } = &mut event {
        (*of, *request_digest, *device_id) = (Some(network()), None, None);
        if !held {
            (*hold, *slot) = (None, None);
        }
    }
    event
}

pub fn authorized() -> Event {
    Event::Authorized { reference: "iauth_1".into(), amount: usd(9_999), at: november(3) }
}

fn part(cents: i64) -> Event {
    Event::Captured {
        gateway: "sandbox".into(),
        gateway_reference: "ipi_0".into(),
        amount: usd(cents),
        is_final: false,
        at: november(4),
    }
}

fn reversed(cents: i64, cause: Release) -> Event {
    Event::Reversed { reference: "evt_0".into(), amount: usd(cents), cause, at: november(4) }
}

fn states() -> [(&'static str, Vec<Event>); 11] {
    let open = |more: Vec<Event>| [vec![of_network(true), authorized()], more].concat();
    let refunded = Event::Refunded { reference: "ref_0".into(), amount: usd(5_000), at: november(5) };
    [
        ("none", vec![]),
        ("pending", a_pending_payment()),
        ("authorized", open(vec![])),
        ("captured in part", open(vec![part(5_000)])),
        ("captured", a_captured_payment()),
        ("closed", open(vec![part(5_000), reversed(4_999, Release::Closed)])),
        ("declined", a_declined_payment()),
        ("declined in the network", vec![of_network(false), declined()]),
        ("voided", open(vec![reversed(9_999, Release::Merchant)])),
        ("expired", open(vec![Event::Expired { amount: usd(9_999), at: november(9) }])),
        ("refunded", open(vec![part(5_000), refunded])),
    ]
}

const COMMANDS: usize = 12;

fn commands(of_network: bool) -> [Command; COMMANDS] {
    let reference = || "x_1".to_owned();
    let now = november(6);
    let mut begin = initiate();
    if let Command::Initiate { network: of, request_digest, .. } = &mut begin
        && of_network
    {
        (*of, *request_digest) = (Some(network()), None);
    }
    let increment = |forced| Command::Increment { reference: reference(), amount: usd(100), forced, slot: slot(), now };
    let refund = |heard| Command::Refund { reference: reference(), amount: usd(100), heard, now };
    [
        begin,
        resume(),
        Command::Authorize { reference: reference(), now },
        increment(false),
        increment(true),
        Command::DeclineIncrement { reference: reference(), amount: usd(100), reason: Decline::CardFrozen, now },
        capture(usd(100), "ch_2"),
        Command::Reverse { reference: reference(), amount: usd(100), cause: Release::Merchant, now },
        Command::Expire { now },
        refund(false),
        refund(true),
        decline(refusal()),
    ]
}

/// The names of the events, or of the error.
fn outcome(payment: &Payment, command: Command) -> String {
    use crate::Fact;
    match payment.decide(command) {
        Ok(events) => events.iter().map(Event::name).collect::<Vec<_>>().join("+"),
        Err(error) => {
            let text = format!("{error:?}");
            text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
        }
    }
}

#[test]
fn each_state_allows_what_it_should() {
    let none = ["initiated"].into_iter().chain(["NotFound"; COMMANDS - 1]);
    let increments = ["incremented", "incremented", "increment_declined"];
    let heard = ["refunded", "refunded"];
    let too_much = "ReleaseExceedsHeld";
    let no_refund = "RefundExceedsCaptured";
    let after = |error: &'static str, own: &'static str| {
        vec![
            "",
            error,
            error,
            error,
            "incremented",
            "increment_declined",
            error,
            too_much,
            "",
            no_refund,
            "refunded",
            own,
        ]
    };
    let table: [(&str, Vec<&str>); 11] = [
        ("none", none.collect()),
        (
            "pending",
            vec![
                "",
                "resumed",
                "authorized",
                "NotAuthorized",
                "NotOfNetwork",
                "increment_declined",
                "captured",
                "NotAuthorized",
                "NotAuthorized",
                no_refund,
                "NotOfNetwork",
                "declined",
            ],
        ),
        (
            "authorized",
            [
                &["", "AlreadyAuthorized", "AlreadyAuthorized"][..],
                &increments,
                &["captured", "reversed", "expired", no_refund, "refunded", "AlreadyAuthorized"],
            ]
            .concat(),
        ),
        (
            "captured in part",
            [
                &["", "AlreadyCaptured", "AlreadyCaptured"][..],
                &increments,
                &["captured", "reversed", "expired"],
                &heard,
                &["AlreadyCaptured"],
            ]
            .concat(),
        ),
        (
            "captured",
            vec![
                "",
                "AlreadyCaptured",
                "AlreadyCaptured",
                "AlreadyCaptured",
                "NotOfNetwork",
                "increment_declined",
                "AlreadyCaptured",
                too_much,
                "",
                "refunded",
                "NotOfNetwork",
                "AlreadyCaptured",
            ],
        ),
        (
            "closed",
            [
                &["", "AlreadyCaptured", "AlreadyCaptured"][..],
                &increments,
                &["CaptureExceedsAuthorized", too_much, ""],
                &heard,
                &["AlreadyCaptured"],
            ]
            .concat(),
        ),
        (
            "declined",
            vec![
                "",
                "AlreadyDeclined",
                "AlreadyDeclined",
                "AlreadyDeclined",
                "NotOfNetwork",
                "increment_declined",
                "AlreadyDeclined",
                too_much,
                "",
                no_refund,
                "NotOfNetwork",
                "",
            ],
        ),
        ("declined in the network", after("AlreadyDeclined", "")),
        ("voided", after("AlreadyReleased", "AlreadyReleased")),
        ("expired", after("AlreadyReleased", "AlreadyReleased")),
        (
            "refunded",
            vec![
                "",
                "AlreadyCaptured",
                "AlreadyCaptured",
                "AlreadyCaptured",
                "incremented",
                "increment_declined",
                "captured",
                "reversed",
                "expired",
                no_refund,
                "refunded",
                "AlreadyCaptured",
            ],
        ),
    ];
    for ((name, history), (expected_name, expected)) in states().into_iter().zip(table) {
        assert_eq!(name, expected_name);
        let payment = state(&history);
        let commands = commands(payment.network().is_some());
        for (command, expected) in commands.into_iter().zip(expected) {
            let what = format!("{command:?} when {name}");
            assert_eq!(outcome(&payment, command), expected, "{what}");
        }
    }
}

#[test]
fn the_status_tells_what_became_of_the_money() {
    let expected = [
        None,
        Some(Status::Pending),
        Some(Status::Authorized),
        Some(Status::Captured),
        Some(Status::Captured),
        Some(Status::Captured),
        Some(Status::Declined),
        Some(Status::Declined),
        Some(Status::Voided),
        Some(Status::Expired),
        Some(Status::Refunded),
    ];
    for ((name, history), expected) in states().into_iter().zip(expected) {
        assert_eq!(state(&history).status(), expected, "{name}");
    }
}

#[test]
fn a_forced_capture_reopens_what_was_over() {
    for (name, history) in states().into_iter().filter(|(name, _)| ["declined in the network", "voided"].contains(name))
    {
        let mut payment = state(&history);
        let forced = Command::Increment {
            reference: "ipi_9".into(),
            amount: usd(300),
            forced: true,
            slot: slot(),
            now: november(9),
        };
        payment.decide(forced).into_iter().flatten().for_each(|event| payment.apply(&event));
        assert_eq!((payment.status(), payment.held()), (Some(Status::Authorized), Some(usd(300))), "{name}");
    }
}
