use aggregates::{
    CardId, Currency, Money,
    card::{
        self, Period,
        controls::{Filter, Hours, Limit},
    },
};
use chrono::NaiveTime;
use flows::cards::{self, ControlsView, NewControls};
use poem::http::StatusCode;
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::{Header, Path},
    types::Example,
};
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use uuid::Uuid;

use super::{
    super::{Tag, payments::Amount},
    mirrors, money_of,
};
use crate::{
    auth::{
        Caller,
        rights::{CardsRead, CardsWrite},
    },
    json::{self, Json},
    parameters::{IfMatch, StepUpToken},
    problem::{Failure, Problem, refusals},
};

#[derive(Default)]
pub struct CardControls;

mirrors!(
    LimitPeriod of Period,
    "What a limit counts in: a single payment, the calendar of the card's time zone, everything, or the last hours and\n\
     days. Weeks begin on Mondays. Of a rolling window an hour (of `rolling_24h`) or a day in UTC that lies partly in\n\
     it counts whole."
);

/// How much, and how often, in a period.
#[derive(Object, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none)]
struct CardLimit {
    period: LimitPeriod,
    /// In the card's currency.
    #[serde(default, deserialize_with = "json::maybe_object", skip_serializing_if = "Option::is_none")]
    #[oai(nullable)]
    amount: Option<Amount>,
    /// Payments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[oai(nullable)]
    count: Option<u32>,
}

/// Where `allow` names anything, only that is allowed; what is blocked never is. 200 entries each at most.
#[derive(Default, Object, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[oai(rename = "CardFilter", deny_unknown_fields)]
struct Lists {
    #[oai(default, validator(max_items = 200))]
    allow: Vec<String>,
    #[oai(default, validator(max_items = 200))]
    block: Vec<String>,
}

/// A time of day, from a minute on and before another, as `07:30`; over midnight where it ends before it begins.
#[derive(Object, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct TimeOfDay {
    #[oai(validator(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$"))]
    from: String,
    #[oai(validator(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$"))]
    until: String,
}

/// What a card may be used for.
#[derive(Object, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(rename = "CardControls", deny_unknown_fields, example)]
pub(in crate::v2) struct Controls {
    /// What it may spend in a calendar month (UTC).
    #[serde(deserialize_with = "json::object")]
    monthly_limit: Amount,
    /// Whose calendar and clock the controls follow: a name of the IANA database.
    #[serde(default = "utc")]
    #[oai(default = "utc", validator(max_length = 64))]
    time_zone: String,
    /// One for each period at most.
    #[serde(default, deserialize_with = "json::objects")]
    #[oai(default, validator(max_items = 9))]
    limits: Vec<CardLimit>,
    /// By ISO 18245 code: four digits.
    #[serde(default, deserialize_with = "json::object")]
    #[oai(default)]
    merchant_categories: Lists,
    /// By name, whatever the case of its letters.
    #[serde(default, deserialize_with = "json::object")]
    #[oai(default)]
    merchants: Lists,
    /// By ISO 3166-1 alpha-2 code.
    #[serde(default, deserialize_with = "json::object")]
    #[oai(default)]
    countries: Lists,
    /// What merchants are paid in, by ISO 4217 code.
    #[serde(default, deserialize_with = "json::object")]
    #[oai(default)]
    currencies: Lists,
    /// When the card may be used; at all times where there are none.
    #[serde(default, deserialize_with = "json::objects")]
    #[oai(default, validator(max_items = 4))]
    times_of_day: Vec<TimeOfDay>,
    #[serde(default)]
    #[oai(default)]
    online_only: bool,
}

