//! Extractors: a handler that names one of these as a parameter has its caller checked and counted before its body
//! is read.

use std::{marker::PhantomData, ops::Deref, sync::Arc};

use aggregates::{ClientId, Permission, SessionId, UserId};
use flows::{Principal, Written};
use poem::{
    FromRequest, Request, RequestBody, Result,
    http::{Method, header},
};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaSecurityScheme, Registry},
};

use super::{
    rights::{Right, Rights},
    session::Remembered,
    token::Claimed,
};
use crate::{
    context::Context,
    limits::{Reads, Standing},
    parameters::MinPosition,
    problem::Problem,
    redis_link::Down,
    service::Service,
};

const SCHEME: &str = "accessToken";

/// Anybody, counted by address.
pub struct Visitor(Arc<Context>);

/// Somebody with a valid token, an open session and the right `R`, counted by address and person, and by what `R`
/// adds.
pub struct Caller<R> {
    /// The person; a service's own id where it acts for itself.
    pub user_id: UserId,
    pub session_id: SessionId,
    /// The program that acts for the person, if it is not our own app.
    pub client_id: Option<ClientId>,
    rights: Rights,
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
        self.service.last_writes.note(self.user_id, written.position);
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

impl<R> Deref for Caller<R> {
    type Target = Context;

    fn deref(&self) -> &Context {
        &self.context
    }
}

impl<'a> FromRequest<'a> for Visitor {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> Result<Self> {
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
        let scheme = MetaSecurityScheme {
            ty: "http",
            description: Some("The token that login answers with. Good for 15 to 30 minutes, and until logout."),
            name: None,
            key_in: None,
            scheme: Some("bearer"),
            bearer_format: Some("JWT"),
            flows: None,
            openid_connect_url: None,
        };
        registry.create_security_scheme(SCHEME, scheme);
    }

    fn security_schemes() -> Vec<&'static str> {
        vec![SCHEME]
    }

    async fn from_request(request: &'a Request, _: &mut RequestBody, _: ExtractParamOptions<()>) -> Result<Self> {
        let context = Context::of(request);
        let Some(claimed) = bearer(request).and_then(|token| context.service.tokens.verify(token)) else {
            // A stranger is counted too, by address: guessing tokens is not for free.
            count_address(&context).await?;
            return Err(Problem::unauthenticated().into());
        };
        let last_write = admit::<R>(&context, claimed, is_read(request)).await?;
        if !claimed.rights.permit(R::PERMISSION) {
            return Err(Problem::forbidden(R::PERMISSION).into());
        }
        let Claimed { user_id, session_id, client_id, rights, .. } = claimed;
        Ok(Caller { user_id, session_id, client_id, rights, last_write, context, right: PhantomData })
    }
}

/// RFC 6750 §2.1. Exactly one `Authorization` header, so that a proxy and we cannot read different ones.
fn bearer(request: &Request) -> Option<&str> {
    let mut headers = request.headers().get_all(header::AUTHORIZATION).iter();
    let (only, None) = (headers.next()?, headers.next()) else { return None };
    let (scheme, token) = only.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim_start_matches(' '))
}

/// Only reads wait for what was written before.
fn is_read(request: &Request) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
}

/// Session, limits and, for reads, the person's last write, in one round trip to Redis where it answers.
async fn admit<R: Right>(context: &Context, claimed: Claimed, read: bool) -> Result<Option<i64>, Problem> {
    let Service { sessions, limits, last_writes, .. } = &*context.service;
    let Claimed { user_id, session_id, .. } = claimed;
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
    sessions.check(remembered, session_id, user_id).await?;
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
