use std::net::IpAddr;

use aggregates::{
    Currency, UserId,
    payment::{self, RiskLevel, Screening},
};
use chrono::{DateTime, Utc};
use flows::screening::{self, Question};
use poem_openapi::{ApiResponse, Enum, Object, OpenApi, types::Example};
use serde::{Deserialize, Serialize};
use uuid::{Uuid, uuid};

use super::Tag;
use crate::{
    auth::{Caller, rights::FraudCheck},
    json::Json,
    money::{self, Amount},
    problem::{Failure, Problem, refusals},
};

#[derive(Default)]
pub struct Fraud;

/// A payment that somebody is about to make.
#[derive(Object, Deserialize)]
#[oai(skip_serializing_if_is_none, example)]
struct CheckRequest {
    user_id: Uuid,
    amount: Amount,
    /// ISO 4217 code; USD if absent.
    #[oai(nullable, validator(pattern = "^[A-Z]{3}$"))]
    currency: Option<String>,
    #[oai(validator(min_length = 1, max_length = 200))]
    merchant: String,
    /// In the merchant's own words, such as `electronics`.
    #[oai(validator(min_length = 1, max_length = 64))]
    merchant_category: String,
    #[oai(nullable, validator(min_length = 1, max_length = 128))]
    device_id: Option<String>,
    /// An IPv4 or IPv6 address. Accepted, and not judged yet.
    #[oai(nullable, validator(max_length = 45))]
    ip_address: Option<String>,
    /// When the payment is made; now if absent.
    #[oai(nullable)]
    timestamp: Option<DateTime<Utc>>,
}

#[derive(Clone, Copy, Enum, Serialize)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "RiskLevel")]
enum Level {
    Low,
    Medium,
    High,
}

#[derive(Clone, Copy, Enum, Serialize)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "CheckResult")]
enum Outcome {
    Pass,
    Warn,
    Fail,
}

#[derive(Object, Serialize)]
#[oai(rename = "FraudChecks")]
struct Checks {
    amount_check: Outcome,
    location_check: Outcome,
    device_check: Outcome,
    velocity_check: Outcome,
}

/// How suspicious the payment is.
#[derive(Object, Serialize)]
#[oai(example)]
struct Assessment {
    success: bool,
    /// 0 (nothing suspicious) to 1.
    risk_score: f64,
    risk_level: Level,
    /// Whether such a payment would pass screening.
    approved: bool,
    checks: Checks,
}

#[derive(ApiResponse)]
enum CheckResponse {
    /// The judgement.
    #[oai(status = 200)]
    Assessed(Json<Assessment>),
}

refusals!(Check, V1, [400, 401, 403, 404, 408, 413, 415, 422, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v1/fraud", tag = "Tag::Services")]
impl Fraud {
    /// Judge a payment
    ///
    /// For services: the judgement that a payment of this person would get. Nothing is recorded.
    #[oai(path = "/check", method = "post", operation_id = "checkFraud")]
    async fn check(
        &self,
        caller: Caller<FraudCheck>,
        body: Json<CheckRequest>,
    ) -> Result<CheckResponse, Failure<Check>> {
        let screening = screening::check(&caller.service.system, body.0.read()?).await?;
        Ok(CheckResponse::Assessed(Json(screening.into())))
    }
}

impl CheckRequest {
    fn read(self) -> Result<Question, Problem> {
        let currency = self.currency.as_deref().map_or(Ok(Currency::USD), money::currency)?;
        let address = self.ip_address.map(|text| text.parse::<IpAddr>());
        let address = address.transpose().map_err(|_| Problem::invalid("ip_address", "is not an IP address"))?;
        Ok(Question {
            user_id: UserId(self.user_id),
            amount: self.amount.money(currency)?,
            merchant: self.merchant,
            merchant_category: self.merchant_category,
            device_id: self.device_id,
            ip_address: address,
            at: self.timestamp,
        })
    }
}

impl From<Screening> for Assessment {
    fn from(screening: Screening) -> Assessment {
        let Screening { risk_score, risk_level, approved, checks, rules_version: _ } = screening;
        Assessment {
            success: true,
            risk_score,
            risk_level: match risk_level {
                RiskLevel::Low => Level::Low,
                RiskLevel::Medium => Level::Medium,
                RiskLevel::High => Level::High,
            },
            approved,
            checks: Checks {
                amount_check: checks.amount_check.into(),
                location_check: checks.location_check.into(),
                device_check: checks.device_check.into(),
                velocity_check: checks.velocity_check.into(),
            },
        }
    }
}

impl From<payment::Check> for Outcome {
    fn from(check: payment::Check) -> Outcome {
        match check {
            payment::Check::Pass => Outcome::Pass,
            payment::Check::Warn => Outcome::Warn,
            payment::Check::Fail => Outcome::Fail,
        }
    }
}

impl Example for CheckRequest {
    fn example() -> CheckRequest {
        CheckRequest {
            user_id: uuid!("0199f5a4-3f00-7b3e-9c1a-5d2f6a8b4c01"),
            amount: Amount::of(aggregates::Money::new(9_999, Currency::USD)),
            currency: None,
            merchant: "example-merchant.com".into(),
            merchant_category: "electronics".into(),
            device_id: Some("device_uuid_123".into()),
            ip_address: Some("192.168.1.1".into()),
            timestamp: DateTime::from_timestamp(1_760_970_600, 0),
        }
    }
}

impl Example for Assessment {
    fn example() -> Assessment {
        Assessment {
            success: true,
            risk_score: 0.15,
            risk_level: Level::Low,
            approved: true,
            checks: Checks {
                amount_check: Outcome::Pass,
                location_check: Outcome::Pass,
                device_check: Outcome::Pass,
                velocity_check: Outcome::Pass,
            },
        }
    }
}
