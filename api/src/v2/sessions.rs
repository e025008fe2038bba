use aggregates::SessionId;
use chrono::{DateTime, Utc};
use flows::sessions::{self, Listed};
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::{Path, Query},
};
use serde::Serialize;
use uuid::Uuid;

use super::Tag;
use crate::{
    auth::{Caller, rights::SecurityManage},
    json::Json,
    problem::{Failure, refusals},
};

#[derive(Default)]
pub struct Sessions;

/// The program that a session belongs to, where it is not our own app.
#[derive(Object, Serialize)]
struct Program {
    client_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

/// Where and how the caller is logged in.
#[derive(Object, Serialize)]
struct Session {
    session_id: Uuid,
    /// As the login named it.
    #[serde(skip_serializing_if = "Option::is_none")]
    device_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<Program>,
    opened_at: DateTime<Utc>,
    /// When it got its last access token.
    refreshed_at: DateTime<Utc>,
    /// When it ends at the latest.
    expires_at: DateTime<Utc>,
    /// How the caller proved who they are: `password`, `totp`, `recovery_code`, `passkey`, `federated`.
    proofs: Vec<String>,
    /// Whether it is the one that asks.
    current: bool,
}

#[derive(Object, Serialize)]
struct SessionList {
    sessions: Vec<Session>,
}

/// A device with open sessions.
#[derive(Object, Serialize)]
struct Device {
    device_id: String,
    /// When the oldest of its open sessions was opened.
    first_seen: DateTime<Utc>,
    last_seen: DateTime<Utc>,
    sessions: u32,
    /// Whether it is the one that asks.
    current: bool,
}

#[derive(Object, Serialize)]
struct DeviceList {
    devices: Vec<Device>,
}

#[derive(ApiResponse)]
enum ListResponse {
    /// The open sessions, the last used first; 20 at most.
    #[oai(status = 200)]
    Sessions(Json<SessionList>),
}

#[derive(ApiResponse)]
enum DevicesResponse {
    /// The devices, the last used first.
    #[oai(status = 200)]
    Devices(Json<DeviceList>),
}

#[derive(ApiResponse)]
enum EndResponse {
    /// Ended; the tokens are refused from now on.
    #[oai(status = 204)]
    Ended(#[oai(header = "X-Position")] i64),
}

refusals!(List, V2, [401, 403, 429, 500, 503, 504]);
refusals!(EndAll, V2, [400, 401, 403, 409, 429, 500, 503, 504]);
refusals!(End, V2, [400, 401, 403, 404, 409, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v2/me", tag = "Tag::Authentication")]
impl Sessions {
    /// My sessions
    ///
    /// Where the caller is logged in, programs that act for the caller included.
    #[oai(path = "/sessions", method = "get", operation_id = "listSessions")]
    async fn list(&self, caller: Caller<SecurityManage>) -> Result<ListResponse, Failure<List>> {
        let listed = sessions::list(&caller.service.system, caller.user_id).await?;
        let sessions = listed.into_iter().map(|listed| Session::shown(listed, caller.session_id)).collect();
        Ok(ListResponse::Sessions(Json(SessionList { sessions })))
    }

    /// End my sessions
    ///
    /// All of them, or with `except_current` all but the one that asks.
    #[oai(path = "/sessions", method = "delete", operation_id = "endSessions")]
    async fn end_all(
        &self,
        caller: Caller<SecurityManage>,
        except_current: Query<Option<bool>>,
    ) -> Result<EndResponse, Failure<EndAll>> {
        let except = except_current.0.unwrap_or(false).then_some(caller.session_id);
        let written = sessions::revoke_all(&caller.service.system, caller.user_id, except, &caller.origin()).await?;
        let ((), position) = caller.wrote(written);
        Ok(EndResponse::Ended(position))
    }

    /// End one of my sessions
    ///
    /// Whoever uses it has to log in again.
    #[oai(path = "/sessions/:session_id", method = "delete", operation_id = "endSession")]
    async fn end(&self, caller: Caller<SecurityManage>, session_id: Path<Uuid>) -> Result<EndResponse, Failure<End>> {
        let (system, session) = (&caller.service.system, SessionId(session_id.0));
        let written = sessions::revoke(system, caller.user_id, session, &caller.origin()).await?;
        let ((), position) = caller.wrote(written);
        Ok(EndResponse::Ended(position))
    }

    /// My devices
    ///
    /// The devices on which the caller is logged in. A login that names no device shows among the sessions only.
    #[oai(path = "/devices", method = "get", operation_id = "listDevices")]
    async fn devices(&self, caller: Caller<SecurityManage>) -> Result<DevicesResponse, Failure<List>> {
        let devices = sessions::devices(&caller.service.system, caller.user_id, caller.session_id).await?;
        let devices = devices.into_iter().map(Device::from).collect();
        Ok(DevicesResponse::Devices(Json(DeviceList { devices })))
    }

    /// Log a device out
    ///
    /// Ends the sessions of the device, for instance of one that was lost.
    #[oai(path = "/devices/:device_id", method = "delete", operation_id = "endDevice")]
    async fn end_device(
        &self,
        caller: Caller<SecurityManage>,
        device_id: Path<String>,
    ) -> Result<EndResponse, Failure<End>> {
        let system = &caller.service.system;
        let written = sessions::revoke_device(system, caller.user_id, &device_id.0, &caller.origin()).await?;
        let ((), position) = caller.wrote(written);
        Ok(EndResponse::Ended(position))
    }
}

impl Session {
    fn shown(listed: Listed, current: SessionId) -> Session {
        let Listed { open, client_name } = listed;
        let session = open.session;
        Session {
            session_id: session.session_id.0,
            device_id: session.device_id,
            client: session.client_id.map(|client_id| Program { client_id: client_id.0, name: client_name }),
            opened_at: open.opened_at,
            refreshed_at: open.refreshed_at,
            expires_at: session.expires_at,
            proofs: session.proofs.iter().map(|proof| proof.as_str().into()).collect(),
            current: session.session_id == current,
        }
    }
}

impl From<sessions::Device> for Device {
    fn from(device: sessions::Device) -> Device {
        let sessions::Device { device_id, first_seen, last_seen, sessions, is_current } = device;
        Device { device_id, first_seen, last_seen, sessions, current: is_current }
    }
}
