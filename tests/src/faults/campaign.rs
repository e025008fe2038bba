//! The schedule: one phase for each kind of fault, the load running through it, and a verification after it.

use std::{collections::BTreeMap, time::Duration};

use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};
use tokio::time::sleep;

use super::{
    Options,
    load::Load,
    report::{Findings, Outcome},
    stage::Stage,
    verify,
};
use crate::{processes::Failure, services::Service};

/// In the short campaign, of each kind.
const SHORT: u32 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    KillApi,
    KillWorker,
    Kill(Service),
    FlushRedis,
    WipeJetStream,
}

impl Fault {
    const fn name(self) -> &'static str {
        match self {
            Fault::KillApi => "kill -9 api",
            Fault::KillWorker => "kill -9 worker",
            Fault::Kill(Service::Postgres) => "kill -9 PostgreSQL",
            Fault::Kill(Service::Nats) => "kill -9 nats-server",
            Fault::Kill(Service::Redis) => "kill -9 Redis, which loses everything",
            Fault::FlushRedis => "FLUSHALL",
            Fault::WipeJetStream => "JetStream's storage wiped",
        }
    }
}

/// What happens in one phase, in this order.
type Phase = Vec<Fault>;

pub async fn run(stage: &mut Stage, options: &Options, seed: u64) -> Result<Outcome, Failure> {
    let mut random = StdRng::seed_from_u64(seed);
    let (mut faults, mut findings) = (BTreeMap::<String, u64>::new(), Findings::default());
    let phases = phases(options, stage.services.are_ours(), &mut random);
    let mut verifier = verify::Verifier::default();
    for (number, phase) in phases.iter().enumerate() {
        eprintln!("phase {} of {}: {} faults", number + 1, phases.len(), phase.len());
        let load = Load::start(
            &stage.apis(),
            stage.processes.sandbox.address(),
            &stage.cast,
            &stage.ledger,
            seed + number as u64,
        );
        for fault in phase {
            sleep(Duration::from_millis(random.random_range(300..1_500))).await;
            inject(stage, *fault, &mut random).await?;
            *faults.entry(fault.name().into()).or_default() += 1;
        }
        sleep(Duration::from_millis(random.random_range(500..1_500))).await;
        load.stop().await;
        let found = verifier.verify(stage).await?;
        eprintln!("  {} acknowledged; {}", stage.ledger.acknowledged(), found.summary());
        findings.merge(found);
    }
    let told = (stage.ledger.acknowledged(), stage.ledger.entries().unanswered);
    Ok(Outcome::new(faults, findings, told, stage.store.head().await?, seed))
}

fn phases(options: &Options, ours: bool, random: &mut StdRng) -> Vec<Phase> {
    let times = |fault: Fault, count: u32| vec![fault; count as usize];
    let of_ours = [Fault::KillApi, Fault::KillWorker];
    if options.short {
        let bus = [Fault::Kill(Service::Nats)];
        let faults = of_ours.iter().chain(bus.iter().filter(|_| ours));
        return vec![shuffled(faults.flat_map(|fault| times(*fault, SHORT)), random)];
    }
    let quarter = options.kills.div_ceil(4).max(1);
    let mut phases: Vec<Phase> = of_ours.into_iter().map(|fault| times(fault, options.kills)).collect();
    if ours {
        phases.push(times(Fault::Kill(Service::Nats), options.kills));
        let rarer = [Fault::Kill(Service::Postgres), Fault::Kill(Service::Redis), Fault::FlushRedis];
        phases.extend(rarer.into_iter().map(|fault| times(fault, quarter)));
        phases.push(times(Fault::WipeJetStream, 2));
    }
    // In the end one of each, in any order, with little time to recover in between.
    let all = phases.iter().filter_map(|phase| phase.first().copied()).collect::<Vec<_>>();
    phases.push(shuffled(all, random));
    phases.retain(|phase| !phase.is_empty());
    phases
}

fn shuffled(faults: impl IntoIterator<Item = Fault>, random: &mut StdRng) -> Phase {
    let mut phase: Phase = faults.into_iter().collect();
    phase.shuffle(random);
    phase
}

async fn inject(stage: &mut Stage, fault: Fault, random: &mut StdRng) -> Result<(), Failure> {
    let down = Duration::from_millis(random.random_range(0..800));
    match fault {
        Fault::KillApi | Fault::KillWorker => {
            let processes = &mut stage.processes;
            let group = if fault == Fault::KillApi { &mut processes.apis } else { &mut processes.workers };
            let victim = random.random_range(0..group.len());
            group[victim].kill().await?;
            sleep(down).await;
            group[victim].restart().await
        }
        Fault::Kill(service) => {
            stage.services.call("kill", service).await?;
            sleep(down).await;
            stage.services.call("start", service).await
        }
        Fault::FlushRedis => {
            let client = redis::Client::open(stage.addresses.redis_url.as_str())?;
            let mut connection = client.get_multiplexed_async_connection().await?;
            Ok(redis::cmd("FLUSHALL").exec_async(&mut connection).await?)
        }
        Fault::WipeJetStream => {
            stage.services.call("wipe", Service::Nats).await?;
            sleep(down).await;
            stage.services.call("start", Service::Nats).await
        }
    }
}
