//! What the provider says of a case, or does not say in time.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Case, Error, Event, FourEyes, Kyc, OVERDUE, Status, Verdict, WATCH_LIST, watch::tell_of_hit};
use crate::KycCaseId;

/// Reasons that one case collects. Those beyond are left out, but for a hit on a watch list.
const MOST_REASONS: usize = 32;

/// What stands among the reasons where the provider decides a case that is people's by then.
const SAID_YES: &str = "provider_approved";
const SAID_NO: &str = "provider_rejected";

/// Why a case was rejected of which the provider has said no more than that a watch list names the person.
const DECLINED: &str = "declined";

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
        // What becomes of a case beside which a hit is looked at is asked for again afterwards.
        let waits = self.status == Status::Pending && self.has_open_hit();
        let is_kept = verdict == Verdict::Approved && self.is_for_operators(case, four_eyes);
        if self.status.is_final() || waits || is_kept {
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
        let (verdict, is_hit) = self.heeding_hit(verdict, &provider_reference);
        let reference = provider_reference.clone();
        let mut events = if is_hit { self.hit(&provider, &[reference], at) } else { vec![] };
        events.extend(match self.heeding_watch_lists(self.heeding_people(case, verdict)) {
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
        });
        events
    }

    /// Whether the provider has said nothing final for as long as `patience`, and nobody is at it.
    pub fn is_overdue(&self, patience: TimeDelta, now: DateTime<Utc>) -> bool {
        let is_late = self.case.as_ref().is_some_and(|case| case.submitted_at + patience <= now);
        self.status == Status::Pending && !self.has_open_hit() && is_late
    }

    pub(super) fn overdue(&self, case: &Case, source: Source, patience: TimeDelta, now: DateTime<Utc>) -> Vec<Event> {
        let reasons = || self.with_watch_list(vec![OVERDUE.to_owned()]);
        if self.is_overdue(patience, now) { self.look_at(case, source, reasons(), true, now) } else { vec![] }
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

    /// Whether the verdict tells of a hit that operators have not cleared. A rejection does not say so: the person is
    /// told its reasons.
    fn heeding_hit(&self, verdict: Verdict, provider_reference: &str) -> (Verdict, bool) {
        let is_known = self.has_cleared(provider_reference);
        let others = |reasons: Vec<String>| reasons.into_iter().filter(|reason| reason != WATCH_LIST).collect();
        match verdict {
            Verdict::Review { reasons } if tell_of_hit(&reasons) => match is_known {
                true => (Verdict::Review { reasons: others(reasons) }, false),
                false => (Verdict::Review { reasons }, true),
            },
            Verdict::Rejected { reasons } if tell_of_hit(&reasons) => {
                let mut reasons: Vec<String> = others(reasons);
                if reasons.is_empty() {
                    reasons.push(DECLINED.to_owned());
                }
                (Verdict::Rejected { reasons }, !is_known)
            }
            verdict @ (Verdict::Approved
            | Verdict::Rejected { .. }
            | Verdict::Review { .. }
            | Verdict::Unusable { .. }) => (verdict, false),
        }
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

    /// A case that is people's is not decided by the provider any more: they are told what it says.
    fn heeding_people(&self, case: &Case, verdict: Verdict) -> Verdict {
        let told = |said: &str, mut reasons: Vec<String>| {
            reasons.insert(0, said.to_owned());
            Verdict::Review { reasons }
        };
        match verdict {
            Verdict::Approved if case.people_decide => told(SAID_YES, vec![]),
            Verdict::Rejected { reasons } if case.people_decide || self.has_open_hit() => told(SAID_NO, reasons),
            verdict @ (Verdict::Approved
            | Verdict::Rejected { .. }
            | Verdict::Review { .. }
            | Verdict::Unusable { .. }) => verdict,
        }
    }
}
