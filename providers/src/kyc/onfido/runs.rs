//! What a workflow run says.

use aggregates::{
    KycCaseId,
    kyc::{Verdict, WATCH_LIST},
};
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::super::{Check, MOST_REASONS, Mismatch};
use crate::{Failure, failure::stable_code};

#[derive(Deserialize)]
pub struct Run {
    id: Option<String>,
    status: Option<Status>,
    applicant_id: Option<String>,
    workflow_id: Option<String>,
    customer_user_id: Option<String>,
    #[serde(default)]
    reasons: Option<Vec<String>>,
    /// What the workflow was built to put out.
    #[serde(default)]
    output: Option<Map<String, Value>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Processing,
    AwaitingInput,
    AwaitingClientInput,
    Approved,
    Declined,
    Review,
    Abandoned,
    Error,
    /// One that did not exist when this was written: people look.
    #[serde(other)]
    Unknown,
}

/// What a run has to be of, to be believed.
pub struct RunOf<'a> {
    /// None: it has only now got its name.
    pub run: Option<&'a str>,
    pub case: KycCaseId,
    pub applicant: Option<&'a str>,
    pub workflow: Uuid,
}

impl Run {
    /// What it says of the case. A run of another one, or one that somebody began by hand, says nothing of it.
    pub fn check(self, of: &RunOf<'_>) -> Result<Check, Failure> {
        let id = self.id.as_deref().or(of.run).ok_or(Failure::Malformed)?;
        let provider_reference = super::known_id(id)?;
        let status = match self.status_of(of) {
            Ok(status) => status,
            Err(mismatch) => return Ok(Check { provider_reference, verdict: Some(mismatch.into()) }),
        };
        let hit = self.is_on_watch_list();
        let reasons = self.reasons.unwrap_or_default();
        let mut codes: Vec<String> = reasons.iter().take(MOST_REASONS).map(|reason| stable_code(reason)).collect();
        codes.retain(|code| code != "unspecified");
        let review = |code: &str| Verdict::Review { reasons: vec![code.to_owned()] };
        let verdict = match status {
            Status::Processing => None,
            // Everything was handed over before it began: a workflow that asks for more would wait for ever.
            Status::AwaitingInput | Status::AwaitingClientInput => Some(review("run_awaits_input")),
            Status::Approved if hit => Some(review(WATCH_LIST)),
            Status::Approved => Some(Verdict::Approved),
            Status::Declined if hit => Some(review(WATCH_LIST)),
            Status::Declined => Some(Verdict::Rejected { reasons: or(codes, "declined") }),
            Status::Review => {
                if hit && !codes.iter().any(|code| code == WATCH_LIST) {
                    codes.insert(0, WATCH_LIST.to_owned());
                }
                Some(Verdict::Review { reasons: codes })
            }
            // Neither a yes nor a no: people decide whether there is to be another run.
            Status::Abandoned => Some(review("run_abandoned")),
            Status::Error => Some(review("run_failed")),
            Status::Unknown => Some(review("run_status_unknown")),
        };
        Ok(Check { provider_reference, verdict })
    }

    /// Where it stands, if it is the run that it should be.
    fn status_of(&self, of: &RunOf<'_>) -> Result<Status, Mismatch> {
        let uuid = |id: &Option<String>| id.as_deref().map(Uuid::try_parse).ok_or(Mismatch::Incomplete);
        let applicant = self.applicant_id.as_deref().ok_or(Mismatch::Incomplete)?;
        let (case, workflow) = (uuid(&self.customer_user_id)?, uuid(&self.workflow_id)?);
        if self.id.is_none() {
            return Err(Mismatch::Incomplete);
        }
        if of.run.is_some_and(|run| self.id.as_deref() != Some(run)) {
            return Err(Mismatch::Run);
        }
        if case != Ok(of.case.0) {
            return Err(Mismatch::Case);
        }
        if of.applicant != Some(applicant) {
            return Err(Mismatch::Applicant);
        }
        if workflow != Ok(of.workflow) {
            return Err(Mismatch::Workflow);
        }
        self.status.ok_or(Mismatch::Incomplete)
    }

    /// A reason that begins with `watchlist`, or an output of that name which is not `clear`.
    fn is_on_watch_list(&self) -> bool {
        let named = |text: &str| text.to_ascii_lowercase().starts_with("watchlist");
        let reasons = self.reasons.iter().flatten().any(|reason| named(reason));
        let outputs = self.output.iter().flatten().filter(|(name, _)| named(name));
        let clear = |value: &Value| value.is_null() || value == "clear" || value == false;
        reasons || outputs.into_iter().any(|(_, value)| !clear(value))
    }
}

