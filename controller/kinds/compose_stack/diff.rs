//! What is to be done so that a stack is as its document says. Pure: it compares what was sent, what compose made of it
//! then, and what is there now; it never asks compose.

use super::live::{State, Step};
use super::receipt::Receipt;
use super::want::{Run, Value, Want};
use super::{ComposeStack, drift, heal, leaving};
use crate::model::{
    Change, ChangeKey, Diff, Diffed, Digest, Finding, Observed, Output, Resolved, Risk, Shown, Step as Work, Verb,
    finding::Weight,
};
use std::collections::BTreeSet;

pub(super) fn diff(input: &Diff<'_, ComposeStack>) -> Diffed<Step> {
    let mut out = Diffed::default();
    match (input.want, &input.have) {
        (_, Observed::Changing(_) | Observed::Unknown { .. }) | (None, Observed::Absent) => {}
        (Some(want), Observed::Absent) => create(input, want, &mut out),
        (Some(want), Observed::Present(state)) if state.host != want.host.name => {
            leaving::moving(input, want, state, &mut out);
        }
        (Some(want), Observed::Present(state)) => {
            settle(input, want, state, &mut out);
            leaving::former(input, &mut out);
        }
        (None, Observed::Present(state)) => {
            leaving::remove(input, state, &mut out);
            leaving::left(input, &mut out);
        }
    }
    out
}

/// The work of bringing it up where nothing of it is yet, or what it waits for; none where the host is not known.
pub(super) fn first(
    input: &Diff<'_, ComposeStack>,
    want: &Want,
    fresh: bool,
    out: &mut Diffed<Step>,
) -> Option<Work<Step>> {
    match input.view.resolve(&want.host, Output::Id) {
        Resolved::Known(_) => {
            let (restart, build) = (BTreeSet::new(), want.builds.keys().cloned().collect());
            Some(Work::Ready(Step::Up { version: want.version(), restart, build, fresh }))
        }
        Resolved::Pending { from, .. } => {
            let why = format!("{from} to be ready");
            Some(Work::Waits { on: vec![from], why })
        }
        Resolved::Unknown { why } => {
            out.findings.push(Finding::about(input.id, Weight::Unknown, "host-unknown", why));
            None
        }
    }
}

/// What a stack that is made holds, field by field.
pub(super) fn described(want: &Want, mut change: Change<Step>) -> Change<Step> {
    let services: Vec<String> = want.services.keys().cloned().collect();
    change = change.field("directory", Shown::Nothing, Shown::text(&want.directory)).field(
        "services",
        Shown::Nothing,
        Shown::set(services),
    );
    for (name, value) in &want.env {
        if let Value::Secret(secret) = value {
            change = change.field(format!("env.{name}"), Shown::Nothing, Shown::Secret(secret.clone()));
        }
    }
    for (path, file) in &want.secret_files {
        change = change.field(format!("secretFiles.{path}"), Shown::Nothing, Shown::Secret(file.secret.clone()));
    }
    change
}

fn create(input: &Diff<'_, ComposeStack>, want: &Want, out: &mut Diffed<Step>) {
    let Some(step) = first(input, want, false, out) else { return };
    let title = match want.state {
        Run::Running => "create: send its files, pull, start, wait until it is ready",
        Run::Stopped => "create, stopped",
    };
    let change = Change::new(ChangeKey::whole(input.id, Verb::Create), title, step)
        .generation(input.generation.saturating_add(1))
        .field("host", Shown::Nothing, Shown::text(&want.host.name));
    out.changes.push(described(want, change));
}

fn settle(input: &Diff<'_, ComposeStack>, want: &Want, state: &State, out: &mut Diffed<Step>) {
    let problem = |rule, text: String| Finding::about(input.id, Weight::Problem, rule, text);
    let prints = match &state.prints {
        Some(Ok(prints)) => prints,
        Some(Err(why)) => {
            let hint = "Nothing is done with this stack until it is there.";
            out.findings.push(problem("secret-missing", why.clone()).hint(hint));
            return;
        }
        None => return,
    };
    let receipt = match &state.receipt {
        Some(Ok(receipt)) => Some(receipt),
        Some(Err(why)) => {
            let text = format!("its receipt on the host cannot be read: {why}");
            let hint = format!("Remove {}/.driftless/receipt.json there; it is written anew.", want.directory);
            out.findings.push(problem("receipt-unreadable", text).hint(hint));
            return;
        }
        None => None,
    };
    let failed = state.notes.failed.as_ref() == Some(&want.version().hex());
    let seen = drift::all(want, state, prints, receipt);
    let other_key = !prints.key.is_empty() && receipt.is_some_and(|receipt| receipt.sent.private.key != prints.key);
    if !seen.fields.is_empty() || receipt.is_none() && state.notes.trying.is_some() {
        up(input, want, state, receipt, seen, out);
    } else if receipt.is_none() || other_key {
        stamp(input, want, state, receipt, &prints.key, seen.alike, out);
    }
    let failed = failed && !out.changes.is_empty();
    if failed {
        let text = "this version did not get ready; the one before it runs, and stays until the content changes";
        let hint = format!("Mend it, or take back the commit. `driftless retry {}` tries it again.", input.id);
        out.findings.push(problem("rolled-back", text.to_owned()).hint(hint));
    }
    if receipt.is_some() && (out.changes.is_empty() || failed) {
        heal::stopped(input, want, state, out);
    }
    heal::ailing(input, want, state, out);
    drift::definitions(input.id, want, receipt, out);
    leaving::dropped(input, want, state, out);
}

