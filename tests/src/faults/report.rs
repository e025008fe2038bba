//! The campaign's outcome.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde::Serialize;

use crate::processes::Failure;

/// Examples printed of each kind.
const EXAMPLES: usize = 5;

/// Contradictions, each once, however often it was found.
#[derive(Clone, Debug, Default)]
pub struct Findings(BTreeMap<Kind, BTreeSet<String>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    AcknowledgedLost,
    DoubleEffects,
    MoneyDifferences,
    StuckFlows,
    ViewDifferences,
    /// The bus does not hold every event in order.
    BusDifferences,
    /// Positions or sequences with holes, or events that cannot be read.
    LogDefects,
    /// Reads that did not show what their reader had been told before.
    StaleReads,
}

const KINDS: [(Kind, &str); 8] = [
    (Kind::AcknowledgedLost, "acknowledged lost"),
    (Kind::DoubleEffects, "double effects"),
    (Kind::MoneyDifferences, "money differences"),
    (Kind::StuckFlows, "stuck flows"),
    (Kind::ViewDifferences, "view differences"),
    (Kind::BusDifferences, "bus differences"),
    (Kind::LogDefects, "log defects"),
    (Kind::StaleReads, "stale reads"),
];

impl Findings {
    pub fn add(&mut self, kind: Kind, what: impl Into<String>) {
        self.0.entry(kind).or_default().insert(what.into());
    }

    pub fn merge(&mut self, other: Findings) {
        for (kind, found) in other.0 {
            self.0.entry(kind).or_default().extend(found);
        }
    }

    pub fn count(&self, kind: Kind) -> usize {
        self.0.get(&kind).map_or(0, BTreeSet::len)
    }

    /// One line, for the progress of a campaign.
    pub fn summary(&self) -> String {
        let found = KINDS.iter().filter(|(kind, _)| self.count(*kind) > 0);
        let found: Vec<String> = found.map(|(kind, name)| format!("{name}: {}", self.count(*kind))).collect();
        if found.is_empty() { "nothing lost, doubled, stuck or different".into() } else { found.join(", ") }
    }
}

#[derive(Debug, Serialize)]
pub struct Outcome {
    pub faults_injected: u64,
    /// By what was done to whom.
    pub faults: BTreeMap<String, u64>,
    pub acknowledged: usize,
    /// Requests that had no answer, or one that promises nothing.
    pub unanswered: u64,
    pub events: i64,
    pub acknowledged_lost: usize,
    pub double_effects: usize,
    pub money_differences: usize,
    pub stuck_flows: usize,
    pub view_differences: usize,
    pub bus_differences: usize,
    pub log_defects: usize,
    pub stale_reads: usize,
    pub seed: u64,
    #[serde(skip)]
    findings: Findings,
}

impl Outcome {
    pub fn new(
        faults: BTreeMap<String, u64>,
        findings: Findings,
        (acknowledged, unanswered): (usize, u64),
        events: i64,
        seed: u64,
    ) -> Outcome {
        Outcome {
            faults_injected: faults.values().sum(),
            faults,
            acknowledged,
            unanswered,
            events,
            acknowledged_lost: findings.count(Kind::AcknowledgedLost),
            double_effects: findings.count(Kind::DoubleEffects),
            money_differences: findings.count(Kind::MoneyDifferences),
            stuck_flows: findings.count(Kind::StuckFlows),
            view_differences: findings.count(Kind::ViewDifferences),
            bus_differences: findings.count(Kind::BusDifferences),
            log_defects: findings.count(Kind::LogDefects),
            stale_reads: findings.count(Kind::StaleReads),
            seed,
            findings,
        }
    }

    pub fn is_clean(&self) -> bool {
        KINDS.iter().all(|(kind, _)| self.findings.count(*kind) == 0)
    }

    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        Ok(std::fs::write(path, serde_json::to_string_pretty(self)? + "\n")?)
    }

    pub fn print(&self) {
        println!();
        println!("seed {}: {} faults", self.seed, self.faults_injected);
        for (fault, count) in &self.faults {
            println!("  {count:5} × {fault}");
        }
        println!();
        println!("events in the log     {:8}", self.events);
        println!("acknowledged          {:8}", self.acknowledged);
        println!("without an answer     {:8}", self.unanswered);
        println!();
        for (kind, name) in KINDS {
            println!("{name:21} {:8}", self.findings.count(kind));
            for example in self.findings.0.get(&kind).into_iter().flatten().take(EXAMPLES) {
                println!("    {example}");
            }
        }
    }
}