fn or(reasons: Vec<String>, fallback: &str) -> Vec<String> {
    if reasons.is_empty() { vec![fallback.to_owned()] } else { reasons }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    const ID: &str = "8e3f2c3b-2222-4333-9444-bcdefabcdef0";

    const APPLICANT: &str = "7d2f1b2a-1111-4222-8333-abcdefabcdef";
    const OF: RunOf<'static> = RunOf {
        run: None,
        case: KycCaseId(Uuid::from_u128(7)),
        applicant: Some(APPLICANT),
        workflow: Uuid::from_u128(8),
    };

    fn check(run: Value) -> Result<Check, Failure> {
        let mut whole = json!({ "id": ID, "applicant_id": APPLICANT, "workflow_id": OF.workflow,
            "customer_user_id": OF.case });
        let fields = run.as_object().unwrap().clone();
        whole.as_object_mut().unwrap().extend(fields);
        serde_json::from_value::<Run>(whole).unwrap().check(&OF)
    }

    fn verdict(run: Value) -> Option<Verdict> {
        check(run).unwrap().verdict
    }

    #[test]
    fn a_run_of_something_else_is_no_verdict_on_the_case() {
        assert!(check(json!({ "status": "approved" })).is_ok());
        let other = "00000000-0000-0000-0000-000000000009";
        let unusable = |mismatch: Mismatch| Some(Verdict::from(mismatch));
        for (field, mismatch) in [
            ("applicant_id", Mismatch::Applicant),
            ("workflow_id", Mismatch::Workflow),
            ("customer_user_id", Mismatch::Case),
        ] {
            assert_eq!(verdict(json!({ "status": "approved", field: other })), unusable(mismatch), "{field}");
            assert_eq!(
                verdict(json!({ "status": "approved", field: null })),
                unusable(Mismatch::Incomplete),
                "{field}"
            );
        }
        assert_eq!(verdict(json!({})), unusable(Mismatch::Incomplete), "no status");
        let known = RunOf { run: Some(ID), ..OF };
        let run = |id: Value| -> Run {
            serde_json::from_value(json!({ "id": id, "status": "approved", "applicant_id": APPLICANT,
                "workflow_id": OF.workflow, "customer_user_id": OF.case }))
            .unwrap()
        };
        for (id, mismatch) in [(json!(other), Mismatch::Run), (Value::Null, Mismatch::Incomplete)] {
            assert_eq!(run(id).check(&known).unwrap().verdict, unusable(mismatch));
        }
        // Of a run without a name nothing can be noted.
        assert_eq!(run(Value::Null).check(&OF), Err(Failure::Malformed));
    }

    #[test]
    fn each_status_means_one_thing() {
        let review = |code: &str| Some(Verdict::Review { reasons: vec![code.into()] });
        let declined = Some(Verdict::Rejected { reasons: vec!["declined".into()] });
        let table = [
            ("processing", None),
            ("awaiting_input", review("run_awaits_input")),
            ("awaiting_client_input", review("run_awaits_input")),
            ("approved", Some(Verdict::Approved)),
            ("declined", declined),
            ("review", Some(Verdict::Review { reasons: vec![] })),
            ("abandoned", review("run_abandoned")),
            ("error", review("run_failed")),
            ("of_next_year", review("run_status_unknown")),
        ];
        for (status, expected) in table {
            assert_eq!(verdict(json!({"status": status})), expected, "{status}");
        }
    }

    #[test]
    fn a_hit_on_a_watch_list_is_for_people_whatever_the_workflow_said() {
        let hit = Some(Verdict::Review { reasons: vec![WATCH_LIST.into()] });
        for status in ["approved", "declined", "review"] {
            assert_eq!(verdict(json!({"status": status, "output": {"watchlist_result": "consider"}})), hit, "{status}");
            assert_eq!(verdict(json!({"status": status, "reasons": ["watchlist_hit"]})), hit, "{status}");
        }
        let clear = verdict(json!({"status": "approved", "output": {"watchlist_result": "clear"}}));
        assert_eq!(clear, Some(Verdict::Approved));
    }

    #[test]
    fn reasons_are_codes_or_are_not_repeated() {
        let run = json!({"status": "declined", "reasons": ["document_expired", "Ada Lovelace is 12"]});
        assert_eq!(verdict(run), Some(Verdict::Rejected { reasons: vec!["document_expired".into()] }));
    }

    #[test]
    fn an_id_that_is_none_is_not_taken() {
        assert_eq!(check(json!({"id": "../applicants", "status": "approved"})), Err(Failure::Malformed));
    }
}
