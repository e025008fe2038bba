//! What is sent to Onfido.

use aggregates::{
    KycCaseId,
    kyc::{DocumentType, PictureKind},
};
use chrono::NaiveDate;
use serde::Serialize;
use uuid::Uuid;

use super::super::{Applicant, Picture};
use crate::{Failure, wiped::WipedBuffer};

#[derive(Serialize)]
pub struct ApplicantRequest<'a> {
    first_name: String,
    last_name: String,
    dob: NaiveDate,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<AddressRequest<'a>>,
    id_numbers: Vec<IdNumber<'a>>,
}

#[derive(Serialize)]
struct AddressRequest<'a> {
    street: &'a str,
    town: &'a str,
    postcode: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a str>,
    country: &'static str,
}

#[derive(Serialize)]
struct IdNumber<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    value: &'a str,
}

#[derive(Serialize)]
pub struct RunRequest<'a> {
    pub applicant_id: &'a str,
    pub workflow_id: Uuid,
    /// Our name for it, which their operators see.
    pub customer_user_id: KycCaseId,
}

impl<'a> ApplicantRequest<'a> {
    /// [`Failure::Refused`] where the address is in no country that there is: without it nobody would look at where the
    /// applicant lives.
    pub fn of(applicant: &'a Applicant) -> Result<ApplicantRequest<'a>, Failure> {
        let address = applicant.address.as_ref().map(|address| {
            Ok(AddressRequest {
                street: &address.street,
                town: &address.town,
                postcode: &address.postcode,
                state: address.state.as_deref(),
                country: alpha3(&address.country).ok_or_else(no_country)?,
            })
        });
        let address = address.transpose()?;
        let kind = match applicant.document_type {
            DocumentType::Passport => "passport",
            DocumentType::NationalId => "identity_card",
            DocumentType::DrivingLicence => "driving_licence",
            DocumentType::ResidencePermit => "other",
        };
        Ok(ApplicantRequest {
            first_name: plain_name(&applicant.first_name),
            last_name: plain_name(&applicant.last_name),
            dob: applicant.date_of_birth,
            address,
            id_numbers: vec![IdNumber { kind, value: &applicant.document_number }],
        })
    }

    pub fn to_body(&self) -> WipedBuffer {
        WipedBuffer::json(self)
    }
}

impl RunRequest<'_> {
    pub fn to_body(&self) -> WipedBuffer {
        WipedBuffer::json(self)
    }
}

/// Onfido takes no names with these characters, and would refuse the applicant for them.
pub fn plain_name(name: &str) -> String {
    name.chars().filter(|c| !"^!#$%*=<>;{}\"".contains(*c)).collect()
}

fn no_country() -> Failure {
    Failure::Refused { status: 422, code: "unknown_country".into() }
}

/// The country in three letters; none for a code that is no country's.
fn alpha3(alpha2: &str) -> Option<&'static str> {
    celes::Country::from_alpha2(alpha2).ok().map(|country| country.alpha3)
}

/// A body of `multipart/form-data` (RFC 7578) with one file.
pub struct Form {
    boundary: String,
    body: WipedBuffer,
}

impl Form {
    pub fn document(applicant: &str, picture: &Picture) -> Form {
        let kind = match picture.document_type {
            DocumentType::Passport => "passport",
            DocumentType::NationalId => "national_identity_card",
            DocumentType::DrivingLicence => "driving_licence",
            DocumentType::ResidencePermit => "residence_permit",
        };
        let mut fields = vec![("applicant_id", applicant), ("type", kind)];
        match picture.kind {
            // A passport has no sides.
            PictureKind::Front if picture.document_type.has_back() => fields.push(("side", "front")),
            PictureKind::Back => fields.push(("side", "back")),
            PictureKind::Front | PictureKind::Selfie => {}
        }
        fields.extend(alpha3(&picture.country).map(|country| ("issuing_country", country)));
        Form::new(&fields, picture)
    }

    pub fn live_photo(applicant: &str, picture: &Picture) -> Form {
        Form::new(&[("applicant_id", applicant)], picture)
    }

    fn new(fields: &[(&str, &str)], picture: &Picture) -> Form {
        let boundary = Uuid::now_v7().simple().to_string();
        let mut body = WipedBuffer::with_capacity(picture.content.len() + 2_048);
        for (name, value) in fields {
            let head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend(head.as_bytes());
        }
        let (format, kind) = (picture.format, picture.kind);
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{kind}.{}\"\r\n\
             Content-Type: {}\r\n\r\n",
            format.extension(),
            format.media_type()
        );
        body.extend(head.as_bytes());
        body.extend(&picture.content);
        body.extend(format!("\r\n--{boundary}--\r\n").as_bytes());
        Form { boundary, body }
    }

    pub fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    pub fn into_body(self) -> WipedBuffer {
        self.body
    }
}
