use aggregates::UserId;
use flows::accounts;
use poem_openapi::{
    ApiResponse, OpenApi,
    param::{Header, Path},
};
use uuid::Uuid;

use super::{Tag, me::Profile};
use crate::{
    auth::{Caller, rights::UsersRead},
    json::Json,
    parameters::MinPosition,
    problem::{Failure, refusals},
};

#[derive(Default)]
pub struct Users;

#[derive(ApiResponse)]
enum Found {
    /// The account.
    #[oai(status = 200)]
    Profile(Json<Profile>),
}

refusals!(Get, V2, [400, 401, 403, 404, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v2/users", tag = "Tag::Users")]
impl Users {
    /// Somebody's account
    ///
    /// For those who look after people's accounts, and for services. Of an erased person only the standing is left.
    #[oai(path = "/:user_id", method = "get", operation_id = "getUser")]
    async fn get(
        &self,
        caller: Caller<UsersRead>,
        user_id: Path<Uuid>,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<MinPosition>>,
    ) -> Result<Found, Failure<Get>> {
        let at_least = caller.at_least(min_position.0);
        let profile = accounts::profile(&caller.service.system, UserId(user_id.0), at_least).await?;
        Ok(Found::Profile(Json(profile.into())))
    }
}
