//! Who is calling: tokens, sessions, and the rate limits that are counted in the same round trip.

pub mod api_keys;
mod bearer;
mod login;
mod refresh;
pub mod rights;
pub mod session;
pub mod token;

pub use bearer::{Caller, Visitor};
pub use login::{Entered, Inside, enter_by, log_in, log_out};
pub use refresh::refresh;
