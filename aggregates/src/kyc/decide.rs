use chrono::{DateTime, Utc};

use super::{
    Case, Command, Details, Draft, Error, Event, FourEyes, Kyc, Level, PictureKind, Status, Verdict, WATCH_LIST,
};
use crate::KycCaseId;

impl Kyc {
    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Error> {
        match command {
            Command::OpenDraft { case_id, level, attempts, now } => self.open_draft(case_id, level, attempts, now),
            Command::GiveDetails { case_id, details, now } => {
                self.draft_of(case_id)?;
                let Details { applicant, document_type, country } = details;
                Ok(vec![Event::DetailsGiven { case_id, applicant, document_type, country, at: now }])
            }
            Command::GiveAddress { case_id, address, now } => {
                self.draft_of(case_id)?;
                Ok(vec![Event::AddressGiven { case_id, address, at: now }])
            }
            Command::AddPicture { case_id, picture } => {
                let draft = self.draft_of(case_id)?;
                // The same picture again, as after a lost answer.
                if draft.pictures.iter().any(|known| known.kind == picture.kind && known.digest == picture.digest) {
                    return Ok(vec![]);
                }
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
                let case = self.case_of(case_id)?;
                if verdict == Verdict::Approved && self.is_for_operators(case, four_eyes) {
                    return Ok(vec![]);
                }
                Ok(self.verdict(case, (provider, provider_reference), verdict, valid_until, now))
            }
            Command::Review { case_id, person, operator, step, now } => {
                self.review(case_id, (person, operator), step, now)
            }
            Command::LeaveNames { now } => self.leave_names(now),
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
        attempts: u32,
        now: DateTime<Utc>,
    ) -> Result<Vec<Event>, Error> {
        if self.draft.as_ref().is_some_and(|draft| draft.case_id == case_id) || self.handed_in(case_id) {
            return Ok(vec![]);
        }
        self.may_begin(level, attempts)?;
        Ok(vec![Event::DraftOpened { case_id, level, at: now }])
    }

    /// Whether a case of this level may be begun, or handed in.
    fn may_begin(&self, level: Level, attempts: u32) -> Result<(), Error> {
        self.no_open_case()?;
        if self.approval.as_ref().is_some_and(|approval| approval.level >= level) {
            return Err(Error::AlreadyApproved);
        }
        if self.rejections >= attempts {
            return Err(Error::TooManyAttempts { limit: attempts });
        }
        Ok(())
    }

    fn no_open_case(&self) -> Result<(), Error> {
        match (self.status, &self.case) {
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

    fn verdict(
        &self,
        case: &Case,
        (provider, provider_reference): (String, String),
        verdict: Verdict,
        valid_until: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Vec<Event> {
        let (case_id, decided_by) = (case.case_id, vec![]);
        if self.status.is_final() {
            return vec![];
        }
        match self.heeding_watch_lists(verdict) {
            Verdict::Approved => {
                vec![Event::Approved { case_id, provider, provider_reference, decided_by, valid_until, at: now }]
            }
            Verdict::Rejected { reasons } => {
                vec![Event::Rejected { case_id, provider, provider_reference, reasons, decided_by, at: now }]
            }
            // Again, but with something that was not known before, such as a hit on a watch list.
            Verdict::Review { reasons } if self.status == Status::InReview => {
                let mut all = case.reasons.clone();
                all.extend(reasons.into_iter().filter(|reason| !case.reasons.contains(reason)));
                let is_news = all.len() > case.reasons.len();
                let event = Event::ReviewStarted { case_id, provider, provider_reference, reasons: all, at: now };
                if is_news { vec![event] } else { vec![] }
            }
            Verdict::Review { reasons } => {
                vec![Event::ReviewStarted { case_id, provider, provider_reference, reasons, at: now }]
            }
        }
    }

    /// Whether operators are at it whom the provider does not overrule: one has proposed a decision, or two are needed.
    fn is_for_operators(&self, case: &Case, four_eyes: FourEyes) -> bool {
        let takes_two = self.takes_two(four_eyes) && !self.is_on_watch_list();
        self.status == Status::InReview && (case.proposal.is_some() || takes_two)
    }

    /// Whom a watch list has named no provider approves any more, also in a later case.
    fn heeding_watch_lists(&self, verdict: Verdict) -> Verdict {
        match verdict {
            Verdict::Approved if self.is_on_watch_list() => Verdict::Review { reasons: vec![WATCH_LIST.to_owned()] },
            Verdict::Review { mut reasons } if self.is_on_watch_list() => {
                reasons.retain(|reason| reason != WATCH_LIST);
                reasons.insert(0, WATCH_LIST.to_owned());
                Verdict::Review { reasons }
            }
            verdict @ (Verdict::Approved | Verdict::Review { .. } | Verdict::Rejected { .. }) => verdict,
        }
    }

    fn handed_in(&self, case_id: KycCaseId) -> bool {
        self.case.as_ref().is_some_and(|case| case.case_id == case_id)
    }

    pub(super) fn case_of(&self, case_id: KycCaseId) -> Result<&Case, Error> {
        self.case.as_ref().filter(|case| case.case_id == case_id).ok_or(Error::NoSuchCase)
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
