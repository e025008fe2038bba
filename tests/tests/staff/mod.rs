//! Staff: made by the command line and by admins, never by themselves; what they read is recorded.

mod command_line;
mod reading;
mod roles;

use aggregates::{Proof, Role, user::User};
use hyper::Method;
use store::Store;
use tests::client::{Answer, Client};

use crate::members::{LoggedIn, Member};

/// Staff with their roles, logged in with two factors.
async fn staff(store: &Store, roles: &[Role]) -> (Member, LoggedIn) {
    let member = Member::new(store, roles).await;
    let session = member.log_in(store, &[Proof::Password, Proof::Totp]).await;
    (member, session)
}

async fn change(client: &mut Client, method: Method, token: &str, of: &Member, role: &str) -> Answer {
    let path = format!("/api/v2/admin/users/{}/roles/{role}", of.user_id);
    client.request(method, &path, Some(token), None, &[]).await.unwrap()
}

async fn has_role(store: &Store, member: &Member, role: Role) -> bool {
    store.load_latest::<User>(member.user_id).await.unwrap().roles().contains(&role)
}
