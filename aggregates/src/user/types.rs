use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a session ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionEnd {
    LoggedOut,
    /// The person has more sessions than allowed; the oldest made room.
    Superseded,
    /// The person ended it from another session.
    Revoked,
    /// Password, e-mail address or second factor changed: whoever was logged in has to prove it anew.
    CredentialsChanged,
    /// A refresh token was used twice: one of the two users was a thief (RFC 9700 §4.14.2).
    TokenReused,
    /// The person took back what the client was allowed to do.
    ConsentWithdrawn,
    /// What the person may do has changed.
    RolesChanged,
    AccountClosed,
    /// Somebody of the programme ended it.
    EndedByOperator,
}

/// One of the two addresses that confirm a change of address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mailbox {
    Old,
    New,
}

/// How a person wants to be addressed. Security notices are sent whatever is chosen here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Preferences {
    /// BCP 47, such as `en-GB`.
    pub language: String,
    /// IANA name, such as `Europe/Berlin`.
    pub time_zone: String,
    pub push: bool,
    pub email: bool,
    pub sms: bool,
}

impl Default for Preferences {
    fn default() -> Self {
        Preferences { language: "en".into(), time_zone: "UTC".into(), push: true, email: true, sms: false }
    }
}
