//! Closing an account, and erasing a person.
//!
//! The event comes first, what it takes away goes after: sessions, keys and tokens, for an erased person every secret.
//! The account's ending is put down before the event, and a worker goes over it once more: for what a crash has left
//! undone, and for what was under way in another request at that moment.

use aggregates::{
    Actor, CardId, PaymentId, UserId,
    card::{self, Card},
    user::{self, Standing, User},
};
use store::{
    AppendError, Loaded, Unit,
    authentications::{Action, Outcome},
};

use crate::{
    ATTEMPTS, Error, Origin, Principal, System, Written, api_keys,
    factors::{Presence, presence, record},
    identity,
    mail::{self, Letter},
    people, sessions,
    step_up::Unused,
};

/// Cards terminated in one append at most. Those beyond follow at once, in appends of their own.
const CARDS_AT_ONCE: i64 = 100;
/// Cards whose secrets are destroyed, all that a person ever had: nobody has that many.
const CARDS_EVER: i64 = 10_000;
/// Pending payments that a refusal names.
const PAYMENTS_NAMED: i64 = 20;

/// Where an account shows.
const ACCOUNT: &str = "/api/v2/me";

/// How far an account goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Nobody can log in any more. What is known of the person stays.
    Close,
    /// The same, and the person's key and secrets are destroyed.
    Erase,
}

/// An account that has ended.
pub struct Ended {
    /// Whether all is done that follows, the deletion at the verification provider included; if not, workers do it.
    pub is_complete: bool,
}

/// Ends the account of somebody who shows once more that it is theirs. Refused while a payment is pending: its outcome
/// is still to be told, and erased secrets cannot be charged.
pub async fn end(
    system: &System,
    principal: Principal,
    ending: Ending,
    presence: Presence,
    origin: &Origin,
) -> Result<Written<Ended>, Error> {
    let user_id = principal.user_id;
    let action = match ending {
        Ending::Close => Action::CloseAccount,
        Ending::Erase => Action::EraseAccount,
    };
    let proof = presence::proof(system, principal, &presence, action, origin).await?;
    system.store.begin_ending(user_id).await?;
    let position = append(system, user_id, ending, proof, origin).await?;
    // Sessions and API keys apart from the rest: they have to end whatever else fails.
    let ended = end_access(system, user_id).await;
    ended.map_err(|error| error.after_intent(|| ACCOUNT.to_owned()))?;
    if ending == Ending::Close {
        mail::notify(system, user_id, Letter::AccountClosed).await;
    }
    let recorded = record(system, principal, action, Outcome::Success, None, origin).await;
    let done = match recorded {
        Ok(()) => clear(system, user_id, origin).await,
        Err(error) => Err(error),
    };
    let done = match done {
        Ok(true) if ending == Ending::Erase => identity::forget(system, user_id).await,
        done => done,
    };
    if let Err(error) = &done {
        tracing::warn!(%user_id, %error, "an account has ended, and a worker has to clear it up");
    }
    let is_complete = done.unwrap_or(false);
    Ok(Written { value: Ended { is_complete }, position })
}

/// Goes over an ending that was put down: does again what follows from the event, if there is one, and forgets the
/// ending once nothing is left to do here. An erased person's applicants at the verification provider are not part of
/// it: they are deleted by a worker of their own, however long the provider takes.
pub async fn finish(system: &System, user_id: UserId, origin: &Origin) -> Result<(), Error> {
    let store = &system.store;
    let Some(begun_at) = store.ending_begun_at(user_id).await? else { return Ok(()) };
    let standing = store.load_latest::<User>(user_id).await?.standing();
    let is_complete = match standing {
        // Refused, or never got so far.
        Standing::Open => true,
        Standing::Closed | Standing::Erased => {
            end_access(system, user_id).await?;
            let is_complete = clear(system, user_id, origin).await?;
            if is_complete && standing == Standing::Erased {
                store.clear_away_destroyed().await?;
            }
            is_complete
        }
    };
    if is_complete {
        store.forget_ending(user_id, begun_at).await?;
    }
    Ok(())
}

/// Both in the tables and wherever they are cached.
async fn end_access(system: &System, user_id: UserId) -> Result<(), Error> {
    sessions::end_all_in_tables(system, user_id, None).await?;
    api_keys::end_all(system, user_id).await
}

