//! What events of verification mean to the read tables.

use aggregates::{
    KycCaseId, UserId,
    kyc::{self, WATCH_LIST},
};

use super::changes::{CaseChange, Changes, NewCase, Verdict, text};

impl Changes {
    pub(super) fn kyc(&mut self, user_id: UserId, position: i64, event: kyc::Event) {
        use kyc::Event;
        match event {
            Event::Submitted { case_id, document_type, country, level, at, .. } => self.cases.push(NewCase {
                case_id,
                user_id,
                document_type: text(&document_type),
                country,
                level,
                at,
                position,
            }),
            Event::ReviewStarted { case_id, provider, provider_reference: reference, reasons, .. } => {
                self.hit_among(case_id, &reasons);
                let (status, decided_at, valid_until) = ("in_review", None, None);
                let verdict = Verdict { status, provider, reference, reasons, decided_at, valid_until };
                self.verdicts.insert(case_id, verdict);
            }
            Event::Approved { case_id, provider, provider_reference: reference, decided_by, valid_until, at } => {
                if !decided_by.is_empty() {
                    self.case_changes.push((case_id, CaseChange::Hit(false)));
                }
                let (status, reasons, decided_at) = ("approved", vec![], Some(at));
                let verdict = Verdict { status, provider, reference, reasons, decided_at, valid_until };
                self.verdicts.insert(case_id, verdict);
            }
            Event::Rejected { case_id, provider, provider_reference: reference, reasons, decided_by, at } => {
                self.hit_among(case_id, &reasons);
                if !decided_by.is_empty() {
                    self.case_changes.push((case_id, CaseChange::Hit(false)));
                    self.case_changes.push((case_id, CaseChange::ApprovalsEnded));
                }
                let (status, decided_at, valid_until) = ("rejected", Some(at), None);
                let verdict = Verdict { status, provider, reference, reasons, decided_at, valid_until };
                self.verdicts.insert(case_id, verdict);
            }
            Event::WatchListNamed { case_id, .. } => self.case_changes.push((case_id, CaseChange::Hit(true))),
            Event::WatchListCleared { case_id, .. } => self.case_changes.push((case_id, CaseChange::Hit(false))),
            Event::Assigned { case_id, operator, .. } => {
                self.case_changes.push((case_id, CaseChange::Assigned(operator)));
            }
            Event::ExpiryAnnounced { case_id, .. } => self.case_changes.push((case_id, CaseChange::ExpiryAnnounced)),
            Event::Expired { case_id, .. } => self.case_changes.push((case_id, CaseChange::Expired)),
            Event::DraftOpened { .. }
            | Event::DetailsGiven { .. }
            | Event::AddressGiven { .. }
            | Event::DocumentAdded { .. }
            | Event::Noted { .. }
            | Event::DocumentViewed { .. }
            | Event::CaseViewed { .. }
            | Event::DecisionProposed { .. } => {}
        }
    }

    /// A hit among the reasons waits for operators, also in logs that have no event of the hit itself.
    fn hit_among(&mut self, case_id: KycCaseId, reasons: &[String]) {
        if reasons.iter().any(|reason| reason == WATCH_LIST) {
            self.case_changes.push((case_id, CaseChange::Hit(true)));
        }
    }
}
