//! From settings to ports: the account, the repo, the journal. Owns what is said when one of them is not set.

use super::Global;
use super::screen::Screen;
use crate::engine::backoff::Backoff;
use crate::engine::cycle::Controller;
use crate::engine::desired::Desired;
use crate::engine::keeper::Keeper;
use crate::engine::lease::{Lease, Terms};
use crate::engine::ledger::Ledger;
use crate::engine::pulse::Pulse;
use crate::engine::report::Reporter;
use crate::engine::snapshot::Snapshot;
use crate::model::{Estate, Prune, ledger};
use crate::plan::Brakes;
use crate::ports::Ports;
use crate::ports::clock::Clock;
use crate::ports::config::{Config, ConfigError, Overrides, Secret};
use crate::ports::digitalocean::{self, Client, ErrorKind, Pace, Token};
use crate::ports::disk::{self, Alone};
use crate::ports::git::{self, Auth, Mirror, Remote};
use crate::ports::host::Hosts;
use crate::ports::machine;
use crate::ports::secrets::{AgeKeys, Secrets};
use crate::ports::store::Store;
use crate::render;
use anyhow::{Context, anyhow, bail};
use std::path::Path;
use std::sync::Arc;
use tokio::sync::{Mutex, watch};

/// Reads the settings of this machine.
pub fn settings(global: &Global, screen: &Screen) -> anyhow::Result<Config> {
    let mut flags = Overrides::default();
    flags
        .set("repo", global.repo.clone())
        .set("branch", global.branch.clone())
        .set("path", global.path.clone())
        .set("data_dir", global.data_dir.as_ref().map(|p| p.display().to_string()));
    for pair in &global.set {
        let (key, value) =
            pair.split_once('=').ok_or_else(|| anyhow!("--set {pair:?} has no =: write --set KEY=VALUE"))?;
        flags.set(key.trim(), Some(value));
    }
    let config = match Config::load(flags, &|name| std::env::var(name).ok(), global.config.clone()) {
        Ok(config) => config,
        Err(ConfigError::Wrong(all)) => bail!("{}", render::diagnostics(&all, 1, &screen.err).trim_end()),
        Err(error) => return Err(error.into()),
    };
    for warning in &config.warnings {
        screen.note(&format!("warning: {warning}"));
    }
    if global.verbose {
        for setting in config.describe() {
            screen.note(&format!("{} = {} ({})", setting.name, setting.value, setting.origin));
        }
    }
    Ok(config)
}

/// Makes the ways to the world.
pub fn ports(config: &Config) -> anyhow::Result<Ports> {
    let Some(token) = &config.digitalocean.token else {
        bail!(
            "no DigitalOcean token is set\n  Set DIGITALOCEAN_ACCESS_TOKEN, or digitalocean.token_file in driftless.toml. Planning needs read access only.\n  To play without an account: driftless demo"
        );
    };
    let token = match token.file() {
        Some(path) => Token::File(path.to_path_buf()),
        None => Token::inline(secrecy::ExposeSecret::expose_secret(&token.read()?)),
    };
    let mut client = digitalocean::Config::at(&config.digitalocean.api_url, token)?;
    client.limits.per_minute = Some(config.digitalocean.per_minute as usize);
    client.limits.per_hour = Some(config.digitalocean.per_hour as usize);
    if client.is_loopback() {
        client.pace = Pace::SANDBOX;
        // A sandbox's limits are raised as one: DigitalOcean lets through 10 lists of keys where it lets through 250 calls.
        client.limits.key_lists_per_minute = Some((config.digitalocean.per_minute / 25).max(1) as usize);
    }
    let keys = AgeKeys::new(config.age_key.iter().cloned().collect());
    let secrets = Secrets::in_folder(config.secrets_dir.clone()).with_keys(keys);
    let hosts = Hosts::new(secrets, config.reach.clone()).keyed(fingerprints(config));
    Ok(Ports { clock: Clock::System, digitalocean: Client::new(client)?, reach: config.reach.clone(), hosts })
}