fn up(
    input: &Diff<'_, ComposeStack>,
    want: &Want,
    state: &State,
    receipt: Option<&Receipt>,
    seen: drift::Seen,
    out: &mut Diffed<Step>,
) {
    let drift::Seen { mut fields, touched, .. } = seen;
    let restart: BTreeSet<String> = touched.iter().flat_map(|file| want.mounting(file).cloned()).collect();
    let built = |service: &String, digest: &Digest| {
        receipt.and_then(|receipt| receipt.sent.builds.get(service)) == Some(&digest.hex())
    };
    let build: BTreeSet<String> =
        want.builds.iter().filter(|(service, digest)| !built(service, digest)).map(|(name, _)| name.clone()).collect();
    let wrong_folder = state.of_services().find(|c| !c.folder.is_empty() && c.folder != want.directory);
    let moved = wrong_folder.map(|container| container.folder.clone());
    let recreates = !restart.is_empty() || fields.iter().any(|(path, ..)| path.starts_with("services"));
    let title = title(want, &restart, &build, receipt.is_none());
    if fields.is_empty() {
        fields.push(("ready".to_owned(), Shown::text("begun, and not ready yet"), Shown::text("ready")));
    }
    let risk = match (&moved, &state.trial) {
        (Some(folder), _) => Risk::TakesOver(format!(
            "it runs from {folder}: what it mounts from there by a relative path would start empty in {}",
            want.directory
        )),
        // What we began ourselves needs no leave.
        (None, Some(Err(_))) if state.notes.trying.is_none() => {
            Risk::TakesOver("it cannot be known which of its containers compose would make anew".to_owned())
        }
        _ if recreates && want.state == Run::Running => {
            Risk::Downtime("what is made or started anew is away for seconds".to_owned())
        }
        _ => Risk::None,
    };
    let step = Work::Ready(Step::Up { version: want.version(), restart, build, fresh: false });
    let mut change = update(input, title, step).risk(risk);
    for (path, from, to) in fields {
        change = change.field(path, from, to);
    }
    out.changes.push(change);
}

/// Writes the receipt: all is there, some of it in other words.
fn stamp(
    input: &Diff<'_, ComposeStack>,
    want: &Want,
    state: &State,
    receipt: Option<&Receipt>,
    key: &str,
    anew: BTreeSet<String>,
    out: &mut Diffed<Step>,
) {
    let step = Work::Ready(Step::Adopt { version: want.version(), anew: anew.clone() });
    if let Some(receipt) = receipt {
        let former = Shown::text(&receipt.sent.private.key);
        let title = "write its receipt anew, with the new key: nothing is started anew".to_owned();
        out.changes.push(update(input, title, step).field("receipt.key", former, Shown::text(key)));
        return;
    }
    let files = match anew.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => String::new(),
        all => format!(", and {} in other words that mean the same", all.join(" and ")),
    };
    let stay = match state.of_services().count() {
        1 => "its container stays as it is".to_owned(),
        count => format!("its {count} containers stay as they are"),
    };
    let verb = if input.adopting { Verb::Adopt } else { Verb::Update };
    let change = Change::new(ChangeKey::whole(input.id, verb), format!("write its receipt{files}: {stay}"), step);
    let mut change = change.on(input.provider_id).generation(input.generation.max(1));
    change = change.field("receipt", Shown::Nothing, Shown::text(&want.directory));
    for path in anew {
        let from =
            if state.files.contains_key(&path) { Shown::text("the same in other words") } else { Shown::Nothing };
        change = change.field(format!("files.{path}"), from, Shown::text("as its document says"));
    }
    out.changes.push(change);
}

fn update(input: &Diff<'_, ComposeStack>, title: String, step: Work<Step>) -> Change<Step> {
    Change::new(ChangeKey::whole(input.id, Verb::Update), title, step)
        .on(input.provider_id)
        .generation(input.generation.max(1))
}

fn title(want: &Want, restart: &BTreeSet<String>, build: &BTreeSet<String>, first: bool) -> String {
    let names = |all: &BTreeSet<String>| all.iter().cloned().collect::<Vec<_>>().join(", ");
    let up = match want.state {
        Run::Stopped => "send its files, stop it",
        Run::Running if first => "take over: send its files, bring it up, wait until it is ready",
        Run::Running => "bring it up, wait until it is ready",
    };
    let mut title = up.to_owned();
    if !build.is_empty() {
        title = format!("build {}; {title}", names(build));
    }
    if !restart.is_empty() {
        title = format!("{title}; start {} anew, for the files that changed", names(restart));
    }
    title
}
