/// The rules of a notification.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the notification was sent, and said something else")]
    AlreadySent,
}
