use aggregates::kyc::FourEyes;
use chrono::{DateTime, TimeDelta, Utc};

/// What an operator may set about verification.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How long an approval holds; 0: for ever. An approval keeps the time that it was given.
    pub approval_days: u32,
    /// Rejected cases after which a person may hand in no more.
    pub attempts: u32,
    /// When a decision takes two operators: `never`, `watch_list`, `always`.
    pub four_eyes: FourEyes,
    /// The largest monthly limit of a card, in major units, for people verified at level `basic`.
    pub basic_monthly_limit: i64,
    /// How long pictures are kept after the decision.
    pub documents_kept_days: u32,
    /// How long pictures are kept of a case that is not handed in.
    pub drafts_kept_days: u32,
    /// A picture as it is uploaded. A longer one is refused.
    pub max_document_bytes: usize,
    /// Width times height of a picture, in millions. A larger one is refused before it is decoded.
    pub max_megapixels: u32,
    /// How long a check that may have begun is waited for at a provider without idempotency keys, before another one is
    /// asked for.
    pub run_patience_minutes: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            approval_days: 730,
            attempts: 5,
            four_eyes: FourEyes::WatchList,
            basic_monthly_limit: 10_000,
            documents_kept_days: 30,
            drafts_kept_days: 30,
            max_document_bytes: 8 * 1024 * 1024,
            max_megapixels: 25,
            run_patience_minutes: 15,
        }
    }
}

impl Settings {
    pub(super) fn valid_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        (self.approval_days > 0).then(|| now + TimeDelta::days(self.approval_days.into()))
    }

    pub(super) fn run_patience(&self) -> TimeDelta {
        TimeDelta::minutes(self.run_patience_minutes.into())
    }
}
