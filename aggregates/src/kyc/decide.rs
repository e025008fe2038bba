use chrono::{DateTime, TimeDelta, Utc};

use super::{Approval, Case, Command, Details, Draft, Error, Event, Kyc, Level, PictureKind, Status};
use crate::KycCaseId;

/// Changes of drafts are counted for as long, and then anew.
const COUNTED_FOR: TimeDelta = TimeDelta::days(1);

impl Kyc {
    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Error> {
        match command {
            Command::OpenDraft { case_id, level, attempts, most_changes, now } => {
                self.open_draft(case_id, level, (attempts, most_changes), now)
            }
            Command::GiveDetails { case_id, details, most_changes, now } => {
                self.draft_to_change(case_id, most_changes, now)?;
                let Details { applicant, document_type, country } = details;
                Ok(vec![Event::DetailsGiven { case_id, applicant, document_type, country, at: now }])
            }
            Command::GiveAddress { case_id, address, most_changes, now } => {
                self.draft_to_change(case_id, most_changes, now)?;
                Ok(vec![Event::AddressGiven { case_id, address, at: now }])
            }
            Command::AddPicture { case_id, picture, most_changes } => {
                let draft = self.draft_of(case_id)?;
                // The same picture again, as after a lost answer.
                if draft.pictures.iter().any(|known| known.kind == picture.kind && known.digest == picture.digest) {
                    return Ok(vec![]);
                }
                self.draft_to_change(case_id, most_changes, picture.at)?;
                let super::Picture { document_id, kind, digest, bytes, at } = picture;
                Ok(vec![Event::DocumentAdded { case_id, document_id, kind, digest, bytes, at }])
            }
            Command::SubmitDraft { case_id, now } => self.submit_draft(case_id, now),
            Command::Submit { case_id, applicant, document_type, country, attempts, now } => {
                // The applicant's data are sealed anew each time, so a repeat is known by its case id alone.
                if self.handed_in(case_id) {
                    return Ok(vec![]);
                }
                self.may_begin(Level::Basic, attempts)?;
                Ok(vec![Event::Submitted { case_id, applicant, document_type, country, level: Level::Basic, at: now }])
            }
            Command::RecordVerdict { case_id, provider, provider_reference, verdict, four_eyes, valid_until, now } => {
                self.record_verdict(case_id, (provider, provider_reference), verdict, (four_eyes, valid_until), now)
            }
            Command::Overdue { case_id, provider, provider_reference, patience, now } => {
                let case = self.case_of(case_id)?;
                Ok(self.overdue(case, (provider, provider_reference), patience, now))
            }
            Command::RecordHit { provider, provider_references, now } => {
                Ok(self.hit(&provider, &provider_references, now))
            }
            Command::Review { case_id, person, operator, step, now } => {
                self.review(case_id, (person, operator), step, now)
            }
            Command::LeaveNames { now } => self.leave_names(now),
            Command::AnnounceExpiry { notice, now } => Ok(self.announce_expiry(notice, now)),
            Command::Expire { now } => match (&self.approval, self.is_expired(now)) {
                (Some(approval), true) => Ok(vec![Event::Expired { case_id: approval.case_id, at: now }]),
                (Some(_) | None, _) => Ok(vec![]),
            },
        }
    }

    fn open_draft(
        &self,
        case_id: KycCaseId,
        level: Level,
        (attempts, most_changes): (u32, u32),
        now: DateTime<Utc>,
    ) -> Result<Vec<Event>, Error> {
        if self.draft.as_ref().is_some_and(|draft| draft.case_id == case_id) || self.handed_in(case_id) {
            return Ok(vec![]);
        }
        self.may_begin(level, attempts)?;
        if self.changes_at(now).0 >= most_changes {
            return Err(Error::TooManyChanges { limit: most_changes });
        }
        Ok(vec![Event::DraftOpened { case_id, level, at: now }])
    }

    /// How often drafts were changed, and since when, as a change at this moment counts on.
    pub(super) fn changes_at(&self, at: DateTime<Utc>) -> (u32, DateTime<Utc>) {
        let counting = self.draft.as_ref().filter(|draft| at - draft.counted_from < COUNTED_FOR);
        counting.map_or((0, at), |draft| (draft.changes, draft.counted_from))
    }

