//! The read models in Redis, compared with ones made afresh from the log.

use std::collections::BTreeMap;

use aggregates::CardId;
use futures::TryStreamExt;
use projections::{Views, Writer};

use super::{Findings, Kind, Stage, log::Told};
use crate::processes::Failure;

pub(super) async fn compare(stage: &Stage, told: &Told, findings: &mut Findings) -> Result<(), Failure> {
    let live = match stage.views.live().await {
        Ok(live) => stage.views.dump(live).await?,
        Err(error) => {
            findings.add(Kind::ViewDifferences, format!("there are no views: {error}"));
            return Ok(());
        }
    };
    let fresh = fresh(stage).await?;
    for (key, value) in &fresh {
        match live.get(key) {
            Some(same) if same == value => {}
            Some(other) => findings.add(Kind::ViewDifferences, different(key, value, other)),
            None => findings.add(Kind::ViewDifferences, format!("{key} is missing")),
        }
    }
    for key in live.keys().filter(|key| !fresh.contains_key(*key)) {
        findings.add(Kind::ViewDifferences, format!("{key} should not be there"));
    }
    limits(stage, told, findings).await
}

fn different(key: &str, fresh: &[u8], live: &[u8]) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).chars().take(400).collect::<String>();
    format!("{key}: from the log {}, live {}", text(fresh), text(live))
}

/// A replay into a namespace of its own.
async fn fresh(stage: &Stage) -> Result<BTreeMap<String, Vec<u8>>, Failure> {
    let (url, namespace) = (&stage.addresses.redis_url, format!("{}_fresh", stage.addresses.namespace));
    let config = projections::Config::default();
    let mut writer = Writer::new(url, &namespace, &config)?;
    let generation = writer.start_generation().await?;
    let mut pages = std::pin::pin!(stage.store.replay(0));
    while let Some(page) = pages.try_next().await? {
        writer.apply(&page).await?;
    }
    let dump = Views::connect(url, &namespace, &config)?.dump(generation).await?;
    writer.abandon().await?;
    Ok(dump)
}

/// What a cardholder sees of the limit is what the log says.
async fn limits(stage: &Stage, told: &Told, findings: &mut Findings) -> Result<(), Failure> {
    for (id, card) in &told.cards {
        let Some(shown) = stage.views.card(CardId(*id), None).await? else {
            findings.add(Kind::ViewDifferences, format!("card {id} is not shown"));
            continue;
        };
        for (window, used) in &card.used {
            let seen = shown.used_in(*window).minor_units;
            // Only the newest month is shown.
            if shown.window == Some(*window) && seen != *used {
                findings.add(Kind::MoneyDifferences, format!("card {id}, {window}: {used} used, {seen} shown"));
            }
        }
    }
    Ok(())
}
