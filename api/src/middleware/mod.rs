//! What every request passes on its way in and every answer on its way out.

mod bounds;
mod cors;
mod headers;
mod metrics;
mod routes;

use std::{panic::AssertUnwindSafe, sync::Arc, time::Instant};

use futures::FutureExt;
use poem::{Endpoint, Request, Response, Result, http::StatusCode};

use crate::{
    config::{Config, ConfigError},
    context::Context,
    modules::Modules,
    problem::{Problem, from_poem},
    service::Service,
};
use cors::Cors;
use headers::Headers;
use routes::Found;
pub use routes::Routes;

/// The outermost endpoint. It gives every request an id and a time limit, turns every refusal, panic and time-out
/// into a problem, and never fails itself.
pub struct Gate<E> {
    inner: E,
    routes: Routes,
    service: Arc<Service>,
    modules: Modules,
    cors: Cors,
    headers: Headers,
}

impl<E> Gate<E> {
    pub fn new(inner: E, routes: Routes, service: Arc<Service>, config: &Config) -> Result<Gate<E>, ConfigError> {
        Ok(Gate {
            inner,
            routes,
            service,
            modules: Modules::named(&config.modules)?,
            cors: Cors::new(&config.cors),
            headers: Headers::new(&config.http, &config.versions),
        })
    }

    /// What is answered without looking at what is behind the gate. None: the request may pass.
    fn answer_here(&self, request: &Request, found: &Found<'_>) -> Option<Result<Response, Problem>> {
        if let Err(problem) = bounds::check(request) {
            return Some(Err(problem));
        }
        if let Some(module) = found.module().filter(|module| !self.modules.serve(*module)) {
            return Some(Err(Problem::module_not_here(module)));
        }
        self.cors.is_preflight(request).then(|| self.cors.preflight(request, found.allow()))
    }
}

impl<E: Endpoint<Output = Response>> Endpoint for Gate<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let began = Instant::now();
        let context = Arc::new(Context::new(&request, self.service.clone()));
        let found = self.routes.find(request.method(), request.uri().path());
        request.extensions_mut().insert(context.clone());
        let origin = self.cors.allowed(request.headers());

        let mut response = match self.answer_here(&request, &found) {
            Some(Ok(response)) => response,
            Some(Err(problem)) => problem.into_response(&context),
            None => self.ask(request, &found, &context).await,
        };
        context.note_delivered().await;
        self.headers.finish(&mut response, &context);
        self.cors.finish(&mut response, origin);
        let took = began.elapsed();
        found.meter.record(response.status(), took);
        // Template and status only: paths may hold identifiers, bodies and headers hold worse.
        tracing::debug!(
            request_id = %context.request_id,
            method = found.meter.method(),
            route = found.meter.route(),
            status = response.status().as_u16(),
            microseconds = took.as_micros() as u64,
            "request"
        );
        Ok(response)
    }
}

impl<E: Endpoint<Output = Response>> Gate<E> {
    /// What is behind the gate answers, in time and whatever happens.
    async fn ask(&self, request: Request, found: &Found<'_>, context: &Context) -> Response {
        let outcome = AssertUnwindSafe(self.inner.call(request)).catch_unwind();
        match tokio::time::timeout(self.service.http.request_timeout(), outcome).await {
            Ok(Ok(Ok(response))) => response,
            Ok(Ok(Err(error))) => refuse(from_poem(error), found.allow(), context),
            Ok(Err(_)) => panicked().resource(found.outcome()).into_response(context),
            Err(_) => timed_out().resource(found.outcome()).into_response(context),
        }
    }
}

fn refuse(problem: Problem, allow: Option<&str>, context: &Context) -> Response {
    match (problem.http_status(), allow) {
        (StatusCode::METHOD_NOT_ALLOWED, Some(methods)) => problem.allow(methods.into()).into_response(context),
        _ => problem.into_response(context),
    }
}

/// The panic's message went to stderr by the panic hook; here it is tied to the request.
fn panicked() -> Problem {
    Problem::internal("the handler panicked")
}

fn timed_out() -> Problem {
    Problem::new(StatusCode::GATEWAY_TIMEOUT, "system.timeout", "This took too long")
        .detail("What was begun is finished in the background. Look for the outcome before trying again.")
}