#[derive(ApiResponse)]
enum GetResponse {
    /// The controls. `ETag` names them.
    #[oai(status = 200)]
    Controls(Json<Controls>, #[oai(header = "ETag")] String),
}

#[derive(ApiResponse)]
enum SetResponse {
    /// The controls as they are now.
    #[oai(status = 200)]
    Set(Json<Controls>, #[oai(header = "ETag")] String, #[oai(header = "X-Position")] i64),
}

refusals!(Get, V2, [400, 401, 403, 404, 429, 500, 503, 504]);
refusals!(Set, V2, [400, 401, 403, 404, 408, 409, 412, 413, 415, 422, 428, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v2/cards", tag = "Tag::Cards")]
impl CardControls {
    /// What a card may be used for
    ///
    /// All controls of a card of the caller.
    #[oai(path = "/:card_id/controls", method = "get", operation_id = "getCardControls")]
    async fn get(&self, caller: Caller<CardsRead>, card_id: Path<Uuid>) -> Result<GetResponse, Failure<Get>> {
        let view = cards::controls(&caller.service.system, caller.user_id, CardId(card_id.0)).await?;
        let tag = tag(&view);
        Ok(GetResponse::Controls(Json(view.into()), tag))
    }

    /// Set what a card may be used for
    ///
    /// All controls anew; `If-Match` says which ones they replace. Loosening anything needs a step-up for exactly these
    /// controls; tightening needs none.
    #[oai(path = "/:card_id/controls", method = "put", operation_id = "setCardControls")]
    async fn set(
        &self,
        caller: Caller<CardsWrite>,
        card_id: Path<Uuid>,
        #[oai(name = "If-Match")] seen: Header<Option<IfMatch>>,
        #[oai(name = "X-Step-Up-Token")] step_up: Header<Option<StepUpToken>>,
        body: Json<Controls>,
    ) -> Result<SetResponse, Failure<Set>> {
        let IfMatch(seen) = seen.0.ok_or_else(if_match_missing)?;
        let (card_id, new, origin) = (CardId(card_id.0), body.0.read()?, caller.origin());
        let (system, step_up) = (&caller.service.system, StepUpToken::secret(&step_up.0));
        let written = cards::set_controls(system, caller.principal(), step_up, card_id, new, &seen, &origin).await?;
        let (view, position) = caller.wrote(written);
        let tag = tag(&view);
        Ok(SetResponse::Set(Json(view.into()), tag, position))
    }
}

fn utc() -> String {
    "UTC".into()
}

fn tag(view: &ControlsView) -> String {
    format!("\"{}\"", view.version)
}

/// RFC 6585, section 3.
fn if_match_missing() -> Problem {
    Problem::new(StatusCode::PRECONDITION_REQUIRED, "request.if_match_missing", "Say what you saw")
        .detail("Read the controls first and send their ETag as If-Match.")
}

impl Controls {
    pub(in crate::v2) fn read(self) -> Result<NewControls, Problem> {
        let wrong = |field: &'static str| move |reason: String| Problem::invalid(field, reason);
        let limits = self.limits.iter().map(CardLimit::read).collect::<Result<_, _>>()?;
        let controls = card::Controls {
            time_zone: self.time_zone.parse().map_err(wrong("time_zone"))?,
            limits,
            mccs: self.merchant_categories.read("merchant_categories")?,
            merchants: self.merchants.read("merchants")?,
            countries: self.countries.read("countries")?,
            currencies: self.currencies.read_with("currencies", |code| {
                Currency::from_code(code).ok_or_else(|| "is no ISO 4217 code".to_owned())
            })?,
            hours: self.times_of_day.iter().map(TimeOfDay::read).collect::<Result<_, _>>()?,
            online_only: self.online_only,
        };
        Ok(NewControls { monthly_limit: money_of(&self.monthly_limit, "monthly_limit.currency")?, controls })
    }
}

impl CardLimit {
    fn read(&self) -> Result<Limit, Problem> {
        let amount = self.amount.as_ref().map(|amount| money_of(amount, "limits.amount.currency")).transpose()?;
        Ok(Limit { period: self.period.into(), amount, count: self.count })
    }
}

impl Lists {
    fn read<T: FromStr<Err: ToString>>(&self, field: &'static str) -> Result<Filter<T>, Problem> {
        self.read_with(field, |text| text.parse().map_err(|error: T::Err| error.to_string()))
    }

    fn read_with<T>(
        &self,
        field: &'static str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Filter<T>, Problem> {
        let list = |texts: &[String]| {
            let read = texts.iter().map(|text| read(text)).collect::<Result<Vec<_>, _>>();
            read.map_err(|reason| Problem::invalid(field, reason))
        };
        Ok(Filter { allow: list(&self.allow)?, block: list(&self.block)? })
    }

    fn of<T>(filter: &Filter<T>, text: impl Fn(&T) -> String) -> Lists {
        Lists { allow: filter.allow.iter().map(&text).collect(), block: filter.block.iter().map(&text).collect() }
    }
}

impl TimeOfDay {
    fn read(&self) -> Result<Hours, Problem> {
        let time = |text: &str| {
            NaiveTime::parse_from_str(text, "%H:%M").map_err(|_| Problem::invalid("times_of_day", "are HH:MM"))
        };
        Ok(Hours { from: time(&self.from)?, until: time(&self.until)? })
    }
}

impl From<ControlsView> for Controls {
    fn from(view: ControlsView) -> Controls {
        let controls = view.controls;
        let limit = |limit: &Limit| CardLimit {
            period: limit.period.into(),
            amount: limit.amount.map(Amount::from),
            count: limit.count,
        };
        let time = |time: NaiveTime| time.format("%H:%M").to_string();
        let hours = |hours: &Hours| TimeOfDay { from: time(hours.from), until: time(hours.until) };
        Controls {
            monthly_limit: view.monthly_limit.into(),
            time_zone: controls.time_zone.to_string(),
            limits: controls.limits.iter().map(limit).collect(),
            merchant_categories: Lists::of(&controls.mccs, ToString::to_string),
            merchants: Lists::of(&controls.merchants, Clone::clone),
            countries: Lists::of(&controls.countries, ToString::to_string),
            currencies: Lists::of(&controls.currencies, ToString::to_string),
            times_of_day: controls.hours.iter().map(hours).collect(),
            online_only: controls.online_only,
        }
    }
}

impl Example for Controls {
    fn example() -> Controls {
        let dollars = |cents| Amount::from(Money::new(cents, Currency::USD));
        Controls {
            monthly_limit: dollars(200_000),
            time_zone: "Europe/Berlin".into(),
            limits: vec![CardLimit { period: Period::Day.into(), amount: Some(dollars(20_000)), count: Some(10) }],
            merchant_categories: Lists { allow: vec![], block: vec!["7995".into()] },
            merchants: Lists::default(),
            countries: Lists::default(),
            currencies: Lists::default(),
            times_of_day: vec![],
            online_only: true,
        }
    }
}
