use std::fmt;

use aggregates::kyc::{DocumentType, Level, PictureKind};
use chrono::NaiveDate;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Who is to be verified. Personal data: prints nothing of itself, and is overwritten in memory when dropped.
#[derive(Zeroize)]
pub struct Applicant {
    pub first_name: String,
    pub last_name: String,
    #[zeroize(skip)]
    pub date_of_birth: NaiveDate,
    #[zeroize(skip)]
    pub level: Level,
    #[zeroize(skip)]
    pub document_type: DocumentType,
    pub document_number: String,
    /// ISO 3166-1 alpha-2 country that issued the document.
    pub country: String,
    pub address: Option<Address>,
}

/// Where somebody lives.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Address {
    /// Street and number.
    pub street: String,
    pub town: String,
    pub postcode: String,
    /// Of the USA and the like.
    pub state: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

/// A picture that belongs to a case. Prints nothing of itself.
pub struct Picture {
    pub kind: PictureKind,
    pub document_type: DocumentType,
    /// ISO 3166-1 alpha-2 country that issued the document.
    pub country: String,
    pub format: PictureFormat,
    pub content: Zeroizing<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureFormat {
    Jpeg,
    Png,
}

impl PictureFormat {
    pub const fn media_type(self) -> &'static str {
        match self {
            PictureFormat::Jpeg => "image/jpeg",
            PictureFormat::Png => "image/png",
        }
    }

    /// As files are called.
    pub const fn extension(self) -> &'static str {
        match self {
            PictureFormat::Jpeg => "jpg",
            PictureFormat::Png => "png",
        }
    }
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

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Picture(…)")
    }
}
