//! What a host's document asks for beyond being reached: programs, keys, limits on logs, room on the disk. Pure: compares
//! what is wanted with what the survey saw, part by part.

use super::Host;
use super::live::Step;
use super::spec::{Package, Want};
use crate::model::finding::Weight;
use crate::model::{
    Change, ChangeKey, Diff, Diffed, Finding, HostKey, Output, Resolved, ResourceId, Shown, Step as Work, Verb,
};
use crate::ports::host::survey::{Ask, Survey};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Who may log in.
pub(super) const AUTHORIZED: &str = "~/.ssh/authorized_keys";
/// The engine's settings.
pub(super) const DAEMON: &str = "/etc/docker/daemon.json";
/// Ours among the journal's settings.
pub(super) const JOURNAL: &str = "/etc/systemd/journald.conf.d/driftless.conf";

/// What has to be seen for it.
pub(super) fn asks(want: &Want) -> Vec<Ask> {
    let file = |path: &str| Ask::File(path.to_owned());
    let mut asks = Vec::new();
    asks.extend((!want.authorized_keys.is_empty()).then(|| file(AUTHORIZED)));
    asks.extend(want.log_max_size.is_some().then(|| file(DAEMON)));
    asks.extend(want.journal_max.is_some().then(|| file(JOURNAL)));
    asks.extend((!want.registries.is_empty()).then_some(Ask::Logins));
    asks.extend(want.prune_images_above.is_some().then_some(Ask::Engine));
    asks
}

/// All of it.
pub(super) fn care(input: &Diff<'_, Host>, want: &Want, survey: &Survey, out: &mut Diffed<Step>) {
    install(input, want, survey, out);
    authorize(input, want, survey, out);
    logs(input, want, survey, out);
    journal(input, want, survey, out);
    images(input, want, survey, out);
}

pub(super) fn change(input: &Diff<'_, Host>, part: &str, title: String, step: Work<Step>) -> Change<Step> {
    let change = Change::new(ChangeKey::part(input.id, part, Verb::Update), title, step);
    change.on(input.provider_id).generation(input.generation.max(1))
}

/// What is wanted and not there.
pub(super) fn lacking(want: &Want, survey: &Survey) -> BTreeSet<Package> {
    let there = |package: &Package| match package {
        Package::Compose => survey.compose.is_some(),
        other => survey.programs.contains(other.word()),
    };
    want.install.iter().copied().filter(|package| !there(package)).collect()
}

fn install(input: &Diff<'_, Host>, want: &Want, survey: &Survey, out: &mut Diffed<Step>) {
    let lacking = lacking(want, survey);
    if lacking.is_empty() {
        return;
    }
    if !survey.programs.contains("apt-get") {
        let text = format!("{} cannot be installed: there is no apt-get on it ({})", words(&lacking), survey.os);
        let hint = "Install it by hand, or use a Debian or Ubuntu machine.";
        out.findings.push(Finding::about(input.id, Weight::Problem, "no-apt", text).hint(hint));
        return;
    }
    let title = format!("install {} from the distribution's packages", words(&lacking));
    let shown = Shown::set(lacking.iter().map(|package| package.word().to_owned()));
    let step = Work::Ready(Step::Install { packages: lacking });
    out.changes.push(change(input, "install", title, step).field("install", Shown::Nothing, shown));
}

pub(super) fn words(packages: &BTreeSet<Package>) -> String {
    packages.iter().map(|package| package.word()).collect::<Vec<_>>().join(", ")
}

/// A key in authorized_keys: what makes it that key, and what it is called there.
fn entries(text: &str) -> BTreeMap<HostKey, String> {
    let one = |line: &str| {
        let line = line.trim();
        let at = ["ssh-", "ecdsa-", "sk-"].iter().filter_map(|kind| {
            let starts =
                line.match_indices(kind).find(|(at, _)| *at == 0 || line.get(..*at).is_some_and(|l| l.ends_with(' ')));
            starts.map(|(at, _)| at)
        });
        let rest = line.get(at.min()?..)?;
        let key: HostKey = rest.parse().ok()?;
        let comment = rest.splitn(3, ' ').nth(2).unwrap_or_default().to_owned();
        Some((key, comment))
    };
    text.lines().filter(|line| !line.trim_start().starts_with('#')).filter_map(one).collect()
}

