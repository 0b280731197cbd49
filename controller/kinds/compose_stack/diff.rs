//! What is to be done so that a stack is as its document says. Pure: it compares what was sent, what compose made of it
//! then, and what is there now; it never asks compose.

use super::ComposeStack;
use super::live::{State, Step};
use super::receipt::Receipt;
use super::want::{ENV, Run, Service, Want};
use crate::model::{
    Cause, Change, ChangeKey, Diff, Diffed, Finding, Observed, OnRemove, Output, Resolved, Risk, Shown, Step as Work,
    Verb, finding::Weight,
};
use crate::ports::host::survey::Container;
use std::collections::{BTreeMap, BTreeSet};

/// A field's name, what is there, and what is wanted.
type Field = (String, Shown, Shown);

pub(super) fn diff(input: &Diff<'_, ComposeStack>) -> Diffed<Step> {
    let mut out = Diffed::default();
    match (input.want, &input.have) {
        (_, Observed::Changing(_) | Observed::Unknown { .. }) | (None, Observed::Absent) => {}
        (Some(want), Observed::Absent) => create(input, want, &mut out),
        (Some(want), Observed::Present(state)) => settle(input, want, state, &mut out),
        (None, Observed::Present(state)) => remove(input, state, &mut out),
    }
    out
}

fn create(input: &Diff<'_, ComposeStack>, want: &Want, out: &mut Diffed<Step>) {
    let step = match input.view.resolve(&want.host, Output::Id) {
        Resolved::Known(_) => Work::Ready(Step::Up { version: want.version(), restart: BTreeSet::new() }),
        Resolved::Pending { from, .. } => {
            let why = format!("{from} to be ready");
            Work::Waits { on: vec![from], why }
        }
        Resolved::Unknown { why } => {
            out.findings.push(Finding::about(input.id, Weight::Unknown, "host-unknown", why));
            return;
        }
    };
    let title = match want.state {
        Run::Running => "create: send its files, pull, start, wait until it is ready",
        Run::Stopped => "create, stopped",
    };
    let services: Vec<String> = want.services.keys().cloned().collect();
    let secrets = want.env.iter().filter(|(_, value)| value.is_secret()).map(|(name, _)| name);
    let mut change = Change::new(ChangeKey::whole(input.id, Verb::Create), title, step)
        .generation(input.generation.saturating_add(1))
        .field("host", Shown::Nothing, Shown::text(&want.host.name))
        .field("directory", Shown::Nothing, Shown::text(&want.directory))
        .field("services", Shown::Nothing, Shown::set(services));
    for name in secrets {
        change = change.field(format!("env.{name}"), Shown::Nothing, Shown::Secret(name.clone()));
    }
    out.changes.push(change);
}

fn settle(input: &Diff<'_, ComposeStack>, want: &Want, state: &State, out: &mut Diffed<Step>) {
    let problem = |rule, text: String| Finding::about(input.id, Weight::Problem, rule, text);
    if let Some(Err(why)) = &state.dot_env {
        let hint = "Nothing is done with this stack until it is there.";
        out.findings.push(problem("secret-missing", why.clone()).hint(hint));
        return;
    }
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
    let (mut fields, touched) = files(want, state, receipt);
    let restart: BTreeSet<String> = touched.iter().flat_map(|file| want.mounting(file).cloned()).collect();
    fields.extend(containers(want, state, receipt));
    ailing(input, want, state, out);
    let wrong_folder = state.of_services().find(|c| !c.folder.is_empty() && c.folder != want.directory);
    let moved = wrong_folder.map(|container| container.folder.clone());
    if let Some(folder) = &moved {
        fields.push(("directory".to_owned(), Shown::text(folder), Shown::text(&want.directory)));
    }
    if let Some(Err(why)) = &state.trial {
        fields.push(("services".to_owned(), Shown::text(format!("not comparable: {why}")), Shown::Nothing));
    }
    let version = want.version();
    if !fields.is_empty() {
        let recreates = !restart.is_empty() || fields.iter().any(|(path, ..)| path.starts_with("services"));
        let title = title(want, &restart, receipt.is_none());
        let step = Work::Ready(Step::Up { version, restart });
        let risk = match (&moved, &state.trial) {
            (Some(folder), _) => Risk::TakesOver(format!(
                "it runs from {folder}: what it mounts from there by a relative path would start empty in {}",
                want.directory
            )),
            (None, Some(Err(_))) => {
                Risk::TakesOver("it cannot be known which of its containers compose would make anew".to_owned())
            }
            _ if recreates && want.state == Run::Running => {
                Risk::Downtime("what is made or started anew is away for seconds".to_owned())
            }
            _ => Risk::None,
        };
        let mut change = update(input, title, step).risk(risk);
        for (path, from, to) in fields {
            change = change.field(path, from, to);
        }
        out.changes.push(change);
    } else if receipt.is_none() {
        let count = state.of_services().count();
        let title = format!("write its receipt: the {count} containers stay as they are");
        let verb = if input.adopting { Verb::Adopt } else { Verb::Update };
        let change = Change::new(ChangeKey::whole(input.id, verb), title, Work::Ready(Step::Adopt { version }));
        let change = change.on(input.provider_id).generation(input.generation.max(1));
        out.changes.push(change.field("receipt", Shown::Nothing, Shown::text(&want.directory)));
    }
    dropped(input, want, state, out);
}

