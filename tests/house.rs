//! A whole house for tests: a simulator over real HTTP, a real git repository, and a controller that follows it.

use driftless::engine::backoff::Backoff;
use driftless::engine::cycle::{Controller, Next};
use driftless::engine::desired::Desired;
use driftless::engine::keeper::Keeper;
use driftless::engine::lease::{Lease, Terms};
use driftless::engine::ledger::Ledger;
use driftless::engine::pulse::Pulse;
use driftless::engine::report::Reporter;
use driftless::engine::snapshot::Snapshot;
use driftless::model::memory::Approval;
use driftless::model::{Attempt, Digest, Outcome, Patch, Plan, ResourceId, ledger};
use driftless::plan::Brakes;
use driftless::ports::digitalocean::{Client, Config, Limits, Pace, Token};
use driftless::ports::git::{self, Auth, Mirror, Person, Remote};
use driftless::ports::host::Hosts;
use driftless::ports::machine;
use driftless::ports::reach::{self, Reach};
use driftless::ports::secrets::Secrets;
use driftless::ports::store::Store;
use driftless::ports::{Ports, clock::Clock};
use driftless::sandbox;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

/// The ways into hosts, with the secrets of a folder beside the repository.
pub fn hosts(reach: &Reach, folder: &Path) -> Hosts {
    let key = ledger::Key::new("a key for fingerprints".to_owned().into());
    Hosts::new(Secrets::in_folder(folder.join("secrets")), reach.clone()).keyed(Some(key))
}

/// Settings that enforce, for an estate of tests.
pub const ENFORCE: &str = "apiVersion: driftless/v1\nkind: Settings\nmetadata: {name: settings}\nspec:\n  estate: test\n  id: 9f2c6a1e-0000-4000-8000-00000000000a\n  mode: enforce\n";

/// Everything that a controller needs, on loopback and in one temporary folder.
pub struct House {
    pub running: sandbox::Running,
    pub controller: Controller,
    pub folder: TempDir,
    pub stop: CancellationToken,
    pub setup: Setup,
}

/// What a house may have otherwise.
#[derive(Clone)]
pub struct Setup {
    /// The simulator.
    pub sandbox: sandbox::Config,
    /// The controller's time.
    pub clock: Clock,
    /// The controller's token.
    pub token: Token,
    /// Where the API is; the simulator where nothing is said.
    pub api: Option<String>,
    /// How long one call may take.
    pub patience: Duration,
    /// For how long the lease is good.
    pub terms: Terms,
    /// What the ledger is signed with, and was before.
    pub keys: Vec<&'static str>,
    /// How hosts are reached after a change of firewalls.
    pub reach: Reach,
    /// What the controller itself runs on.
    pub runs_on: Option<ResourceId>,
    /// How long it waits between tries.
    pub pace: Pace,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            sandbox: sandbox_settings(),
            clock: Clock::System,
            token: Token::inline("sandbox"),
            api: None,
            patience: Duration::from_secs(30),
            terms: Terms::default(),
            keys: vec!["a key that signs ledgers"],
            reach: Reach::Off,
            runs_on: None,
            pace: Pace::SANDBOX,
        }
    }
}

impl House {
    /// A house whose repository holds these files in its first commit.
    pub async fn new(files: &[(&str, &str)]) -> Self {
        Self::with(files, sandbox_settings()).await
    }

    /// The same over a simulator set up otherwise.
    pub async fn with(files: &[(&str, &str)], settings: sandbox::Config) -> Self {
        Self::set_up(files, Setup { sandbox: settings, ..Setup::default() }).await
    }

    /// The same with a controller that lives by this clock.
    pub async fn at(files: &[(&str, &str)], settings: sandbox::Config, clock: Clock) -> Self {
        Self::set_up(files, Setup { sandbox: settings, clock, ..Setup::default() }).await
    }

