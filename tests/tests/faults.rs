//! The fault campaign in short: `./dev faults` is the long one.

use clap::Parser;
use tests::faults::{Options, run};

#[derive(Parser)]
struct Campaign {
    #[command(flatten)]
    options: Options,
}

/// Invariants 1 to 4: of what clients were told under load, nothing turns out untrue.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_doubled_or_stuck_when_processes_are_killed() {
    let campaign = Campaign::parse_from(["faults", "--short"]);
    let clean = run(&campaign.options).await.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(clean, "the figures are above");
}
