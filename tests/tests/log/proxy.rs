//! A wire to PostgreSQL that can be made to lose what it carries.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use sqlx::ConnectOptions;
use tests::database::TestDatabase;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

pub struct Proxy {
    /// The test's database as it is reached through this proxy.
    pub url: String,
    faults: Arc<Faults>,
    /// Counts up at every cut.
    cuts: watch::Sender<u32>,
}

#[derive(Default)]
struct Faults {
    swallows_answers: AtomicBool,
    refuses: AtomicBool,
}

impl Proxy {
    pub async fn start(database: &TestDatabase) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = database.options();
        let address = format!("{}:{}", server.get_host(), server.get_port());
        let through = server.host("127.0.0.1").port(listener.local_addr().unwrap().port());
        let faults = Arc::new(Faults::default());
        let (cuts, cut) = watch::channel(0);
        tokio::spawn(serve(listener, address, faults.clone(), cut));
        Proxy { url: through.to_url_lossy().to_string(), faults, cuts }
    }

    /// From now on statements reach the server and their answers go nowhere.
    pub fn swallow_answers(&self) {
        self.faults.swallows_answers.store(true, Ordering::SeqCst);
    }

    /// Breaks every connection; the next ones work.
    pub fn cut(&self) {
        self.faults.swallows_answers.store(false, Ordering::SeqCst);
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    pub fn refuse_connections(&self) {
        self.faults.refuses.store(true, Ordering::SeqCst);
        self.cut();
    }
}

async fn serve(listener: TcpListener, address: String, faults: Arc<Faults>, cut: watch::Receiver<u32>) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        if faults.refuses.load(Ordering::SeqCst) {
            continue;
        }
        let server = TcpStream::connect(&address).await.unwrap();
        let (faults, mut cut) = (faults.clone(), cut.clone());
        cut.mark_unchanged();
        tokio::spawn(async move {
            let (mut from_client, to_client) = client.into_split();
            let (from_server, mut to_server) = server.into_split();
            tokio::select! {
                _ = copy(&mut from_client, &mut to_server) => {}
                () = answers(from_server, to_client, &faults) => {}
                _ = cut.changed() => {}
            }
        });
    }
}

async fn answers(mut from_server: OwnedReadHalf, mut to_client: OwnedWriteHalf, faults: &Faults) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
        if !faults.swallows_answers.load(Ordering::SeqCst) && to_client.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
