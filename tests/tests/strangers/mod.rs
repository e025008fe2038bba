//! Every operation refuses strangers (invariant 9): tried for all operations of both OpenAPI documents, so that one
//! that is added later is tried too.

mod attacks;
mod login;
mod open;
mod operations;
mod stage;
mod sweep;
