//! What a card's owner and our staff do to a card.

use aggregates::{
    Actor, CardId, Permission, UserId,
    card::{self, Authority, Card, Command, Purpose, Reason},
    payment::Payment,
    user::{Standing, User},
};
use store::{AppendError, Loaded, Unit};

use super::{CardView, read::owned, view};
use crate::{ATTEMPTS, Error, Origin, System, Written};

/// Who acts.
#[derive(Clone, Copy, Debug)]
pub enum Who {
    Owner(UserId),
    /// Somebody of our staff, with the right to look after cards.
    Operator(UserId),
}

/// What is done. Each is its own intent: our own refusal counts from then on, and the issuer is told by a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Activate,
    Freeze(Reason),
    /// Lifts the freeze of whoever is named.
    Unfreeze(Authority, Reason),
    Terminate(Reason),
}

impl Who {
    fn user_id(self) -> UserId {
        match self {
            Who::Owner(user_id) | Who::Operator(user_id) => user_id,
        }
    }

    fn authority(self) -> Authority {
        match self {
            Who::Owner(_) => Authority::Person,
            Who::Operator(_) => Authority::Operator,
        }
    }

    /// Whether they may, and for an operator the stream that has to stay as it is until the change is written.
    async fn may(self, system: &System, card: &Card) -> Result<Option<Loaded<User>>, Error> {
        let Who::Operator(user_id) = self else { return owned(card, self.user_id()).map(|()| None) };
        let operator = system.store.load_latest::<User>(user_id).await?;
        let may = operator.standing() == Standing::Open
            && operator.roles().iter().any(|role| role.permits(Permission::CardsManage));
        if may { Ok(Some(operator)) } else { Err(Error::RightLost) }
    }
}

impl Act {
    fn command(self, by: Authority) -> Command {
        let now = crate::now();
        match self {
            Act::Activate => Command::Activate { by, now },
            Act::Freeze(reason) => Command::Freeze { by, reason, now },
            Act::Unfreeze(whose, reason) => Command::Unfreeze { by, whose, reason, now },
            Act::Terminate(reason) => Command::Terminate { by, reason, now },
        }
    }
}

/// Does it; what is so already changes nothing.
pub async fn act(
    system: &System,
    who: Who,
    card_id: CardId,
    act: Act,
    origin: &Origin,
) -> Result<Written<CardView>, Error> {
    let store = &system.store;
    let _turn = system.turns.take(card_id).await;
    for _ in 0..ATTEMPTS {
        let card = store.load_latest::<Card>(card_id).await?;
        let operator = who.may(system, &card).await?;
        let events = card.decide(act.command(who.authority()))?;
        if events.is_empty() {
            return Ok(Written { value: view(card_id, &card)?, position: store.head().await? });
        }
        let mut next = Card::clone(&card);
        events.iter().for_each(|event| next.apply(event));
        let mut unit = Unit::new(origin.context(Actor::Person(who.user_id()))).stream(&card, events);
        if let Some(operator) = &operator {
            unit = unit.stream(operator, vec![]);
        }
        match store.append(unit).await {
            Ok(appended) => return Ok(Written { value: view(card_id, &next)?, position: appended.position }),
            Err(AppendError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::Conflict)
}

/// What a payment's first capture adds to its append: a single-use card ends with it. From memory where the card is
/// there, so that others cost nothing.
pub(crate) async fn used_up(system: &System, unit: Unit, payment: &Payment) -> Result<Unit, Error> {
    let Some(card_id) = payment.card_id() else { return Ok(unit) };
    let card = system.store.load::<Card>(card_id).await?;
    if card.purpose() != Some(&Purpose::SingleUse) {
        return Ok(unit);
    }
    let (by, reason, now) = (Authority::System, Reason::Used, crate::now());
    match card.decide(Command::Terminate { by, reason, now }) {
        Ok(events) if events.is_empty() => Ok(unit),
        Ok(events) => Ok(unit.stream(&card, events)),
        // It has expired meanwhile, which is as good.
        Err(card::Error::Expired { .. }) => Ok(unit),
        Err(error) => Err(error.into()),
    }
}
