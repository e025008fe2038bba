use crate::Error;

/// Works on a task of its own, and waits for it: whoever waits may go away without leaving it half done.
pub async fn apart<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    tokio::spawn(work).await.map_err(|e| Error::Internal(Box::new(e))).flatten()
}
