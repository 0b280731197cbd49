//! What differs between a stack and its document, each by its own name and field. Pure.

use super::live::{State, Step};
use super::private::{Print, Prints, SecretFile};
use super::receipt::Receipt;
use super::want::{ENV, Run, Service, Want};
use crate::model::{Diffed, Finding, ResourceId, Shown, finding::Weight};
use crate::ports::host::survey::Container;
use std::collections::{BTreeMap, BTreeSet};

/// A field's name, what is there, and what is wanted.
pub(super) type Field = (String, Shown, Shown);

/// What differs, and which files containers may not have read yet.
pub(super) struct Seen {
    /// The differences.
    pub(super) fields: Vec<Field>,
    /// Paths of files that are sent anew.
    pub(super) touched: BTreeSet<String>,
    /// Paths of files that say the same in other words: no difference.
    pub(super) alike: BTreeSet<String>,
}

pub(super) fn all(want: &Want, state: &State, prints: &Prints, receipt: Option<&Receipt>) -> Seen {
    let mut seen = Seen { fields: Vec::new(), touched: BTreeSet::new(), alike: BTreeSet::new() };
    public(want, state, receipt, &mut seen);
    private(want, state, prints, receipt, &mut seen);
    asked(want, receipt, &mut seen);
    things(state, receipt, &mut seen);
    seen.fields.extend(containers(want, state, receipt));
    let wrong_folder = state.of_services().find(|c| !c.folder.is_empty() && c.folder != want.directory);
    if let Some(container) = wrong_folder {
        seen.fields.push(("directory".to_owned(), Shown::text(&container.folder), Shown::text(&want.directory)));
    }
    if let Some(Err(why)) = &state.trial {
        seen.fields.push(("services".to_owned(), Shown::text(format!("not comparable: {why}")), Shown::Nothing));
    }
    seen
}

/// The files of the repo.
fn public(want: &Want, state: &State, receipt: Option<&Receipt>, seen: &mut Seen) {
    let show = |digest: &str| Shown::Text(digest.chars().take(12).collect());
    for (path, file) in &want.files {
        let wanted = &file.digest.hex();
        let (there, sent) = (state.files.get(path), receipt.and_then(|receipt| receipt.sent.files.get(path)));
        if there == Some(wanted) && (sent == Some(wanted) || receipt.is_none()) {
            continue;
        }
        if receipt.is_none() && state.alike.contains(path) {
            seen.alike.insert(path.clone());
            continue;
        }
        seen.touched.insert(path.clone());
        let from = match (there, sent) {
            (None, None) => Shown::Nothing,
            (None, Some(_)) => Shown::text("missing on the host"),
            (Some(there), Some(sent)) if sent == there => show(there),
            (Some(there), _) if there == wanted => Shown::text("sent, and not ready with it yet"),
            (Some(_), Some(_)) => Shown::text("edited on the host"),
            (Some(_), None) => Shown::text("another one on the host"),
        };
        seen.fields.push((format!("files.{path}"), from, show(wanted)));
    }
}

/// What is secret: known by keyed fingerprints of what was sent, and by digests of what is there, which stand nowhere.
fn private(want: &Want, state: &State, prints: &Prints, receipt: Option<&Receipt>, seen: &mut Seen) {
    let sent = receipt.map(|receipt| &receipt.sent.private);
    // With another key nothing is known of what was sent but what is there.
    let same_key = sent.is_some_and(|sent| sent.key == prints.key && !prints.key.is_empty());
    for (path, wanted) in &prints.digests {
        let there = state.files.get(path);
        let as_sent = match sent.filter(|_| same_key) {
            Some(sent) => sent.files.get(path) == prints.files.get(path),
            None => true,
        };
        if there == Some(wanted) && as_sent {
            // Who may read it is put right without anybody's reading it anew.
            seen.fields.extend(want.secret_files.get(path).and_then(|file| access(path, file, state)));
            continue;
        }
        if receipt.is_none() && state.alike.contains(path) {
            seen.alike.insert(path.clone());
            continue;
        }
        seen.touched.insert(path.clone());
        let was_sent = sent.is_some_and(|sent| sent.files.contains_key(path));
        let vars = if path == ENV && same_key { variables(sent, prints) } else { Vec::new() };
        let secret = want.secret_files.get(path).map(|file| file.secret.clone());
        let name = secret.as_ref().map_or_else(|| format!("files.{path}"), |_| format!("secretFiles.{path}"));
        let to = secret.map_or_else(|| Shown::text("as its document says"), Shown::Secret);
        let from = match there {
            None if was_sent => Shown::text("missing on the host"),
            None => Shown::Nothing,
            Some(there) if there == wanted => Shown::text("sent, and not ready with it yet"),
            Some(_) if !was_sent => Shown::text("another one on the host"),
            Some(_) if as_sent => Shown::text("edited on the host"),
            // The document or the secret says something new.
            Some(_) if vars.is_empty() => to.clone(),
            Some(_) => {
                seen.fields.extend(vars);
                continue;
            }
        };
        seen.fields.push((name, from, to));
    }
}

