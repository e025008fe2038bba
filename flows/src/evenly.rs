use std::time::Duration;

use tokio::time::Instant;

/// Does `work`, and answers at the next tick of a clock that started with it. Without a tick, at once.
///
/// For answers that must not tell whether there is an account. They do the same expensive work either way, but cannot
/// do all the same: one writes an account, the other a letter. So no answer leaves before the first tick, which is long
/// after both would be done; and on a machine so loaded that they are not, the answer leaves at the second or third
/// tick, which tells of the load, and of what was done only by the rare case that fell between two ticks.
pub(crate) async fn evenly<T>(tick: Duration, work: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let done = work.await;
    if !tick.is_zero() {
        let ticks = began.elapsed().as_nanos().div_ceil(tick.as_nanos()).max(1);
        let ticks = u32::try_from(ticks).unwrap_or(u32::MAX);
        tokio::time::sleep_until(began + tick.saturating_mul(ticks)).await;
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn answers_leave_at_ticks_alone() {
        let tick = Duration::from_millis(400);
        for (work, answer) in [(0, 400), (1, 400), (120, 400), (400, 400), (401, 800), (1_500, 1_600)] {
            let began = Instant::now();
            evenly(tick, tokio::time::sleep(Duration::from_millis(work))).await;
            assert_eq!(began.elapsed().as_millis(), answer, "{work} ms of work");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_tick_nobody_waits() {
        let began = Instant::now();
        evenly(Duration::ZERO, async {}).await;
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
