//! When a stack counts as ready, and what is done about one that ails: what users write, and what it means. Pure.

use crate::model::{Complaint, ResourceId, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When a stack counts as ready: every container runs, those with a health check are healthy, none was started anew, and
/// every probe is answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ReadySpec {
    /// How long that may take: 120s (default), at most 1h.
    pub within: Option<Span>,
    /// What is asked on the host once the containers are ready: {http: "http://127.0.0.1:8069/web/health", status: 200} or
    /// {tcp: "127.0.0.1:5432"}.
    #[schemars(length(max = 32))]
    pub probes: Vec<ProbeSpec>,
}

/// Something that is asked on the host.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ProbeSpec {
    /// An address that must answer.
    Http(HttpProbe),
    /// A port that must be open.
    Tcp(TcpProbe),
}

/// An address that must answer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpProbe {
    /// What is asked for, as the host itself reaches it; redirects are not followed.
    #[schemars(length(max = 1024), regex(pattern = r"^https?://[^\s/]+"))]
    pub http: String,
    /// The status that it must answer with. Default: 200.
    #[schemars(range(min = 100, max = 599))]
    pub status: Option<u16>,
}

/// A port that must be open.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TcpProbe {
    /// An address and a port, as the host itself reaches them.
    #[schemars(length(max = 255), regex(pattern = r"^(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}$"))]
    pub tcp: String,
}

/// What is done about containers that ail while their stack is as it should be; each at most three times an hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Heal {
    /// About one that has stopped: start (default) | report.
    pub stopped: Stopped,
    /// About one that is unhealthy: report (default) | restart.
    pub unhealthy: Unhealthy,
}

/// What is done about a container that has stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stopped {
    /// It is started.
    #[default]
    Start,
    /// It is told, and stays as it is.
    Report,
}

/// What is done about an unhealthy container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Unhealthy {
    /// It is told, and stays as it is.
    #[default]
    Report,
    /// It is started anew.
    Restart,
}

/// When a stack is ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ready {
    /// In how many seconds it must be.
    pub within: u64,
    /// What is asked on the host then.
    pub probes: Vec<Probe>,
}

/// Something that is asked on the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Probe {
    /// An address, and the status that it must answer with.
    Http(String, u16),
    /// A host and an open port.
    Tcp(String, u16),
}

impl Probe {
    /// The line in which the script reads it.
    pub(super) fn line(&self) -> String {
        match self {
            Self::Http(url, status) => format!("http {status} {url}\n"),
            Self::Tcp(host, port) => format!("tcp {port} {host}\n"),
        }
    }
}

const LONGEST_WAIT: u64 = 3_600;

pub(super) fn ready(id: &ResourceId, spec: &ReadySpec, wrong: &mut Vec<Complaint>) -> Ready {
    let within = spec.within.map_or(120, |span| span.0);
    if !(1..=LONGEST_WAIT).contains(&within) {
        let message = format!("{id} may take {within} s to be ready");
        wrong.push(Complaint::at("spec.ready.within", message, "from 1s to 1h"));
    }
    let mut probes = Vec::new();
    for (at, spec) in spec.probes.iter().enumerate() {
        match probe(spec) {
            Ok(probe) => probes.push(probe),
            Err(what) => {
                let message = format!("{id} has a probe that cannot be asked: {what}");
                let expected = "expected http: http://127.0.0.1:8069/path, or tcp: 127.0.0.1:5432";
                wrong.push(Complaint::at(format!("spec.ready.probes[{at}]"), message, expected));
            }
        }
    }
    Ready { within, probes }
}

fn probe(spec: &ProbeSpec) -> Result<Probe, String> {
    match spec {
        ProbeSpec::Http(HttpProbe { http, status }) => {
            let rest = http.strip_prefix("http://").or_else(|| http.strip_prefix("https://")).unwrap_or_default();
            let strange = |c: char| c.is_control() || c.is_whitespace();
            if rest.is_empty() || rest.starts_with('/') || http.contains(strange) {
                return Err(format!("{http:?} is no address"));
            }
            if rest.split('/').next().is_some_and(|host| host.contains('@')) {
                return Err("its address holds a user, and everybody on the host would see it".to_owned());
            }
            Ok(Probe::Http(http.clone(), status.unwrap_or(200)))
        }
        ProbeSpec::Tcp(TcpProbe { tcp }) => {
            let (host, port) = tcp.rsplit_once(':').unwrap_or((tcp, ""));
            let port: u16 = port.parse().ok().filter(|port| *port > 0).ok_or(format!("{tcp:?} has no port"))?;
            Ok(Probe::Tcp(host.trim_matches(['[', ']']).to_owned(), port))
        }
    }
}