fn authorize(input: &Diff<'_, Host>, want: &Want, survey: &Survey, out: &mut Diffed<Step>) {
    if want.authorized_keys.is_empty() {
        return;
    }
    let there = entries(survey.files.get(AUTHORIZED).map(|file| file.text.as_str()).unwrap_or_default());
    let (mut lines, mut wanted, mut waits): (Vec<(String, String)>, BTreeSet<HostKey>, Option<ResourceId>) =
        Default::default();
    for id in &want.authorized_keys {
        match input.view.resolve(id, Output::PublicKey) {
            Resolved::Known(line) => match line.parse::<HostKey>() {
                Ok(key) => {
                    if !there.contains_key(&key) {
                        lines.push((id.name.clone(), line.trim().to_owned()));
                    }
                    wanted.insert(key);
                }
                Err(why) => {
                    let text = format!("{id} cannot be let in here: {why}");
                    out.findings.push(Finding::about(input.id, Weight::Problem, "key-not-usable", text));
                }
            },
            Resolved::Pending { from, .. } => waits = Some(from),
            Resolved::Unknown { why } => {
                let text = format!("whether {id} is let in could not be found out: {why}");
                out.findings.push(Finding::about(input.id, Weight::Unknown, "key-not-known", text));
                return;
            }
        }
    }
    let title = format!(
        "let {} in",
        match lines.len() + usize::from(waits.is_some()) {
            1 => "one more key".to_owned(),
            many => format!("{many} more keys"),
        }
    );
    let shown: Vec<String> = lines.iter().map(|(name, _)| name.clone()).collect();
    if let Some(on) = waits {
        let pending = Shown::Pending { of: on.clone(), output: Output::PublicKey };
        let known = shown.into_iter().map(Shown::Text);
        let step = Work::Waits { why: format!("public key of {on}"), on: vec![on] };
        let to = Shown::Mixed(known.chain([pending]).collect());
        out.changes.push(change(input, "authorizedKeys", title, step).field("authorizedKeys", Shown::Nothing, to));
    } else if !lines.is_empty() {
        let lines = lines.into_iter().map(|(_, line)| line).collect();
        let step = Work::Ready(Step::Authorize { lines });
        out.changes.push(change(input, "authorizedKeys", title, step).field(
            "authorizedKeys",
            Shown::Nothing,
            Shown::set(shown),
        ));
    }
    let others: Vec<String> = there
        .iter()
        .filter(|(key, _)| !wanted.contains(*key))
        .map(|(key, comment)| if comment.is_empty() { key.fingerprint() } else { comment.clone() })
        .collect();
    if !others.is_empty() {
        let text = format!("keys are let in that no document names: {}", others.join(", "));
        let hint = format!(
            "Name them in authorizedKeys, or take them out of {AUTHORIZED} of {} there; the controller takes none out.",
            want.user
        );
        out.findings.push(Finding::about(input.id, Weight::Note, "other-keys", text).hint(hint));
    }
}

fn logs(input: &Diff<'_, Host>, want: &Want, survey: &Survey, out: &mut Diffed<Step>) {
    let Some(size) = &want.log_max_size else { return };
    let text = survey.files.get(DAEMON).map(|file| file.text.trim()).unwrap_or_default();
    let settings = if text.is_empty() { Ok(Map::new()) } else { serde_json::from_str::<Map<String, Value>>(text) };
    let mut settings = match settings {
        Ok(settings) => settings,
        Err(why) => {
            let text = format!("{DAEMON} cannot be read, so that no limit can be put into it: {why}");
            out.findings.push(
                Finding::about(input.id, Weight::Problem, "daemon-json", text)
                    .hint("Mend it by hand; the engine does not start with it either."),
            );
            return;
        }
    };
    let driver = settings.get("log-driver").and_then(Value::as_str).unwrap_or("json-file").to_owned();
    if !["json-file", "local"].contains(&driver.as_str()) {
        let text =
            format!("Docker logs with {driver} there, which keeps no files of its own: docker.logMaxSize says nothing");
        out.findings.push(Finding::about(input.id, Weight::Note, "log-driver", text));
        return;
    }
    let now =
        settings.get("log-opts").and_then(|options| options.get("max-size")).and_then(Value::as_str).map(str::to_owned);
    if now.as_ref() == Some(size) {
        return;
    }
    let options = settings.entry("log-opts").or_insert_with(|| Value::Object(Map::new()));
    if let Some(options) = options.as_object_mut() {
        options.insert("max-size".to_owned(), Value::from(size.clone()));
    }
    let text = format!("{}\n", serde_json::to_string_pretty(&settings).unwrap_or_default());
    let title = "limit Docker's logs: for containers that are made after the engine's next start".to_owned();
    let step = Work::Ready(Step::Write { path: DAEMON.to_owned(), text, then: None });
    let from = now.map_or(Shown::Nothing, Shown::Text);
    out.changes.push(change(input, "docker.logMaxSize", title, step).field(
        "docker.logMaxSize",
        from,
        Shown::text(size),
    ));
}

