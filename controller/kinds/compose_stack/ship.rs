//! How a stack's files travel: all of them in one command's input, so that secrets are in nobody's arguments. Owns that
//! form and the commands; must not judge what came of them.

use super::live::State;
use super::private::Private;
use super::receipt::Sent;
use super::want::{ENV, Pull, Run, Want};
use crate::ports::host::Command;
use std::collections::BTreeSet;
use std::time::Duration;

const RECEIVE: &str = include_str!("apply/receive.sh");
const READY: &str = include_str!("apply/ready.sh");
const UP: &str = include_str!("apply/up.sh");
const TRIAL: &str = include_str!("apply/trial.sh");
const HEAL: &str = include_str!("apply/heal.sh");

/// How long pulling and building may take, beside what the document grants for getting ready.
const PULL: Duration = Duration::from_secs(900);
/// How long compose may take to say what it would make of a stack.
const ASK: Duration = Duration::from_secs(60);

/// How a stack is brought up.
#[derive(Clone, Debug, Default)]
pub(super) struct Way {
    /// Services that are started anew.
    pub(super) restart: BTreeSet<String>,
    /// Services whose images are built.
    pub(super) build: BTreeSet<String>,
    /// Whether nothing of it may be there yet.
    pub(super) fresh: bool,
    /// Whether everything is there as it should be, and only the receipt is written.
    pub(super) stamp: bool,
    /// Files that are put in their places nevertheless, where only the receipt is written.
    pub(super) anew: BTreeSet<String>,
}

/// What is sent: the files, what is secret, and what the script is told in files of its own.
struct Pack(Vec<u8>);

impl Pack {
    fn put(&mut self, path: &str, mode: &str, owner: &str, bytes: &[u8]) {
        let owner = if owner.is_empty() { "-" } else { owner };
        self.0.extend(format!("{mode} {owner} {} {path}\n", bytes.len()).into_bytes());
        self.0.extend(bytes);
    }

    fn of(want: &Want, private: &Private) -> Self {
        let mut pack = Self(Vec::new());
        for (path, sent) in &want.files {
            pack.put(path, sent.mode, "", &sent.bytes);
        }
        for (path, bytes) in &private.files {
            match want.secret_files.get(path) {
                Some(file) => pack.put(path, &file.mode, &file.owner, bytes),
                None if path == ENV => pack.put(path, "0600", "", bytes),
                None => {}
            }
        }
        pack.put(".driftless/ask", "0600", "", ask(want).as_bytes());
        pack
    }

    fn end(mut self) -> Vec<u8> {
        self.0.extend(b"end\n");
        self.0
    }
}

/// What compose is asked for: profiles; services that are meant to end; all services; then the compose files, a line each.
fn ask(want: &Want) -> String {
    let words = |all: &mut dyn Iterator<Item = &String>| all.cloned().collect::<Vec<_>>().join(" ");
    let profiles = want.profiles.iter().cloned().collect::<Vec<_>>().join(",");
    let once = words(&mut want.services.iter().filter(|(_, service)| service.once).map(|(name, _)| name));
    let services = words(&mut want.services.iter().filter(|(_, s)| s.count != Some(0)).map(|(name, _)| name));
    let files: String = want.compose.iter().map(|file| format!("{file}\n")).collect();
    format!("{profiles}\n{once}\n{services}\n{files}")
}

/// Brings a stack up, or sends its files and stops it, and writes its receipt.
pub(super) fn up(want: &Want, private: &Private, sent: &Sent, way: &Way) -> Command {
    let words = |all: &BTreeSet<String>| all.iter().cloned().collect::<Vec<_>>().join(" ");
    let mut pack = Pack::of(want, private);
    let probes: String = want.ready.probes.iter().map(super::ready::Probe::line).collect();
    let definitions: String =
        want.definitions.iter().map(|(name, digest)| format!("{name} {}\n", digest.hex())).collect();
    let anew: String = way.anew.iter().map(|path| format!("{path}\n")).collect();
    for (name, text) in [
        ("sent", sent.text()),
        ("files", sent.list()),
        ("probes", probes),
        ("definitions", definitions),
        ("anew", anew),
    ] {
        pack.put(&format!(".driftless/{name}"), "0600", "", text.as_bytes());
    }
    let (within, restart, build) = (want.ready.within.to_string(), words(&way.restart), words(&way.build));
    let version = want.version().hex();
    let state = match want.state {
        _ if way.stamp => "stamp",
        Run::Running => "running",
        Run::Stopped => "stopped",
    };
    let buildable = if want.builds.is_empty() { "" } else { "buildable" };
    let arguments = [
        want.directory.as_str(),
        &want.project,
        want.pull.word(),
        &within,
        state,
        &build,
        &restart,
        &version,
        if want.rollback { "rollback" } else { "" },
        if way.fresh { "fresh" } else { "" },
        buildable,
    ];
    let pull = if want.pull == Pull::Never { Duration::from_secs(300) } else { PULL };
    // Going back may take as long again.
    let time = pull + Duration::from_secs(want.ready.within.saturating_mul(2));
    Command::script(format!("bringing up {}", want.project), &format!("{RECEIVE}\n{READY}\n{UP}"), &arguments)
        .stdin(pack.end())
        .within(time)
}

/// Asks compose on the host what it would make of a stack, and whether that is what it makes of the files that the stack
/// runs by now.
pub(super) fn trial(want: &Want, private: &Private, state: &State) -> Command {
    let by = state.of_services().find(|container| !container.files.is_empty());
    let lines = |of: Option<&String>| of.map(|files| files.replace(',', "\n")).unwrap_or_default();
    let (files, env_files) = (lines(by.map(|c| &c.files)), lines(by.map(|c| &c.env_files)));
    let arguments = [want.directory.as_str(), want.project.as_str(), &files, &env_files];
    Command::script(format!("asking compose about {}", want.project), &format!("{RECEIVE}\n{TRIAL}"), &arguments)
        .stdin(Pack::of(want, private).end())
        .within(ASK)
}

/// Starts containers, or starts them anew, and notes it beside the receipt.
pub(super) fn heal(service: &str, verb: &str, containers: &BTreeSet<String>) -> Command {
    let arguments: Vec<&str> = [verb].into_iter().chain(containers.iter().map(String::as_str)).collect();
    Command::script(format!("healing {service}"), HEAL, &arguments).within(ASK)
}
