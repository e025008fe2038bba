//! Who is calling: tokens, sessions, and the rate limits that are counted in the same round trip.

mod bearer;
mod login;
pub mod rights;
pub mod session;
pub mod token;

pub use bearer::{Caller, Visitor};
pub use login::{Entered, Inside, apart, changed, enter_by, log_in, log_out};
