//! Identity verification: a provider looks at a person's data and pictures and says what it thinks of them.

mod applicant;
mod onfido;
mod sandbox;

use aggregates::{
    KycCaseId,
    kyc::{Level, Verdict},
};
use async_trait::async_trait;

use crate::Failure;

pub use applicant::{Address, Applicant, Picture, PictureFormat};
pub use onfido::{Onfido, OnfidoWebhooks};
pub use sandbox::Sandbox;

/// A provider of identity verification.
///
/// A case is registered, its pictures are uploaded, and a check of it is asked for. What the provider calls these
/// things is kept by the caller between the steps, so that each is taken once as far as one can know.
#[async_trait]
pub trait Verifier: Send + Sync {
    /// The provider's name as it stands in events and metrics.
    fn name(&self) -> &'static str;

    /// Whether asking for the check of a case again gives the same check. Where not, a check that may have begun is
    /// not asked for again before a webhook had time to tell of it.
    fn is_idempotent(&self) -> bool;

    /// Makes the applicant known; the provider's own name for them, where it has one. A repeat may make another one,
    /// whose name is not known where the first answer was lost.
    async fn register(&self, case: KycCaseId, applicant: &Applicant) -> Result<Option<String>, Failure>;

    /// Hands a picture over. A repeat hands it over once more, which changes nothing about the check.
    async fn upload(&self, case: KycCaseId, applicant: Option<&str>, picture: &Picture) -> Result<(), Failure>;

    /// Asks for a check of what was registered and uploaded.
    async fn submit(&self, case: KycCaseId, reference: Option<&str>, applicant: &Applicant) -> Result<Check, Failure>;

    /// How a check stands; none where the provider has no check of this case. [`Verdict::Unusable`], by a [`Mismatch`],
    /// where it is one of another case, applicant or level.
    async fn look_up(&self, known: &Known<'_>) -> Result<Option<Check>, Failure>;

    /// In what way the provider has verified somebody else than `applicant`, as far as it tells; asked for before an
    /// approval counts.
    async fn mismatch(&self, _: &Known<'_>, _: &Applicant) -> Result<Option<Mismatch>, Failure> {
        Ok(None)
    }

    /// Whom the provider watches under this name of a monitor, and what lists have on them; none: the provider says that
    /// it watches nobody.
    async fn watched(&self, _monitor: &str) -> Result<Option<Watched>, Failure> {
        Ok(None)
    }

    /// Has the provider delete an applicant, by its own name, with all that was uploaded and found out. Done where it
    /// says that it knows nobody of this name any more.
    async fn forget(&self, applicant: &str) -> Result<(), Failure>;

    /// Of what a webhook of this provider speaks.
    fn mentioned(&self, webhook: &[u8]) -> Mention;
}

/// A provider's check of one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The provider's own name for it: 1 to 128 visible ASCII characters.
    pub provider_reference: String,
    /// None while the provider is still at work.
    pub verdict: Option<Verdict>,
}

/// A case whose check is looked up, and what the provider calls it as far as that is known.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    pub case: KycCaseId,
    pub level: Level,
    pub applicant: Option<&'a str>,
    pub run: Option<&'a str>,
}

/// By what names a webhook speaks of a case. None of them: it does not concern us.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mention {
    pub case: Option<KycCaseId>,
    pub applicant: Option<String>,
    pub run: Option<String>,
    /// By which somebody is watched after their check.
    pub monitor: Option<String>,
}

/// Somebody whom the provider watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// The provider's own name for them.
    pub applicant: String,
    /// What a list has on them: the provider's own names for it, some of it at least.
    pub hits: Vec<String>,
}

/// Why what a provider says is not about the case that was asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    Run,
    Case,
    Applicant,
    Workflow,
    Names,
    DateOfBirth,
    /// It does not say what it is about, or what it says.
    Incomplete,
}

impl Mismatch {
    /// The stable code that stands in events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Mismatch::Run => "result_of_other_run",
            Mismatch::Case => "result_of_other_case",
            Mismatch::Applicant => "result_of_other_applicant",
            Mismatch::Workflow => "result_of_other_workflow",
            Mismatch::Names => "result_of_other_names",
            Mismatch::DateOfBirth => "result_of_other_date_of_birth",
            Mismatch::Incomplete => "result_incomplete",
        }
    }
}

impl From<Mismatch> for Verdict {
    fn from(mismatch: Mismatch) -> Verdict {
        Verdict::Unusable { reason: mismatch.as_str().to_owned() }
    }
}

/// The most reasons that are taken over from a provider; they go into an event.
const MOST_REASONS: usize = 16;
