//! What a workflow run says.

use aggregates::kyc::{Verdict, WATCH_LIST};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::{Check, MOST_REASONS};
use crate::{Failure, failure::stable_code};

#[derive(Deserialize)]
pub struct Run {
    id: String,
    status: Status,
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

impl Run {
    pub fn check(self) -> Result<Check, Failure> {
        let provider_reference = super::known_id(&self.id)?;
        let hit = self.is_on_watch_list();
        let reasons = self.reasons.unwrap_or_default();
        let mut codes: Vec<String> = reasons.iter().take(MOST_REASONS).map(|reason| stable_code(reason)).collect();
        codes.retain(|code| code != "unspecified");
        let review = |code: &str| Verdict::Review { reasons: vec![code.to_owned()] };
        let verdict = match self.status {
            Status::Processing | Status::AwaitingInput | Status::AwaitingClientInput => None,
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

    fn verdict(mut run: Value) -> Option<Verdict> {
        run["id"] = ID.into();
        serde_json::from_value::<Run>(run).unwrap().check().unwrap().verdict
    }

    #[test]
    fn each_status_means_one_thing() {
        let review = |code: &str| Some(Verdict::Review { reasons: vec![code.into()] });
        let declined = Some(Verdict::Rejected { reasons: vec!["declined".into()] });
        let table = [
            ("processing", None),
            ("awaiting_input", None),
            ("awaiting_client_input", None),
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
        let run: Run = serde_json::from_value(json!({"id": "../applicants", "status": "approved"})).unwrap();
        assert_eq!(run.check(), Err(Failure::Malformed));
    }
}
