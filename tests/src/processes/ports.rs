//! Ports for children that have to find their own free when they start again.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use rand::Rng;

use super::Failure;

/// Ports are taken from below the range of which the kernel serves outgoing connections, so that a killed process
/// finds its own free again.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

const PORT_ATTEMPTS: usize = 20;

/// An address on the loopback that nobody listens at just now.
pub fn free_port() -> Result<SocketAddr, Failure> {
    for _ in 0..PORT_ATTEMPTS {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, rand::rng().random_range(PORTS)));
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    Err(Failure(format!("no free port in {PORTS:?}")))
}
