//! What a payment costs here, in processor time. Run by hand, optimised:
//! `cargo nextest run -p projections --release --run-ignored only --no-capture cost`.

use super::{
    history::{History, usd},
    redis_server::RedisServer,
};

/// Processor time a process has used so far, in microseconds (Linux: clock ticks of 10 ms).
fn used(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    ticks as f64 * 10_000.0
}

#[tokio::test]
#[ignore = "a measurement, not a test"]
async fn a_payments_cost() {
    const PEOPLE: usize = 2_000;
    const PAYMENTS: usize = 60_000;
    let mut history = History::default();
    let people: Vec<_> = (0..PEOPLE).map(|_| history.a_person_with_card()).collect();
    let first = history.log.len();
    // Ten at a time are on their way to the gateway, as under load.
    let mut open = std::collections::VecDeque::new();
    for number in 0..PAYMENTS {
        let (user, card) = people[number * 7919 % PEOPLE];
        open.push_back(history.begins(user, card, usd(100)));
        if open.len() > 10 {
            history.is_captured(open.pop_front().unwrap(), usd(100));
        }
    }
    for size in [300, 30, 2_000] {
        let server = RedisServer::start();
        let mut writer = server.built("vc", &history.log[..first]).await;
        let before = (used(std::process::id()), used(server.process_id()), std::time::Instant::now());
        for batch in history.log[first..].chunks(size) {
            writer.apply(batch).await.unwrap();
        }
        let each = |now: f64, then: f64| (now - then) / PAYMENTS as f64;
        println!(
            "batches of {size}: {:.1} µs here, {:.1} µs in Redis, {:.1} µs elapsed for a payment",
            each(used(std::process::id()), before.0),
            each(used(server.process_id()), before.1),
            before.2.elapsed().as_secs_f64() * 1e6 / PAYMENTS as f64,
        );
        println!("memory: {:?}", server.command("INFO memory").await.to_string_lossy());
    }
}

trait Lossy {
    fn to_string_lossy(&self) -> String;
}

impl Lossy for redis::Value {
    fn to_string_lossy(&self) -> String {
        let text = format!("{self:?}");
        text.split("\\r\\n").find(|line| line.starts_with("used_memory_human")).unwrap_or_default().to_owned()
    }
}
