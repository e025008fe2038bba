use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use aggregates::UserId;
use poem::{Request, http::HeaderMap};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::{
    limits::{Policy, Standing},
    problem::Problem,
    service::Service,
};

/// What is known of a request before it is read: travels with it as an extension, and answers outlive it here.
pub struct Context {
    /// Also the correlation id of every event that the request causes.
    pub request_id: Uuid,
    /// W3C trace context, passed on as it came if it is well formed.
    pub traceparent: Option<String>,
    pub face: Face,
    /// Who is counted for the address's rate limit.
    pub client: IpAddr,
    pub service: Arc<Service>,
    /// How the caller stands with the rate limits of every request, once they were counted.
    pub standing: OnceLock<Standing>,
    /// Likewise with the stricter ones of this operation, where it has any.
    pub strict_standing: OnceLock<Standing>,
    /// The note of what the request has written, on its way to Redis.
    note: OnceLock<Mutex<Option<JoinHandle<()>>>>,
}

/// Which face of the API a request looks at, and so how it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    V1,
    V2,
    Operations,
}

impl Face {
    pub fn of(path: &str) -> Face {
        match path.strip_prefix("/api/") {
            Some(rest) if rest == "v1" || rest.starts_with("v1/") => Face::V1,
            Some(rest) if rest == "v2" || rest.starts_with("v2/") => Face::V2,
            _ => Face::Operations,
        }
    }
}

impl Context {
    pub fn new(request: &Request, service: Arc<Service>) -> Context {
        let headers = request.headers();
        Context {
            request_id: request_id(headers),
            traceparent: traceparent(headers),
            face: Face::of(request.uri().path()),
            client: client_address(request, service.http.trusted_hops),
            service,
            standing: OnceLock::new(),
            strict_standing: OnceLock::new(),
            note: OnceLock::new(),
        }
    }

    /// The context that the middleware attached.
    pub fn of(request: &Request) -> Arc<Context> {
        request.data::<Arc<Context>>().expect("every request passes the middleware").clone()
    }

    /// Counts the request against a stricter limit, by address and by `subject`: who is tried, such as an e-mail
    /// address or a client's id. To be called before anything is looked up.
    pub async fn strict(&self, policy: Policy, subject: Option<&str>) -> Result<(), Problem> {
        let standing = self.service.limits.strict(policy, self.client, subject).await?;
        // An operation has one stricter limit.
        let _ = self.strict_standing.set(standing);
        Ok(())
    }

    /// Notes that a person has written, for their next reads through any instance.
    pub fn noted(&self, person: UserId, position: i64) {
        if let Some(note) = self.service.last_writes.note(person, position) {
            let _ = self.note.set(Mutex::new(Some(note)));
        }
    }

    /// Waits until the note has reached Redis, or could not. To be called before the answer is sent.
    pub async fn note_delivered(&self) {
        let note = self.note.get().and_then(|note| note.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(note) = note {
            let _ = note.await;
        }
    }

    /// Works on a task of its own: a client that hangs up does not leave it half done. For all that is more than one
    /// step.
    pub async fn apart<T: Send + 'static, F>(
        &self,
        work: impl FnOnce(flows::System, flows::Origin) -> F,
    ) -> Result<T, flows::Error>
    where
        F: Future<Output = Result<T, flows::Error>> + Send + 'static,
    {
        flows::apart(work(self.service.system.clone(), self.origin())).await
    }

    pub fn origin(&self) -> flows::Origin {
        flows::Origin {
            correlation_id: self.request_id,
            traceparent: self.traceparent.clone(),
            address: Some(self.client),
        }
    }
}

/// The client's own id if it is a UUID, else a new one.
fn request_id(headers: &HeaderMap) -> Uuid {
    let given = headers.get("x-request-id").and_then(|value| Uuid::try_parse_ascii(value.as_bytes()).ok());
    given.filter(|id| !id.is_nil()).unwrap_or_else(Uuid::now_v7)
}

/// W3C Trace Context §3.2: `00-<32 hex>-<16 hex>-<2 hex>`, lower case, ids not all zero.
fn traceparent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get("traceparent")?.to_str().ok()?;
    let mut parts = text.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let whole = parts.next().is_none() && version == "00" && hex(trace, 32) && hex(parent, 16) && hex(flags, 2);
    let named = trace.bytes().any(|b| b != b'0') && parent.bytes().any(|b| b != b'0');
    (whole && named).then(|| text.to_owned())
}

/// The client's address: the peer's, or what the outermost of `trusted_hops` proxies wrote in `X-Forwarded-For`.
fn client_address(request: &Request, trusted_hops: usize) -> IpAddr {
    let peer = request.remote_addr().as_socket_addr().map(|address| address.ip());
    let peer = peer.unwrap_or(IpAddr::from([0, 0, 0, 0]));
    match trusted_hops {
        0 => peer,
        hops => forwarded(request.headers(), hops).unwrap_or(peer),
    }
}