    /// A house with anything otherwise.
    pub async fn set_up(files: &[(&str, &str)], setup: Setup) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = folder();
        std::fs::create_dir(folder.path().join("infra")).expect("a folder");
        let mut first = git2::RepositoryInitOptions::new();
        first.initial_head("main").external_template(false);
        git2::Repository::init_opts(folder.path().join("infra"), &first).expect("a repository");
        let files: Vec<(&str, Option<&str>)> = files.iter().map(|(path, text)| (*path, Some(*text))).collect();
        commit(&folder.path().join("infra"), &files, "Begin");
        let running = sandbox::serve(setup.sandbox.clone()).await.expect("a simulator");
        let mut setup = setup;
        if let Some(map) = running.reach_map() {
            let map = reach::map(&map).expect("a map");
            setup.reach = Reach::Tcp(reach::Tcp { map, ..reach::Tcp::default() });
        }
        let controller = controller(&running.url(), folder.path(), "data", &setup).await;
        Self { running, controller, folder, stop: CancellationToken::new(), setup }
    }

    /// A second controller over the same repository and account, on a machine with this clock.
    pub async fn another(&self, clock: Clock) -> Controller {
        let setup = Setup { clock, ..self.setup.clone() };
        controller(&self.running.url(), self.folder.path(), "other", &setup).await
    }

    /// The simulator, to be edited by hand behind the controller's back.
    pub fn hand(&self) -> sandbox::Handle {
        self.running.handle()
    }

    /// Has the simulator go wrong, as a line such as `GET /v2/vpcs 500` says.
    pub fn fault(&self, line: &str) {
        self.hand().inject(line.parse().expect("a fault"));
    }

    /// Commits files to the watched branch; none deletes one.
    pub async fn push(&self, edits: &[(&str, Option<&str>)]) {
        commit(&self.repo(), edits, "Change");
    }

    /// The repository's folder.
    pub fn repo(&self) -> PathBuf {
        self.folder.path().join("infra")
    }

    /// Runs one cycle.
    pub async fn cycle(&self) -> Arc<Snapshot> {
        self.timed().await.0
    }

    /// Runs one cycle and says when the next is due.
    pub async fn timed(&self) -> (Arc<Snapshot>, Next) {
        let next = self.controller.cycle(&self.stop, &|_| {}).await;
        (self.controller.snapshot.borrow().clone(), next)
    }

    /// Runs one cycle that is expected to leave nothing to do, and a second one that is expected to do nothing.
    pub async fn settles(&self) -> Arc<Snapshot> {
        let snapshot = self.cycle().await;
        assert!(snapshot.troubles.is_empty(), "{:?}", snapshot.troubles);
        assert!(failed(&snapshot.outcomes).is_empty(), "{:#?}", failed(&snapshot.outcomes));
        let after = snapshot.after.clone().expect("a plan");
        assert!(after.is_empty(), "a second look finds {:#?}", lines(&after));
        let again = self.cycle().await;
        assert!(again.outcomes.is_empty(), "{:#?}", again.outcomes);
        snapshot
    }

    /// A file of the report branch, as text.
    pub fn reported(&self, name: &str) -> String {
        git_in(&self.repo(), &["show", &format!("driftless/reports:reports/{name}")])
    }

    /// Stops the controller and starts it anew over the same journal and mirror.
    pub async fn restart(self) -> Self {
        self.reborn(false).await
    }

    /// The same with another token, until the next start.
    pub async fn restart_with(mut self, token: &str) -> Self {
        let usual = std::mem::replace(&mut self.setup.token, Token::inline(token));
        let mut house = self.reborn(false).await;
        house.setup.token = usual;
        house
    }

    /// Stops the controller, loses its journal, and starts it anew with this token, until the next start.
    pub async fn restart_without_journal_with(mut self, token: &str) -> Self {
        let usual = std::mem::replace(&mut self.setup.token, Token::inline(token));
        let mut house = self.reborn(true).await;
        house.setup.token = usual;
        house
    }

    /// Stops the controller, loses its journal, and starts it anew.
    pub async fn restart_without_journal(self) -> Self {
        self.reborn(true).await
    }

    async fn reborn(self, forgetful: bool) -> Self {
        let Self { running, controller, folder, setup, .. } = self;
        controller.keeper.store().close().await;
        drop(controller);
        if forgetful {
            for name in ["journal.db", "journal.db-wal", "journal.db-shm"] {
                let gone = std::fs::remove_file(folder.path().join("data").join(name));
                assert!(gone.is_ok() || name != "journal.db", "{gone:?}");
            }
        }
        let controller = self::controller(&running.url(), folder.path(), "data", &setup).await;
        Self { running, controller, folder, stop: CancellationToken::new(), setup }
    }

    /// Moves the controller's time and the simulator's on.
    pub fn pass(&self, seconds: u64) {
        self.setup.clock.advance(jiff::SignedDuration::from_secs(seconds.try_into().expect("short")));
        self.hand().advance(Duration::from_secs(seconds));
    }

    /// Approves everything that the last cycle held; gives how many digests that were.
    pub async fn approve_all(&self) -> usize {
        let snapshot = self.controller.snapshot.borrow().clone();
        let held: BTreeSet<_> =
            snapshot.after.iter().flat_map(|p| p.held()).filter_map(|c| c.hold()).map(|h| h.digest.clone()).collect();
        let at = self.controller.ports.clock.now();
        let approve = |digest: &Digest| Patch::Approve(digest.clone(), Approval { by: "ana".to_owned(), at });
        let patches: Vec<Patch> = held.iter().map(approve).collect();
        self.controller.keeper.write(&patches).await.expect("the journal takes it");
        patches.len()
    }
}

