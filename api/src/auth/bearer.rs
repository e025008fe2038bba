//! Extractors: a handler that names one of these as a parameter has its caller checked and counted before its body
//! is read.

use std::{marker::PhantomData, ops::Deref, sync::Arc};

use aggregates::{ClientId, Permission, SessionId, UserId};
use flows::{Principal, Written};
use poem::{
    FromRequest, Request, RequestBody, Result,
    http::{Method, header},
};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions, registry::Registry};

use super::{
    api_keys,
    rights::{Right, Rights},
    session::Remembered,
    token::Claimed,
};
use crate::{
    context::Context,
    docs,
    limits::{Reads, Standing},
    parameters::MinPosition,
    problem::Problem,
    redis_link::Down,
    service::Service,
};

/// Anybody, counted by address.
pub struct Visitor(Arc<Context>);

/// Somebody with a valid token and an open session, or an API key, and the right `R`, counted by address and person,
/// and by what `R` adds.
pub struct Caller<R> {
    /// The person; a service's own id where it acts for itself.
    pub user_id: UserId,
    /// Of an API key, the key's own id.
    pub session_id: SessionId,
    /// The program that acts for the person, if it is not our own app.
    pub client_id: Option<ClientId>,
    /// All that the token permits.
    pub rights: Rights,
    /// The position of the person's last write through any instance, where the request is a read.
    last_write: Option<i64>,
    context: Arc<Context>,
    right: PhantomData<R>,
}

impl Deref for Visitor {
    type Target = Context;

    fn deref(&self) -> &Context {
        &self.0
    }
}

impl<R> Caller<R> {
    /// Who acts, within which session.
    pub fn principal(&self) -> Principal {
        Principal { user_id: self.user_id, session_id: self.session_id }
    }

    /// Remembers that the person wrote, for their next reads; gives the written value back.
    pub fn wrote<T>(&self, written: Written<T>) -> (T, i64) {
        self.context.noted(self.user_id, written.position);
        (written.value, written.position)
    }

    /// Whether the token permits something else beside `R`.
    pub fn may(&self, permission: Permission) -> bool {
        self.rights.permit(permission)
    }

    /// The position that a read must have reached: as the client demands, else the person's own last write.
    pub fn at_least(&self, demanded: Option<MinPosition>) -> Option<i64> {
        let own = || self.service.last_writes.of(self.user_id).max(self.last_write);
        demanded.map(|MinPosition(position)| position).or_else(own)
    }
}

impl<R: Right> Caller<R> {
    /// The caller, checked and counted.
    pub async fn of(request: &Request) -> Result<Self, Problem> {
        let context = Context::of(request);
        let claimed = identify(request, &context).await?;
        let last_write = admit::<R>(&context, &claimed, is_read(request)).await?;
        context.service.api_keys.used(&claimed, &context).await?;
        permit(&claimed, R::PERMISSION)?;
        let Claimed { user_id, session_id, client_id, rights, .. } = claimed;
        Ok(Caller { user_id, session_id, client_id, rights, last_write, context, right: PhantomData })
    }
}

impl<R> Deref for Caller<R> {
    type Target = Context;

    fn deref(&self) -> &Context {
        &self.context
    }
}

impl<'a> FromRequest<'a> for Visitor {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> Result<Self> {
        Ok(Visitor::of(request).await?)
    }
}

impl Visitor {
    /// Whoever it is, counted.
    pub async fn of(request: &Request) -> Result<Self, Problem> {
        let context = Context::of(request);
        count_address(&context).await?;
        Ok(Visitor(context))
    }
}

impl<'a, R: Right> ApiExtractor<'a> for Caller<R> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        docs::register_schemes(registry);
    }

    /// The permission itself stands for the scheme; the document says how it is proven.
    fn security_schemes() -> Vec<&'static str> {
        vec![R::PERMISSION.as_str()]
    }

    async fn from_request(request: &'a Request, _: &mut RequestBody, _: ExtractParamOptions<()>) -> Result<Self> {
        Ok(Caller::of(request).await?)
    }
}

