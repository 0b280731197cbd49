//! All hosts that are known, by name, with their connections. Owns how long a host that does not answer is left alone.

use super::docker::Spoken;
use super::error::HostError;
use super::link::Link;
use super::run::{self, Command, Output};
use super::sudo;
use super::survey::Asked;
use super::target::{Ssh, Target, Way};
use super::{link, room};
use crate::model::ledger::Key;
use crate::ports::reach::Reach;
use crate::ports::secrets::Secrets;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::DuplexStream;
use tokio::sync::{Mutex as Turn, Semaphore};
use tokio::time::{Instant, timeout};

/// Commands at the same time on one host: sshd's MaxSessions is 10, and one session is the connection's own.
const AT_ONCE: usize = 8;
/// How long a host is left alone that did not answer: at first, and at most.
const REST: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));

/// How long a droplet takes at most from its first address to its first login, and then some.
const NEW: Duration = Duration::from_secs(300);

/// The hosts.
#[derive(Clone, Default)]
pub struct Hosts(Arc<Shared>);

#[derive(Default)]
struct Shared {
    means: Arc<Means>,
    patience: OnceLock<Duration>,
    known: Mutex<BTreeMap<String, Host>>,
}

/// What every connection is made with.
#[derive(Default)]
struct Means {
    secrets: Secrets,
    reach: Reach,
    room: Mutex<Option<TempDir>>,
    key: OnceLock<Key>,
}

/// One host.
#[derive(Clone)]
pub struct Host(Arc<Inner>);

/// What a host is, once for all who hold it.
pub(super) struct Inner {
    name: String,
    target: Target,
    means: Arc<Means>,
    link: Turn<Option<Arc<Link>>>,
    gate: Arc<Semaphore>,
    spoken: Turn<Option<Spoken>>,
    rest: Mutex<Option<Rest>>,
    asked: Turn<Option<Asked>>,
}

/// A host that did not answer is left alone until then, and what it said stands for what it would say.
#[derive(Clone)]
struct Rest {
    until: Instant,
    times: u32,
    why: HostError,
}

impl Hosts {
    /// Hosts whose private keys are among these secrets, at addresses that a rehearsal may have mapped.
    pub fn new(secrets: Secrets, reach: Reach) -> Self {
        let means = Arc::new(Means { secrets, reach, ..Means::default() });
        Self(Arc::new(Shared { means, ..Shared::default() }))
    }

    /// Hosts for which a new machine may take so long until it is ready.
    pub fn patient(secrets: Secrets, reach: Reach, patience: Duration) -> Self {
        let means = Arc::new(Means { secrets, reach, ..Means::default() });
        Self(Arc::new(Shared { means, patience: patience.into(), ..Shared::default() }))
    }

    /// Has new machines take so long, where nobody has said otherwise yet.
    pub fn wait_for_new(&self, patience: Duration) {
        // The first word stands: it is said once, before anything is looked at.
        let _ = self.0.patience.set(patience);
    }

    /// How long a new machine is waited for until it is ready, before others have their turn.
    pub fn patience(&self) -> Duration {
        self.0.patience.get().copied().unwrap_or(NEW)
    }

    /// Says how a host is reached. Where that is as before, its connection stays.
    pub fn aim(&self, name: &str, target: Target) -> Host {
        let mut known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = known.get(name).filter(|host| host.0.target == target) {
            return host.clone();
        }
        let host = Host(Arc::new(Inner {
            name: name.to_owned(),
            target,
            means: self.0.means.clone(),
            link: Turn::default(),
            gate: Arc::new(Semaphore::new(AT_ONCE)),
            spoken: Turn::default(),
            rest: Mutex::default(),
            asked: Turn::default(),
        }));
        known.insert(name.to_owned(), host.clone());
        host
    }

    /// The host of a name, as the last look found out how it is reached.
    pub fn host(&self, name: &str) -> Result<Host, HostError> {
        let known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(name).cloned().ok_or_else(|| HostError::NotAimed { host: name.to_owned() })
    }

