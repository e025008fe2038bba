use indicatif::{ProgressBar, ProgressStyle};
use secrecy::ExposeSecret;
use store::Store;
use workers::Projection;

use crate::{Config, Failure};

/// Rebuilds read models beside the live ones, with a progress bar, and switches over. Readers notice nothing, and
/// nobody is notified of anything again.
pub(crate) async fn run(config: &Config, only: Option<Projection>) -> Result<(), Failure> {
    let store = Store::connect(config.database_url(), config.load_keys()?, &config.store)?;
    for projection in Projection::ALL.into_iter().filter(|projection| only.is_none_or(|only| only == *projection)) {
        let head = store.head().await?;
        let bar =
            ProgressBar::new(u64::try_from(head).unwrap_or(0)).with_style(style()).with_message(projection.name());
        let redis_url = config.redis_url().expose_secret();
        let position = workers::rebuild(projection, &store, redis_url, &config.namespace, &config.views, |position| {
            bar.set_length(bar.length().unwrap_or(0).max(u64::try_from(position).unwrap_or(0)));
            bar.set_position(u64::try_from(position).unwrap_or(0));
        })
        .await?;
        bar.finish();
        println!("{}: rebuilt from {position} events", projection.name());
    }
    Ok(())
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{msg:8} [{bar:40}] {human_pos}/{human_len} events, {per_sec}, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}