/// Finds out whose account it is: what is wrong with a token or the network is told before anything else.
pub async fn reach(config: &Config, ports: &Ports) -> anyhow::Result<()> {
    let Err(error) = ports.digitalocean.owner().await else { return Ok(()) };
    let at = match error.kind() {
        ErrorKind::Connect | ErrorKind::NotJson | ErrorKind::Timeout => {
            format!("\n  The address is {}, as digitalocean.api_url says.", config.digitalocean.api_url)
        }
        _ => String::new(),
    };
    bail!("{}\n  {}{at}", error.what(), error.hint())
}

/// Makes sure that nobody else changes the world with this machine's data, as long as the value is kept.
///
/// `who` is the command that works with it, for whoever comes second.
pub async fn alone(config: &Config, who: &str) -> anyhow::Result<Alone> {
    let folder = &config.data_dir;
    let lock = disk::alone(folder, who).await.with_context(|| format!("{} could not be locked", folder.display()))?;
    lock.ok_or_else(|| {
        let holder = disk::holder(folder).unwrap_or_else(|| "it does not say which".to_owned());
        let todo = match holder.starts_with(RUNS) {
            true => "A controller runs here: push to its repo and it applies that, or stop it.",
            false => "Wait until it has ended, or stop it.",
        };
        anyhow!(
            "another driftless works with the data in {}: {holder}\n  {todo} `driftless status` says how it stands.",
            folder.display()
        )
    })
}

/// How the lock of a controller begins.
const RUNS: &str = "driftless run,";

/// Opens the journal, making it where it is missing.
pub async fn journal(config: &Config) -> anyhow::Result<Keeper> {
    Ok(Keeper::load(Store::open(config.journal()).await?, Clock::System.now()).await?)
}

/// Opens the journal only where it exists already: a plan on a laptop leaves nothing behind.
pub async fn journal_if_any(config: &Config) -> anyhow::Result<Keeper> {
    let store =
        if config.journal().exists() { Store::open(config.journal()).await? } else { Store::memory_only().await? };
    Ok(Keeper::load(store, Clock::System.now()).await?)
}

/// Opens the mirror of the repo among this machine's data.
pub fn mirror(config: &Config) -> anyhow::Result<Mirror> {
    mirror_in(config, &config.mirror())
}

/// Opens a mirror of the repo in a folder.
pub fn mirror_in(config: &Config, folder: &Path) -> anyhow::Result<Mirror> {
    let Some(url) = &config.repo else {
        bail!("no repo is set\n  Name it with --repo URL, DRIFTLESS_REPO, or repo in driftless.toml.");
    };
    let secret = |token: &Secret| -> anyhow::Result<git::Token> {
        Ok(match token.file() {
            Some(path) => git::Token::File(path.to_path_buf()),
            None => git::Token::Fixed(token.read()?),
        })
    };
    let auth = match (&config.git.token, &config.git.ssh_key_file, &config.git.known_hosts_file) {
        (Some(token), _, _) => Auth::Token { username: config.git.username.clone(), token: secret(token)? },
        (None, Some(key), Some(known_hosts)) => Auth::SshKey { key: key.clone(), known_hosts: known_hosts.clone() },
        (None, Some(_), None) => bail!(
            "git.ssh_key_file is set and git.known_hosts_file is not\n  Name the file that holds the repo host's key: an unknown host is never trusted."
        ),
        (None, None, _) => Auth::None,
    };
    let remote = Remote { url: url.clone(), branch: config.branch.clone(), auth };
    Ok(Mirror::open(folder, &remote, git::Options::default())?)
}

