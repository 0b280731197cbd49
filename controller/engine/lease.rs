//! The lease: the right to write to the world, kept as one ref in the repo and taken by compare-and-swap push.
//! Owns who may write and until when; must not know what is written.
//!
//! **Flow**: `take` before the first write of a run → `check` before each write → `keep` renews meanwhile → `release`.
//!
//! **Guarantees**: of all that run on one repo, one writes. Who takes the lease over from another is told so, and looks
//! anew: what it had planned may have been done by the other since. The ref is never deleted, so that it names the last
//! writer: where that is still the value that we left, nobody else has written, and no second look is needed.
//!
//! **Assumptions**: clocks differ by no more than `Terms::skew`. A value that claims to be from the future is not
//! believed: it runs out once we have seen it unchanged for as long as it is good.
//!
//! **What happens if interrupted**: it runs out by itself; a process that comes back over the same data folder takes it
//! at once. A push whose answer was lost is found by reading the ref.
//!
//! **Cost**: a look with nothing to do pushes nothing. A run pushes once before and once after it, ten milliseconds each
//! with a local repo, and every `lasts / 2` between.

use super::snapshot::Trouble;
use crate::model::Fault;
use crate::ports::clock::Clock;
use crate::ports::git::{CommitId, GitError, Mirror, Person};
use crate::ports::machine::Place;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// The ref in the repo.
pub const REF: &str = "refs/driftless/lease";

/// How often a take is tried again when others push in between.
const TRIES: usize = 4;

/// For how long a lease is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// After a take or a renewal.
    pub lasts: Duration,
    /// How far another machine's clock may be off: for so long a lease that ran out is left alone.
    pub skew: Duration,
}

impl Default for Terms {
    fn default() -> Self {
        Self { lasts: Duration::from_secs(120), skew: Duration::from_secs(30) }
    }
}

/// What the ref carries, as JSON; the fields are for people, too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Value {
    /// The process: random, so that no two are taken for one another.
    holder: String,
    /// Its machine and data folder, hashed.
    #[serde(default)]
    place: Option<String>,
    /// Its machine's name.
    #[serde(default)]
    host: String,
    since: Timestamp,
    until: Timestamp,
    /// Given back before its time.
    #[serde(default)]
    released: bool,
}

/// How the lease came to be ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Nobody else wrote since we last held it, or looked.
    Again,
    /// From another, who may have written since we looked.
    Over,
}