    /// Forgets every host but these, and ends their connections.
    pub fn keep_only(&self, names: &dyn Fn(&str) -> bool) {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner).retain(|name, _| names(name));
    }

    /// The secrets, for what is written onto hosts.
    pub fn secrets(&self) -> &Secrets {
        &self.0.means.secrets
    }

    /// Has fingerprints of what is secret made with this key.
    pub fn keyed(self, key: Option<Key>) -> Self {
        if let Some(key) = key {
            // The first one stays: it is said once, before anything is looked at.
            let _ = self.0.means.key.set(key);
        }
        self
    }

    /// The key of fingerprints of what is secret; none where this process has none.
    pub fn key(&self) -> Option<&Key> {
        self.0.means.key.get()
    }

    pub(super) fn reach(&self) -> &Reach {
        &self.0.means.reach
    }

    pub(super) fn room(&self) -> Result<PathBuf, HostError> {
        self.0.means.room()
    }
}

impl Means {
    /// The folder for everything that connections need; it goes with the last of them.
    fn room(&self) -> Result<PathBuf, HostError> {
        let mut held = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        let room = match held.take().filter(|room| room.path().exists()) {
            Some(room) => room,
            None => room::make().map_err(link::here)?,
        };
        let path = room.path().to_owned();
        *held = Some(room);
        Ok(path)
    }
}

impl Host {
    /// What it is called.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The way to it over SSH; none for the controller's own machine.
    pub fn ssh(&self) -> Option<&Ssh> {
        match &self.0.target.way {
            Way::Ssh(ssh) => Some(ssh),
            Way::Local => None,
        }
    }

    /// Says whether it is the controller's own machine.
    pub fn is_local(&self) -> bool {
        self.0.target.way == Way::Local
    }

    /// Runs a command to its end and brings back what it said, whatever its exit code.
    pub async fn output(&self, command: &Command) -> Result<Output, HostError> {
        self.rested()?;
        let time = command.limits.time;
        let done = timeout(time, self.attempt(command)).await;
        let done = done.unwrap_or_else(|_| Err(self.too_long(command)));
        self.heed(command, done.as_ref().err());
        match done {
            // What `timeout` says on the host, at the same time as we would.
            Ok(output) if output.code == 124 => Err(self.too_long(command)),
            done => done,
        }
    }

    /// Runs a command that must succeed.
    pub async fn run(&self, command: &Command) -> Result<Output, HostError> {
        let output = self.output(command).await?;
        if output.code == 0 {
            return Ok(output);
        }
        let (host, doing) = (self.0.name.clone(), command.doing.clone());
        Err(HostError::Failed { host, doing, code: output.code, said: output.last_words() })
    }

    async fn attempt(&self, command: &Command) -> Result<Output, HostError> {
        let lost = |why: String| self.lost(&command.doing, why);
        let _turn = self.0.gate.acquire().await.map_err(|_| lost("it is shut".to_owned()))?;
        let sudo = self.0.target.sudo;
        let output = match self.link().await? {
            Some(link) => run::remote(link.session.clone(), command, sudo, &lost).await?,
            None => run::local(command, sudo, &lost).await?,
        };
        match sudo::refusal(&output).filter(|_| sudo) {
            Some(said) => Err(HostError::NoSudo { host: self.0.name.clone(), user: self.user(), said }),
            None => Ok(output),
        }
    }

    /// A command whose input and output are a stream. It has its place among those at the same time until it ends.
    pub(super) async fn stream(&self, command: &Command) -> Result<DuplexStream, HostError> {
        let lost = |why: String| self.lost(&command.doing, why);
        let turn = self.0.gate.clone().acquire_owned().await.map_err(|_| lost("it is shut".to_owned()))?;
        let sudo = self.0.target.sudo;
        let Some(link) = self.link().await? else { return run::open_local(command, sudo, turn, &lost) };
        run::open(link.session.clone(), command, sudo, turn, &lost).await
    }

