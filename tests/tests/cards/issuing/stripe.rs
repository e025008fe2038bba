//! As much of Stripe Issuing as makes and lists cardholders and cards.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub struct FakeStripe {
    url: &'static str,
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    /// Where each was made, and what it is for by our name.
    made: Vec<(String, String)>,
    looks: usize,
}

impl FakeStripe {
    pub async fn start() -> FakeStripe {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        // For as long as the test, which gives it to other processes.
        let url = format!("http://{}", listener.local_addr().unwrap()).leak();
        let known = Arc::new(Mutex::new(Known::default()));
        let serving = known.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let known = serving.clone();
                tokio::spawn(async move {
                    let service = service_fn(|request| answer(known.clone(), request));
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        FakeStripe { url, known }
    }

    pub fn settings(&self) -> [(&'static str, &'static str); 8] {
        [
            ("VC_PROVIDERS__STRIPE__BASE_URL", self.url),
            ("VC_PROVIDERS__STRIPE__API_KEY", "sk_test_key"),
            ("VC_PROVIDERS__STRIPE__WEBHOOK_SECRET", "whsec_secret"),
            ("VC_PROVIDERS__STRIPE__BILLING__LINE1", "1 Market Street"),
            ("VC_PROVIDERS__STRIPE__BILLING__CITY", "San Francisco"),
            ("VC_PROVIDERS__STRIPE__BILLING__STATE", "CA"),
            ("VC_PROVIDERS__STRIPE__BILLING__POSTAL_CODE", "94105"),
            ("VC_PROVIDERS__STRIPE__BILLING__COUNTRY", "US"),
        ]
    }

    pub fn made(&self) -> Vec<(String, String)> {
        self.known.lock().unwrap().made.clone()
    }

    pub fn looks(&self) -> usize {
        self.known.lock().unwrap().looks
    }
}

async fn answer(known: Arc<Mutex<Known>>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let form = body.collect().await.unwrap().to_bytes();
    let (path, list) = (head.uri.path(), json!({ "object": "list" }));
    let mut known = known.lock().unwrap();
    let (status, body) = match (head.method == Method::POST, path) {
        (true, "/v1/issuing/cardholders" | "/v1/issuing/cards") => {
            let mark = url::form_urlencoded::parse(&form).find(|(name, _)| name.starts_with("metadata["));
            known.made.push((path.to_owned(), mark.unwrap().1.into_owned()));
            (500, json!({ "error": { "type": "api_error" } }))
        }
        (false, "/v1/issuing/cardholders" | "/v1/issuing/cards") => {
            known.looks += 1;
            (200, listed(&known.made, path, list))
        }
        (false, _) => (
            200,
            json!({ "id": "item_1", "number": "4242424242424242", "cvc": "123", "status": "active",
                                    "exp_month": 8, "exp_year": 2040 }),
        ),
        (true, _) => (200, json!({ "id": "item_1", "status": "active" })),
    };
    let body = Full::new(Bytes::from(body.to_string()));
    Ok(Response::builder().status(status).header("content-type", "application/json").body(body).unwrap())
}

fn listed(made: &[(String, String)], path: &str, mut list: Value) -> Value {
    let those = made.iter().enumerate().filter(|(_, (at, _))| at == path);
    let field = if path.ends_with("cards") { "card_id" } else { "user_id" };
    let data = those.map(|(number, (_, mark))| json!({ "id": format!("item_{number}"), "metadata": { field: mark } }));
    (list["data"], list["has_more"]) = (data.collect(), json!(false));
    list
}
