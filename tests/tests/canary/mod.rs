//! The canary run: known secrets go through the whole system, on services of its own; afterwards every byte that
//! PostgreSQL, NATS, Redis and our processes have written is looked through for them, in every form (invariant 5).

mod people;
mod stage;

use tests::canary::{Canary, Scan};

use people::{Everything, walk};
use stage::Stage;

/// Bytes that an empty set of services has written at least; less would mean that we look in the wrong place.
const AT_LEAST: usize = 30 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_found_in_anything_that_is_written() {
    let mut stage = Stage::build().await.unwrap_or_else(|failure| panic!("{failure}"));
    let Everything { canaries, unspoken } = walk(&stage).await;
    assert!(canaries.len() >= 40, "{} canaries are not everything", canaries.len());
    // To be sure that the places looked at are those written to, and that what is there would be found.
    let planted = stage.plant(&unspoken).await.unwrap_or_else(|failure| panic!("{failure}"));
    let mut scan = Scan::of(&[canaries, planted.clone()].concat()).unwrap();
    let metrics = stage.metrics().await;
    for (place, text) in &metrics {
        scan.text(place, text.as_bytes()).unwrap();
    }
    let places = stage.stop().await.unwrap_or_else(|failure| panic!("{failure}"));
    for place in &places {
        scan.path(place).unwrap();
    }
    assert!(scan.bytes >= AT_LEAST && scan.files >= 500, "{} bytes in {} files", scan.bytes, scan.files);
    for Canary { name, .. } in &planted {
        assert!(!scan.of_canary(name).is_empty(), "{name} was planted and is not found in {places:?}");
    }
    let found: Vec<_> = scan.findings.iter().filter(|finding| !finding.canary.starts_with("planted")).collect();
    let listed: Vec<_> = found.iter().take(20).map(ToString::to_string).collect();
    assert!(found.is_empty(), "{} findings:\n{}", found.len(), listed.join("\n"));
    stage.discard().await.unwrap_or_else(|failure| panic!("{failure}"));
}