    /// Who is logged in there; on the controller's own machine by number, as sudoers takes it, too.
    fn user(&self) -> String {
        self.ssh().map_or_else(|| format!("#{}", rustix::process::getuid().as_raw()), |ssh| ssh.user.clone())
    }

    /// Whether what is done there is done by `sudo`.
    pub(super) fn works_by_sudo(&self) -> bool {
        self.0.target.sudo
    }

    /// The client of its engine, where one has been made.
    pub(super) fn spoken(&self) -> &Turn<Option<Spoken>> {
        &self.0.spoken
    }

    /// The host for what it holds itself.
    pub(super) fn downgrade(&self) -> Weak<Inner> {
        Arc::downgrade(&self.0)
    }

    /// The host again, while somebody knows it.
    pub(super) fn upgrade(weak: &Weak<Inner>) -> Option<Self> {
        weak.upgrade().map(Self)
    }

    /// The connection, made where there is none or it has ended; none where the host is this machine.
    pub(super) async fn link(&self) -> Result<Option<Arc<Link>>, HostError> {
        let Way::Ssh(ssh) = &self.0.target.way else { return Ok(None) };
        // Whoever comes second waits for the first one's connection, within a time of their own.
        let mut held = self.0.link.lock().await;
        if let Some(link) = held.as_ref().filter(|link| link.is_alive()) {
            return Ok(Some(link.clone()));
        }
        *held = None;
        let means = &self.0.means;
        let link = Arc::new(Link::open(ssh, &means.secrets, &means.reach, &means.room()?).await?);
        *held = Some(link.clone());
        Ok(Some(link))
    }

    /// Fails at once while the host is left alone, with what it failed with.
    fn rested(&self) -> Result<(), HostError> {
        let rest = self.0.rest.lock().unwrap_or_else(PoisonError::into_inner);
        match &*rest {
            Some(rest) if rest.until > Instant::now() => Err(rest.why.clone()),
            _ => Ok(()),
        }
    }

    /// Lets a host alone that did not answer, ever longer; forgets that once it does.
    fn heed(&self, command: &Command, error: Option<&HostError>) {
        let away =
            |error: &&HostError| error.is_away() && (command.vital || !matches!(error, HostError::TimedOut { .. }));
        let mut rest = self.0.rest.lock().unwrap_or_else(PoisonError::into_inner);
        *rest = error.filter(away).map(|why| {
            let times = rest.as_ref().map_or(0, |rest| rest.times);
            let wait = REST.0.saturating_mul(2u32.saturating_pow(times)).min(REST.1);
            Rest { until: Instant::now() + wait, times: times.saturating_add(1), why: why.clone() }
        });
    }

    /// Says whether it did not answer the last time.
    pub(super) fn is_doubted(&self) -> bool {
        self.0.rest.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// The survey that goes on by itself, where one does.
    pub(super) fn asked(&self) -> &Turn<Option<Asked>> {
        &self.0.asked
    }

    /// Has it tried at once, however often it did not answer.
    pub fn wake(&self) {
        *self.0.rest.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(super) fn lost(&self, doing: &str, why: String) -> HostError {
        HostError::Lost { host: self.0.name.clone(), doing: doing.to_owned(), why }
    }

    pub(super) fn too_long(&self, command: &Command) -> HostError {
        let (host, doing) = (self.0.name.clone(), command.doing.clone());
        // It is locked only while somebody connects.
        let connecting = self.0.link.try_lock().map_or(true, |link| link.is_none());
        match &self.0.target.way {
            Way::Ssh(ssh) if connecting => HostError::Unreachable {
                host,
                at: format!("{} port {}", ssh.address, ssh.port),
                why: format!("no answer within {} s", command.limits.time.as_secs()),
            },
            _ => HostError::TimedOut { host, doing, after: command.limits.time },
        }
    }
}
