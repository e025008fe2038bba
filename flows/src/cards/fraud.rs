//! What a payment that looks like fraud does to its card.

use aggregates::{
    card::{self, Authority, Card, Command, Event, Reason},
    payment::Screening,
};
use chrono::{DateTime, Utc};

use crate::Error;

/// Freezes the card of a payment that screening refused, where it is suspicious enough for that: whoever has the number
/// is not to try again with less. In the append of the refusal, so that there is never one without the other. Its owner
/// cannot lift this freeze; our staff can.
pub(crate) fn freeze(
    policy: &fraud::Policy,
    card: &Card,
    screening: &Screening,
    now: DateTime<Utc>,
) -> Result<Vec<Event>, Error> {
    if !policy.freezes(screening) {
        return Ok(vec![]);
    }
    match card.decide(Command::Freeze { by: Authority::Fraud, reason: Reason::SuspectedFraud, now }) {
        // Nobody pays with it anyway.
        Err(card::Error::NotIssued | card::Error::Terminated | card::Error::Expired { .. }) => Ok(vec![]),
        decided => Ok(decided?),
    }
}
