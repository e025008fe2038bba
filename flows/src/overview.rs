//! What an app shows first, in one answer: the parts are read beside each other, and one that cannot be read does not
//! hide the others.

use std::future::Future;

use aggregates::UserId;

use crate::{
    Error, System,
    accounts::{self, Profile},
    cards::{self, CardView},
    identity::{self, KycView},
    notifications::{self, Inbox},
    payments::{self, PaymentView},
};

const TRANSACTIONS: usize = 10;
const NOTIFICATIONS: usize = 5;

/// What the reader may see.
#[derive(Clone, Copy)]
pub struct Permitted {
    pub kyc: bool,
    pub cards: bool,
    pub transactions: bool,
    pub notifications: bool,
}

/// One part of the overview.
pub enum Part<T> {
    There(T),
    /// The reader has no right to it.
    Withheld,
    Unavailable(Error),
}

pub struct Overview {
    pub profile: Part<Profile>,
    pub kyc: Part<KycView>,
    pub cards: Part<Vec<CardView>>,
    /// The newest ones.
    pub transactions: Part<Vec<PaymentView>>,
    /// The newest ones, and how many are not read.
    pub notifications: Part<Inbox>,
}

/// Each part as of `at_least`. Where not a single part can be read, the error of the profile.
pub async fn overview(
    system: &System,
    user_id: UserId,
    permitted: Permitted,
    at_least: Option<i64>,
) -> Result<Overview, Error> {
    let transactions =
        async { payments::list(system, user_id, None, TRANSACTIONS, at_least).await.map(|page| page.items) };
    let (profile, kyc, cards, transactions, notifications) = tokio::join!(
        part(true, accounts::profile(system, user_id, at_least)),
        part(permitted.kyc, identity::status(system, user_id)),
        part(permitted.cards, cards::list(system, user_id, at_least)),
        part(permitted.transactions, transactions),
        part(permitted.notifications, notifications::newest(system, user_id, NOTIFICATIONS, at_least)),
    );
    let anything = matches!(kyc, Part::There(_))
        || matches!(cards, Part::There(_))
        || matches!(transactions, Part::There(_))
        || matches!(notifications, Part::There(_));
    match profile {
        Part::Unavailable(error) if !anything => Err(error),
        profile => Ok(Overview { profile, kyc, cards, transactions, notifications }),
    }
}

async fn part<T>(permitted: bool, read: impl Future<Output = Result<T, Error>>) -> Part<T> {
    if !permitted {
        return Part::Withheld;
    }
    match read.await {
        Ok(value) => Part::There(value),
        Err(error) => {
            tracing::warn!(%error, "a part of an overview cannot be read");
            Part::Unavailable(error)
        }
    }
}
