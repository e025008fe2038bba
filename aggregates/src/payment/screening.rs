use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What fraud screening said, as it is answered to clients and kept in the payment's first event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Screening {
    /// 0 (nothing suspicious) to 1.
    pub risk_score: f64,
    pub risk_level: RiskLevel,
    pub approved: bool,
    pub checks: Checks,
    /// The version of the rules that decided.
    pub rules_version: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RiskLevel {
    Low,
    Medium,
    High,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Checks {
    pub amount_check: Check,
    pub location_check: Check,
    pub device_check: Check,
    pub velocity_check: Check,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    Pass,
    Warn,
    Fail,
}