/// What the token or key says, if it is one of ours. A stranger is counted by address: guessing is not for free.
async fn identify(request: &Request, context: &Context) -> Result<Claimed, Problem> {
    let service = &context.service;
    match bearer(request) {
        Some(Some(key)) if api_keys::is_one(key) => {
            if let Some(claimed) = service.api_keys.known(key) {
                return Ok(claimed);
            }
            // Before PostgreSQL is asked.
            count_address(context).await?;
            service.api_keys.look_up(key).await?.ok_or_else(Problem::invalid_token)
        }
        Some(token) => match token.and_then(|token| service.tokens.verify(token)) {
            Some(claimed) => Ok(claimed),
            None => Err(stranger(context, Problem::invalid_token()).await),
        },
        None => Err(stranger(context, Problem::unauthenticated()).await),
    }
}

async fn stranger(context: &Context, problem: Problem) -> Problem {
    count_address(context).await.err().unwrap_or(problem)
}

fn permit(claimed: &Claimed, permission: Permission) -> Result<(), Problem> {
    if claimed.rights.permit(permission) {
        Ok(())
    } else if claimed.rights.withhold(permission) {
        Err(Problem::second_factor_needed(permission))
    } else {
        Err(Problem::forbidden(permission))
    }
}

/// RFC 6750 §2.1: none where nothing was sent, else the token if there is one in what was sent. Exactly one
/// `Authorization` header, so that a proxy and we cannot read different ones.
fn bearer(request: &Request) -> Option<Option<&str>> {
    let mut headers = request.headers().get_all(header::AUTHORIZATION).iter();
    let (only, None) = (headers.next()?, headers.next()) else { return Some(None) };
    let parts = only.to_str().ok().and_then(|text| text.split_once(' '));
    let token = parts.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    Some(token.map(|(_, token)| token.trim_start_matches(' ')))
}

/// Only reads wait for what was written before.
fn is_read(request: &Request) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
}

/// Session, limits and, for reads, the person's last write, in one round trip to Redis where it answers.
async fn admit<R: Right>(context: &Context, claimed: &Claimed, read: bool) -> Result<Option<i64>, Problem> {
    let Service { sessions, limits, last_writes, .. } = &*context.service;
    let Claimed { user_id, session_id, .. } = *claimed;
    let counters = [limits.address(context.client), limits.person(user_id), R::counter(limits, user_id)];
    let counters: Vec<_> = counters.into_iter().flatten().collect();
    let (session, last_write) = (sessions.key(session_id), read.then(|| last_writes.key(user_id)));
    let reads = match &last_write {
        Some(last_write) => Reads::SessionAndLastWrite { session: &session, last_write },
        None => Reads::Session { session: &session },
    };
    let (remembered, written) = match limits.admit(reads, &counters).await {
        Ok(admission) => {
            let known = (Remembered::read(admission.session.as_deref()), admission.last_write);
            stand(context, admission.verdict()?);
            known
        }
        Err(Down) => {
            stand(context, limits.alone(&counters)?);
            (Remembered::Unknown, None)
        }
    };
    if matches!(remembered, Remembered::Ended) {
        count_address(context).await?;
    }
    sessions.check(remembered, claimed).await?;
    Ok(written)
}

async fn count_address(context: &Context) -> Result<(), Problem> {
    let limits = &context.service.limits;
    let counters: Vec<_> = limits.address(context.client).into_iter().collect();
    let standing = match limits.admit(Reads::Nothing, &counters).await {
        Ok(admission) => admission.verdict()?,
        Err(Down) => limits.alone(&counters)?,
    };
    stand(context, standing);
    Ok(())
}

fn stand(context: &Context, standing: Standing) {
    // Set once: a request has one extractor that counts. The look at an ended session has counted nothing.
    if !standing.is_empty() {
        let _ = context.standing.set(standing);
    }
}
