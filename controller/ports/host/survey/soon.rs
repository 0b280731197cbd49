//! A look at a host that lets nobody else wait: whoever does not answer soon is asked on beside the look, and shows as not
//! seen meanwhile.

use super::{Ask, PATIENCE, Survey};
use crate::ports::host::HostError;
use crate::ports::host::pool::Host;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

/// How long a look waits for one host. One that answers needs a fraction of that.
const SOON: Duration = Duration::from_secs(4);
/// How long it waits for one that did not answer the last time.
const DOUBTFUL: Duration = Duration::from_secs(1);

/// A survey that goes on by itself.
pub(in crate::ports::host) type Asked = JoinHandle<Result<Survey, HostError>>;

impl Host {
    /// Surveys the host, and waits for it no longer than others should have to.
    ///
    /// What takes longer goes on by itself until its own time is over, and the next look finds out how it ended: where
    /// the host is slow and answers, that one waits for it whole. What it then said is not used: it is of an earlier time.
    pub async fn look(&self, user: &str, asks: &BTreeSet<Ask>) -> Result<Survey, HostError> {
        let mut asked = self.asked().lock().await;
        let late = |after| HostError::TimedOut { host: self.name().to_owned(), doing: "looking".to_owned(), after };
        if asked.as_ref().is_some_and(|former| !former.is_finished()) {
            return Err(late(SOON));
        }
        let slow = match asked.take() {
            Some(former) => matches!(former.await, Ok(Ok(_))),
            None => false,
        };
        let wait = match (slow, self.is_doubted()) {
            (true, _) => PATIENCE,
            (false, true) => DOUBTFUL,
            (false, false) => SOON,
        };
        let (own, user, asks) = (self.clone(), user.to_owned(), asks.clone());
        let mut asking = tokio::spawn(async move { own.survey(&user, &asks).await });
        let began = Instant::now();
        match timeout(wait, &mut asking).await {
            Ok(Ok(done)) => {
                let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                tracing::debug!(host = self.name(), took_ms, "looked at the host");
                done
            }
            Ok(Err(error)) => Err(self.lost("looking", error.to_string())),
            Err(_) => {
                *asked = Some(asking);
                Err(late(wait))
            }
        }
    }
}
