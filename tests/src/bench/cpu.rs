//! The processor time that each part of the system takes, from the kernel's own accounts.
//!
//! The kernel counts in hundredths of a second, so what is measured should run for seconds.

use std::{collections::BTreeMap, env, fs, time::Duration};

use crate::processes::{Failure, Processes};

/// Linux reports processor time in units of 1/100 s to all programs, whatever its own clock does.
const TICK: Duration = Duration::from_millis(10);

/// The parts of the system, and who takes part in them.
pub struct Parts {
    parts: Vec<(&'static str, Counted)>,
}

enum Counted {
    Processes(Vec<u32>),
    /// A process and all it has ever started, as PostgreSQL's postmaster does.
    Family(u32),
}

/// Processor time.
#[derive(Clone, Debug, Default)]
pub struct Spent {
    pub parts: BTreeMap<&'static str, Duration>,
    machine: Machine,
}

/// Of all processors together.
#[derive(Clone, Copy, Debug, Default)]
struct Machine {
    busy: Duration,
    idle: Duration,
}

impl Parts {
    /// The services' processes are named by `VC_TEST_PG_PIDFILE`, `VC_TEST_NATS_PID` and `VC_TEST_REDIS_PID`, or else
    /// found by the port that their address names.
    pub fn find(processes: &Processes, database_url: &str, nats_url: &str, redis_url: &str) -> Result<Parts, Failure> {
        let pids =
            |group: &[crate::processes::Process]| Counted::Processes(group.iter().filter_map(|p| p.pid()).collect());
        let named = |variable| env::var(variable).ok().and_then(|pid: String| pid.trim().parse().ok());
        let postmaster = env::var("VC_TEST_PG_PIDFILE").ok().and_then(|path| fs::read_to_string(path).ok());
        let postmaster = postmaster.and_then(|text| text.lines().next()?.trim().parse().ok());
        let service = |named: Option<u32>, url: &str| match named {
            Some(pid) => Ok(pid),
            None => {
                listener(url).ok_or_else(|| Failure(format!("no process of this machine listens at {}", port(url))))
            }
        };
        Ok(Parts {
            parts: vec![
                ("api", pids(&processes.apis)),
                ("workers", pids(&processes.workers)),
                ("postgres", Counted::Family(service(postmaster, database_url)?)),
                ("nats", Counted::Processes(vec![service(named("VC_TEST_NATS_PID"), nats_url)?])),
                ("redis", Counted::Processes(vec![service(named("VC_TEST_REDIS_PID"), redis_url)?])),
                ("sandbox", Counted::Processes(processes.sandbox.pid().into_iter().collect())),
                ("loadgen", Counted::Processes(vec![std::process::id()])),
            ],
        })
    }

    /// What each part has spent since it was started.
    pub fn spent(&self) -> Spent {
        let spent = |counted: &Counted| match counted {
            Counted::Processes(pids) => pids.iter().filter_map(|pid| Account::of(*pid)).map(|a| a.own).sum(),
            Counted::Family(pid) => family(*pid),
        };
        Spent {
            parts: self.parts.iter().map(|(name, counted)| (*name, spent(counted))).collect(),
            machine: Machine::now().unwrap_or_default(),
        }
    }
}

impl Spent {
    /// What was spent since `before`.
    pub fn since(&self, before: &Spent) -> Spent {
        let passed = |(name, now): (&&'static str, &Duration)| {
            (*name, now.saturating_sub(before.parts.get(name).copied().unwrap_or_default()))
        };
        let machine = Machine {
            busy: self.machine.busy.saturating_sub(before.machine.busy),
            idle: self.machine.idle.saturating_sub(before.machine.idle),
        };
        Spent { parts: self.parts.iter().map(passed).collect(), machine }
    }