/// Records the end, with the cards' own, and releases the address of an erased person.
async fn append(
    system: &System,
    user_id: UserId,
    ending: Ending,
    mut step_up: Option<Unused<'_>>,
    origin: &Origin,
) -> Result<i64, Error> {
    let store = &system.store;
    for _ in 0..ATTEMPTS {
        let person = store.load_latest::<User>(user_id).await?;
        let cards = live_cards(system, user_id).await?;
        // After the cards: a payment that begins behind this look moves its card, and the append conflicts.
        refuse_pending(system, user_id).await?;
        let events = decide(&person, ending)?;
        if events.is_empty() {
            return Ok(store.head().await?);
        }
        let mut unit = Unit::new(origin.context(Actor::Person(user_id))).stream(&person, events);
        for card in &cards {
            unit = unit.stream(card, terminate(card)?);
        }
        if let (Ending::Erase, Some(index)) = (ending, person.email_index()) {
            unit = unit.release("email", index.0.as_bytes(), user_id.0);
        }
        let place = store.place()?;
        if let Some(step_up) = &mut step_up {
            step_up.redeem(system, origin).await?;
        }
        match store.append_at(place, unit).await {
            Ok(appended) => return Ok(appended.position),
            Err(AppendError::Conflict) => {}
            Err(error) => return Err(Error::from(error).about(|| ACCOUNT.to_owned())),
        }
    }
    Err(Error::Conflict)
}

fn decide(person: &User, ending: Ending) -> Result<Vec<user::Event>, user::Error> {
    let now = crate::now();
    let commands = [user::Command::Close { now }, user::Command::Erase { now }];
    people::in_turn(person, commands.into_iter().take(if ending == Ending::Erase { 2 } else { 1 }))
}

/// Names the payments whose outcome is not known, if there are any.
async fn refuse_pending(system: &System, user_id: UserId) -> Result<(), Error> {
    system.tables_at(Some(system.store.head().await?)).await?;
    let payments: Vec<PaymentId> = system.store.pending_payments(user_id, PAYMENTS_NAMED).await?;
    if payments.is_empty() { Ok(()) } else { Err(Error::PaymentsPending { payments }) }
}

/// Up to [`CARDS_AT_ONCE`] cards that are not at their end, as they are now.
async fn live_cards(system: &System, user_id: UserId) -> Result<Vec<Loaded<Card>>, Error> {
    let store = &system.store;
    system.tables_at(Some(store.head().await?)).await?;
    let mut cards = Vec::new();
    for card_id in store.card_ids(user_id, true, CARDS_AT_ONCE).await? {
        cards.push(store.load_latest::<Card>(card_id).await?);
    }
    Ok(cards)
}

/// A card that the issuer is still making cannot be terminated; it ends when the issuer has answered.
fn terminate(card: &Card) -> Result<Vec<card::Event>, card::Error> {
    let (by, reason) = (card::Authority::System, card::Reason::AccountClosed);
    match card.decide(card::Command::Terminate { by, reason, now: crate::now() }) {
        Err(card::Error::NotIssued | card::Error::Expired { .. }) => Ok(vec![]),
        decided => decided,
    }
}

/// What follows from the end; done again without harm. False while the issuer still makes a card.
async fn clear(system: &System, user_id: UserId, origin: &Origin) -> Result<bool, Error> {
    let store = &system.store;
    store.void_every_one_time(user_id).await?;
    if store.load_latest::<User>(user_id).await?.standing() == Standing::Erased {
        let cards: Vec<CardId> = store.card_ids(user_id, false, CARDS_EVER).await?;
        store.destroy_person(user_id, &cards).await?;
    }
    terminate_rest(system, user_id, origin).await
}

/// Ends the cards that were requested at the same moment, or did not fit into the first append.
async fn terminate_rest(system: &System, user_id: UserId, origin: &Origin) -> Result<bool, Error> {
    let mut all_ended = true;
    for card in live_cards(system, user_id).await? {
        let events = terminate(&card)?;
        let still_made = card.status() == Some(card::Status::Requested);
        all_ended &= !still_made;
        if !events.is_empty() {
            system.store.append(Unit::new(origin.context(Actor::System("closing"))).stream(&card, events)).await?;
        }
    }
    let more = system.store.card_ids(user_id, true, CARDS_AT_ONCE).await?.len();
    Ok(all_ended && i64::try_from(more).is_ok_and(|more| more < CARDS_AT_ONCE))
}
