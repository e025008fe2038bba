//! What the provider says of a case, or does not say in time.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Case, Error, Event, FourEyes, Kyc, OVERDUE, Status, Verdict, WATCH_LIST};
use crate::KycCaseId;

/// Reasons that one case collects. Those beyond are left out, but for a hit on a watch list.
const MOST_REASONS: usize = 32;

/// What stands among the reasons where the provider decides a case that is people's by then.
const SAID_YES: &str = "provider_approved";
const SAID_NO: &str = "provider_rejected";

/// The provider's name, and its own for the check.
type Source = (String, String);

impl Kyc {
    pub(super) fn record_verdict(
        &self,
        case_id: KycCaseId,
        source: Source,
        verdict: Verdict,
        (four_eyes, valid_until): (FourEyes, Option<DateTime<Utc>>),
        now: DateTime<Utc>,
    ) -> Result<Vec<Event>, Error> {
        let case = self.case_of(case_id)?;
        if self.status.is_final() || (verdict == Verdict::Approved && self.is_for_operators(case, four_eyes)) {
            return Ok(vec![]);
        }
        Ok(self.verdict(case, source, verdict, valid_until, now))
    }

    fn verdict(
        &self,
        case: &Case,
        (provider, provider_reference): Source,
        verdict: Verdict,
        valid_until: Option<DateTime<Utc>>,
        at: DateTime<Utc>,
    ) -> Vec<Event> {
        let (case_id, decided_by) = (case.case_id, vec![]);
        match self.heeding_watch_lists(heeding_people(case, verdict)) {
            Verdict::Approved => {
                vec![Event::Approved { case_id, provider, provider_reference, decided_by, valid_until, at }]
            }
            Verdict::Rejected { reasons } => {
                vec![Event::Rejected { case_id, provider, provider_reference, reasons, decided_by, at }]
            }
            Verdict::Review { reasons } => self.look_at(case, (provider, provider_reference), reasons, false, at),
            Verdict::Unusable { reason } => {
                let reasons = self.with_watch_list(vec![reason]);
                self.look_at(case, (provider, provider_reference), reasons, true, at)
            }
        }
    }

    pub(super) fn overdue(&self, case: &Case, source: Source, patience: TimeDelta, now: DateTime<Utc>) -> Vec<Event> {
        let is_overdue = self.status == Status::Pending && case.submitted_at + patience <= now;
        let reasons = || self.with_watch_list(vec![OVERDUE.to_owned()]);
        if is_overdue { self.look_at(case, source, reasons(), true, now) } else { vec![] }
    }

    pub(super) fn hit(&self, source: Source, now: DateTime<Utc>) -> Vec<Event> {
        let Some(case) = &self.case else { return vec![] };
        let counts = self.approval.is_some() || !self.status.is_final();
        if !counts || self.is_on_watch_list() {
            return vec![];
        }
        self.look_at(case, source, vec![WATCH_LIST.to_owned()], false, now)
    }

    /// Has people look at the case. Where they do already, they are told what was not known before.
    fn look_at(
        &self,
        case: &Case,
        (provider, provider_reference): Source,
        reasons: Vec<String>,
        people_decide: bool,
        at: DateTime<Utc>,
    ) -> Vec<Event> {
        let case_id = case.case_id;
        if self.status != Status::InReview {
            return vec![Event::ReviewStarted { case_id, provider, provider_reference, reasons, people_decide, at }];
        }
        let mut all = case.reasons.clone();
        for reason in reasons {
            if !all.contains(&reason) && (all.len() < MOST_REASONS || reason == WATCH_LIST) {
                all.push(reason);
            }
        }
        let is_news = all.len() > case.reasons.len() || (people_decide && !case.people_decide);
        let event = Event::ReviewStarted { case_id, provider, provider_reference, reasons: all, people_decide, at };
        if is_news { vec![event] } else { vec![] }
    }

    /// Whether operators are at it whom the provider does not overrule: one has proposed a decision, or two are needed.
    fn is_for_operators(&self, case: &Case, four_eyes: FourEyes) -> bool {
        let takes_two = self.takes_two(four_eyes) && !self.is_on_watch_list();
        let is_silent = !case.people_decide && (case.proposal.is_some() || takes_two);
        self.status == Status::InReview && is_silent
    }

    /// Whom a watch list has named no provider approves any more, also in a later case.
    fn heeding_watch_lists(&self, verdict: Verdict) -> Verdict {
        match verdict {
            Verdict::Approved if self.is_on_watch_list() => Verdict::Review { reasons: vec![WATCH_LIST.to_owned()] },
            Verdict::Review { reasons } => Verdict::Review { reasons: self.with_watch_list(reasons) },
            verdict @ (Verdict::Approved | Verdict::Rejected { .. } | Verdict::Unusable { .. }) => verdict,
        }
    }

    fn with_watch_list(&self, mut reasons: Vec<String>) -> Vec<String> {
        if self.is_on_watch_list() {
            reasons.retain(|reason| reason != WATCH_LIST);
            reasons.insert(0, WATCH_LIST.to_owned());
        }
        reasons
    }
}

/// A case that is people's is not decided by the provider any more: they are told what it says.
fn heeding_people(case: &Case, verdict: Verdict) -> Verdict {
    let told = |said: &str, mut reasons: Vec<String>| {
        reasons.insert(0, said.to_owned());
        Verdict::Review { reasons }
    };
    match verdict {
        Verdict::Approved if case.people_decide => told(SAID_YES, vec![]),
        Verdict::Rejected { reasons } if case.people_decide => told(SAID_NO, reasons),
        verdict
        @ (Verdict::Approved | Verdict::Rejected { .. } | Verdict::Review { .. } | Verdict::Unusable { .. }) => verdict,
    }
}
