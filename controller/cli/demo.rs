//! `driftless demo`: sandbox, git repository and controller on this machine, and what to try next.
//! Owns the story that it tells; everything in it is the real thing but DigitalOcean.

use super::screen::Screen;
use super::template::{self, Own};
use super::{Exit, connect, demo_hosts::Behind};
use crate::engine::cycle::Controller;
use crate::engine::execute::Progress;
use crate::engine::run::{Pace, Wake, run as keep_running};
use crate::engine::snapshot::Snapshot;
use crate::engine::watch;
use crate::model::{Attempt, Cause};
use crate::ports::clock::Clock;
use crate::ports::config::{Config, Overrides};
use crate::ports::disk;
use crate::ports::git::{self, Edits, Person};
use crate::render::{self, Tries};
use crate::sandbox;
use anyhow::{Context, bail};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch::Receiver};
use tokio_util::sync::CancellationToken;

/// The token of the demo's DigitalOcean; it opens nothing else.
const TOKEN: &str = "sandbox";
/// Where the version of n8n stands.
pub(super) const N8N: &str = "stacks/n8n/compose.yaml";
/// The image of n8n at first.
pub(super) const N8N_NOW: &str = "n8n:1.70.0";
/// The image of n8n that the demo pushes.
pub(super) const N8N_NEXT: &str = "n8n:1.71.0";
/// The secrets of the template but for the key.
const SECRETS: [&str; 3] = ["odoo.postgres", "n8n.postgres", "n8n.encryption"];
/// How often the demo looks without being asked, so that drift made by hand shows soon.
const INTERVAL: &str = "interval: 10s";

/// Runs all of it on this machine: a DigitalOcean without a bill, a git repository, the controller
///
/// Makes a repository from the template, brings the sandbox in line with it, and follows it. Says how to push a change
/// and shows it arrive. Touches nothing outside its folder but, with --hosts containers, this machine's Docker Engine,
/// where images stay; ends with Ctrl-C.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  driftless demo\n  driftless demo --once\n  driftless demo --dir ~/driftless-demo\n  driftless demo --hosts containers --once"
)]
pub struct Arguments {
    /// Makes a change and an edit by hand by itself, shows both arrive, and ends
    #[arg(long)]
    once: bool,
    /// Where the repository goes, and stays (default: a temporary folder, gone at the end)
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// What is behind droplets
    #[arg(long, value_enum, default_value_t = Behind::Simulated)]
    hosts: Behind,
    /// Pulls no images for droplets that are containers: those that this machine's engine lacks are small stand-ins
    #[arg(long)]
    stand_ins: bool,
}

/// Runs the command.
pub async fn run(arguments: Arguments, screen: &Screen) -> anyhow::Result<Exit> {
    if arguments.stand_ins && arguments.hosts != Behind::Containers {
        bail!("--stand-ins is about droplets that are containers: add --hosts containers");
    }
    let (folder, _temporary) = folder(arguments.dir.as_deref())?;
    let (behind, machines) = arguments.hosts.machines(screen, !arguments.stand_ins).await?;
    let running = sandbox::serve(sandbox::Config {
        action_time: Duration::from_millis(600),
        hosts: machines,
        ..sandbox::Config::default()
    })
    .await
    .context("the sandbox could not start")?;
    let public_key = secrets(&folder)?;
    let work_tree = repository(&folder, &public_key, behind).await?;
    let controller = controller(&folder, &running).await?;
    if let Some(patience) = behind.patience() {
        controller.ports.hosts.wait_for_new(patience);
    }
    let stage = Stage { screen, controller, work_tree, running, behind, began: Mutex::new(None) };
    stage.open(&folder);
    let stop = CancellationToken::new();
    stop_on_interrupt(stop.clone())?;
    let (wakes, heard) = mpsc::channel(8);
    let _watch = stage.controller.mirror.watch_path().map(|watched| watch::repo(watched, wakes.clone())).transpose()?;
    let pace = Pace { jitter: 0.0, seed: 0, grace: Duration::from_secs(5) };
    let tell = |progress: Progress<'_>| stage.tell(&progress);
    let snapshots = stage.controller.snapshot.subscribe();
    let looping = keep_running(&stage.controller, &pace, heard, stop.clone(), &tell);
    tokio::pin!(looping);
    let story = stage.play(arguments.once, snapshots, &wakes, &stop);
    let ended = tokio::select! {
        () = &mut looping => return Ok(Exit::Well),
        ended = story => ended,
    };
    stop.cancel();
    looping.await;
    ended
}

