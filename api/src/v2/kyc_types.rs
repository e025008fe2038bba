//! How version 2 speaks of verification.

use aggregates::kyc;
use chrono::{DateTime, NaiveDate, Utc};
use flows::identity;
use poem_openapi::{Enum, Object, types::Example};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::me::KycStatus;

macro_rules! mirrored {
    ($(#[$doc:meta])* $name:ident as $shown:literal of $domain:path { $($variant:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Enum, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[oai(rename_all = "snake_case", rename = $shown)]
        pub enum $name {
            $($variant),+
        }

        impl From<$name> for $domain {
            fn from(shown: $name) -> $domain {
                match shown {
                    $($name::$variant => <$domain>::$variant),+
                }
            }
        }

        impl From<$domain> for $name {
            fn from(domain: $domain) -> $name {
                match domain {
                    $(<$domain>::$variant => $name::$variant),+
                }
            }
        }
    };
}

mirrored!(
    /// How thoroughly somebody is verified.
    Level as "KycLevel" of kyc::Level { Basic, Full }
);
mirrored!(
    /// What a picture shows.
    PictureKind as "KycDocumentKind" of kyc::PictureKind { Front, Back, Selfie }
);
mirrored!(
    DocumentType as "KycDocumentType" of kyc::DocumentType { Passport, NationalId, DrivingLicence, ResidencePermit }
);

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(rename = "NewKycCase", deny_unknown_fields, example)]
pub struct NewCase {
    pub level: Level,
}

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(rename = "KycDetails", deny_unknown_fields, example)]
pub struct Details {
    document_type: DocumentType,
    #[oai(validator(pattern = "^[A-Za-z0-9-]{4,64}$"))]
    document_number: String,
    date_of_birth: NaiveDate,
    /// ISO 3166-1 alpha-2 code of the country that issued the document.
    #[oai(validator(pattern = "^[A-Z]{2}$"))]
    country: String,
}

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(rename = "KycAddress", deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct Address {
    /// Street and number.
    #[oai(validator(min_length = 1, max_length = 100))]
    street: String,
    #[oai(validator(min_length = 1, max_length = 100))]
    town: String,
    #[oai(validator(min_length = 1, max_length = 100))]
    postcode: String,
    /// Of the USA and the like.
    #[serde(default)]
    #[oai(validator(min_length = 1, max_length = 100))]
    state: Option<String>,
    /// ISO 3166-1 alpha-2.
    #[oai(validator(pattern = "^[A-Z]{2}$"))]
    country: String,
}

/// A picture, without what it shows.
#[derive(Object, Serialize)]
#[oai(rename = "KycDocument", example)]
pub struct Document {
    document_id: Uuid,
    kind: PictureKind,
    /// As it is kept, after it was written anew.
    bytes: u32,
    added_at: DateTime<Utc>,
}

#[derive(Object, Serialize)]
#[oai(rename = "KycDocumentList")]
pub struct DocumentList {
    pub documents: Vec<Document>,
}

/// Where somebody stands.
#[derive(Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct Verification {
    /// Where the latest case stands that was handed in.
    status: KycStatus,
    /// What the caller is verified for, whatever becomes of later cases; absent: for nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    approval: Option<Approval>,
    /// The case being put together.
    #[serde(skip_serializing_if = "Option::is_none")]
    draft: Option<Draft>,
    /// The latest case that was handed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    case: Option<Case>,
}

#[derive(Object, Serialize)]
#[oai(rename = "KycApproval", skip_serializing_if_is_none)]
struct Approval {
    level: Level,
    approved_at: DateTime<Utc>,
    /// Absent: for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<DateTime<Utc>>,
    /// Another case of the same level may be begun already; this approval counts until its end.
    ends_soon: bool,
}

#[derive(Object, Serialize)]
#[oai(rename = "KycDraft")]
struct Draft {
    case_id: Uuid,
    level: Level,
    opened_at: DateTime<Utc>,
    has_details: bool,
    has_address: bool,
    documents: Vec<Document>,
}

#[derive(Object, Serialize)]
#[oai(rename = "KycCase", skip_serializing_if_is_none)]
struct Case {
    case_id: Uuid,
    level: Level,
    submitted_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_at: Option<DateTime<Utc>>,
    /// Why it was rejected, as stable codes.
    #[serde(skip_serializing_if = "Option::is_none")]
    rejection_reasons: Option<Vec<String>>,
}

impl Verification {
    pub fn of(identity: &kyc::Kyc) -> Verification {
        let now = Utc::now();
        let is_rejected = identity.status() == kyc::Status::Rejected;
        let is_decided = identity.status().is_final();
        Verification {
            status: if identity.is_expired(now) { KycStatus::Expired } else { identity.status().into() },
            approval: identity.approval(now).map(|approval| Approval {
                level: approval.level.into(),
                approved_at: approval.approved_at,
                valid_until: approval.valid_until,
                ends_soon: approval.expires_soon,
            }),
            draft: identity.draft().map(|draft| Draft {
                case_id: draft.case_id.0,
                level: draft.level.into(),
                opened_at: draft.opened_at,
                has_details: draft.details.is_some(),
                has_address: draft.address.is_some(),
                documents: draft.pictures.iter().map(Document::of).collect(),
            }),
            case: identity.case().map(|case| Case {
                case_id: case.case_id.0,
                level: case.level.into(),
                submitted_at: case.submitted_at,
                decided_at: case.decided_at.filter(|_| is_decided),
                rejection_reasons: is_rejected.then(|| case.reasons.clone()),
            }),
        }
    }
}

impl Document {
    pub fn of(picture: &kyc::Picture) -> Document {
        let kyc::Picture { document_id, kind, bytes, at, digest: _ } = picture;
        Document { document_id: document_id.0, kind: (*kind).into(), bytes: *bytes, added_at: *at }
    }
}

impl From<Details> for identity::Submission {
    fn from(details: Details) -> identity::Submission {
        let Details { document_type, document_number, date_of_birth, country } = details;
        identity::Submission { document_type: document_type.into(), document_number, date_of_birth, country }
    }
}

impl From<Address> for identity::Address {
    fn from(address: Address) -> identity::Address {
        let Address { street, town, postcode, state, country } = address;
        identity::Address { street, town, postcode, state, country }
    }
}

impl Example for NewCase {
    fn example() -> NewCase {
        NewCase { level: Level::Full }
    }
}

impl Example for Details {
    fn example() -> Details {
        Details {
            document_type: DocumentType::NationalId,
            document_number: "C01X00T47".into(),
            date_of_birth: NaiveDate::from_ymd_opt(1990, 4, 12).unwrap_or_default(),
            country: "DE".into(),
        }
    }
}

impl Example for Address {
    fn example() -> Address {
        Address {
            street: "Unter den Linden 6".into(),
            town: "Berlin".into(),
            postcode: "10117".into(),
            state: None,
            country: "DE".into(),
        }
    }
}

impl Example for Document {
    fn example() -> Document {
        Document {
            document_id: uuid::uuid!("0198c5a2-7b1e-7c3d-8000-000000000001"),
            kind: PictureKind::Front,
            bytes: 482_130,
            added_at: DateTime::UNIX_EPOCH,
        }
    }
}