/// Why it is not ours.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// Another has it.
    #[error("another driftless has the lease of this repo: {who}, until {until}")]
    Other {
        /// Its machine and a mark of the process.
        who: String,
        /// Until when, unless it renews it.
        until: String,
    },
    /// Others were faster each time.
    #[error("others pushed to {REF} each time that the lease was to be taken")]
    Raced,
    /// The repo could not be read or written.
    #[error("the lease of this repo ({REF}) could not be taken: {0}")]
    Git(#[from] GitError),
    /// A mistake in the program.
    #[error("the lease could not be written as JSON")]
    Json(#[from] serde_json::Error),
}

impl NotTaken {
    /// What to do.
    pub fn hint(&self) -> String {
        match self {
            Self::Other { .. } => {
                "This one looks and plans, and changes nothing meanwhile. A lease that nobody renews \
                 runs out by itself. Should only one driftless work on this repo, stop the other."
                    .to_owned()
            }
            Self::Raced => "The next look tries again.".to_owned(),
            Self::Git(error) => format!("Nothing is changed without it. {}", error.hint()),
            Self::Json(_) => "This is a mistake in driftless: please report it.".to_owned(),
        }
    }

    /// The same for a snapshot.
    pub fn trouble(&self) -> Trouble {
        Trouble::of("lease", self.to_string(), &self.hint())
    }
}

#[derive(Default)]
struct State {
    ours: Option<Ours>,
    /// The value that we left there last.
    left: Option<CommitId>,
    /// A value of another, and when we first saw it.
    seen: Option<(CommitId, Timestamp)>,
}

#[derive(Clone)]
struct Ours {
    commit: CommitId,
    since: Timestamp,
    until: Timestamp,
    /// The same by a clock that nobody sets.
    from: Instant,
}

/// One process's side of the lease.
pub struct Lease {
    holder: String,
    place: Place,
    clock: Clock,
    terms: Terms,
    author: Person,
    state: Mutex<State>,
}

impl Lease {
    /// A lease that is not held yet.
    pub fn new(place: Place, clock: Clock, terms: Terms) -> Self {
        let author = Person::new("driftless", "driftless@localhost");
        Self { holder: uuid::Uuid::new_v4().to_string(), place, clock, terms, author, state: Mutex::default() }
    }

    /// Takes the lease where it is free, has run out, or is ours already.
    pub async fn take(&self, mirror: &Mirror) -> Result<Taken, NotTaken> {
        let (mut expected, mut taken) = match self.left() {
            Some(left) => (Some(left), Taken::Again),
            None => self.free(mirror).await?,
        };
        for _ in 0..TRIES {
            if self.put(mirror, expected.as_ref()).await? {
                return Ok(taken);
            }
            (expected, taken) = self.free(mirror).await?;
        }
        Err(NotTaken::Raced)
    }

    /// Says whether the lease is still ours: asked before each write. What it refuses was not sent.
    pub fn check(&self) -> Result<(), Fault> {
        let what = match &self.state().ours {
            // Whichever of both clocks says so: the machine's may be set back.
            Some(ours) if self.clock.now() < ours.until && ours.from.elapsed() < self.terms.lasts => return Ok(()),
            Some(ours) => format!("the lease of the repo ran out at {}", moment(ours.until)),
            None => "the lease of the repo was lost to another driftless".to_owned(),
        };
        Err(Fault::transient(what, "Nothing was sent. The next look takes the lease again, where nobody else has it."))
    }

    /// Renews the lease until `over`. Once it is lost, or cannot be renewed in time, `ending` is cancelled, so that
    /// nothing new is begun.
    pub async fn keep(&self, mirror: &Mirror, over: &CancellationToken, ending: &CancellationToken) {
        let (usual, soon) = (self.terms.lasts / 2, self.terms.lasts / 12);
        let mut wait = usual;
        // A push under way is always seen to its end: a value of ours that we do not know of would have to run out.
        while over.run_until_cancelled(tokio::time::sleep(wait)).await.is_some() {
            wait = usual;
            match self.renew(mirror).await {
                Ok(()) => {}
                Err(NotTaken::Git(error)) if self.check().is_ok() => {
                    tracing::warn!(%error, "the lease could not be renewed yet");
                    wait = soon;
                }
                Err(error) => {
                    tracing::error!(%error, "the lease is lost: the run ends after the changes in flight");
                    self.state().ours = None;
                    ending.cancel();
                    return;
                }
            }
        }
    }

    /// Gives the lease back, so that nobody has to wait for its end. Where that fails, it runs out.
    pub async fn release(&self, mirror: &Mirror) {
        let Some(ours) = self.state().ours.take() else { return };
        let value = Value { until: self.clock.now(), released: true, ..self.value(ours.since) };
        let gone = async {
            let commit = self.write(mirror, &value).await?;
            let left = mirror.push_ref_cas(REF, Some(&ours.commit), Some(&commit)).await?;
            self.state().left = left.then_some(commit);
            Ok::<_, NotTaken>(())
        };
        if let Err(error) = gone.await {
            // Whether it arrived is not known: the next take reads what stands there.
            self.state().left = None;
            tracing::warn!(%error, "the lease could not be given back; it runs out by itself");
        }
    }

    async fn renew(&self, mirror: &Mirror) -> Result<(), NotTaken> {
        let ours = self.state().ours.clone();
        let mut expected = ours.map(|ours| ours.commit);
        for _ in 0..TRIES {
            let Some(commit) = &expected else { return Err(NotTaken::Raced) };
            if self.put(mirror, Some(commit)).await? {
                return Ok(());
            }
            // Ours all the same where the answer to an earlier push was lost.
            let found = mirror.read_value(REF).await?;
            let value = found.as_ref().and_then(|(_, bytes)| read(bytes));
            match (found, value) {
                (Some((commit, _)), Some(value)) if value.holder == self.holder => expected = Some(commit),
                (_, Some(value)) => return Err(other(&value)),
                (_, None) => return Err(NotTaken::Raced),
            }
        }
        Err(NotTaken::Raced)
    }

    /// Reads what stands there: the value to be replaced, and whether somebody else wrote since.
    async fn free(&self, mirror: &Mirror) -> Result<(Option<CommitId>, Taken), NotTaken> {
        let known = self.state().left.is_some();
        let Some((commit, bytes)) = mirror.read_value(REF).await? else {
            return Ok((None, if known { Taken::Over } else { Taken::Again }));
        };
        let value = read(&bytes);
        if let Some(value) = &value
            && (value.holder == self.holder || (value.place.is_some() && value.place == self.place.mark))
        {
            return Ok((Some(commit), Taken::Again));
        }
        let now = self.clock.now();
        let seen = self.first_seen(&commit, now);
        let over = match &value {
            Some(value) => value.released || self.ran_out(value, now) || self.outlived(seen, now),
            None => self.outlived(seen, now),
        };
        if over {
            tracing::info!(host = value.map(|v| v.host), "the lease is taken over from another driftless");
            return Ok((Some(commit), Taken::Over));
        }
        Err(value.as_ref().map_or_else(
            || NotTaken::Other {
                who: "somebody who left no name there".to_owned(),
                until: moment(after(seen, self.terms.lasts)),
            },
            other,
        ))
    }

    fn ran_out(&self, value: &Value, now: Timestamp) -> bool {
        let honest = value.since <= after(now, self.terms.skew);
        honest && now >= after(value.until, self.terms.skew)
    }

    /// Says whether a value stood unchanged for longer than any is good.
    fn outlived(&self, seen: Timestamp, now: Timestamp) -> bool {
        now >= after(after(seen, self.terms.lasts), self.terms.skew)
    }

    fn first_seen(&self, commit: &CommitId, now: Timestamp) -> Timestamp {
        let mut state = self.state();
        match &state.seen {
            Some((known, at)) if known == commit => *at,
            _ => {
                state.seen = Some((commit.clone(), now));
                now
            }
        }
    }

    /// Puts our value in the place of another; false where it is no longer that one.
    async fn put(&self, mirror: &Mirror, expected: Option<&CommitId>) -> Result<bool, NotTaken> {
        let from = Instant::now();
        let since = self.state().ours.as_ref().map_or_else(|| self.clock.now(), |ours| ours.since);
        let value = self.value(since);
        let commit = self.write(mirror, &value).await?;
        if !mirror.push_ref_cas(REF, expected, Some(&commit)).await? {
            return Ok(false);
        }
        let mut state = self.state();
        state.left = Some(commit.clone());
        state.ours = Some(Ours { commit, since, until: value.until, from });
        Ok(true)
    }

    fn value(&self, since: Timestamp) -> Value {
        Value {
            holder: self.holder.clone(),
            place: self.place.mark.clone(),
            host: self.place.host.clone(),
            since,
            until: after(self.clock.now(), self.terms.lasts),
            released: false,
        }
    }

    async fn write(&self, mirror: &Mirror, value: &Value) -> Result<CommitId, NotTaken> {
        let mut text = serde_json::to_vec_pretty(value)?;
        text.push(b'\n');
        let message = format!("driftless lease: {}", value.host);
        Ok(mirror.write_value(&text, &message, &self.author).await?)
    }

    fn left(&self) -> Option<CommitId> {
        self.state().left.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(bytes: &[u8]) -> Option<Value> {
    serde_json::from_slice(bytes).ok()
}

fn other(value: &Value) -> NotTaken {
    let mark: String = value.holder.chars().take(8).collect();
    NotTaken::Other { who: format!("{} ({mark})", value.host), until: moment(value.until) }
}

fn after(time: Timestamp, wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    time.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
