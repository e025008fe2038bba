use flows::overview::{self, Part, Permitted};
use poem_openapi::{ApiResponse, Object, OpenApi, param::Header};
use serde::Serialize;

use super::{Tag, cards::Card, kyc::Verification, notifications::Notification, payments::Transaction, users::User};
use crate::{
    auth::{Caller, rights::ProfileRead},
    json::Json,
    parameters::MinPosition,
    problem::{Failure, refusals},
};
use aggregates::Permission;

#[derive(Default)]
pub struct Me;

/// What an app shows first. A part that is absent is named in `withheld` or in `unavailable`.
#[derive(Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
struct Overview {
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<User>,
    /// Needs the right `kyc:read`.
    #[serde(skip_serializing_if = "Option::is_none")]
    kyc: Option<Verification>,
    /// Needs the right `cards:read`. The newest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    cards: Option<Vec<Card>>,
    /// Needs the right `payments:read`. The newest ten.
    #[serde(skip_serializing_if = "Option::is_none")]
    transactions: Option<Vec<Transaction>>,
    /// Needs the right `notifications:read`.
    #[serde(skip_serializing_if = "Option::is_none")]
    notifications: Option<Recent>,
    /// Parts that the token does not permit.
    withheld: Vec<String>,
    /// Parts that cannot be read just now.
    unavailable: Vec<String>,
}

/// The newest notifications.
#[derive(Object, Serialize)]
#[oai(rename = "RecentNotifications")]
struct Recent {
    /// How many of the newest 200 are not read.
    unread: u32,
    /// The newest five.
    latest: Vec<Notification>,
}

#[derive(ApiResponse)]
enum Found {
    /// The parts that are permitted and can be read.
    #[oai(status = 200)]
    Overview(Json<Overview>),
}

refusals!(GetOverview, V1, [400, 401, 403, 404, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v1/me", tag = "Tag::Users")]
impl Me {
    /// All at once
    ///
    /// Profile, verification, cards, newest transactions and notifications of the caller in one answer. The parts are
    /// read beside each other; one that cannot be read does not hide the others.
    #[oai(path = "/overview", method = "get", operation_id = "getOverview")]
    async fn overview(
        &self,
        caller: Caller<ProfileRead>,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<MinPosition>>,
    ) -> Result<Found, Failure<GetOverview>> {
        let permitted = Permitted {
            kyc: caller.may(Permission::KycRead),
            cards: caller.may(Permission::CardsRead),
            transactions: caller.may(Permission::PaymentsRead),
            notifications: caller.may(Permission::NotificationsRead),
        };
        let at_least = caller.at_least(min_position.0);
        let found = overview::overview(&caller.service.system, caller.user_id, permitted, at_least).await?;
        Ok(Found::Overview(Json(found.into())))
    }
}

/// The parts that are not there, by name.
#[derive(Default)]
struct Missing {
    withheld: Vec<String>,
    unavailable: Vec<String>,
}

impl Missing {
    fn take<T, U>(&mut self, name: &str, part: Part<T>, show: impl FnOnce(T) -> U) -> Option<U> {
        match part {
            Part::There(value) => return Some(show(value)),
            Part::Withheld => self.withheld.push(name.into()),
            Part::Unavailable(_) => self.unavailable.push(name.into()),
        }
        None
    }
}

impl From<overview::Overview> for Overview {
    fn from(found: overview::Overview) -> Overview {
        let mut missing = Missing::default();
        Overview {
            success: true,
            user: missing.take("user", found.profile, |profile| profile.account.into()),
            kyc: missing.take("kyc", found.kyc, Verification::from),
            cards: missing.take("cards", found.cards, |cards| cards.into_iter().map(Card::from).collect()),
            transactions: missing.take("transactions", found.transactions, |payments| {
                payments.into_iter().map(Transaction::from).collect()
            }),
            notifications: missing.take("notifications", found.notifications, |inbox| Recent {
                unread: u32::try_from(inbox.unread).unwrap_or(u32::MAX),
                latest: inbox.told.into_iter().map(Notification::from).collect(),
            }),
            withheld: missing.withheld,
            unavailable: missing.unavailable,
        }
    }
}
