use aggregates::Proof;
use http_body_util::Full;
use hyper::{
    Request,
    body::Bytes,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
};
use store::Store;
use tests::{
    client::{Answer, Client},
    system::TestSystem,
};

use super::operations::Operation;
use crate::members::{Forge, LoggedIn, Member};

/// An id that nothing has.
pub const NOBODYS: &str = "0198c5a2-7b1e-7c3d-8000-000000000000";

/// A system with two people who have nothing to do with each other.
pub struct Stage {
    pub system: TestSystem,
    pub store: Store,
    pub forge: Forge,
    pub alice: (Member, LoggedIn),
    pub bob: (Member, LoggedIn),
}

impl Stage {
    pub async fn set() -> Stage {
        let system = TestSystem::start().await;
        let store = system.store();
        let (alice, bob) = (Member::new(&store, &[]).await, Member::new(&store, &[]).await);
        let (hers, his) =
            (alice.log_in(&store, &[Proof::Password]).await, bob.log_in(&store, &[Proof::Password]).await);
        Stage { system, store, forge: Forge::new(), alice: (alice, hers), bob: (bob, his) }
    }
}

/// A request to an operation, with its own example as body.
pub struct Call<'a> {
    pub operation: &'a Operation,
    pub path: String,
    pub headers: &'a [(HeaderName, HeaderValue)],
}

impl Call<'_> {
    pub async fn send(&self, client: &mut Client) -> Answer {
        let mut request = Request::builder().method(self.operation.method.clone()).uri(&self.path);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        request = request.header("idempotency-key", "key-1");
        let body = self.operation.body.as_ref().map(|body| body.to_string());
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let body = Full::new(Bytes::from(body.unwrap_or_default()));
        client.send(request.body(body).unwrap()).await.unwrap_or_else(|e| panic!("{}: {e}", self.operation.name()))
    }
}