    /// The share of the machine that went to programs which are no part of the benchmark. Above a few hundredths the
    /// figures are of a machine that was busy with other things.
    pub fn others(&self) -> f64 {
        let ours: Duration = self.parts.values().sum();
        let all = (self.machine.busy + self.machine.idle).as_secs_f64();
        self.machine.busy.saturating_sub(ours).as_secs_f64() / all.max(f64::EPSILON)
    }
}

impl Machine {
    fn now() -> Option<Machine> {
        let stat = fs::read_to_string("/proc/stat").ok()?;
        // user nice system idle iowait irq softirq steal
        let fields = stat.lines().next()?.split_whitespace().skip(1).take(8);
        let ticks: Vec<u64> = fields.map(str::parse).collect::<Result<_, _>>().ok()?;
        let time = |ticks: u64| Duration::from_millis(ticks * 10);
        // What the kernel does between programs, mostly passing packets along for us, is nobody's and counts as idle.
        let idle = ticks.get(3)? + ticks.get(4)? + ticks.get(5)? + ticks.get(6)?;
        Some(Machine { busy: time(ticks.iter().sum::<u64>() - idle), idle: time(idle) })
    }
}

/// A process's account.
struct Account {
    parent: u32,
    own: Duration,
    /// Of children that have ended.
    children: Duration,
}

impl Account {
    fn of(pid: u32) -> Option<Account> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The second field is the program's name in parentheses, which may hold anything.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |index: usize| Some(TICK * fields.get(index)?.parse::<u32>().ok()?);
        Some(Account {
            parent: fields.get(1)?.parse().ok()?,
            own: ticks(11)? + ticks(12)?,
            children: ticks(13)? + ticks(14)?,
        })
    }
}

/// What one process has spent since it was started.
pub fn spent_by(pid: u32) -> Option<Duration> {
    Account::of(pid).map(|account| account.own)
}

fn family(head: u32) -> Duration {
    let own = Account::of(head).map(|a| a.own + a.children).unwrap_or_default();
    let members = pids().filter_map(Account::of).filter(|account| account.parent == head);
    own + members.map(|a| a.own + a.children).sum::<Duration>()
}

fn pids() -> impl Iterator<Item = u32> {
    fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The process that listens at an address's port: the oldest, where children inherited the socket.
fn listener(url: &str) -> Option<u32> {
    let inode = listening_inode(port(url))?;
    let socket = format!("socket:[{inode}]");
    let holds = |pid: &u32| {
        let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        files.filter_map(|file| fs::read_link(file.path()).ok()).any(|target| target.as_os_str() == socket.as_str())
    };
    pids().filter(holds).min()
}

fn listening_inode(port: u16) -> Option<String> {
    const LISTENING: &str = "0A";
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
    let rows = tables.iter().flat_map(|table| table.lines().skip(1));
    let found = rows.map(|row| row.split_whitespace().collect::<Vec<_>>()).find(|fields| {
        let ours = fields.get(1).is_some_and(|local| local.ends_with(&format!(":{port:04X}")));
        ours && fields.get(3) == Some(&LISTENING)
    });
    found?.get(9).map(|inode| (*inode).to_owned())
}

/// The port in `scheme://user:password@host:port/path`; 0 where none is named.
fn port(url: &str) -> u16 {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = authority.split(['/', '?']).next().unwrap_or_default();
    authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_port_of_an_address_is_found_past_a_password() {
        let table = [
            ("postgres://u:p4@127.0.0.1:5433/db?sslmode=disable", 5433),
            ("redis://:secret@127.0.0.1:6380/0", 6380),
            ("nats://127.0.0.1:4222", 4222),
            ("nats://localhost", 0),
        ];
        for (url, expected) in table {
            assert_eq!(port(url), expected, "{url}");
        }
    }

    #[test]
    fn a_listener_is_found_by_its_port() {
        let listening = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listening.local_addr().unwrap());
        assert_eq!(listener(&url), Some(std::process::id()));
    }

    #[test]
    fn own_work_shows_in_the_account() {
        let before = Account::of(std::process::id()).unwrap().own;
        let mut sum = 0_u64;
        while Account::of(std::process::id()).unwrap().own < before + TICK * 2 {
            sum = (0..1_000_000).fold(sum, |sum, n| sum.rotate_left(3) ^ n);
        }
        assert!(std::hint::black_box(sum) < u64::MAX);
    }
}
