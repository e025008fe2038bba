use aggregates::{
    Currency, Money,
    card::{CardType, Status},
};
use chrono::DateTime;
use poem_openapi::types::Example;
use uuid::uuid;

use super::{Card, CardPurpose, NewCard};

impl Example for NewCard {
    fn example() -> NewCard {
        NewCard {
            card_type: CardType::VirtualVisa.into(),
            currency: "USD".into(),
            purpose: CardPurpose::Standard,
            merchant: None,
            controls: None,
        }
    }
}

impl Example for Card {
    fn example() -> Card {
        let dollars = |cents| Money::new(cents, Currency::USD).into();
        Card {
            card_id: uuid!("0199f5a4-7c10-7d45-8f3b-2b6e9a1c7f02"),
            status: Status::Active.into(),
            card_type: CardType::VirtualVisa.into(),
            purpose: "standard".into(),
            last_four: Some("9012".into()),
            expires: Some("10/27".into()),
            monthly_limit: dollars(1_000_000),
            used_this_month: dollars(9_999),
            predecessor: None,
            successor: None,
            requested_at: DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(1_760_970_600),
        }
    }
}
