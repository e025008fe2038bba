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

    /// Makes the applicant known; the provider's own name for them, where it has one. A repeat may make another one.
    async fn register(&self, case: KycCaseId, applicant: &Applicant) -> Result<Option<String>, Failure>;

    /// Hands a picture over. A repeat does no harm.
    async fn upload(&self, case: KycCaseId, applicant: Option<&str>, picture: &Picture) -> Result<(), Failure>;

    /// Asks for a check of what was registered and uploaded.
    async fn submit(&self, case: KycCaseId, reference: Option<&str>, applicant: &Applicant) -> Result<Check, Failure>;

    /// How a check stands; none where the provider has no check of this case. [`Failure::Malformed`] where it is one of
    /// another case, applicant or level.
    async fn look_up(&self, known: &Known<'_>) -> Result<Option<Check>, Failure>;

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
}

/// The most reasons that are taken over from a provider; they go into an event.
const MOST_REASONS: usize = 16;
