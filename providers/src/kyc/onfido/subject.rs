//! Whom a run is about, and who is watched after theirs.

use chrono::NaiveDate;
use serde::Deserialize;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{
    super::{Applicant, Mismatch},
    known_id,
    requests::plain_name,
};

/// An applicant as Onfido has them.
#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct Subject {
    first_name: Option<String>,
    last_name: Option<String>,
    #[zeroize(skip)]
    dob: Option<NaiveDate>,
}

impl Subject {
    /// What differs from what was handed over.
    pub fn mismatch(&self, applicant: &Applicant) -> Option<Mismatch> {
        let (Some(first), Some(last), Some(born)) = (&self.first_name, &self.last_name, self.dob) else {
            return Some(Mismatch::Incomplete);
        };
        let same = |theirs: &str, ours: &str| theirs.trim() == Zeroizing::new(plain_name(ours)).trim();
        if !same(first, &applicant.first_name) || !same(last, &applicant.last_name) {
            return Some(Mismatch::Names);
        }
        (born != applicant.date_of_birth).then_some(Mismatch::DateOfBirth)
    }
}

/// Ongoing monitoring of one applicant.
#[derive(Deserialize)]
pub struct Monitor<'a> {
    pub applicant_id: &'a str,
}

#[derive(Deserialize)]
pub struct Matches {
    matches: Vec<Match>,
}

#[derive(Deserialize)]
struct Match {
    id: Option<String>,
    /// False: somebody has said there that it is another person.
    #[serde(default = "yes")]
    enabled: bool,
}

fn yes() -> bool {
    true
}

fn sound(id: String) -> Option<String> {
    known_id(&id).ok()
}

impl Matches {
    /// What stands for itself, each by its own name; by the monitor's where it has none that can be told.
    pub fn hits(self, monitor: &str) -> Vec<String> {
        let enabled = self.matches.into_iter().filter(|one| one.enabled);
        let mut hits: Vec<String> = enabled.map(|one| one.id.and_then(sound).unwrap_or(monitor.to_owned())).collect();
        hits.sort_unstable();
        hits.dedup();
        hits
    }
}
