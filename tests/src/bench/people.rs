//! People who may pay: registered, verified and given cards through the real API.

use futures::{StreamExt, TryStreamExt, stream};

use crate::{
    client::{Cardholder, Prepared},
    processes::{Failure, Processes},
};

/// Onboarding costs two password hashes; more at once than the machine has cores only wait.
const AT_ONCE: usize = 4;

/// Major units: a card that no run empties.
const LIMIT: u64 = 1_000_000;

/// Registers `count` people, each with a card.
pub async fn onboard(processes: &Processes, count: usize) -> Result<Vec<Cardholder>, Failure> {
    let onboarded = stream::iter(0..count).map(|number| async move {
        Ok::<_, Failure>(processes.client(0).onboard(&format!("person-{number}@example.com"), LIMIT).await?)
    });
    onboarded.buffer_unordered(AT_ONCE).try_collect().await
}

/// One small payment of each of them, ready to be sent again and again.
pub fn payments(people: &[Cardholder]) -> Vec<Prepared> {
    people.iter().map(|person| person.payment("1.00", "example-merchant.com")).collect()
}
