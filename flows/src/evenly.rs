use tokio::time::Instant;

use crate::System;

/// Does `work`, and answers at the next tick of a clock that started with it.
///
/// For answers that must not tell whether there is an account. They do the same expensive work either way, but cannot do
/// all the same: one writes an account, the other a letter. So no answer leaves before the first tick, which is long
/// after both would be done; and on a machine so loaded that they are not, the answer leaves at the second or third tick,
/// which tells of the load, and of what was done only by the rare case that fell between two ticks.
pub(crate) async fn evenly<T>(system: &System, work: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let done = work.await;
    let tick = system.settings.answer_tick();
    if !tick.is_zero() {
        let ticks = began.elapsed().as_nanos().div_ceil(tick.as_nanos()).max(1);
        let ticks = u32::try_from(ticks).unwrap_or(u32::MAX);
        tokio::time::sleep_until(began + tick.saturating_mul(ticks)).await;
    }
    done
}
