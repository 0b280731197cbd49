//! The programs of a machine: what the shell itself does not bring. Owns which there are and where they are found; each
//! file of this folder holds some.

mod certbot;
mod compose;
mod docker;
mod files;
mod packages;
mod system;
mod web;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bashkit::{Builtin, BuiltinContext, ExecResult, ExecutionPlan, FileSystem, SubCommand, async_trait};
use futures::future::BoxFuture;

use super::disk::Disk;
use super::faults::On;
use super::shell::{Said, Session};

/// What a machine may have installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Package {
    /// What every image has.
    Base,
    Docker,
    Compose,
    Nginx,
    Certbot,
}

impl Package {
    /// The packages of distributions that are simulated.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "docker.io" | "docker-ce" => Some(Self::Docker),
            "docker-compose-v2" | "docker-compose-plugin" => Some(Self::Compose),
            "nginx" | "nginx-core" | "nginx-light" | "nginx-full" | "nginx-extras" => Some(Self::Nginx),
            "certbot" => Some(Self::Certbot),
            "curl" | "openssl" | "sudo" => Some(Self::Base),
            _ => None,
        }
    }

    /// What is in it: its name as a package, and its version.
    pub(super) fn version(self) -> (&'static str, &'static str) {
        match self {
            Self::Base => ("curl", "7.88.1"),
            Self::Docker => ("docker.io", "24.0.7-0ubuntu4"),
            Self::Compose => ("docker-compose-v2", "2.26.1-4"),
            Self::Nginx => ("nginx", "1.24.0-2ubuntu7"),
            Self::Certbot => ("certbot", "2.9.0-1"),
        }
    }
}

/// What a machine has installed.
#[derive(Clone, Debug, Default)]
pub(super) struct Installed(BTreeSet<Package>);

impl Installed {
    /// Installs a package, with what it brings.
    pub(super) fn add(&mut self, disk: &Disk, package: Package) {
        if self.0.insert(package) {
            packages::unpack(disk, package);
        }
    }

    /// Says whether it is there.
    pub(super) fn has(&self, package: Package) -> bool {
        self.0.contains(&package)
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = Package> + '_ {
        self.0.iter().copied()
    }
}

/// How a program is called.
pub(super) struct Call<'a> {
    pub(super) session: &'a Session,
    pub(super) args: &'a [String],
    pub(super) stdin: &'a [u8],
    pub(super) cwd: &'a Path,
    pub(super) env: &'a HashMap<String, String>,
    /// The disk, with links followed.
    pub(super) fs: &'a Arc<dyn FileSystem>,
}

impl Call<'_> {
    /// A path as it is meant here.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        bashkit::normalize_path(&self.cwd.join(path))
    }

    /// The words that are no options.
    pub(super) fn plain(&self) -> impl Iterator<Item = &str> {
        self.args.iter().map(String::as_str).filter(|word| !word.starts_with('-'))
    }

    /// Says whether one of some options stands there.
    pub(super) fn has(&self, options: &[&str]) -> bool {
        self.args.iter().any(|word| options.contains(&word.as_str()))
    }
}

type Run = for<'a> fn(&'a Call<'a>) -> BoxFuture<'a, Said>;

/// A program: its name, where it comes from, what it does.
type Program = (&'static str, Package, Run);

const ALL: &[&[Program]] = &[certbot::ALL, docker::ALL, files::ALL, packages::ALL, system::ALL, web::ALL];

/// The programs that a session finds.
pub(super) fn of(session: &Arc<Session>) -> BTreeMap<&'static str, Box<dyn Builtin>> {
    let installed = session.machine.state().installed.clone();
    let there = ALL.iter().flat_map(|some| some.iter()).filter(|(_, package, _)| installed.has(*package));
    let mut all: BTreeMap<&'static str, Box<dyn Builtin>> = there
        .map(|(name, _, run)| (*name, Box::new(Runs { session: session.clone(), name, run: *run }) as Box<dyn Builtin>))
        .collect();
    all.insert("sudo", Box::new(Sudo));
    all
}

struct Runs {
    session: Arc<Session>,
    name: &'static str,
    run: Run,
}

#[async_trait]
impl Builtin for Runs {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> bashkit::Result<ExecResult> {
        let call = Call {
            session: &self.session,
            args: ctx.args,
            stdin: ctx.stdin.map(|data| data.as_bytes()).unwrap_or_default(),
            cwd: ctx.cwd,
            env: ctx.env,
            fs: &ctx.fs,
        };
        let line = format!("{} {}", self.name, ctx.args.join(" "));
        let said = match self.session.machine.met(On::Run, line.trim()).await {
            Ok(()) => (self.run)(&call).await,
            Err(said) => said,
        };
        let mut result = ExecResult::ok_bytes(said.out);
        result.stderr = said.err.into();
        result.exit_code = said.code;
        Ok(result)
    }
}

/// Whoever is let in may do everything.
struct Sudo;

#[async_trait]
impl Builtin for Sudo {
    async fn execute(&self, _: BuiltinContext<'_>) -> bashkit::Result<ExecResult> {
        Ok(ExecResult::err("usage: sudo [-n] [--] command\n", 1))
    }

    async fn execution_plan(&self, ctx: &BuiltinContext<'_>) -> bashkit::Result<Option<ExecutionPlan>> {
        let mut words = ctx.args.iter().skip_while(|word| word.starts_with('-')).cloned();
        let Some(name) = words.next() else { return Ok(None) };
        let command = SubCommand { name, args: words.collect(), stdin: ctx.stdin.cloned(), assignments: Vec::new() };
        Ok(Some(ExecutionPlan::Env { command, clear: false, unset: Vec::new(), set: Vec::new(), chdir: None }))
    }
}
