//! Our authorization server, as third parties and attackers meet it.

mod attacks;
mod browser;
mod clients;
mod consents;
mod meanwhile;
mod pages;
mod peers;
mod second_factor;
