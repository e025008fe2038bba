use aggregates::{
    CardId, Envelope,
    card::{Authority, Event, Reason, Status},
};
use chrono::{DateTime, Utc};

use super::{Composed, NotificationKind, Subject, Text};
use crate::{Card, workspace::Workspace};

/// What the owner of a card is told of an event.
pub(super) fn told(workspace: &mut Workspace, envelope: &Envelope, event: &Event) -> Composed {
    let card_id = CardId(envelope.aggregate_id);
    let Some(news) = news(event) else { return Ok(None) };
    let Some(card) = workspace.get::<Card>(card_id)? else { return Ok(None) };
    let last_four = card.last_four.clone();
    let card_in_words =
        last_four.as_deref().map_or("Your card".to_owned(), |four| format!("Your card ending in {four}"));
    let text = Text {
        kind: news.kind,
        title: news.title.to_owned(),
        message: format!("{card_in_words} {}", news.message),
        data: Subject::Card { card_id, last_four },
    };
    Ok(Some((card.user_id, news.at, text)))
}

struct News {
    at: DateTime<Utc>,
    kind: NotificationKind,
    title: &'static str,
    message: &'static str,
}

fn news(event: &Event) -> Option<News> {
    use NotificationKind as Kind;
    let (at, kind, title, message) = match event {
        Event::Issued { at, status: Status::Inactive, .. } => {
            (at, Kind::CardIssued, "Card Issued", "waits for you to activate it")
        }
        Event::Issued { at, .. } => (at, Kind::CardIssued, "Card Ready", "is ready to use"),
        Event::IssueFailed { at, .. } => (at, Kind::CardFailed, "Card Not Issued", "could not be issued"),
        Event::Frozen { at, by: Authority::Person, .. } => (at, Kind::CardFrozen, "Card Frozen", "is frozen"),
        Event::Frozen { at, by: Authority::Fraud, .. } => (
            at,
            Kind::CardFrozen,
            "Card Frozen",
            "was frozen, since a payment looked like fraud. Tell us whether it was you",
        ),
        Event::Frozen { at, .. } => (at, Kind::CardFrozen, "Card Frozen", "was frozen. Ask us why"),
        Event::Unfrozen { at, status: Status::Active, .. } => {
            (at, Kind::CardUnfrozen, "Card Unfrozen", "can be used again")
        }
        Event::Terminated { at, reason: Some(Reason::Lost | Reason::Stolen), .. } => {
            (at, Kind::CardEnded, "Card Blocked", "is blocked for good. You can ask for another in its place")
        }
        Event::Terminated { at, reason: Some(Reason::Used), .. } => {
            (at, Kind::CardEnded, "Card Used", "has made its one payment and cannot be used any more")
        }
        // The account is at its end, or the new card is told of.
        Event::Terminated { reason: Some(Reason::AccountClosed | Reason::Replaced), .. } => return None,
        Event::Terminated { at, .. } => (at, Kind::CardEnded, "Card Ended", "cannot be used any more"),
        Event::Expired { at } => (at, Kind::CardEnded, "Card Expired", "has expired"),
        Event::ExpiryAnnounced { at } => {
            (at, Kind::CardExpiring, "Card Expires Soon", "expires soon. You can renew it")
        }
        Event::Requested { .. }
        | Event::Held { .. }
        | Event::HoldReleased { .. }
        | Event::LockedToMerchant { .. }
        | Event::ControlsSet { .. }
        | Event::Activated { .. }
        | Event::Unfrozen { .. }
        | Event::Replaced { .. }
        | Event::IssuerStatusRecorded { .. }
        | Event::Revealed { .. } => return None,
    };
    Some(News { at: *at, kind, title, message })
}