    fn announce_expiry(&self, notice: TimeDelta, now: DateTime<Utc>) -> Vec<Event> {
        let Some(approval) = self.approval(now).filter(|approval| !approval.expires_soon) else { return vec![] };
        match approval.valid_until {
            Some(end) if end - notice <= now => {
                vec![Event::ExpiryAnnounced { case_id: approval.case_id, valid_until: end, at: now }]
            }
            Some(_) | None => vec![],
        }
    }

    /// Whether a case of this level may be begun, or handed in. One of the level that the person has may follow where
    /// the approval ends soon; none takes the place of an approval of a higher level.
    fn may_begin(&self, level: Level, attempts: u32) -> Result<(), Error> {
        self.no_open_case()?;
        let in_the_way = |known: &Approval| known.level > level || (known.level == level && !known.expires_soon);
        if self.approval.as_ref().is_some_and(in_the_way) {
            return Err(Error::AlreadyApproved);
        }
        if self.rejections >= attempts {
            return Err(Error::TooManyAttempts { limit: attempts });
        }
        Ok(())
    }

    fn no_open_case(&self) -> Result<(), Error> {
        match (self.status(), &self.case) {
            (Status::Pending | Status::InReview, Some(open)) => Err(Error::CaseOpen { case_id: open.case_id }),
            (
                Status::NotStarted
                | Status::Pending
                | Status::InReview
                | Status::Approved
                | Status::Rejected
                | Status::Expired,
                _,
            ) => Ok(()),
        }
    }

    fn leave_names(&self, now: DateTime<Utc>) -> Result<Vec<Event>, Error> {
        self.no_open_case()?;
        if let Some(draft) = self.draft.as_ref().filter(|draft| draft.details.is_some()) {
            return Err(Error::DraftOpen { case_id: draft.case_id });
        }
        let ended = self.approval.iter().map(|approval| Event::Expired { case_id: approval.case_id, at: now });
        Ok(ended.collect())
    }

    fn submit_draft(&self, case_id: KycCaseId, now: DateTime<Utc>) -> Result<Vec<Event>, Error> {
        if self.handed_in(case_id) {
            return Ok(vec![]);
        }
        let draft = self.draft_of(case_id)?;
        // Attempts were counted when the draft was opened; a case may have been handed in beside it since.
        self.may_begin(draft.level, u32::MAX)?;
        let missing = missing(draft);
        let Some(details) = draft.details.as_ref().filter(|_| missing.is_empty()) else {
            return Err(Error::Incomplete { missing });
        };
        let Details { applicant, document_type, country } = details.clone();
        Ok(vec![Event::Submitted { case_id, applicant, document_type, country, level: draft.level, at: now }])
    }

    fn handed_in(&self, case_id: KycCaseId) -> bool {
        self.case.as_ref().is_some_and(|case| case.case_id == case_id)
    }

    pub(super) fn case_of(&self, case_id: KycCaseId) -> Result<&Case, Error> {
        self.case.as_ref().filter(|case| case.case_id == case_id).ok_or(Error::NoSuchCase)
    }

    /// The draft, if it may be changed once more.
    fn draft_to_change(&self, case_id: KycCaseId, most_changes: u32, now: DateTime<Utc>) -> Result<&Draft, Error> {
        let draft = self.draft_of(case_id)?;
        let is_over = self.changes_at(now).0 >= most_changes;
        if is_over { Err(Error::TooManyChanges { limit: most_changes }) } else { Ok(draft) }
    }

    fn draft_of(&self, case_id: KycCaseId) -> Result<&Draft, Error> {
        self.draft.as_ref().filter(|draft| draft.case_id == case_id).ok_or(Error::NoSuchCase)
    }
}

/// What a draft lacks of what its level demands.
fn missing(draft: &Draft) -> Vec<&'static str> {
    let mut missing = Vec::new();
    if draft.details.is_none() {
        missing.push("details");
    }
    if draft.level == Level::Full {
        if draft.address.is_none() {
            missing.push("address");
        }
        let has_back = draft.details.as_ref().is_none_or(|details| details.document_type.has_back());
        let needed = PictureKind::ALL.into_iter().filter(|kind| *kind != PictureKind::Back || has_back);
        let lacking = needed.filter(|kind| !draft.pictures.iter().any(|picture| picture.kind == *kind));
        missing.extend(lacking.map(PictureKind::as_str));
    }
    missing
}