/// What the story is played with.
struct Stage<'a> {
    screen: &'a Screen,
    controller: Controller,
    work_tree: PathBuf,
    running: sandbox::Running,
    behind: Behind,
    /// When the first change of the run under way began.
    began: Mutex<Option<Instant>>,
}

impl Stage<'_> {
    fn say(&self, text: &str) {
        self.screen.print(text);
    }

    fn clock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.began.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, folder: &Path) {
        self.say(&format!(
            "A DigitalOcean without a bill, {}\n\n  \
             folder         {}\n  repository     infra, a clone of infra.git\n  DigitalOcean   {} (token: {TOKEN})\n\n\
             First reconcile, from an empty account:",
            self.behind.told(),
            folder.display(),
            self.running.url()
        ));
    }

    fn tell(&self, progress: &Progress<'_>) {
        self.clock().get_or_insert_with(Instant::now);
        if let Progress::Ended(outcome) = progress {
            let tries = Tries { now: Clock::System.now(), limit: None };
            self.say(render::ended(outcome, &tries, &self.screen.out).trim_end());
        }
    }

    /// Tells what each cycle brought, until the end; with `once`, makes the changes itself.
    async fn play(
        &self,
        once: bool,
        mut snapshots: Receiver<Arc<Snapshot>>,
        wakes: &mpsc::Sender<Wake>,
        stop: &CancellationToken,
    ) -> anyhow::Result<Exit> {
        let first = self.next(&mut snapshots).await?;
        self.sum(&first);
        if !well(&first) {
            bail!("the first reconcile did not bring everything in line");
        }
        if once {
            return self.acts(&mut snapshots, wakes).await;
        }
        self.say(&self.invitation().await);
        while !stop.is_cancelled() {
            let snapshot = self.next(&mut snapshots).await?;
            self.sum(&snapshot);
        }
        Ok(Exit::Well)
    }

    /// A push, then an edit by hand: both are seen, done and reported.
    async fn acts(&self, snapshots: &mut Receiver<Arc<Snapshot>>, wakes: &mpsc::Sender<Wake>) -> anyhow::Result<Exit> {
        self.say("\nA push: status.example.com, and a new version of n8n");
        self.push().await?;
        let pushed = self.next(snapshots).await?;
        self.sum(&pushed);
        self.say(
            "\nBy hand, behind git's back: somebody points erp.example.com elsewhere, and\n\
             stops Odoo's container on its host",
        );
        self.running.handle().edit(|world| {
            if let Some(record) = world.record("example.com", "erp", "A") {
                record.data = "192.0.2.66".to_owned();
            }
        });
        // Where the demo has no hosts there is none to log in to.
        let _ = self.running.handle().on_host("odoo-erp-prod", "docker stop odoo-odoo-1").await;
        let _ = wakes.try_send(Wake::Asked);
        let healed = self.next(snapshots).await?;
        self.sum(&healed);
        self.say("\nWhat stands on the branch driftless/reports:");
        for commit in self.reports().await? {
            self.say(&format!("  {commit}"));
        }
        let all = well(&pushed) && well(&healed);
        self.say(if all { "\nGit and reality agree." } else { "\nGit and reality do not agree." });
        Ok(if all { Exit::Well } else { Exit::Part })
    }

    /// Waits for the next cycle that did something, or that has something new to tell.
    async fn next(&self, snapshots: &mut Receiver<Arc<Snapshot>>) -> anyhow::Result<Arc<Snapshot>> {
        let known = snapshots.borrow().clone();
        loop {
            snapshots.changed().await.context("the controller ended")?;
            let now = snapshots.borrow_and_update().clone();
            let told =
                now.outcomes.is_empty() && now.troubles == known.troubles && now.diagnostics == known.diagnostics;
            if !told || known.cycle == 0 || (now.commit != known.commit && now.commit.is_some()) {
                return Ok(now);
            }
        }
    }

    fn sum(&self, snapshot: &Snapshot) {
        for trouble in &snapshot.troubles {
            self.say(&format!("  {}: {}\n  {}", trouble.with, trouble.what, trouble.hint));
        }
        if !snapshot.diagnostics.is_empty() {
            self.say(&render::diagnostics(&snapshot.diagnostics, snapshot.files, &self.screen.out));
        }
        let took =
            self.clock().take().map_or(0, |began| u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
        let held = snapshot.after.as_ref().map_or(0, |p| p.held().count());
        if let Some(plan) = snapshot.after.as_ref().filter(|p| p.held().next().is_some()) {
            self.say(&render::plan(plan, &render::PlanContext::default(), &self.screen.out));
        }
        if !snapshot.outcomes.is_empty() {
            let why = match snapshot.outcomes.iter().any(|o| o.change.cause == Cause::Drift) {
                true => "drift put back".to_owned(),
                false => self.subject(snapshot),
            };
            self.say(&format!("{} ({why})", render::sum(&snapshot.outcomes, held, took, &self.screen.out).trim_end()));
        } else if snapshot.troubles.is_empty() && snapshot.diagnostics.is_empty() {
            self.say(&format!("Nothing to do ({})", self.subject(snapshot)));
        }
    }

    /// The commit that was applied, in words.
    fn subject(&self, snapshot: &Snapshot) -> String {
        let commit = snapshot.commit.as_deref().and_then(|c| c.parse().ok());
        let info = commit.and_then(|c| self.controller.mirror.commit_info(&c).ok());
        info.map_or_else(|| "no commit".to_owned(), |i| format!("{} {}", i.id.short(), render::safe::line(&i.subject)))
    }

    async fn push(&self) -> anyhow::Result<()> {
        let read = |path: &str| {
            std::fs::read_to_string(self.work_tree.join(path)).with_context(|| format!("{path} could not be read"))
        };
        let zone = read("domains/example.com.yaml")?
            .replace("  records:\n", "  records:\n    - {name: status, type: A, droplet: ocr}\n");
        let mut edits = Edits::from([("domains/example.com.yaml".to_owned(), Some(zone.into_bytes()))]);
        if let Ok(n8n) = read(N8N) {
            edits.insert(N8N.to_owned(), Some(n8n.replace(N8N_NOW, N8N_NEXT).into_bytes()));
        }
        git::commit_in(&self.work_tree, &edits, "Name the status page, and take n8n 1.71", &person()).await?;
        git::push(&self.work_tree, "main").await?;
        Ok(())
    }

    /// The subjects of the report branch, newest first.
    async fn reports(&self) -> anyhow::Result<Vec<String>> {
        let mut found = Vec::new();
        let mut at = self.controller.mirror.read_ref("refs/heads/driftless/reports").await?;
        while let Some(commit) = at.take().filter(|_| found.len() < 5) {
            let Ok(info) = self.controller.mirror.commit_info(&commit) else { break };
            found.push(format!("{} {}", commit.short(), render::safe::line(&info.subject)));
            at = info.parents.into_iter().next();
        }
        Ok(found)
    }

    async fn invitation(&self) -> String {
        let (infra, api) = (self.work_tree.display(), self.running.url());
        let (import, inside) = (self.behind.import(&api), self.behind.invitation(&self.running).await);
        format!(
            "\nGit and reality agree. In another terminal, push a change:\n\n  \
             cd {infra}\n  sed -i 's/s-2vcpu-4gb/s-4vcpu-8gb/' droplets/erp.yaml\n  \
             git commit -am 'More room for Odoo' && git push\n\n\
             or change something by hand, and see it put back:\n\n  \
             curl -X DELETE -H 'Authorization: Bearer {TOKEN}' {api}/v2/domains/example.com\n  \
             curl -d 'docker stop n8n-redis-1' {api}/sandbox/hosts/odoo-erp-prod\n\n{import}\
             What was done, and what is not well:\n\n  \
             git fetch -q && git show origin/driftless/reports:reports/STATUS.md{inside}\n\n\
             Following the repository; Ctrl-C ends."
        )
    }
}