/// The limits that no commit can lift.
pub fn brakes(config: &Config) -> Brakes {
    let defaults = Prune { max_deletes: u32::MAX, max_delete_percent: 100 };
    let caps = Prune {
        max_deletes: config.caps.max_deletes.unwrap_or(defaults.max_deletes),
        max_delete_percent: config.caps.max_delete_percent.unwrap_or(defaults.max_delete_percent),
    };
    Brakes { caps: Some(caps), runs_on: config.this.clone(), no_deletions: None, windows_pass: false }
}

/// This process's side of the repo's lease.
pub fn lease(config: &Config) -> Lease {
    Lease::new(machine::place(&config.data_dir), Clock::System, Terms::default())
}

/// The shortest key that a ledger is signed with, in characters.
const SHORTEST_KEY: usize = 16;

/// The ledger with its keys: those of the settings, else one in the data folder, made at the first start.
pub fn ledger(config: &Config, clock: &Clock) -> anyhow::Result<Ledger> {
    let own = config.data_dir.join("ledger.key");
    let mut keys = Vec::new();
    match &config.ledger_key {
        Some(key) => keys.push(key.read()?),
        None => {
            let fresh = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
            if disk::write_new(&own, fresh.as_bytes())
                .with_context(|| format!("{} could not be made", own.display()))?
            {
                tracing::warn!(
                    file = %own.display(),
                    "a key for the ledger was made: keep a copy of it away from this machine, since a lost journal comes back only with it"
                );
            }
        }
    }
    if own.exists() {
        let text = std::fs::read_to_string(&own).with_context(|| format!("{} could not be read", own.display()))?;
        keys.push(text.trim().to_owned().into());
    }
    keys.extend(config.former_ledger_key.as_ref().map(Secret::read).transpose()?);
    if keys.iter().any(|key| secrecy::ExposeSecret::expose_secret(key).len() < SHORTEST_KEY) {
        bail!(
            "a key for the ledger is shorter than {SHORTEST_KEY} characters\n  Make one with `openssl rand -hex 32`, for ledger.key_file in driftless.toml."
        );
    }
    Ok(Ledger::new(keys.into_iter().map(ledger::Key::new).collect(), clock.clone()))
}

/// The key of fingerprints: the one that ledgers are signed with. Whoever may not read it, or looks before the first start,
/// has none, and sees whether a secret is as it should be, but not which of them was another.
fn fingerprints(config: &Config) -> Option<ledger::Key> {
    let own =
        || std::fs::read_to_string(config.data_dir.join("ledger.key")).ok().map(|text| text.trim().to_owned().into());
    let key = config.ledger_key.as_ref().map_or_else(own, |key| key.read().ok());
    key.map(ledger::Key::new)
}

/// Puts the controller together.
pub async fn controller(config: &Config) -> anyhow::Result<Controller> {
    // First, since it makes the key that fingerprints are made with as well.
    let ledger = ledger(config, &Clock::System)?;
    let ports = ports(config)?;
    let mirror = mirror(config)?;
    let keeper = journal(config).await.context("the journal could not be opened")?;
    Ok(Controller {
        reporter: Reporter::new(config.branch.clone(), ports.clock.clone()),
        lease: lease(config),
        ledger,
        ports,
        mirror,
        keeper,
        brakes: brakes(config),
        backoff: Backoff::default(),
        path: config.path.clone(),
        frozen: config.freeze,
        pass_windows: Default::default(),
        desired: Mutex::new(Desired::default()),
        snapshot: watch::Sender::new(Arc::new(Snapshot::default())),
        pulse: Pulse::default(),
    })
}

/// Reads the documents of a folder; prints what is wrong with them and gives none where there are errors.
pub fn estate(folder: &Path, path: &str, screen: &Screen) -> anyhow::Result<Option<Estate>> {
    let read = crate::engine::source::folder(folder, path)
        .with_context(|| format!("{} could not be read", folder.display()))?;
    if !read.diagnostics.is_empty() {
        screen.note(&render::diagnostics(&read.diagnostics, read.files, &screen.err));
    }
    Ok(read.estate)
}
