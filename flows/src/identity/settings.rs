use aggregates::kyc::FourEyes;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Deserializer, de::Error as _};

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
    /// How long a provider may leave a case undecided, 1 to 90 days. Past it people decide.
    #[serde(deserialize_with = "within::<1, 90, _>")]
    pub pending_days: u32,
    /// How long before its end, 1 to 180 days, a person is told that an approval ends, and may be verified again.
    #[serde(deserialize_with = "within::<1, 180, _>")]
    pub expires_soon_days: u32,
    /// How often a person may change drafts within a day, 20 to 1000: each change is an event. Past it they are refused.
    #[serde(deserialize_with = "within::<20, 1000, _>")]
    pub draft_changes: u32,
}

/// A whole number within bounds; one beyond is refused.
fn within<'de, const LEAST: u32, const MOST: u32, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let number = u32::deserialize(deserializer)?;
    let refused = || D::Error::custom(format!("{number} is not within {LEAST} to {MOST}"));
    (LEAST..=MOST).contains(&number).then_some(number).ok_or_else(refused)
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
            pending_days: 7,
            expires_soon_days: 30,
            draft_changes: 100,
        }
    }
}

impl Settings {
    pub(super) fn valid_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        (self.approval_days > 0).then(|| now + TimeDelta::days(self.approval_days.into()))
    }

    /// How long a provider may leave a case undecided.
    pub(super) fn patience(&self) -> TimeDelta {
        TimeDelta::days(self.pending_days.into())
    }

    /// How long before its end an approval is said to end.
    pub(super) fn notice(&self) -> TimeDelta {
        TimeDelta::days(self.expires_soon_days.into())
    }

    pub(super) fn run_patience(&self) -> TimeDelta {
        TimeDelta::minutes(self.run_patience_minutes.into())
    }
}

#[cfg(test)]
mod tests {
    use super::Settings;

    #[test]
    fn numbers_beyond_their_bounds_are_refused() {
        let read = |text: &str| serde_json::from_str::<Settings>(text).map_err(|error| error.to_string());
        assert_eq!(read(r#"{"pending_days":90}"#).map(|settings| settings.pending_days), Ok(90));
        for text in [r#"{"pending_days":0}"#, r#"{"expires_soon_days":181}"#, r#"{"draft_changes":19}"#] {
            assert!(read(text).is_err_and(|error| error.contains("is not within")), "{text}");
        }
    }
}
