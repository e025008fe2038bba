//! Second factors: what a person has beside the password. The log says which factors an account has; these tables hold
//! what is needed to check them, and count only for a factor that the log knows.

pub mod passkeys;
pub mod recovery_codes;
pub mod totp;
