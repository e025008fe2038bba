//! A person: who they are (sealed) and whether they are verified.

use aggregates::{Envelope, KycCaseId, Sealed, UserId, envelope::AnyEvent, kyc, user};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    ReadError, Views,
    fold::Needs,
    workspace::{Document, FoldError, Workspace},
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    pub user_id: UserId,
    pub email: Sealed,
    pub first_name: Sealed,
    pub last_name: Sealed,
    pub created_at: DateTime<Utc>,
    pub kyc_status: kyc::Status,
    /// The latest case.
    pub kyc_case: Option<KycCaseId>,
    /// When the person was approved.
    pub verified_at: Option<DateTime<Utc>>,
    /// Who reviews or has decided the latest case.
    pub provider: Option<String>,
    /// Why the latest case was rejected, as stable codes.
    pub rejection_reasons: Vec<String>,
}

impl Document for Profile {
    const ROOM: &'static str = "user";
}

impl Views {
    pub async fn profile(&self, user: UserId, at_least: Option<i64>) -> Result<Option<Profile>, ReadError> {
        self.document(user, at_least).await
    }
}

pub(crate) fn needs(needs: &mut Needs, envelope: &Envelope, event: &AnyEvent) {
    match event {
        AnyEvent::User(user::Event::Registered { .. }) => needs.create(Profile::key(envelope.aggregate_id)),
        // One stream of cases for each person, under the person's id.
        AnyEvent::Kyc(_) => needs.load(Profile::key(envelope.aggregate_id)),
        AnyEvent::User(user::Event::SessionOpened { .. } | user::Event::SessionClosed { .. })
        | AnyEvent::Card(_)
        | AnyEvent::Payment(_) => {}
    }
}

pub(crate) fn fold(workspace: &mut Workspace, envelope: &Envelope, event: &AnyEvent) -> Result<(), FoldError> {
    let user_id = UserId(envelope.aggregate_id);
    match event {
        AnyEvent::User(user::Event::Registered { email, first_name, last_name, at, email_index: _ }) => {
            let profile = Profile {
                user_id,
                email: email.clone(),
                first_name: first_name.clone(),
                last_name: last_name.clone(),
                created_at: *at,
                kyc_status: kyc::Status::NotStarted,
                kyc_case: None,
                verified_at: None,
                provider: None,
                rejection_reasons: vec![],
            };
            workspace.put(user_id, profile);
        }
        AnyEvent::Kyc(event) => workspace.edit_known::<Profile>(user_id)?.learn(event),
        AnyEvent::User(user::Event::SessionOpened { .. } | user::Event::SessionClosed { .. })
        | AnyEvent::Card(_)
        | AnyEvent::Payment(_) => {}
    }
    Ok(())
}

impl Profile {
    fn learn(&mut self, event: &kyc::Event) {
        match event {
            kyc::Event::Submitted { case_id, applicant: _, document_type: _, country: _, at: _ } => {
                self.kyc_status = kyc::Status::Pending;
                self.kyc_case = Some(*case_id);
                self.provider = None;
                self.rejection_reasons = vec![];
            }
            kyc::Event::ReviewStarted { provider, case_id: _, provider_reference: _, at: _ } => {
                self.kyc_status = kyc::Status::InReview;
                self.provider = Some(provider.clone());
            }
            kyc::Event::Approved { provider, at, case_id: _, provider_reference: _ } => {
                self.kyc_status = kyc::Status::Approved;
                self.provider = Some(provider.clone());
                self.verified_at = Some(*at);
            }
            kyc::Event::Rejected { provider, reasons, case_id: _, provider_reference: _, at: _ } => {
                self.kyc_status = kyc::Status::Rejected;
                self.provider = Some(provider.clone());
                self.rejection_reasons = reasons.clone();
            }
        }
    }
}