fn journal(input: &Diff<'_, Host>, want: &Want, survey: &Survey, out: &mut Diffed<Step>) {
    let Some(size) = &want.journal_max else { return };
    let text = format!("# Written by driftless: journalMax of {}\n[Journal]\nSystemMaxUse={size}\n", input.id);
    let now = survey.files.get(JOURNAL).map(|file| file.text.as_str()).unwrap_or_default();
    let limit = |text: &str| {
        text.lines().rev().find_map(|line| line.trim().strip_prefix("SystemMaxUse=").map(|v| v.trim().to_owned()))
    };
    let former = limit(now);
    if former.as_ref() == Some(size) {
        return;
    }
    let step = Work::Ready(Step::Write { path: JOURNAL.to_owned(), text, then: Some("systemd-journald".to_owned()) });
    let from = former.map_or(Shown::Nothing, Shown::Text);
    let title = "limit the journal, and start journald anew".to_owned();
    out.changes.push(change(input, "journalMax", title, step).field("journalMax", from, Shown::text(size)));
}

/// Where the engine keeps its images.
const IMAGES: &str = "/var/lib/docker";

fn images(input: &Diff<'_, Host>, want: &Want, survey: &Survey, out: &mut Diffed<Step>) {
    let (Some(limit), Some(docker)) = (want.prune_images_above, &survey.docker) else { return };
    let holds = |mount: &str| IMAGES.starts_with(mount.trim_end_matches('/')) || mount == "/";
    let disk = survey.disks.iter().filter(|(mount, _)| holds(mount)).max_by_key(|(mount, _)| mount.len());
    let Some((mount, _)) = disk.filter(|(_, disk)| disk.percent() > limit) else { return };
    // An image is `ID name:tag`, one with several names several of them.
    let unused: BTreeMap<&str, Vec<&str>> =
        docker.images.iter().filter_map(|line| line.split_once(' ')).filter(|(id, _)| !docker.used.contains(*id)).fold(
            BTreeMap::new(),
            |mut images, (id, name)| {
                images.entry(id).or_insert_with(Vec::new).push(name);
                images
            },
        );
    if unused.is_empty() {
        let text = format!("the disk {mount} is over {limit} % full, and every image on it is in use");
        let hint =
            "See what else fills it: docker system df -v; du -xh --max-depth=2 / | sort -h. Volumes are never removed.";
        out.findings.push(Finding::about(input.id, Weight::Note, "nothing-to-prune", text).hint(hint));
        return;
    }
    let count = match unused.len() {
        1 => "one image".to_owned(),
        many => format!("{many} images"),
    };
    let title = format!("remove {count} that no container uses: the disk {mount} is over {limit} % full");
    let name = |(id, names): (&&str, &Vec<&str>)| match names.as_slice() {
        ["<none>:<none>"] | [] => id.chars().take(19).collect::<String>(),
        names => names.join(" "),
    };
    let shown = Shown::set(unused.iter().map(name));
    let step = Work::Ready(Step::Prune { images: unused.keys().map(|id| (*id).to_owned()).collect() });
    out.changes.push(change(input, "images", title, step).field("images", shown, Shown::Nothing));
}
