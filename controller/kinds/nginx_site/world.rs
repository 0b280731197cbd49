//! A site as it is on a host, and what stands around it. Pure: what a survey saw, in canonical words.

use super::directive::{Directive, parse};
use super::names;
use super::normal::normal;
use super::want::LIVE;
use crate::model::Digest;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One site's file on a host.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// The name of the host's document.
    pub host: String,
    /// The file's name.
    pub file: String,
    /// What stands in it; empty where it is no text.
    pub text: String,
    /// The digest of its bytes.
    pub digest: Digest,
    /// The same, understood; or why it is not.
    pub directives: Result<Vec<Directive>, String>,
    /// How many comments it has.
    pub comments: usize,
    /// Whether it is served.
    pub live: Live,
    /// What else the host has.
    #[serde(skip)]
    pub around: Arc<Around>,
}

/// Whether a site's file is served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Live {
    /// By a link in sites-enabled.
    Linked,
    /// By a file of its own in sites-enabled; the one in sites-available, where there is one, has no say.
    Copied,
    /// A link of its name leads elsewhere: where.
    Elsewhere(String),
    /// A link of another name leads to it.
    Under(String),
    /// It is not.
    Not,
}

impl Live {
    /// What it is, for people.
    pub fn words(&self) -> String {
        match self {
            Self::Linked => "a link in sites-enabled".to_owned(),
            Self::Copied => "a file of its own in sites-enabled".to_owned(),
            Self::Under(name) => format!("a link called {name}"),
            Self::Elsewhere(target) => format!("a link to {target}"),
            Self::Not => "no".to_owned(),
        }
    }
}

/// What stands around the sites of one host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Around {
    /// nginx's version.
    pub nginx: Option<(u32, u32, u32)>,
    /// Which enabled files (by their names) serve which server name.
    pub names: BTreeMap<String, BTreeSet<String>>,
    /// Certificates by the path of their chain.
    pub certificates: BTreeMap<String, Held>,
    /// Which files of nginx name which certificate of certbot's.
    pub uses: BTreeMap<String, BTreeSet<String>>,
    /// The certificates of certbot's that came to be there by driftless.
    pub ours: BTreeSet<String>,
    /// Files that a site is to be served with, and that are not there.
    pub missing: BTreeSet<String>,
    /// Sites that were written, and not read by nginx, since it refuses another.
    pub unread: BTreeSet<String>,
    /// Whether nginx certainly does not run, so that nothing is served whatever stands there.
    pub stopped: bool,
}

/// A certificate on a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The names that it is for.
    pub names: BTreeSet<String>,
    /// Since when it holds.
    pub from: jiff::Timestamp,
    /// Until when.
    pub until: jiff::Timestamp,
}

impl Held {
    /// When it is to be renewed: after two thirds of its life, however long that is.
    pub fn renew_from(&self) -> Option<jiff::Timestamp> {
        let third = self.until.duration_since(self.from).checked_div(3)?;
        self.until.checked_sub(third).ok()
    }
}

impl Around {
    /// What a host hands to a site that is not there yet (`Output::Nginx`): no names, which are only known of files.
    pub fn told(text: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Told {
            version: Option<String>,
            certificates: BTreeMap<String, Held>,
            #[serde(default)]
            missing: BTreeSet<String>,
        }
        let Told { version: text, certificates, missing } = serde_json::from_str(text).ok()?;
        Some(Self { nginx: text.as_deref().and_then(version), certificates, missing, ..Self::default() })
    }
    /// Says whether HTTP/2 is said with `listen`; a version that is not known is taken for a new one.
    pub fn is_before_1_25_1(&self) -> bool {
        self.nginx.is_some_and(|version| version < (1, 25, 1))
    }
}

/// Reads `nginx/1.22.1` with whatever stands around it, or the bare version.
pub fn version(text: &str) -> Option<(u32, u32, u32)> {
    let rest = text.split_once("nginx/").map_or(text, |(_, rest)| rest).trim_start();
    let digits = rest.split(|c: char| c != '.' && !c.is_ascii_digit()).next()?;
    let mut parts = digits.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??, parts.next().flatten().unwrap_or_default()))
}

impl State {
    /// A site's file as it was read.
    pub fn read(host: &str, file: &str, bytes: &[u8], live: Live, around: Arc<Around>) -> Self {
        let (text, parsed) = match std::str::from_utf8(bytes) {
            Ok(text) => (text.to_owned(), parse(text).map_err(|error| error.to_string())),
            Err(_) => (String::new(), Err("it is not UTF-8".to_owned())),
        };
        Self {
            host: host.to_owned(),
            file: file.to_owned(),
            digest: Digest::of_bytes(bytes),
            comments: parsed.as_ref().map_or(0, |parsed| parsed.comments),
            directives: parsed.map(|parsed| parsed.directives),
            text,
            live,
            around,
        }
    }
    /// The names that it serves.
    pub fn names(&self) -> BTreeSet<String> {
        self.directives.as_deref().map(names::served).unwrap_or_default()
    }
    /// Says whether nothing of it is left but its link.
    pub fn is_loose(&self) -> bool {
        self.live == Live::Linked && self.digest == Digest::of_bytes(b"")
    }
    /// Says whether nginx has not read it.
    pub fn is_unread(&self) -> bool {
        self.around.unread.contains(&self.file)
    }
    /// Says whether it means the same as these directives, which are settled.
    pub fn is(&self, wanted: &[Directive]) -> bool {
        self.directives.as_deref().is_ok_and(|have| normal(have) == wanted)
    }
    /// The names at certbot of the certificates that it serves with.
    pub fn certificates(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        certificates(self.directives.as_deref().unwrap_or_default(), &mut found);
        found
    }
}

fn certificates(directives: &[Directive], found: &mut BTreeSet<String>) {
    for directive in directives {
        if directive.name == "ssl_certificate"
            && let Some(path) = directive.args.first()
            && let Some(name) =
                path.strip_prefix(LIVE).and_then(|p| p.strip_prefix('/')?.strip_suffix("/fullchain.pem"))
        {
            found.insert(name.to_owned());
        }
        certificates(directive.block.as_deref().unwrap_or_default(), found);
    }
}