/// Says whether everything that was begun is done and nothing is left.
fn well(snapshot: &Snapshot) -> bool {
    snapshot.outcomes.iter().all(|o| o.attempt == Attempt::Done)
        && snapshot.troubles.is_empty()
        && snapshot.after.as_ref().is_some_and(|after| after.is_empty())
}

fn folder(asked: Option<&Path>) -> anyhow::Result<(PathBuf, Option<tempfile::TempDir>)> {
    match asked {
        Some(dir) => {
            let dir = std::path::absolute(dir)?;
            if dir.join("infra").exists() {
                bail!("{} holds a demo already\n  Name another folder, or remove this one.", dir.display());
            }
            std::fs::create_dir_all(&dir).with_context(|| format!("{} could not be made", dir.display()))?;
            Ok((dir, None))
        }
        None => {
            let temporary = tempfile::Builder::new()
                .prefix("driftless-demo-")
                .tempdir()
                .context("no temporary folder could be made")?;
            Ok((temporary.path().to_path_buf(), Some(temporary)))
        }
    }
}

/// Makes up the secrets that the template names, for this demo alone; gives the public key.
fn secrets(folder: &Path) -> anyhow::Result<String> {
    let secrets = folder.join("secrets");
    let (private, public) = sandbox::key_pair();
    let mut all = vec![("ssh.ops", private)];
    all.extend(SECRETS.map(|name| (name, uuid::Uuid::new_v4().simple().to_string())));
    let lost = "the demo's secrets could not be written";
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&secrets).context(lost)?;
    for (name, value) in all {
        if !disk::write_new(&secrets.join(name), value.as_bytes()).context(lost)? {
            bail!("{lost}: {name} is there already in {}", secrets.display());
        }
    }
    Ok(public)
}