/// A folder in memory where the machine has one: nobody's power goes in a test.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a folder")
}

/// Writes files into a work tree and commits them, in this process: git as a program costs more than all the rest.
fn commit(repo: &Path, edits: &[(&str, Option<&str>)], message: &str) {
    let work = || {
        let repo = git2::Repository::open(repo)?;
        let mut index = repo.index()?;
        for (path, text) in edits {
            let file = repo.workdir().expect("a work tree").join(path);
            std::fs::create_dir_all(file.parent().expect("a parent")).expect("a folder");
            match text {
                Some(text) => std::fs::write(&file, text).expect("a file"),
                None => std::fs::remove_file(&file).expect("a file that is there"),
            }
            match text {
                Some(_) => index.add_path(Path::new(path))?,
                None => index.remove_path(Path::new(path))?,
            }
        }
        index.write()?;
        let tree = repo.find_tree(index.write_tree()?)?;
        let parent = repo.head().ok().and_then(|head| head.peel_to_commit().ok());
        let ana = git2::Signature::now("Ana", "ana@example.com")?;
        let parents: Vec<&git2::Commit<'_>> = parent.iter().collect();
        repo.commit(Some("HEAD"), &ana, &ana, message, &tree, &parents).map(drop)
    };
    work().expect("a commit");
}

/// The token of a controller.
pub const TOKEN: &str = "sandbox";

/// A simulator without limits, whose actions take a moment.
pub fn sandbox_settings() -> sandbox::Config {
    sandbox::Config {
        action_time: Duration::from_millis(5),
        limits: sandbox::Limits::off(),
        ..sandbox::Config::default()
    }
}

async fn controller(url: &str, folder: &Path, data: &str, setup: &Setup) -> Controller {
    let url = setup.api.as_deref().unwrap_or(url);
    let mut config = Config::at(url, setup.token.clone()).expect("an address");
    config.call_timeout = setup.patience;
    config.list_timeout = setup.patience;
    config.limits = Limits::OFF;
    config.pace = setup.pace;
    let digitalocean = Client::new(config).expect("a client");
    let ports = Ports {
        clock: setup.clock.clone(),
        digitalocean,
        reach: setup.reach.clone(),
        hosts: hosts(&setup.reach, folder),
    };
    let data = folder.join(data);
    let remote =
        Remote { url: folder.join("infra").display().to_string(), branch: "main".to_owned(), auth: Auth::None };
    let mirror = Mirror::open(&data.join("mirror.git"), &remote, git::Options::default()).expect("a mirror");
    let store = Store::open(data.join("journal.db")).await.expect("a journal");
    Controller {
        reporter: Reporter::new("main", ports.clock.clone()),
        lease: Lease::new(machine::place(&data), ports.clock.clone(), setup.terms),
        ledger: Ledger::new(
            setup.keys.iter().map(|key| ledger::Key::new((*key).into())).collect(),
            ports.clock.clone(),
        ),
        ports,
        mirror,
        keeper: Keeper::load(store, setup.clock.now()).await.expect("memory"),
        brakes: Brakes { runs_on: setup.runs_on.clone(), ..Brakes::default() },
        backoff: Backoff::default(),
        path: String::new(),
        frozen: false,
        pass_windows: Default::default(),
        desired: Mutex::new(Desired::default()),
        snapshot: watch::Sender::new(Arc::new(Snapshot::default())),
        pulse: Pulse::default(),
    }
}

/// The author of every commit of a test.
pub fn ana() -> Person {
    Person::new("Ana", "ana@example.com")
}

/// Runs git in a folder and gives what it prints; the test fails where git does.
pub fn git_in(folder: &Path, arguments: &[&str]) -> String {
    let output = std::process::Command::new("git").arg("-C").arg(folder).args(arguments).output().expect("git runs");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The changes of a plan, a line each: `Droplet/erp create: create`.
pub fn lines(plan: &Plan) -> Vec<String> {
    plan.changes.iter().map(|c| format!("{}: {} [{:?}] {:?}", c.key, c.title, c.standing, c.fields)).collect()
}

/// The outcomes that are not done.
pub fn failed(outcomes: &[Outcome]) -> Vec<&Outcome> {
    outcomes.iter().filter(|o| o.attempt != Attempt::Done).collect()
}
