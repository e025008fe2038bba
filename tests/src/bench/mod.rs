//! The benchmarks. Each is one command of the `bench` program, prints one table, and can write its figures as JSON.
//!
//! What is compared runs in the same minutes on the same services, by turns, and ratios are those of medians: the
//! speed of a shared machine changes by the hour, ratios much less.

pub mod append;
mod baseline;
mod cpu;
mod ground;
mod lag;
mod load;
pub mod payments;
mod people;
mod report;
pub mod tokens;
mod tpcb;

use hdrhistogram::Histogram;

pub use ground::{Services, without_limits};

/// Of microseconds up to a minute, three digits. Not one that grows: those saturate at what they have grown to.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).expect("the bounds are in order")
}

/// The middle one, or the mean of the two in the middle. 0 of nothing.
fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        n if n % 2 == 1 => values[middle],
        _ => (values[middle - 1] + values[middle]) / 2.0,
    }
}
