//! One look at a host: everything that kinds want to know of it, as plain data. A script says what the machine is like,
//! in one round trip, and beside it Docker's engine what it has.
//!
//! Owns the script and the form of its answer; concludes nothing. What a section lacks is empty: a host without nginx
//! has an empty tree, and one whose answer was cut off is an error, never half a host.

mod certificates;
mod containers;
mod engine;
mod logins;
mod read;
mod soon;
mod tar;
#[cfg(test)]
mod tests;
mod things;

pub use certificates::Certificate;
pub use containers::Container;
pub use engine::All;
pub use logins::{Auth, Logins};
pub use tar::{Entry, Item};
pub use things::Thing;

pub(super) use soon::Asked;

use super::error::HostError;
use super::pool::Host;
use super::run::Command;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const SCRIPT: &str = include_str!("survey.sh");
/// Longer answers are cut off, and then not believed.
const LONGEST: usize = 24 << 20;
/// How long a look may take, the connection included.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What is asked for besides what every survey brings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ask {
    /// `FOLDER/.driftless/receipt.json`, the notes beside it, and the digests of the files that `FOLDER/.driftless/files` lists, a line each,
    /// by their paths from the folder.
    Receipt(String),
    /// A file of up to 256 KiB; `~/` is the home of the user that is logged in.
    File(String),
    /// Whether there is a file, by its whole path, that can be read.
    Present(String),
    /// Where Docker is logged in.
    Logins,
    /// What Docker's engine has: containers, images, volumes and networks.
    Engine,
}

/// What a host is like.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Survey {
    /// The system's name: `Ubuntu 22.04.5 LTS`.
    pub os: String,
    /// The distribution and its release, as package sources name them: `ubuntu`, `jammy`.
    pub release: (String, String),
    /// The kernel's version.
    pub kernel: String,
    /// The processor's architecture: `x86_64`.
    pub machine: String,
    /// Its own name for itself.
    pub hostname: String,
    /// Seconds since it was started.
    pub uptime: u64,
    /// The load over 1, 5 and 15 minutes, in hundredths.
    pub load: [u32; 3],
    /// Processors.
    pub processors: u32,
    /// Memory in KiB: all, and what could be had.
    pub memory: (u64, u64),
    /// Swap in KiB: all, and what is free.
    pub swap: (u64, u64),
    /// Its disks, by where they are mounted.
    pub disks: BTreeMap<String, Disk>,
    /// Whether it wants to be started anew, and for which packages.
    pub reboot: Option<Vec<String>>,
    /// Whether cloud-init has done its work.
    pub cloud_init: CloudInit,
    /// Versions of the packages that matter here and are installed.
    pub packages: BTreeMap<String, String>,
    /// Programs that matter here and are there: `docker`, `nginx`, `certbot`, `sudo`, `apt-get`.
    pub programs: BTreeSet<String>,
    /// The version of the Docker Engine, or what came instead of an answer; none: no docker there.
    pub engine: Option<Result<String, String>>,
    /// The version of docker compose.
    pub compose: Option<String>,
    /// The version of nginx.
    pub nginx: Option<String>,
    /// The process id of nginx's master; none: it does not run.
    pub nginx_master: Option<u32>,
    /// What listens.
    pub listening: BTreeSet<Listening>,
    /// The home of the user that is logged in.
    pub home: String,
    /// Everything below /etc/nginx up to 512 KiB a file, but private keys, by whole path.
    pub nginx_tree: BTreeMap<String, Entry>,
    /// Certificates that nginx or certbot names, by path.
    pub certificates: BTreeMap<String, Result<Certificate, String>>,
    /// The names at certbot of the certificates that came to be there by driftless.
    pub ours: BTreeSet<String>,
    /// Files that were asked for and are not there, or cannot be read.
    pub missing: BTreeSet<String>,
    /// Receipts that were asked for and are there, by folder.
    pub receipts: BTreeMap<String, Receipt>,
    /// Files that were asked for and are there, as asked.
    pub files: BTreeMap<String, Text>,
    /// Where Docker is logged in, where it was asked for.
    #[serde(skip)]
    pub logins: Logins,
    /// What Docker's engine has, where that was asked for and it said all of it.
    pub docker: Option<All>,
}

/// One disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Disk {
    /// What it is: `/dev/vda1`.
    pub device: String,
    /// Its size in KiB.
    pub size: u64,
    /// What is used of it, in KiB.
    pub used: u64,
    /// What ordinary users can still have, in KiB.
    pub free: u64,
    /// Its inodes: all, and those used; 0 where it has no fixed number.
    pub inodes: (u64, u64),
}

impl Disk {
    /// How full it is, in percent, as `df` says it: of what ordinary users can have.
    pub fn percent(&self) -> u64 {
        let all = self.used + self.free;
        if all == 0 { 0 } else { (self.used * 100).div_ceil(all) }
    }
}

/// How far cloud-init is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum CloudInit {
    /// There is none.
    #[default]
    Absent,
    /// It works.
    Runs,
    /// It is done.
    Done,
    /// It is done, and says what went wrong.
    Failed(String),
}

/// A socket that something listens on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listening {
    /// `tcp` or `udp`.
    pub protocol: String,
    /// The address: `0.0.0.0`, `127.0.0.1`, `[::]`, `*`.
    pub address: String,
    /// The port.
    pub port: u16,
    /// The program, where it may be seen.
    pub program: Option<String>,
}

/// A receipt beside a stack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// The receipt's own text.
    pub text: String,
    /// The SHA-256 in hex of the files that it lists, by path from the folder; those that are missing are not in it.
    pub digests: BTreeMap<String, String>,
    /// Mode in octal and owner in numbers of these files, by path: `400 101:101`.
    pub modes: BTreeMap<String, String>,
    /// Notes beside it, a line each.
    pub notes: String,
}

/// A file that was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Text {
    /// Its mode in octal: `600`.
    pub mode: String,
    /// Whose it is: `root:root`.
    pub owner: String,
    /// What is in it.
    pub text: String,
}

/// Reads an answer of the script, for tests of what is made of one.
#[cfg(test)]
pub fn parse(answer: &str) -> Result<Survey, String> {
    read::read(answer)
}

impl Host {
    /// Looks at the host, once.
    pub async fn survey(&self, user: &str, asks: &BTreeSet<Ask>) -> Result<Survey, HostError> {
        let words = asks.iter().filter_map(|ask| match ask {
            Ask::Receipt(folder) => Some(format!("receipt:{folder}")),
            Ask::File(path) => Some(format!("file:{path}")),
            Ask::Present(path) => Some(format!("present:{path}")),
            Ask::Logins => Some("logins".to_owned()),
            Ask::Engine => None,
        });
        let words = ["sh", "-s", "--", user].into_iter().map(str::to_owned).chain(words);
        let script = format!("{SCRIPT}\nlook \"$@\" </dev/null\n");
        let command = Command::program("looking", words).stdin(script).saying(LONGEST).within(PATIENCE).vital();
        let engine = async { Ok(engine::ask(self, asks.contains(&Ask::Engine)).await) };
        let (output, engine) = tokio::try_join!(self.run(&command), engine)?;
        let strange =
            |why: String| HostError::Strange { host: self.name().to_owned(), doing: "looking".to_owned(), why };
        let mut survey = read::read(&output.text()).map_err(strange)?;
        // Where Docker is not installed, there is nothing of it.
        if survey.programs.contains("docker") {
            survey.engine = Some(engine.as_ref().map(|said| said.version.clone()).map_err(String::clone));
            survey.docker = engine.ok().and_then(|said| said.all);
        }
        Ok(survey)
    }
}
