//! REST: `/api/v1` with the product's original shapes, `/api/v2` over the same flows, documents and operations.
//!
//! A handler parses, authorises, runs one flow of `flows` and answers. This crate never decides a business rule,
//! never calls a third party, never opens personal data itself, and never puts a body, a token or a password into a
//! log line, a metric or an error. TLS ends in front of it.

mod auth;
mod config;
mod context;
mod docs;
mod hidden;
mod json;
mod last_writes;
mod limits;
mod middleware;
mod modules;
mod money;
mod oauth;
mod operations;
mod parameters;
mod problem;
mod redis_link;
mod schema;
mod server;
mod service;
#[cfg(test)]
mod tests;
mod upload;
mod v1;
mod v2;
mod webhooks;

pub use auth::session::{Sessions, session_cache};
pub use config::{Config, ConfigError, Cors, Http, RateLimits, Tokens, Version, Versions};
pub use docs::documents;
pub use operations::serve_operations;
pub use service::{Deps, ServeError, serve};