fn update(input: &Diff<'_, ComposeStack>, title: String, step: Work<Step>) -> Change<Step> {
    Change::new(ChangeKey::whole(input.id, Verb::Update), title, step)
        .on(input.provider_id)
        .generation(input.generation.max(1))
}

fn title(want: &Want, restart: &BTreeSet<String>, first: bool) -> String {
    let again = restart.iter().cloned().collect::<Vec<_>>().join(", ");
    let up = match want.state {
        Run::Stopped => "send its files, stop it",
        Run::Running if first => "take over: send its files, bring it up, wait until it is ready",
        Run::Running => "bring it up, wait until it is ready",
    };
    match again.as_str() {
        "" => up.to_owned(),
        again => format!("{up}; start {again} anew, for the files that changed"),
    }
}

/// What differs in the files, and which of them containers may not have read yet.
fn files(want: &Want, state: &State, receipt: Option<&Receipt>) -> (Vec<Field>, BTreeSet<String>) {
    let (mut fields, mut touched) = (Vec::new(), BTreeSet::new());
    let own = match &state.dot_env {
        Some(Ok(digest)) => Some((ENV.to_owned(), digest.clone())),
        _ => None,
    };
    let wanted: BTreeMap<String, String> =
        want.files.iter().map(|(path, sent)| (path.clone(), sent.digest.hex())).chain(own).collect();
    for (path, wanted) in &wanted {
        let (there, sent) = (state.files.get(path), receipt.and_then(|receipt| receipt.files.get(path)));
        let as_sent = sent.is_some_and(|sent| sent.sha256 == *wanted);
        if there == Some(wanted) && (as_sent || receipt.is_none()) {
            continue;
        }
        touched.insert(path.clone());
        let secret = path == ENV && !want.env.is_empty();
        let show = |digest: &str| match secret {
            true => Shown::Secret(ENV.to_owned()),
            false => Shown::Text(digest.chars().take(12).collect()),
        };
        let from = match (there, sent) {
            (None, None) => Shown::Nothing,
            (None, Some(_)) => Shown::text("missing on the host"),
            (Some(there), Some(sent)) if sent.sha256 == *there => show(there),
            (Some(there), _) if there == wanted => Shown::text("sent, and not ready with it yet"),
            (Some(_), Some(_)) => Shown::text("edited on the host"),
            (Some(_), None) => Shown::text("another one on the host"),
        };
        fields.push((format!("files.{path}"), from, show(wanted)));
    }
    let asked = (want.compose.clone(), want.profiles.clone());
    if let Some(receipt) = receipt.filter(|receipt| receipt.asked != asked) {
        let words = |(files, profiles): &(Vec<String>, BTreeSet<String>)| {
            let profiles = profiles.iter().map(|profile| format!("profile {profile}"));
            Shown::text(files.iter().cloned().chain(profiles).collect::<Vec<_>>().join(", "))
        };
        fields.push(("compose".to_owned(), words(&receipt.asked), words(&asked)));
    }
    (fields, touched)
}

/// The services that are to have containers, and compose's digest of each where it is known.
fn expected<'a>(
    want: &'a Want,
    state: &'a State,
    receipt: Option<&'a Receipt>,
) -> BTreeMap<&'a String, (Option<&'a Service>, Option<&'a String>)> {
    let hashes = match (receipt, &state.trial) {
        (Some(receipt), _) => Some(&receipt.hashes),
        (None, Some(Ok(hashes))) => Some(hashes),
        _ => None,
    };
    let hash = |name: &String| hashes.and_then(|hashes| hashes.get(name));
    let mut all: BTreeMap<_, _> =
        want.services.iter().map(|(name, service)| (name, (Some(service), hash(name)))).collect();
    let others = hashes.into_iter().flatten().filter(|(name, _)| want.more && !want.services.contains_key(*name));
    all.extend(others.map(|(name, hash)| (name, (None, Some(hash)))));
    all
}

