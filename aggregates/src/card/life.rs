//! From one state of a card's life to the next.

use chrono::{DateTime, TimeDelta, Utc};

use crate::CardId;

use super::{
    Authority, Error, Event, IssuerStatus, Reason, Status,
    state::{Answer, Details, Stage},
};

type Decision = Result<Vec<Event>, Error>;

impl Answer {
    fn into_event(self, status: Status, at: DateTime<Utc>) -> Event {
        match self {
            Answer::Issued { issuer, issuer_reference, last_four, expiry } => {
                Event::Issued { issuer, issuer_reference, last_four, expiry, status, at }
            }
            Answer::Failed { issuer, reason } => Event::IssueFailed { issuer, reason, at },
        }
    }
}

impl Details {
    /// The issuer's first answer is an event, the same answer again is nothing, another one a contradiction.
    pub fn record(&self, answer: Answer, now: DateTime<Utc>) -> Decision {
        let status = if self.needs_activation { Status::Inactive } else { Status::Active };
        match &self.answer {
            None => Ok(vec![answer.into_event(status, now)]),
            Some(known) if *known == answer => Ok(vec![]),
            Some(_) => Err(Error::IssueDecided),
        }
    }

    /// A card that the issuer is still making cannot be switched: the issuer's answer would then meet a card that is
    /// gone. What has ended has ended for good.
    fn is_alive(&self) -> Result<(), Error> {
        match self.stage {
            Stage::Inactive | Stage::Active => Ok(()),
            Stage::Requested | Stage::IssueFailed => Err(Error::NotIssued),
            Stage::Expired => Err(self.expiry().map_or(Error::Terminated, |expiry| Error::Expired { expiry })),
            Stage::Terminated => Err(Error::Terminated),
        }
    }

    pub fn activate(&self, by: Authority, now: DateTime<Utc>) -> Decision {
        self.is_alive()?;
        match self.stage {
            Stage::Active => Ok(vec![]),
            _ if !self.freezes.is_empty() => Err(Error::Frozen),
            _ => Ok(vec![Event::Activated { by, at: now }]),
        }
    }

    pub fn freeze(&self, by: Authority, reason: Reason, now: DateTime<Utc>) -> Decision {
        self.is_alive()?;
        match self.freezes.contains(&by) {
            true => Ok(vec![]),
            false => Ok(vec![Event::Frozen { by, reason: Some(reason), at: now }]),
        }
    }

    pub fn unfreeze(&self, by: Authority, whose: Authority, reason: Reason, now: DateTime<Utc>) -> Decision {
        self.is_alive()?;
        match self.freezes.first() {
            None => Ok(vec![]),
            Some(_) if !by.may_lift(whose) => Err(Error::FrozenByOthers { whose }),
            Some(other) if !self.freezes.contains(&whose) => Err(Error::FrozenByOthers { whose: *other }),
            Some(_) => {
                let mut next = self.clone();
                next.freezes.retain(|freeze| *freeze != whose);
                let (reason, status) = (Some(reason), next.status());
                Ok(vec![Event::Unfrozen { by, whose, reason, status, at: now }])
            }
        }
    }

    pub fn terminate(&self, by: Authority, reason: Reason, now: DateTime<Utc>) -> Decision {
        match self.is_alive() {
            Err(Error::Terminated) => Ok(vec![]),
            alive => alive.map(|()| vec![Event::Terminated { by, reason: Some(reason), at: now }]),
        }
    }

    pub fn expire(&self, now: DateTime<Utc>) -> Decision {
        match (self.is_alive(), self.expiry()) {
            (Err(Error::Expired { .. }), _) => Ok(vec![]),
            (Ok(()), Some(expiry)) if !expiry.has_passed(now) => Err(Error::NotExpired { expiry }),
            (alive, _) => alive.map(|()| vec![Event::Expired { at: now }]),
        }
    }

    pub fn announce_expiry(&self, notice: TimeDelta, now: DateTime<Utc>) -> Decision {
        self.is_alive()?;
        match self.expiry() {
            Some(expiry) if !expiry.has_passed(now + notice) => Err(Error::NotExpired { expiry }),
            Some(_) if !self.expiry_announced => Ok(vec![Event::ExpiryAnnounced { at: now }]),
            Some(_) | None => Ok(vec![]),
        }
    }

    /// The old card ends with it, so that its limits are not there twice.
    pub fn replace(&self, successor: CardId, by: Authority, reason: Reason, now: DateTime<Utc>) -> Decision {
        match self.successor {
            Some(known) if known == successor => return Ok(vec![]),
            Some(_) => return Err(Error::Replaced),
            None => {}
        }
        let replaced = Event::Replaced { successor, by, reason, at: now };
        match self.stage {
            Stage::Requested => Err(Error::NotIssued),
            Stage::Terminated if self.ended_for == Some(Reason::Used) => Err(Error::UsedUp),
            Stage::Inactive | Stage::Active => {
                Ok(vec![Event::Terminated { by, reason: Some(reason), at: now }, replaced])
            }
            Stage::IssueFailed | Stage::Expired | Stage::Terminated => Ok(vec![replaced]),
        }
    }

    /// Our own call was answered.
    pub fn record_told(&self, status: IssuerStatus, now: DateTime<Utc>) -> Decision {
        match (self.wanted_at_issuer(), self.at_issuer) {
            (None, _) => Err(Error::NotIssued),
            (Some(_), Some(known)) if known == status => Ok(vec![]),
            (Some(_), _) => Ok(vec![Event::IssuerStatusRecorded { status, at: now }]),
        }
    }

    /// What the issuer says by itself. That it follows us is an acknowledgement; where it is stricter than we are, that
    /// is its own decision, which counts here too. Where it is laxer, our own decision stands, and it will be told so.
    pub fn record_status(&self, status: IssuerStatus, now: DateTime<Utc>) -> Decision {
        let Some(wanted) = self.wanted_at_issuer() else { return Err(Error::NotIssued) };
        let mut events = match status {
            _ if status == wanted => vec![],
            IssuerStatus::Canceled => self.terminate(Authority::Issuer, Reason::Issuer, now)?,
            IssuerStatus::Inactive if wanted == IssuerStatus::Active => {
                self.freeze(Authority::Issuer, Reason::Issuer, now)?
            }
            IssuerStatus::Active if self.freezes.contains(&Authority::Issuer) && self.is_alive().is_ok() => {
                self.unfreeze(Authority::Issuer, Authority::Issuer, Reason::Resolved, now)?
            }
            IssuerStatus::Inactive | IssuerStatus::Active => vec![],
        };
        if self.at_issuer != Some(status) {
            events.push(Event::IssuerStatusRecorded { status, at: now });
        }
        Ok(events)
    }
}
