//! Identity verification: a provider looks at a person's data and says what it thinks of it.

mod sandbox;

use std::fmt;

use aggregates::{
    KycCaseId,
    kyc::{DocumentType, Verdict},
};
use async_trait::async_trait;
use chrono::NaiveDate;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::Failure;

pub use sandbox::Sandbox;

/// A provider of identity verification.
#[async_trait]
pub trait Verifier: Send + Sync {
    /// The provider's name as it stands in events and metrics.
    fn name(&self) -> &'static str;

    /// Asks for a check, with the case id as idempotency key: a repeat answers what the first one began.
    async fn submit(&self, case: KycCaseId, applicant: &Applicant) -> Result<Check, Failure>;

    /// Of which check a webhook of this provider speaks: by the provider's name of run or applicant, or by our case.
    /// None where it speaks of nothing that concerns us.
    fn mentioned(&self, webhook: &[u8]) -> Option<String>;

    /// How a check stands; none where the provider has no check of this case.
    async fn look_up(&self, case: KycCaseId) -> Result<Option<Check>, Failure>;
}

/// A provider's check of one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The provider's own name for it: 1 to 128 visible ASCII characters.
    pub provider_reference: String,
    /// None while the provider is still at work.
    pub verdict: Option<Verdict>,
}

/// Who is to be verified. Personal data: prints nothing of itself, and is overwritten in memory when dropped.
#[derive(Zeroize)]
pub struct Applicant {
    pub first_name: String,
    pub last_name: String,
    #[zeroize(skip)]
    pub date_of_birth: NaiveDate,
    #[zeroize(skip)]
    pub document_type: DocumentType,
    pub document_number: String,
    /// ISO 3166-1 alpha-2 country that issued the document.
    pub country: String,
}

impl Drop for Applicant {
    fn drop(&mut self) {
        self.zeroize();
        // A date has no way to be wiped; the black box keeps the compiler from dropping a write that nobody reads.
        self.date_of_birth = NaiveDate::MIN;
        std::hint::black_box(&self.date_of_birth);
    }
}

impl ZeroizeOnDrop for Applicant {}

impl fmt::Debug for Applicant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Applicant(…)")
    }
}
