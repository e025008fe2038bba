//! What it costs to know who is calling: the token and whether its session is open, by the processor time of the api.
//!
//! Two requests that are refused right after the door, one with a token and one without, differ in little but the
//! check: `DELETE` on a session whose id is no id. The one without a token is refused first, and asks nobody.

use std::{
    net::SocketAddr,
    path::PathBuf,
    time::{Duration, Instant},
};

use http_body_util::Full;
use hyper::{
    Method, Request, StatusCode, Uri,
    body::Bytes,
    header::{AUTHORIZATION, HeaderValue},
};
use serde::Serialize;
use tokio::task::{JoinSet, LocalSet};

use super::{
    cpu,
    ground::{Ground, Services},
    median, people,
};
use crate::{
    client::Client,
    processes::{Failure, Process},
};

const PATH: &str = "/api/v2/me/sessions/no-id";

/// A limit that nobody reaches, so that counting is done and refuses nobody.
const ENDLESS: &str = "1000000000";

/// Microseconds of processor time that one check may cost.
const BAR: f64 = 30.0;

#[derive(clap::Args)]
pub struct Options {
    /// How long each leg of each round takes.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// People whose tokens are checked, in turn.
    #[arg(long, default_value_t = 64)]
    people: usize,
    /// Where to write the figures.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Microseconds of processor time for each request.
#[derive(Clone, Copy, Debug, Serialize)]
struct Leg {
    requests_per_s: f64,
    api_us: f64,
    redis_us: f64,
}

#[derive(Serialize)]
struct Figures {
    /// Without a token.
    stranger: Leg,
    /// With a token, where nothing is limited.
    token: Leg,
    /// With a token, counted by address and person too.
    counted: Leg,
    /// What token and session cost the api.
    check_us: f64,
    /// What counting costs on top.
    counting_us: f64,
}

/// Whether the check is as cheap as it has to be.
pub async fn run(options: &Options) -> Result<bool, Failure> {
    let ground = Ground::prepare(&Services::from_environment()?).await?;
    let people = people::onboard(&ground.processes, options.people.max(1)).await?;
    let tokens: Vec<_> = people.iter().map(|holder| holder.person.bearer()).collect();
    let endless = |name: &&str| (format!("VC_API__RATE_LIMITS__{}", name.to_uppercase()), ENDLESS);
    let limits: Vec<_> = api::RateLimits::NAMES.iter().map(endless).collect();
    let counting = ground.another_api(&limits).await?;
    let free = &ground.processes.apis[0];
    let (time, mut legs) = (Duration::from_secs(options.seconds.max(1)), [vec![], vec![], vec![]]);
    for number in 1..=options.rounds.max(1) {
        eprintln!("round {number} of {}", options.rounds);
        let tried: [(&Process, &[HeaderValue]); 3] = [(free, &[]), (free, &tokens), (&counting, &tokens)];
        for ((process, tokens), legs) in tried.into_iter().zip(&mut legs) {
            legs.push(leg(&ground, process, tokens, options.connections, time).await?);
        }
    }
    drop(counting);
    let figures = Figures::of(&legs);
    figures.print();
    if let Some(path) = &options.json {
        std::fs::write(path, serde_json::to_string_pretty(&figures)? + "\n")?;
    }
    ground.discard().await?;
    Ok(figures.check_us <= BAR)
}

async fn leg(
    ground: &Ground,
    process: &Process,
    tokens: &[HeaderValue],
    connections: usize,
    time: Duration,
) -> Result<Leg, Failure> {
    let pid = process.pid().ok_or_else(|| Failure("the api has ended".into()))?;
    let spent = || (cpu::spent_by(pid).unwrap_or_default(), ground.parts.spent());
    let before = spent();
    let requests = load(process.address(), tokens.to_vec(), connections, time).await?;
    let after = spent();
    let each = |time: Duration| time.as_secs_f64() * 1e6 / requests.max(1) as f64;
    let redis = after.1.since(&before.1).parts.get("redis").copied().unwrap_or_default();
    Ok(Leg {
        requests_per_s: requests as f64 / time.as_secs_f64(),
        api_us: each(after.0.saturating_sub(before.0)),
        redis_us: each(redis),
    })
}

/// Asks on `connections` connections for `time`, each token in turn; how many answers came.
async fn load(api: SocketAddr, tokens: Vec<HeaderValue>, connections: usize, time: Duration) -> Result<u64, Failure> {
    let expected = if tokens.is_empty() { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
    let run = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        LocalSet::new().block_on(&runtime, async move {
            let (began, mut asking) = (Instant::now(), JoinSet::new());
            for first in 0..connections {
                let tokens = tokens.clone();
                asking.spawn_local(async move {
                    let (mut client, mut done) = (Client::new(api), 0_u64);
                    while began.elapsed() < time {
                        let mut request = Request::new(Full::new(Bytes::new()));
                        *request.method_mut() = Method::DELETE;
                        *request.uri_mut() = Uri::from_static(PATH);
                        if !tokens.is_empty() {
                            let token = tokens[(first + done as usize * connections) % tokens.len()].clone();
                            request.headers_mut().insert(AUTHORIZATION, token);
                        }
                        let answer = client.send(request).await?;
                        if answer.status != expected {
                            return Err(Failure(format!("{}: {}", answer.status, answer.text())));
                        }
                        done += 1;
                    }
                    Ok::<_, Failure>(done)
                });
            }
            let mut requests = 0;
            while let Some(done) = asking.join_next().await {
                requests += done??;
            }
            Ok(requests)
        })
    });
    run.await?
}

impl Figures {
    fn of([stranger, token, counted]: &[Vec<Leg>; 3]) -> Figures {
        let middle = |legs: &[Leg]| Leg {
            requests_per_s: median(legs.iter().map(|leg| leg.requests_per_s)),
            api_us: median(legs.iter().map(|leg| leg.api_us)),
            redis_us: median(legs.iter().map(|leg| leg.redis_us)),
        };
        let (stranger, token, counted) = (middle(stranger), middle(token), middle(counted));
        let (check_us, counting_us) = (token.api_us - stranger.api_us, counted.api_us - token.api_us);
        Figures { stranger, token, counted, check_us, counting_us }
    }

    fn print(&self) {
        println!("{:<28} {:>10} {:>10} {:>10}", "", "requests/s", "api µs", "Redis µs");
        let legs = [("no token", self.stranger), ("token", self.token), ("token, counted", self.counted)];
        for (name, leg) in legs {
            println!("{name:<28} {:10.0} {:10.1} {:10.1}", leg.requests_per_s, leg.api_us, leg.redis_us);
        }
        println!("token and session: {:.1} µs of the api's processor time (bar: {BAR})", self.check_us);
        println!("counting on top:   {:.1} µs", self.counting_us);
    }
}
