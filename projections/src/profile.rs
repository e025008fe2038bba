//! A person: who they are (sealed) and whether they are verified.

use std::collections::BTreeSet;

use aggregates::{Envelope, KycCaseId, Role, Sealed, UserId, envelope::AnyEvent, kyc, user};
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
    pub email_verified: bool,
    pub preferences: user::Preferences,
    pub standing: user::Standing,
    pub roles: BTreeSet<Role>,
    /// The position up to which the person has seen what they were told.
    pub notifications_read: i64,
    /// Where the latest case stands apart from watch lists.
    case_status: kyc::Status,
    /// Whether a watch list's hit waits for operators.
    has_open_hit: bool,
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
        AnyEvent::User(event) if concerns(event) => needs.load(Profile::key(envelope.aggregate_id)),
        // One stream of cases for each person, under the person's id.
        AnyEvent::Kyc(_) => needs.load(Profile::key(envelope.aggregate_id)),
        AnyEvent::User(_)
        | AnyEvent::Card(_)
        | AnyEvent::Payment(_)
        | AnyEvent::Client(_)
        | AnyEvent::Notification(_) => {}
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
                email_verified: false,
                preferences: user::Preferences::default(),
                standing: user::Standing::Open,
                roles: BTreeSet::from([Role::Customer]),
                notifications_read: 0,
                case_status: kyc::Status::NotStarted,
                has_open_hit: false,
                kyc_case: None,
                verified_at: None,
                provider: None,
                rejection_reasons: vec![],
            };
            workspace.put(user_id, profile);
        }
        AnyEvent::User(event) if concerns(event) => workspace.edit_known::<Profile>(user_id)?.follow(event),
        AnyEvent::Kyc(event) => workspace.edit_known::<Profile>(user_id)?.learn(event),
        AnyEvent::User(_)
        | AnyEvent::Card(_)
        | AnyEvent::Payment(_)
        | AnyEvent::Client(_)
        | AnyEvent::Notification(_) => {}
    }
    Ok(())
}

/// Whether `Profile::follow` has something to do.
fn concerns(event: &user::Event) -> bool {
    use user::Event;
    matches!(
        event,
        Event::EmailVerified { .. }
            | Event::NameChanged { .. }
            | Event::EmailChanged { .. }
            | Event::PreferencesChosen { .. }
            | Event::NotificationsRead { .. }
            | Event::RoleGranted { .. }
            | Event::RoleRevoked { .. }
            | Event::Closed { .. }
            | Event::Erased { .. }
    )
}

impl Profile {
    /// Where the person's verification stands.
    pub fn kyc_status(&self) -> kyc::Status {
        if self.has_open_hit { kyc::Status::InReview } else { self.case_status }
    }

    fn follow(&mut self, event: &user::Event) {
        use user::Event;
        match event {
            Event::EmailVerified { .. } => self.email_verified = true,
            Event::NameChanged { first_name, last_name, .. } => {
                self.first_name = first_name.clone();
                self.last_name = last_name.clone();
            }
            Event::EmailChanged { email, .. } => {
                self.email = email.clone();
                self.email_verified = true;
            }
            Event::PreferencesChosen { preferences, .. } => self.preferences = preferences.clone(),
            Event::NotificationsRead { up_to_position, .. } => self.notifications_read = *up_to_position,
            Event::RoleGranted { role, .. } => {
                self.roles.insert(*role);
            }
            Event::RoleRevoked { role, .. } => {
                self.roles.remove(role);
            }
            Event::Closed { .. } => self.standing = user::Standing::Closed,
            Event::Erased { .. } => self.standing = user::Standing::Erased,
            Event::Registered { .. }
            | Event::EmailChangeRequested { .. }
            | Event::EmailChangeConfirmed { .. }
            | Event::PasswordChanged { .. }
            | Event::PasswordReset { .. }
            | Event::TotpEnabled { .. }
            | Event::TotpDisabled { .. }
            | Event::RecoveryCodesIssued { .. }
            | Event::RecoveryCodeUsed { .. }
            | Event::PasskeyAdded { .. }
            | Event::PasskeyRemoved { .. }
            | Event::ApiKeyIssued { .. }
            | Event::ApiKeyRevoked { .. }
            | Event::IdentityLinked { .. }
            | Event::IdentityUnlinked { .. }
            | Event::ConsentGranted { .. }
            | Event::ConsentWithdrawn { .. }
            | Event::SessionOpened { .. }
            | Event::SessionClosed { .. } => {}
        }
    }

    fn learn(&mut self, event: &kyc::Event) {
        match event {
            kyc::Event::Submitted { case_id, .. } => {
                self.case_status = kyc::Status::Pending;
                self.kyc_case = Some(*case_id);
                self.provider = None;
                self.rejection_reasons = vec![];
            }
            kyc::Event::ReviewStarted { provider, reasons, .. } => {
                self.has_open_hit |= tell_of_hit(reasons);
                self.case_status = kyc::Status::InReview;
                self.provider = Some(provider.clone());
            }
            kyc::Event::Approved { provider, at, decided_by, .. } => {
                self.has_open_hit &= decided_by.is_empty();
                self.case_status = kyc::Status::Approved;
                self.provider = Some(provider.clone());
                self.verified_at = Some(*at);
            }
            kyc::Event::Rejected { provider, reasons, decided_by, .. } => {
                self.has_open_hit = decided_by.is_empty() && (self.has_open_hit || tell_of_hit(reasons));
                self.case_status = kyc::Status::Rejected;
                self.provider = Some(provider.clone());
                self.rejection_reasons = reasons.clone();
            }
            kyc::Event::WatchListNamed { .. } => self.has_open_hit = true,
            kyc::Event::WatchListCleared { .. } => self.has_open_hit = false,
            // A later case may be under way, whose status stays.
            kyc::Event::Expired { case_id, .. } if self.kyc_case == Some(*case_id) => {
                self.case_status = kyc::Status::Expired;
            }
            kyc::Event::Expired { .. }
            | kyc::Event::ExpiryAnnounced { .. }
            | kyc::Event::DraftOpened { .. }
            | kyc::Event::DetailsGiven { .. }
            | kyc::Event::AddressGiven { .. }
            | kyc::Event::DocumentAdded { .. }
            | kyc::Event::Assigned { .. }
            | kyc::Event::Noted { .. }
            | kyc::Event::DocumentViewed { .. }
            | kyc::Event::CaseViewed { .. }
            | kyc::Event::DecisionProposed { .. } => {}
        }
    }
}

/// A hit among the reasons waits for operators, also in logs that have no event of the hit itself.
fn tell_of_hit(reasons: &[String]) -> bool {
    reasons.iter().any(|reason| reason == kyc::WATCH_LIST)
}
