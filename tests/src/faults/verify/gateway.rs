//! The gateway's own books: it charged what was captured, once, and nothing else.

use std::collections::HashSet;

use aggregates::payment::Status;
use hyper::StatusCode;
use uuid::Uuid;

use super::{Findings, Kind, Stage, log::Told};
use crate::{client::Client, processes::Failure};

/// Which payments were looked up already; an outcome does not change.
#[derive(Default)]
pub(super) struct Books {
    seen: HashSet<Uuid>,
}

impl Books {
    pub async fn compare(&mut self, stage: &Stage, told: &Told, findings: &mut Findings) -> Result<(), Failure> {
        let mut client = Client::new(stage.processes.sandbox.address());
        for (id, tale) in &told.payments {
            let ended = matches!(tale.state.status(), Some(Status::Captured | Status::Declined));
            if ended && self.seen.insert(*id) {
                self.look_up(&mut client, *id, tale.captured_amount, findings).await?;
            }
        }
        totals(&mut client, told, findings).await
    }

    async fn look_up(
        &self,
        client: &mut Client,
        id: Uuid,
        captured: i64,
        findings: &mut Findings,
    ) -> Result<(), Failure> {
        let answer = client.get(&format!("/sandbox/charges/{id}"), None).await?;
        let entry = answer.json();
        let charged = match answer.status == StatusCode::OK && entry["status"] == "success" {
            true => entry["minor_units"].as_i64().unwrap_or_default(),
            false => 0,
        };
        if charged != captured {
            findings.add(Kind::MoneyDifferences, format!("payment {id}: {charged} charged, {captured} captured"));
        }
        Ok(())
    }
}

/// Charges that no payment of the log accounts for show in the totals.
async fn totals(client: &mut Client, told: &Told, findings: &mut Findings) -> Result<(), Failure> {
    let summary = client.get("/sandbox/charges", None).await?.expect("summary", StatusCode::OK)?;
    let captured = told.payments.values().filter(|tale| tale.captured_amount > 0);
    let (count, sum) = captured.fold((0, 0), |(count, sum), tale| (count + 1, sum + tale.captured_amount));
    let (charges, charged) = (summary["charges"].as_i64(), summary["total_minor_units"]["USD"].as_i64());
    if charges.unwrap_or_default() != count || charged.unwrap_or_default() != sum {
        let different = format!("the gateway charged {summary}, the log captured {sum} in {count} payments");
        findings.add(Kind::MoneyDifferences, different);
    }
    Ok(())
}
