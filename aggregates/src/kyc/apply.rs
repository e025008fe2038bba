use chrono::{DateTime, Utc};

use super::{Approval, Case, Details, Draft, Event, Kyc, Level, Note, Picture, Proposal, Status, watch::tell_of_hit};
use crate::{KycCaseId, UserId};

impl Kyc {
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::DraftOpened { case_id, level, at } => {
                let (changes, counted_from) = self.changes_at(*at);
                self.draft = Some(Draft {
                    case_id: *case_id,
                    level: *level,
                    opened_at: *at,
                    details: None,
                    address: None,
                    pictures: vec![],
                    changes: changes + 1,
                    counted_from,
                });
            }
            Event::DetailsGiven { applicant, document_type, country, at, case_id: _ } => {
                let (applicant, country) = (applicant.clone(), country.clone());
                let details = Details { applicant, document_type: *document_type, country };
                self.in_draft(*at, |draft| draft.details = Some(details));
            }
            Event::AddressGiven { address, at, case_id: _ } => {
                self.in_draft(*at, |draft| draft.address = Some(address.clone()));
            }
            Event::DocumentAdded { document_id, kind, digest, bytes, at, case_id: _ } => {
                let (document_id, digest) = (*document_id, digest.clone());
                let picture = Picture { document_id, kind: *kind, digest, bytes: *bytes, at: *at };
                self.in_draft(*at, |draft| {
                    draft.pictures.retain(|known| known.kind != picture.kind);
                    draft.pictures.push(picture);
                });
            }
            Event::Submitted { case_id, applicant, document_type, country, level, at } => {
                let (applicant, country) = (applicant.clone(), country.clone());
                self.hand_in(*case_id, *level, Details { applicant, document_type: *document_type, country }, *at);
            }
            Event::ReviewStarted { provider, provider_reference, reasons, people_decide, case_id: _, at: _ } => {
                self.conclude(Status::InReview, (provider, provider_reference), None, reasons);
                self.in_case(|case| case.people_decide |= people_decide);
            }
            Event::WatchListNamed { provider, provider_reference, case_id: _, at: _ } => {
                self.name(provider, provider_reference);
            }
            Event::WatchListCleared { provider_references, case_id: _, decided_by: _, at: _ } => {
                self.clear(provider_references);
            }
            Event::Assigned { operator, case_id: _, at: _ } => self.in_case(|case| case.assigned_to = Some(*operator)),
            Event::Noted { operator, note, at, case_id: _ } => {
                let note = Note { operator: *operator, text: note.clone(), at: *at };
                self.in_case(|case| case.notes.push(note));
            }
            Event::DocumentViewed { case_id: _, document_id: _, operator: _, at: _ }
            | Event::CaseViewed { case_id: _, operator: _, at: _ } => {}
            Event::DecisionProposed { operator, decision, case_id: _, at: _ } => {
                let proposal = Proposal { operator: *operator, decision: decision.clone() };
                self.in_case(|case| case.proposal = Some(proposal));
            }
            Event::Approved { case_id, provider, provider_reference, valid_until, at, decided_by } => {
                self.conclude(Status::Approved, (provider, provider_reference), Some(*at), &[]);
                if !decided_by.is_empty() {
                    // Also where no event says that the lists were cleared, as in earlier logs.
                    let named = self.listing.take().map(|listing| listing.references).unwrap_or_default();
                    self.clear(&[named, vec![provider_reference.clone()]].concat());
                }
                self.approve(*case_id, *at, *valid_until);
            }
            Event::Rejected { provider, provider_reference, reasons, decided_by, at, case_id: _ } => {
                self.reject(decided_by);
                self.conclude(Status::Rejected, (provider, provider_reference), Some(*at), reasons);
                if !decided_by.is_empty() {
                    self.confirm_hits();
                }
            }
            Event::ExpiryAnnounced { case_id, valid_until: _, at: _ } => {
                if let Some(approval) = self.approval.as_mut().filter(|approval| approval.case_id == *case_id) {
                    approval.expires_soon = true;
                }
            }
            Event::Expired { case_id: _, at: _ } => {
                self.approval = None;
                if self.status == Status::Approved {
                    self.status = Status::Expired;
                }
            }
        }
    }

    pub(super) fn in_case(&mut self, change: impl FnOnce(&mut Case)) {
        if let Some(case) = &mut self.case {
            change(case);
        }
    }

    /// What the person changed, which counts.
    fn in_draft(&mut self, at: DateTime<Utc>, change: impl FnOnce(&mut Draft)) {
        let (changes, counted_from) = self.changes_at(at);
        if let Some(draft) = &mut self.draft {
            change(draft);
            (draft.changes, draft.counted_from) = (changes + 1, counted_from);
        }
    }

    fn hand_in(&mut self, case_id: KycCaseId, level: Level, details: Details, at: DateTime<Utc>) {
        let of_case = self.draft.as_ref().is_some_and(|draft| draft.case_id == case_id);
        let draft = if of_case { self.draft.take() } else { None };
        let (address, pictures) = draft.map(|draft| (draft.address, draft.pictures)).unwrap_or_default();
        let Details { applicant, document_type, country } = details;
        self.status = Status::Pending;
        self.case = Some(Case {
            case_id,
            level,
            applicant,
            document_type,
            country,
            address,
            pictures,
            submitted_at: at,
            provider: None,
            provider_reference: None,
            decided_at: None,
            reasons: vec![],
            people_decide: false,
            assigned_to: None,
            proposal: None,
            notes: vec![],
        });
    }

    pub(super) fn approve(
        &mut self,
        case_id: KycCaseId,
        approved_at: DateTime<Utc>,
        valid_until: Option<DateTime<Utc>>,
    ) {
        let level = self.case.as_ref().map_or(Level::Basic, |case| case.level);
        self.approval = Some(Approval { case_id, level, approved_at, valid_until, expires_soon: false });
        self.rejections = 0;
    }

    fn reject(&mut self, decided_by: &[UserId]) {
        // Operators may reject on a hit whom the provider has rejected already: that is one case.
        self.rejections += u32::from(self.status != Status::Rejected);
        // People who have looked do not want this person to go on; a provider may not have been able to read a picture.
        if !decided_by.is_empty() {
            self.approval = None;
        }
    }

    fn conclude(
        &mut self,
        status: Status,
        (provider, reference): (&str, &str),
        decided_at: Option<DateTime<Utc>>,
        reasons: &[String],
    ) {
        self.status = status;
        // A hit among the reasons is for operators, also in logs that have no event of the hit itself.
        if tell_of_hit(reasons) {
            self.name(provider, reference);
        }
        self.in_case(|case| {
            case.provider = Some(provider.to_owned());
            case.provider_reference = Some(reference.to_owned());
            case.decided_at = decided_at;
            case.reasons = reasons.to_vec();
            case.proposal = None;
        });
    }
}