/// Makes the repository from the template, with mode enforce: nothing here can be broken.
async fn repository(folder: &Path, public_key: &str, behind: Behind) -> anyhow::Result<PathBuf> {
    let own = Own { estate: "demo", id: uuid::Uuid::new_v4(), public_key: Some(public_key) };
    let mut files = template::files(&own);
    behind.adapt(&mut files);
    if let Some(settings) = files.get_mut("settings.yaml") {
        let text = String::from_utf8_lossy(settings)
            .replace("mode: observe", "mode: enforce")
            .replace("interval: 5m", INTERVAL);
        *settings = text.into_bytes();
    }
    let (work_tree, bare) = (folder.join("infra"), folder.join("infra.git"));
    git::init_repo(&work_tree, &files, "Begin with the template", "main", Some(&person())).await?;
    git::publish(&work_tree, &bare, "main").await?;
    Ok(work_tree)
}

async fn controller(folder: &Path, running: &sandbox::Running) -> anyhow::Result<Controller> {
    // Nothing of the user's own settings or environment reaches the demo: it must never meet a real account.
    let settings = folder.join("driftless.toml");
    let text = settings_of(folder, running);
    if !disk::write_new(&settings, text.as_bytes()).context("the demo's settings could not be written")? {
        bail!("{} is there already\n  Name another folder, or remove it.", settings.display());
    }
    let config = Config::load(Overrides::default(), &|_| None, Some(settings))?;
    connect::controller(&config).await
}

/// The demo's own settings, by which other commands meet it, too.
fn settings_of(folder: &Path, running: &sandbox::Running) -> String {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let at = |name: &str| text(&folder.join(name).display().to_string());
    let reach = running.reach_map().map(|map| format!("\n[reach]\nhosts = true\nmap = {}\n", text(&map)));
    format!(
        "# The demo's own settings: driftless --config THIS status\nrepo = {}\ndata_dir = {}\nsecrets_dir = {}\n\n\
         [digitalocean]\napi_url = {}\ntoken = {}\n{}",
        at("infra.git"),
        at("data"),
        at("secrets"),
        text(&running.url()),
        text(TOKEN),
        reach.unwrap_or_default()
    )
}

fn person() -> Person {
    Person::new("You", "you@example.com")
}

/// By both signals: what is killed leaves its containers to the next start.
fn stop_on_interrupt(stop: CancellationToken) -> anyhow::Result<()> {
    let mut term = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = term.recv() => {}
        }
        stop.cancel();
    });
    Ok(())
}
