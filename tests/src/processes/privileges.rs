//! What root has beyond other users, and how a child is started without it.

use std::fs;

/// What `setpriv` takes every capability away with.
pub const WITHOUT_PRIVILEGES: [&str; 4] = ["--bounding-set", "-all", "--inh-caps", "-all"];

/// Whether we have capabilities, as root has.
pub fn is_privileged() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    effective.is_some_and(|capabilities| capabilities.trim().bytes().any(|digit| digit != b'0'))
}
