use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::from_str(text).map(Self)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Uuid {
                id.0
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    };
}

id!(
    /// A person with an account. Also the id of their KYC stream: one person, one stream of cases.
    UserId
);
id!(
    /// One submission of identity documents.
    KycCaseId
);
id!(
    /// A virtual card. Not the card number, which only the vault knows.
    CardId
);
id!(
    /// A payment, and at the same time its idempotency key at the gateway.
    PaymentId
);
id!(
    /// A login on one device.
    SessionId
);
id!(
    /// A program that acts for people or for itself: an OAuth client.
    ClientId
);
id!(
    /// A passkey, an API key, a linked identity or a client's secret, by which its owner names it.
    CredentialId
);
id!(
    /// Something that a person was told by a service.
    NotificationId
);
