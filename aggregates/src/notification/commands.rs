use chrono::{DateTime, Utc};

use crate::{Sealed, UserId};

#[derive(Clone, Debug)]
pub enum Command {
    /// A repeat to the same person about the same is accepted silently.
    Send {
        user_id: UserId,
        /// What it is about, such as `transaction_success`. Not personal.
        topic: String,
        title: Sealed,
        message: Sealed,
        /// A JSON object, sealed.
        data: Sealed,
        now: DateTime<Utc>,
    },
}
