//! What operators do about a case.

use chrono::{DateTime, Utc};

use super::{Case, Decision, Error, Event, FourEyes, Kyc, ReviewStep, Status};
use crate::{KycCaseId, UserId};

const MOST_NOTES: usize = 100;

impl Kyc {
    pub(super) fn review(
        &self,
        case_id: KycCaseId,
        (person, operator): (UserId, UserId),
        step: ReviewStep,
        at: DateTime<Utc>,
    ) -> Result<Vec<Event>, Error> {
        let case = self.case_of(case_id)?;
        if person == operator {
            return Err(Error::OwnCase);
        }
        if self.status() != Status::InReview {
            return Err(Error::NotInReview);
        }
        match step {
            ReviewStep::Read => Ok(vec![Event::CaseViewed { case_id, operator, at }]),
            ReviewStep::View { document_id } => {
                let is_there = case.pictures.iter().any(|picture| picture.document_id == document_id);
                match is_there {
                    true => Ok(vec![Event::DocumentViewed { case_id, document_id, operator, at }]),
                    false => Err(Error::NoSuchDocument),
                }
            }
            ReviewStep::Assign if case.assigned_to == Some(operator) => Ok(vec![]),
            ReviewStep::Assign => Ok(vec![Event::Assigned { case_id, operator, at }]),
            ReviewStep::Note { .. } if case.notes.len() >= MOST_NOTES => Err(Error::TooManyNotes { limit: MOST_NOTES }),
            ReviewStep::Note { text } => Ok(vec![Event::Noted { case_id, operator, note: text, at }]),
            ReviewStep::Decide { decision, four_eyes, valid_until } => {
                self.decided(case, operator, decision, (four_eyes, valid_until), at)
            }
        }
    }

    /// Whether one operator alone cannot decide.
    pub(super) fn takes_two(&self, four_eyes: FourEyes) -> bool {
        match four_eyes {
            FourEyes::Never => false,
            FourEyes::WatchList => self.is_on_watch_list(),
            FourEyes::Always => true,
        }
    }

    /// Operators decide about a hit, about the case where it is in review of its own, or about both at once.
    fn decided(
        &self,
        case: &Case,
        operator: UserId,
        decision: Decision,
        (four_eyes, valid_until): (FourEyes, Option<DateTime<Utc>>),
        at: DateTime<Utc>,
    ) -> Result<Vec<Event>, Error> {
        let case_id = case.case_id;
        let mut decided_by = vec![operator];
        if self.takes_two(four_eyes) {
            match &case.proposal {
                Some(first) if first.operator == operator && first.decision.agrees_with(&decision) => {
                    return Err(Error::SecondOperatorNeeded);
                }
                Some(first) if first.operator != operator && first.decision.agrees_with(&decision) => {
                    decided_by.insert(0, first.operator);
                }
                // The first one, a contrary one, or somebody who has thought better of it.
                Some(_) | None => return Ok(vec![Event::DecisionProposed { case_id, operator, decision, at }]),
            }
        }
        let (provider, provider_reference) = self.reviewed(case);
        match decision {
            Decision::Approve => {
                let clearing = self.clearing(&decided_by, at);
                // A case that was looked at for a hit alone goes on as it was: nobody has verified it by clearing that.
                let approves = self.status == Status::InReview;
                let approval = Event::Approved { case_id, provider, provider_reference, decided_by, valid_until, at };
                Ok(clearing.into_iter().chain(approves.then_some(approval)).collect())
            }
            Decision::Reject { reasons } => {
                Ok(vec![Event::Rejected { case_id, provider, provider_reference, reasons, decided_by, at }])
            }
        }
    }

    /// Who has left the review to operators, and by what name.
    fn reviewed(&self, case: &Case) -> (String, String) {
        let of_case = case.provider.clone().zip(case.provider_reference.clone());
        let of_hit = || {
            let listing = self.listing()?;
            Some((listing.provider.clone(), listing.references.first()?.clone()))
        };
        of_case.or_else(of_hit).unwrap_or_default()
    }
}
