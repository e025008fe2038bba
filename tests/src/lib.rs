//! What whole-system tests, benchmarks and fault campaigns share: databases, keys, processes, clients. Harness only:
//! it checks nothing by itself and is part of no delivered program.

pub mod authenticator;
pub mod bench;
pub mod canary;
pub mod client;
pub mod database;
pub mod device;
pub mod eventually;
pub mod faults;
pub mod mailbox;
pub mod peers;
pub mod processes;
pub mod router;
pub mod scratch;
pub mod services;
pub mod stage;
pub mod system;
