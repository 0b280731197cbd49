//! How a stack's files travel: all of them in one command's input, so that secrets are in nobody's arguments. Owns that
//! form and the commands; must not judge what came of them.

use super::want::{ENV, Pull, Run, Want};
use crate::ports::host::Command;
use std::collections::BTreeSet;
use std::time::Duration;

const RECEIVE: &str = include_str!("apply/receive.sh");
const UP: &str = include_str!("apply/up.sh");
const TRIAL: &str = include_str!("apply/trial.sh");

/// How long pulling and building may take, beside what the document grants for getting ready.
const PULL: Duration = Duration::from_secs(900);
/// How long compose may take to say what it would make of a stack.
const ASK: Duration = Duration::from_secs(60);

/// Everything that is sent, in the form that `receive` reads.
fn packed(want: &Want, dot_env: Option<&str>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut put = |path: &str, mode: &str, bytes: &[u8]| {
        out.extend(format!("{mode} {} {path}\n", bytes.len()).into_bytes());
        out.extend(bytes);
    };
    for (path, sent) in &want.files {
        put(path, sent.mode, &sent.bytes);
    }
    if let Some(text) = dot_env {
        put(ENV, "0600", text.as_bytes());
    }
    out.extend(b"end\n");
    out
}

fn profiles(want: &Want) -> String {
    want.profiles.iter().cloned().collect::<Vec<_>>().join(",")
}

fn files(want: &Want) -> impl Iterator<Item = &str> {
    want.compose.iter().flat_map(|file| ["-f", file.as_str()])
}

/// Brings a stack up, or sends its files and stops it.
pub(super) fn up(want: &Want, dot_env: Option<&str>, restart: &BTreeSet<String>) -> Command {
    let words = |all: &mut dyn Iterator<Item = &String>| all.cloned().collect::<Vec<_>>().join(" ");
    let once = words(&mut want.services.iter().filter(|(_, service)| service.once).map(|(name, _)| name));
    let services = words(&mut want.services.iter().filter(|(_, s)| s.count != Some(0)).map(|(name, _)| name));
    let builds = want.services.values().any(|service| service.build);
    let (profiles, within, restart) = (profiles(want), want.within.to_string(), words(&mut restart.iter()));
    let mut arguments = vec![
        want.directory.as_str(),
        &want.project,
        &profiles,
        want.pull.word(),
        &within,
        if want.state == Run::Running { "running" } else { "stopped" },
        if builds { "build" } else { "" },
        &restart,
        &once,
        &services,
    ];
    arguments.extend(files(want));
    let pull = if want.pull == Pull::Never { Duration::from_secs(300) } else { PULL };
    Command::script(format!("bringing up {}", want.project), &format!("{RECEIVE}\n{UP}"), &arguments)
        .stdin(packed(want, dot_env))
        .within(pull + Duration::from_secs(want.within))
}

/// Asks compose on the host what it would make of a stack.
pub(super) fn trial(want: &Want, dot_env: Option<&str>) -> Command {
    let profiles = profiles(want);
    let mut arguments = vec![want.directory.as_str(), want.project.as_str(), profiles.as_str()];
    arguments.extend(files(want));
    Command::script(format!("asking compose about {}", want.project), &format!("{RECEIVE}\n{TRIAL}"), &arguments)
        .stdin(packed(want, dot_env))
        .within(ASK)
}