/// Each proxy appends the address it was called from, so the last `hops` entries are ours to believe. Entries are
/// counted whatever they hold: what a client has written must not move the count.
fn forwarded(headers: &HeaderMap, hops: usize) -> Option<IpAddr> {
    let lists: Vec<_> = headers.get_all("x-forwarded-for").iter().collect();
    let mut entries = lists.iter().rev().flat_map(|list| list.as_bytes().rsplit(|byte| *byte == b','));
    let entry = std::str::from_utf8(entries.nth(hops - 1)?).ok()?.trim();
    // Some proxies add the port.
    entry.parse().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(poem::http::HeaderName::from_static(name), value.parse().unwrap())])
    }

    #[test]
    fn a_clients_request_id_is_kept_if_it_is_a_uuid() {
        let id = Uuid::now_v7();
        assert_eq!(request_id(&headers("x-request-id", &id.to_string())), id);
        for other in ["", "abc", "00000000-0000-0000-0000-000000000000"] {
            assert_eq!(request_id(&headers("x-request-id", other)).get_version_num(), 7, "{other}");
        }
    }

    #[test]
    fn only_a_well_formed_traceparent_is_passed_on() {
        assert_eq!(traceparent(&headers("traceparent", TRACE)).as_deref(), Some(TRACE));
        let upper = TRACE.to_uppercase();
        let longer = format!("{TRACE}-00");
        let no_trace = format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32));
        for broken in ["", "00", "x", upper.as_str(), longer.as_str(), no_trace.as_str(), &TRACE[1..]] {
            assert_eq!(traceparent(&headers("traceparent", broken)), None, "{broken}");
        }
    }

    #[test]
    fn only_our_own_proxies_are_believed() {
        // Lines of headers as they arrive, our proxies, and whom we take the client for; none: our own peer.
        type Case<'a> = (&'a [&'a [u8]], usize, Option<&'a str>);
        let table: [Case<'_>; 20] = [
            (&[b"203.0.113.9, 198.51.100.2, 192.0.2.1"], 1, Some("192.0.2.1")),
            (&[b"203.0.113.9, 198.51.100.2, 192.0.2.1"], 2, Some("198.51.100.2")),
            (&[b"203.0.113.9, 198.51.100.2, 192.0.2.1"], 3, Some("203.0.113.9")),
            (&[b"203.0.113.9, 198.51.100.2, 192.0.2.1"], 4, None),
            (&[], 1, None),
            (&[b""], 1, None),
            (&[b"192.0.2.1"], 2, None),
            // Several headers are one list, in their order (RFC 9110 §5.3).
            (&[b"203.0.113.9", b"192.0.2.1"], 1, Some("192.0.2.1")),
            (&[b"203.0.113.9", b"198.51.100.2, 192.0.2.1"], 2, Some("198.51.100.2")),
            (&[b"203.0.113.9, 198.51.100.2", b"192.0.2.1"], 3, Some("203.0.113.9")),
            (&[b"2001:db8::7"], 1, Some("2001:db8::7")),
            (&[b"203.0.113.9,2001:db8::7"], 1, Some("2001:db8::7")),
            (&[b"192.0.2.1:4711"], 1, Some("192.0.2.1")),
            (&[b"[2001:db8::7]:4711"], 1, Some("2001:db8::7")),
            // What is no address is nobody, and never the entry before it, which the client wrote.
            (&[b"203.0.113.9, unknown"], 1, None),
            (&[b"203.0.113.9, "], 1, None),
            (&[b"203.0.113.9, for=192.0.2.1"], 1, None),
            (&[b"203.0.113.9", b"\xff\xfe, 192.0.2.1"], 1, Some("192.0.2.1")),
            (&[b"203.0.113.9", b"\xff\xfe"], 1, None),
            (&[b"\xff, 198.51.100.2, 192.0.2.1"], 2, Some("198.51.100.2")),
        ];
        for (lines, hops, client) in table {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-for", poem::http::HeaderValue::from_bytes(line).unwrap());
            }
            headers.append("forwarded", poem::http::HeaderValue::from_static("for=203.0.113.66"));
            let expected = client.map(|address| address.parse().unwrap());
            assert_eq!(forwarded(&headers, hops), expected, "{lines:?} through {hops}");
        }
    }

    #[test]
    fn the_path_says_which_face_answers() {
        let table = [
            ("/api/v1", Face::V1),
            ("/api/v1/cards", Face::V1),
            ("/api/v2/payments", Face::V2),
            ("/api/v10/cards", Face::Operations),
            ("/healthz", Face::Operations),
        ];
        for (path, face) in table {
            assert_eq!(Face::of(path), face, "{path}");
        }
    }
}
