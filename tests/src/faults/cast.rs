//! Who pays: a growing number of people with cards of a low limit, so that limits are reached all the time.

use std::sync::{PoisonError, RwLock};

use rand::{Rng, rngs::StdRng};
use uuid::Uuid;

use super::ledger::Ledger;
use crate::client::{Cardholder, Client, ClientError};

/// Major units.
const LIMIT: u64 = 600;

/// The newest cards are used; older ones are mostly spent.
const IN_USE: usize = 24;

#[derive(Default)]
pub struct Cast(RwLock<Vec<Cardholder>>);

impl Cast {
    pub fn pick(&self, random: &mut StdRng) -> Option<Cardholder> {
        let people = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let newest = people.len().min(IN_USE);
        (newest > 0).then(|| people[people.len() - 1 - random.random_range(0..newest)].clone())
    }

    /// Somebody new registers, passes KYC and gets a card. Each step's answer is noted as soon as it is there.
    pub async fn join(&self, client: &mut Client, ledger: &Ledger, email: &str) -> Result<(), ClientError> {
        let user_id = client.register(email).await?;
        ledger.entries().people.extend(user_id.parse::<Uuid>());
        let person = client.log_in(email).await?;
        client.pass_kyc(&person).await?;
        let card_id = client.request_card(&person, LIMIT).await?;
        ledger.entries().cards.extend(card_id.parse::<Uuid>());
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(Cardholder { person, card_id });
        Ok(())
    }
}