/// Whose a secret file is and who may read it, where that is not as its document says. Names are the host's own.
fn access(path: &str, file: &SecretFile, state: &State) -> Option<Field> {
    let (mode, owner) = state.modes.get(path)?.split_once(' ')?;
    let wanted = file.mode.trim_start_matches('0');
    let part = |at: usize, of: &str| of.split(':').nth(at).map(str::to_owned);
    let numeric = |text: &String| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let same = |at: usize| part(at, &file.owner).filter(numeric).is_none_or(|wanted| part(at, owner) == Some(wanted));
    if mode == wanted && same(0) && same(1) {
        return None;
    }
    let words = |mode: &str, owner: &str| Shown::Text(format!("0{mode} {owner}").trim_end().to_owned());
    Some((format!("secretFiles.{path}.mode"), words(mode, owner), words(wanted, &file.owner)))
}

/// The variables that are another than those sent.
fn variables(sent: Option<&Prints>, prints: &Prints) -> Vec<Field> {
    let Some(sent) = sent else { return Vec::new() };
    let names: BTreeSet<&String> = sent.env.keys().chain(prints.env.keys()).collect();
    let show = |print: Option<&Print>| match print {
        None => Shown::Nothing,
        Some(Print::Plain(text)) => Shown::text(text),
        Some(Print::Secret(name, _)) => Shown::Secret(name.clone()),
    };
    let differs = names.into_iter().filter(|name| sent.env.get(*name) != prints.env.get(*name));
    differs.map(|name| (format!("env.{name}"), show(sent.env.get(name)), show(prints.env.get(name)))).collect()
}

fn asked(want: &Want, receipt: Option<&Receipt>, seen: &mut Seen) {
    let asked = (want.compose.clone(), want.profiles.clone());
    if let Some(receipt) = receipt.filter(|receipt| receipt.sent.asked != asked) {
        let words = |(files, profiles): &(Vec<String>, BTreeSet<String>)| {
            let profiles = profiles.iter().map(|profile| format!("profile {profile}"));
            Shown::text(files.iter().cloned().chain(profiles).collect::<Vec<_>>().join(", "))
        };
        seen.fields.push(("compose".to_owned(), words(&receipt.sent.asked), words(&asked)));
    }
}

/// Volumes and networks that compose made then, and that are missing or others now.
fn things(state: &State, receipt: Option<&Receipt>, seen: &mut Seen) {
    for (name, made) in receipt.into_iter().flat_map(|receipt| &receipt.things) {
        let (kind, key) = name.split_once(' ').unwrap_or(("", name));
        let from = match state.things.get(name) {
            None if kind == "volume" => "missing: what was in it is gone".to_owned(),
            None => "missing".to_owned(),
            // A network has nothing in it that could be lost.
            Some(now) if now.id != made.id && kind == "volume" => format!("another one, made {}", now.id),
            Some(now) if now.name != made.name => now.name.clone(),
            Some(_) => continue,
        };
        seen.fields.push((format!("{kind}s.{key}"), Shown::Text(from), Shown::text(&made.name)));
    }
}

/// Volumes and networks that were made from another definition than the compose file's: compose does not change them,
/// or only by making them anew, empty.
pub(super) fn definitions(id: &ResourceId, want: &Want, receipt: Option<&Receipt>, out: &mut Diffed<Step>) {
    for (name, made) in receipt.into_iter().flat_map(|receipt| &receipt.things) {
        let Some(wanted) = want.definitions.get(name) else { continue };
        if made.definition == wanted.hex() || made.definition == "-" {
            continue;
        }
        let (kind, key) = name.split_once(' ').unwrap_or(("", name));
        let (rule, text, hint) = if kind == "volume" {
            let text = format!(
                "the compose file defines the volume {key} otherwise than {} was made on {}, and a volume cannot be changed",
                made.name, want.host
            );
            let hint = format!(
                "Take back its definition; or give the volume another name in the compose file, and copy the data; or, with \
                 a copy of the data at hand, remove the containers that use it and `docker volume rm {}` there: it is then \
                 made anew.",
                made.name
            );
            ("volume-definition", text, hint)
        } else {
            let text = format!(
                "the compose file defines the network {key} otherwise than {} was made on {}",
                made.name, want.host
            );
            let hint = format!(
                "Run `docker compose -p {} down` there (volumes stay): the next look makes all of it anew.",
                want.project
            );
            ("network-definition", text, hint)
        };
        out.findings.push(Finding::about(id, Weight::Problem, rule, text).hint(hint));
    }
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

/// Says whether a container that is to run has stopped.
pub(super) fn has_stopped(want: &Want, container: &Container) -> bool {
    let once = want.services.get(&container.service).is_some_and(|service| service.once);
    match container.state.as_str() {
        "exited" => !(once && container.exit_code == 0),
        "dead" | "created" | "paused" => true,
        _ => false,
    }
}

/// How one that has stopped is told.
pub(super) fn how_stopped(container: &Container) -> String {
    match container.state.as_str() {
        "exited" | "dead" => format!("stopped, exit code {}", container.exit_code),
        state => state.to_owned(),
    }
}

fn containers(want: &Want, state: &State, receipt: Option<&Receipt>) -> Vec<Field> {
    let mut fields = Vec::new();
    let runs = want.state == Run::Running;
    // What is kept and has stopped is healed, not brought up: see `heal`.
    let kept = receipt.is_some_and(|receipt| receipt.sent.state == want.state);
    for (name, (service, hash)) in expected(want, state, receipt) {
        let of: Vec<&Container> = state.of_services().filter(|container| container.service == *name).collect();
        let count = service.and_then(|service| service.count);
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
            if runs && !kept && has_stopped(want, container) {
                say(".state", Shown::Text(how_stopped(container)), "running");
            }
            if !runs && ["running", "restarting", "paused"].contains(&container.state.as_str()) {
                say(".state", Shown::text(&container.state), "stopped");
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
