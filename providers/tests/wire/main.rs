//! Adapters and sandbox against each other over real HTTP, and adapters against vendors that misbehave.

mod faults;
mod gateway;
mod harness;
mod issuing;
mod kyc;
mod metrics;
mod onfido;
mod onfido_people;
mod retry;
mod secrets;
mod serving;
mod social;
mod specification;
mod stripe;
