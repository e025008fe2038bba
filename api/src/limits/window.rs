//! A sliding window, counted in short slots. `admit.lua` does the same in Redis.

use std::time::Duration;

/// The width of the window.
pub const WINDOW: Duration = Duration::from_secs(60);
/// Slots in a window.
pub const SLOTS: usize = 12;
/// How long a slot is.
pub const SLOT: Duration = Duration::from_millis(WINDOW.as_millis() as u64 / SLOTS as u64);

/// What was counted lately. A slot counts whole as long as any of it may lie in the window: so no stretch of 60
/// seconds, wherever it begins, has more than the limit; and what was counted is free again after 60 to 65 seconds.
#[derive(Clone, Debug, Default)]
pub struct Window {
    newest: u64,
    /// The newest slot first; one more than fit into the window, since it begins within a slot.
    counts: [u32; SLOTS + 1],
}

/// How a subject stands after one more request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Admitted {
        left: u32,
        /// Until the first of what was counted is free again.
        resets_in: Duration,
    },
    Refused {
        wait: Duration,
    },
}

impl Window {
    /// Whether one more request fits at `now`, measured from any fixed moment. Counts nothing.
    pub fn look(&mut self, limit: u32, now: Duration) -> Verdict {
        self.slide(now);
        let used: u32 = self.counts.iter().sum();
        let mut freed = 0;
        for age in (0..=SLOTS).rev() {
            freed += self.counts[age];
            if used >= limit && used - freed < limit {
                return Verdict::Refused { wait: self.leaves(age).saturating_sub(now) };
            }
        }
        let oldest = (0..=SLOTS).rev().find(|age| self.counts[*age] > 0).unwrap_or(0);
        Verdict::Admitted { left: limit.saturating_sub(used + 1), resets_in: self.leaves(oldest).saturating_sub(now) }
    }

    /// Counts one request, in the slot that was looked at last.
    pub fn count(&mut self) {
        self.counts[0] = self.counts[0].saturating_add(1);
    }

    fn slide(&mut self, now: Duration) {
        let slot = (now.as_millis() / SLOT.as_millis()) as u64;
        let passed = slot.saturating_sub(self.newest).min(SLOTS as u64 + 1) as usize;
        self.counts.rotate_right(passed);
        self.counts[..passed].fill(0);
        self.newest = self.newest.max(slot);
    }

    /// When the slot of this age no longer counts.
    fn leaves(&self, age: usize) -> Duration {
        SLOT * (self.newest + SLOTS as u64 + 1).saturating_sub(age as u64) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    fn admits(window: &mut Window, limit: u32, now: Duration) -> bool {
        let admitted = matches!(window.look(limit, now), Verdict::Admitted { .. });
        if admitted {
            window.count();
        }
        admitted
    }

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// Against the exact log of what was admitted, with requests of every rhythm.
    #[test]
    fn no_stretch_of_a_window_has_more_than_the_limit() {
        for pause in [1, 37, 499, 1_000, 4_999, 5_000, 7_300, 61_000] {
            let (mut window, mut admitted) = (Window::default(), VecDeque::new());
            for i in 0..2_000_u64 {
                // Bursts, so that the ends of windows are met from both sides.
                let now = ms(i * pause + (i % 7) * pause / 3);
                while admitted.front().is_some_and(|at| *at + WINDOW <= now) {
                    admitted.pop_front();
                }
                if admits(&mut window, 10, now) {
                    admitted.push_back(now);
                }
                assert!(admitted.len() <= 10, "{} within a window, a request each {pause} ms", admitted.len());
            }
        }
    }

    #[test]
    fn a_burst_at_the_end_of_a_minute_leaves_nothing_for_the_next() {
        let mut window = Window::default();
        for _ in 0..5 {
            assert!(admits(&mut window, 5, ms(59_990)));
        }
        for now in [59_999, 60_000, 60_010, 90_000, 119_989] {
            assert!(!admits(&mut window, 5, ms(now)), "{now}");
        }
        assert!(admits(&mut window, 5, ms(120_000)));
    }

    #[test]
    fn who_waits_as_told_is_let_in_and_not_earlier() {
        let mut window = Window::default();
        for now in [3_000, 12_000, 20_000] {
            assert!(admits(&mut window, 3, ms(now)));
        }
        let Verdict::Refused { wait } = window.look(3, ms(30_001)) else { panic!("three are admitted") };
        assert!(ms(30_001) + wait >= ms(3_000) + WINDOW && wait <= WINDOW + SLOT);
        assert!(!admits(&mut window, 3, ms(30_001) + wait - ms(1)));
        assert!(admits(&mut window, 3, ms(30_001) + wait));
    }

    #[test]
    fn what_is_left_and_until_when_is_told() {
        let mut window = Window::default();
        assert_eq!(window.look(2, ms(1_000)), Verdict::Admitted { left: 1, resets_in: ms(64_000) });
        window.count();
        assert_eq!(window.look(2, ms(31_000)), Verdict::Admitted { left: 0, resets_in: ms(34_000) });
    }
}