fn containers(want: &Want, state: &State, receipt: Option<&Receipt>) -> Vec<Field> {
    let mut fields = Vec::new();
    let runs = want.state == Run::Running;
    for (name, (service, hash)) in expected(want, state, receipt) {
        let of: Vec<&Container> = state.of_services().filter(|container| container.service == *name).collect();
        let (once, count) = service.map_or((false, None), |service| (service.once, service.count));
        let mut say = |field: &str, from: Shown, to: &str| {
            fields.push((format!("services.{name}{field}"), from, Shown::text(to)));
        };
        let least = count.unwrap_or(1);
        if (of.len() as u64) < least {
            let from = if of.is_empty() { "missing".to_owned() } else { format!("{} of {least}", of.len()) };
            say("", Shown::Text(from), if runs { "running" } else { "stopped" });
        } else if count.is_some_and(|count| of.len() as u64 > count) {
            say("", Shown::text(format!("{} containers, of {least}", of.len())), &format!("{least}"));
        }
        for container in of {
            let (state_of, code) = (container.state.as_str(), container.exit_code);
            match (state_of, runs) {
                ("exited", true) if once && code == 0 => {}
                ("exited" | "dead", true) => {
                    say(".state", Shown::text(format!("stopped, exit code {code}")), "running")
                }
                ("created" | "paused", true) => say(".state", Shown::text(state_of), "running"),
                ("running" | "restarting" | "paused", false) => say(".state", Shown::text(state_of), "stopped"),
                _ => {}
            }
            if let Some(hash) = hash.filter(|hash| **hash != container.hash) {
                let short = |hash: &str| hash.chars().take(12).collect::<String>();
                say(".config", Shown::Text(short(&container.hash)), &short(hash));
            }
            let current = state.current_image(&container.tag).filter(|current| **current != container.image);
            if let Some(current) = current {
                let short = |id: &str| id.trim_start_matches("sha256:").chars().take(12).collect::<String>();
                let to = format!("{}, which {} is now", short(current), container.tag);
                say(".image", Shown::Text(short(&container.image)), &to);
            }
        }
    }
    fields.dedup();
    fields
}

/// What bringing it up anew would not cure.
fn ailing(input: &Diff<'_, ComposeStack>, want: &Want, state: &State, out: &mut Diffed<Step>) {
    for container in state.of_services().filter(|_| want.state == Run::Running) {
        let (rule, what) = match (container.state.as_str(), container.health.as_deref()) {
            ("restarting", _) => ("restarting", "ends again and again, and is started anew each time"),
            ("running", Some("unhealthy")) => ("unhealthy", "is unhealthy"),
            _ => continue,
        };
        let text = format!("{} of {} {what}", container.name, want.host);
        let hint = format!("See its log there: docker logs --tail 50 {}", container.name);
        out.findings.push(Finding::about(input.id, Weight::Problem, rule, text).hint(hint));
    }
}

/// Services that the compose file has no more: each is a deletion that counts.
fn dropped(input: &Diff<'_, ComposeStack>, want: &Want, state: &State, out: &mut Diffed<Step>) {
    if want.more {
        return;
    }
    let mut left: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for container in state.of_services().filter(|container| !want.services.contains_key(&container.service)) {
        left.entry(container.service.as_str()).or_default().insert(container.id.clone());
    }
    let up = out.changes.first().map(|change| change.key.clone());
    for (service, containers) in left {
        let key = ChangeKey::part(input.id, format!("service {service}"), Verb::Delete);
        let step = Work::Ready(Step::Drop { host: state.host.clone(), containers });
        let change = Change::new(key, "remove its containers: no compose file names it any more", step)
            .on(input.provider_id)
            .generation(input.generation.max(1))
            .scope(<ComposeStack as crate::model::Kind>::scope(want))
            .field(format!("services.{service}"), Shown::text("there"), Shown::Nothing);
        out.changes.push(up.iter().fold(change, |change, key| change.after(key.clone())));
    }
}

fn remove(input: &Diff<'_, ComposeStack>, state: &State, out: &mut Diffed<Step>) {
    let (host, project) = (state.host.clone(), state.project.clone());
    let change = |verb, title: &str, step| {
        Change::new(ChangeKey::whole(input.id, verb), title, Work::Ready(step))
            .on(input.provider_id)
            .generation(input.generation.max(1))
            .cause(Cause::Removal)
            .field("project", Shown::text(&state.project), Shown::Nothing)
    };
    let runs = state.of_services().any(|c| ["running", "restarting", "paused"].contains(&c.state.as_str()));
    let stopped = input.owned.and_then(|owned| owned.stopped);
    let soaked = input.policy.soaked(stopped, input.view.as_of);
    out.changes.push(match input.policy.on_remove {
        OnRemove::Keep => change(Verb::Release, "let go; it goes on as it is", Step::Release),
        OnRemove::Stop if runs || stopped.is_none() => {
            let risk = Risk::Downtime("it is stopped; containers and volumes stay".to_owned());
            change(Verb::Stop, "stop", Step::Stop { host, project }).risk(risk)
        }
        OnRemove::Stop if !soaked => return,
        OnRemove::Stop | OnRemove::Destroy => {
            let risk = Risk::Destroys("removes its containers and networks; volumes and files stay".to_owned());
            change(Verb::Delete, "remove its containers", Step::Down { host, project }).risk(risk)
        }
    });
}
