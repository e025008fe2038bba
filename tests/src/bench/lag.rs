//! How far the read models are behind the log, seen from outside.
//!
//! While the load runs, the positions that the read models have reached are looked at every few milliseconds. Then the
//! log says when each event was recorded, and the first look that saw its position or a later one when it was visible.

use std::time::Duration;

use chrono::{DateTime, Utc};
use projections::Views;
use sqlx::{PgPool, Row};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

use crate::processes::Failure;

/// Between two looks at Redis. It bounds how exact the figure is.
const VIEWS_PERIOD: Duration = Duration::from_millis(5);

/// Between two looks at the relational tables.
const TABLES_PERIOD: Duration = Duration::from_millis(25);

/// Between two looks while waiting for the read models to arrive.
const SETTLING_PERIOD: Duration = Duration::from_millis(50);
const SETTLING: Duration = Duration::from_secs(180);

/// Who knows where log and read models are.
#[derive(Clone)]
pub struct Positions {
    pub pool: PgPool,
    pub views: Views,
}

impl Positions {
    pub async fn head(&self) -> Result<i64, Failure> {
        let row = sqlx::query("SELECT coalesce(max(position), 0) FROM events").fetch_one(&self.pool).await?;
        Ok(row.try_get(0)?)
    }

    async fn tables(&self) -> Result<i64, Failure> {
        Ok(sqlx::query("SELECT position FROM read.progress").fetch_one(&self.pool).await?.try_get(0)?)
    }

    /// Waits until both read models have reached the log's end; how long that took.
    pub async fn settle(&self) -> Result<Duration, Failure> {
        let began = tokio::time::Instant::now();
        let head = self.head().await?;
        loop {
            let (views, tables) = (self.views.checkpoint().await.unwrap_or(0), self.tables().await?);
            if views >= head && tables >= head {
                return Ok(began.elapsed());
            }
            if began.elapsed() > SETTLING {
                return Err(Failure(format!(
                    "the log is at {head}, views at {views}, tables at {tables}, and stay there"
                )));
            }
            tokio::time::sleep(SETTLING_PERIOD).await;
        }
    }
}

/// Looks, until it is stopped.
pub struct Lookout {
    positions: Positions,
    from: i64,
    stop: watch::Sender<bool>,
    views: JoinHandle<Looks>,
    tables: JoinHandle<Looks>,
}

/// When which position was seen.
type Looks = Vec<(DateTime<Utc>, i64)>;

/// Milliseconds from the recording of an event until it was seen in the read model, at the 99th percentile.
pub struct Lag {
    pub views_p99_ms: f64,
    pub tables_p99_ms: f64,
}

impl Lookout {
    /// Starts to look; events that are in the log already do not count.
    pub async fn start(positions: &Positions) -> Result<Lookout, Failure> {
        let from = positions.head().await?;
        let (stop, stopped) = watch::channel(false);
        let views = look(VIEWS_PERIOD, stopped.clone(), positions.clone(), |at: Positions| async move {
            at.views.checkpoint().await.ok()
        });
        let tables =
            look(TABLES_PERIOD, stopped, positions.clone(), |at: Positions| async move { at.tables().await.ok() });
        Ok(Lookout {
            positions: positions.clone(),
            from,
            stop,
            views: tokio::spawn(views),
            tables: tokio::spawn(tables),
        })
    }

    /// Waits for the read models, and compares.
    pub async fn finish(self) -> Result<Lag, Failure> {
        self.positions.settle().await?;
        // Both look at least once more.
        tokio::time::sleep(TABLES_PERIOD * 2).await;
        let _ = self.stop.send(true);
        let rows = sqlx::query(
            "SELECT recorded_at, max(position), count(*) FROM events WHERE position > $1 GROUP BY 1 ORDER BY 2",
        );
        let rows = rows.bind(self.from).fetch_all(&self.positions.pool).await?;
        let batches: Vec<(DateTime<Utc>, i64, i64)> = rows
            .iter()
            .map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)))
            .collect::<Result<_, sqlx::Error>>()?;
        Ok(Lag { views_p99_ms: p99(&batches, &self.views.await?), tables_p99_ms: p99(&batches, &self.tables.await?) })
    }
}

async fn look<F: Future<Output = Option<i64>>>(
    period: Duration,
    mut stopped: watch::Receiver<bool>,
    positions: Positions,
    position: impl Fn(Positions) -> F,
) -> Looks {
    let mut looks = Looks::new();
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stopped.changed() => return looks,
        }
        if let Some(position) = position(positions.clone()).await {
            looks.push((Utc::now(), position));
        }
    }
}

/// `batches`: when recorded, last position, number of events; both in order.
fn p99(batches: &[(DateTime<Utc>, i64, i64)], looks: &Looks) -> f64 {
    let mut lags = super::histogram();
    let mut looks = looks.iter().peekable();
    for (recorded_at, position, events) in batches {
        while looks.next_if(|(_, seen)| seen < position).is_some() {}
        let Some((seen_at, _)) = looks.peek() else { break };
        let lag = (*seen_at - *recorded_at).num_microseconds().unwrap_or(i64::MAX).max(0).unsigned_abs();
        lags.saturating_record_n(lag, events.unsigned_abs());
    }
    lags.value_at_quantile(0.99) as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_visible_when_its_position_or_a_later_one_is_seen() {
        let at = |ms| DateTime::UNIX_EPOCH + chrono::TimeDelta::milliseconds(ms);
        let batches = [(at(0), 3, 3), (at(10), 5, 2)];
        let looks = vec![(at(5), 2), (at(12), 4), (at(110), 5)];
        assert!((p99(&batches, &looks) - 100.0).abs() < 0.2);
        assert!((p99(&batches[..1], &looks) - 12.0).abs() < 0.1);
    }
}
