//! Secrets are in memory while they are used. Neither a core dump nor another program of the same user gets at them.

use std::io;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Closes this process's memory, unless an operator wants to debug it. Root can read it all the same.
pub(crate) fn guard(wanted: bool) -> io::Result<()> {
    if !wanted {
        tracing::warn!("the memory of this process is open to debuggers and core dumps");
        return Ok(());
    }
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    // Closes /proc/<pid>/mem, /environ and ptrace too.
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}
