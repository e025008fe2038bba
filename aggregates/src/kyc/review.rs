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
        if self.status != Status::InReview {
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
                // What was approved before a watch list named the person holds no longer for having been looked at.
                let before = self.approval.as_ref().filter(|approval| approval.case_id == case_id);
                let valid_until = before.map_or(valid_until, |approval| approval.valid_until);
                decided(case, operator, decision, self.takes_two(four_eyes), valid_until, at)
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
}

fn decided(
    case: &Case,
    operator: UserId,
    decision: Decision,
    takes_two: bool,
    valid_until: Option<DateTime<Utc>>,
    at: DateTime<Utc>,
) -> Result<Vec<Event>, Error> {
    let case_id = case.case_id;
    let mut decided_by = vec![operator];
    if takes_two {
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
    // A review was started by a provider, who has a name and a reference.
    let provider = case.provider.clone().unwrap_or_default();
    let provider_reference = case.provider_reference.clone().unwrap_or_default();
    Ok(match decision {
        Decision::Approve => {
            vec![Event::Approved { case_id, provider, provider_reference, decided_by, valid_until, at }]
        }
        Decision::Reject { reasons } => {
            vec![Event::Rejected { case_id, provider, provider_reference, reasons, decided_by, at }]
        }
    })
}
