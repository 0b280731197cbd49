//! `docker`: the command line of the engine.

use serde_json::Value;

use super::{Call, Package, Program, compose};
use crate::sandbox::hosts::engine::{Container, Engine, State, VERSION};
use crate::sandbox::hosts::shell::Said;
use crate::sandbox::hosts::{inspect, template, up};

pub(super) const ALL: &[Program] = &[("docker", Package::Docker, |call| Box::pin(docker(call)))];

/// Options whose value is the next word.
const VALUED: &[&str] = &[
    "--filter",
    "--format",
    "-f",
    "--tail",
    "-n",
    "--type",
    "--since",
    "--until",
    "-t",
    "--time",
    "-u",
    "--username",
    "-p",
    "--driver",
    "-d",
    "--label",
];

/// A command line taken apart.
struct Words<'a> {
    options: Vec<(&'a str, &'a str)>,
    plain: Vec<&'a str>,
}

impl<'a> Words<'a> {
    fn of(verb: &str, args: &'a [String]) -> Self {
        // `-f` is a filter or a form, but where something is removed: there it is force.
        let forces = ["rm", "prune"].contains(&verb);
        let mut words = Self { options: Vec::new(), plain: Vec::new() };
        let mut all = args.iter().map(String::as_str);
        while let Some(word) = all.next() {
            match word.split_once('=') {
                _ if word == "--" => words.plain.extend(all.by_ref()),
                Some((name, value)) if name.starts_with("--") => words.options.push((name, value)),
                _ if VALUED.contains(&word) && !(forces && word == "-f") => {
                    words.options.push((word, all.next().unwrap_or_default()))
                }
                _ if word.starts_with('-') && word.len() > 1 => words.options.push((word, "")),
                _ => words.plain.push(word),
            }
        }
        words
    }

    fn has(&self, names: &[&str]) -> bool {
        self.options.iter().any(|(name, _)| {
            let short = |letter: &str| name.starts_with('-') && !name.starts_with("--") && name.contains(letter);
            names.iter().any(|wanted| match wanted.strip_prefix('-') {
                Some(letter) if letter.len() == 1 => short(letter),
                _ => name == wanted,
            })
        })
    }

    fn value(&self, names: &[&str]) -> Option<&'a str> {
        self.options.iter().rfind(|(name, _)| names.contains(name)).map(|(_, value)| *value)
    }

    fn filters(&self) -> Vec<(&'a str, &'a str)> {
        let filters = self.options.iter().filter(|(name, _)| *name == "--filter" || *name == "-f");
        filters.filter_map(|(_, value)| value.split_once('=')).collect()
    }
}

async fn docker(call: &Call<'_>) -> Said {
    let mut rest = call.args;
    // Settings of the client come first.
    while let Some((first, after)) = rest.split_first() {
        let valued = ["--config", "-H", "--host", "--context"].contains(&first.as_str());
        match first.starts_with('-') && first != "--version" {
            true => rest = if valued { after.get(1..).unwrap_or_default() } else { after },
            false => break,
        }
    }
    let Some((verb, rest)) = rest.split_first() else { return Said::fails(1, "Usage:  docker [OPTIONS] COMMAND") };
    if verb == "compose" {
        let there = call.session.machine.state().installed.has(Package::Compose);
        return match there {
            false => Said::fails(1, "docker: 'compose' is not a docker command.\nSee 'docker --help'"),
            true => compose::compose(call, rest).await,
        };
    }
    let (sort, verb, rest) = match (verb.as_str(), rest.split_first()) {
        (sort @ ("image" | "container" | "volume" | "network" | "system"), Some((verb, rest))) => {
            (sort, verb.as_str(), rest)
        }
        ("images", _) => ("image", "ls", rest),
        ("pull", _) => ("image", "pull", rest),
        ("rmi", _) => ("image", "rm", rest),
        ("tag", _) => ("image", "tag", rest),
        (verb, _) => ("container", verb, rest),
    };
    let words = Words::of(verb, rest);
    let machine = &call.session.machine;
    let now = machine.now();
    if let ("image", "pull") = (sort, verb) {
        return pull(call, &words).await;
    }
    let mut engine = machine.engine();
    engine.settle(now);
    let done = match (sort, verb) {
        ("container", "version") => Ok(match words.value(&["--format", "-f"]) {
            Some(_) => format!("{VERSION}\n"),
            None => format!("Client:\n Version: {VERSION}\nServer:\n Version: {VERSION}\n"),
        }),
        ("container", "--version") => Ok(format!("Docker version {VERSION}, build {VERSION}-0ubuntu4\n")),
        ("container" | "system", "info") => Ok(format!("Server Version: {VERSION}\n")),
        ("container", "login" | "logout") => Ok("Login Succeeded\n".to_owned()),
        ("container", "ps" | "ls" | "list") => list(&engine, &words, now),
        ("container", "inspect") => look(&engine, &words, now),
        ("container", "logs") => logs(&mut engine, &words),
        ("container", "start" | "stop" | "restart" | "kill" | "pause" | "unpause") => {
            act(call, &mut engine, verb, &words, now)
        }
        ("container", "rm") => remove(&mut engine, &words),
        ("image", "ls" | "list") => images(&engine, &words),
        ("image", "inspect") => each(&words, "image", |name| {
            let id = engine.image(name)?;
            engine.images.get(&id).map(|image| inspect::image(&id, image))
        }),
        ("image", "rm") => remove_images(&mut engine, &words),
        ("image", "prune") => prune(&mut engine, &words),
        ("image", "tag") => tag(&mut engine, &words),
        ("volume" | "network", "ls" | "list") => things(&engine, sort, &words),
        ("volume" | "network", "inspect") => {
            let all = if sort == "volume" { &engine.volumes } else { &engine.networks };
            each(&words, sort, |name| {
                let found =
                    all.iter().find(|(own, thing)| *own == name || (name.len() >= 6 && thing.id.starts_with(name)));
                found.map(|(own, thing)| inspect::thing(own, thing))
            })
        }
        ("volume" | "network", "create") => make(call, &mut engine, sort, &words, now),
        ("volume" | "network", "rm") => remove_things(&mut engine, sort, &words),
        (_, verb) => Err(format!("docker: '{verb}' is not a docker command.\nSee 'docker --help'")),
    };
    match done {
        Ok(text) => Said::ok(text),
        Err(why) => Said::fails(1, why),
    }
}

/// Fills a template in for one thing, or shows all of it.
fn shown(form: Option<&str>, value: &Value) -> Result<String, String> {
    match form {
        Some("json") => Ok(format!("{value}\n")),
        Some(form) => Ok(format!("{}\n", template::fill(form.trim_start_matches("table "), value)?)),
        None => Ok(format!("{}\n", serde_json::to_string_pretty(&[value]).unwrap_or_default())),
    }
}

fn each(words: &Words<'_>, sort: &str, find: impl Fn(&str) -> Option<Value>) -> Result<String, String> {
    let mut out = String::new();
    for name in &words.plain {
        let value = find(name).ok_or_else(|| format!("Error response from daemon: No such {sort}: {name}"))?;
        out.push_str(&shown(words.value(&["-f", "--format"]), &value)?);
    }
    Ok(out)
}

/// Whether labels fit what is asked for: `label=NAME`, `label=NAME=VALUE`.
fn labelled(labels: &std::collections::BTreeMap<String, String>, asked: &str) -> bool {
    match asked.split_once('=') {
        Some((name, value)) => labels.get(name).is_some_and(|own| own == value),
        None => labels.contains_key(asked),
    }
}

fn fits(one: &Container, filters: &[(&str, &str)]) -> bool {
    filters.iter().all(|(name, value)| match *name {
        "label" => labelled(&one.labels, value),
        "status" => one.status() == *value,
        "name" => one.name.contains(value),
        "id" => one.id.starts_with(value),
        "ancestor" => one.tag == *value || one.image == *value,
        "volume" => one.mounts.iter().any(|mount| mount.source == *value || mount.target == *value),
        "network" => one.networks.iter().any(|network| network == value),
        _ => true,
    })
}

fn list(engine: &Engine, words: &Words<'_>, now: u64) -> Result<String, String> {
    let all = words.has(&["-a", "--all"]);
    let filters = words.filters();
    let form = words.value(&["--format"]);
    let full = words.has(&["--no-trunc"]);
    let mut out = String::new();
    for one in engine.containers.iter().rev().filter(|one| fits(one, &filters)) {
        if !all && !matches!(one.state, State::Up(_) | State::Paused) {
            continue;
        }
        let row = inspect::row(one, now, full);
        let text = |key: &str| row.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        match (words.has(&["-q", "--quiet"]), form) {
            (true, _) => out.push_str(&format!("{}\n", text("ID"))),
            (false, Some(form)) => out.push_str(&shown(Some(form), &row)?),
            (false, None) => {
                out.push_str(&format!(
                    "{}  {}  {}  {}  {}\n",
                    text("ID"),
                    text("Image"),
                    text("Status"),
                    text("Ports"),
                    text("Names")
                ));
            }
        }
    }
    Ok(out)
}

fn look(engine: &Engine, words: &Words<'_>, now: u64) -> Result<String, String> {
    each(words, "object", |name| {
        let bare = name.trim_start_matches('/');
        let found =
            engine.containers.iter().find(|one| one.name == bare || (bare.len() >= 4 && one.id.starts_with(bare)));
        let image = || {
            let id = engine.image(name)?;
            engine.images.get(&id).map(|image| inspect::image(&id, image))
        };
        found.map(|one| inspect::container(one, now)).or_else(image)
    })
}

fn logs(engine: &mut Engine, words: &Words<'_>) -> Result<String, String> {
    let name = words.plain.first().copied().unwrap_or_default();
    let most = words.value(&["--tail", "-n"]).and_then(|text| text.parse().ok()).unwrap_or(usize::MAX);
    let one = engine.container(name).ok_or_else(|| format!("Error response from daemon: No such container: {name}"))?;
    let skipped = one.log.len().saturating_sub(most);
    Ok(one.log.iter().skip(skipped).map(|line| format!("{line}\n")).collect())
}

fn act(call: &Call<'_>, engine: &mut Engine, verb: &str, words: &Words<'_>, now: u64) -> Result<String, String> {
    let mut out = String::new();
    for name in &words.plain {
        let one =
            engine.container(name).ok_or_else(|| format!("Error response from daemon: No such container: {name}"))?;
        let id = one.id.clone();
        match (verb, one.state) {
            ("stop" | "kill", _) => one.stop(now),
            ("restart", _) => one.stop(now),
            ("pause", State::Up(_)) => one.state = State::Paused,
            ("unpause", State::Paused) => one.state = State::Up(now),
            ("pause" | "unpause", _) => {
                return Err(format!("Error response from daemon: Container {name} is not running"));
            }
            _ => {}
        }
        if ["start", "restart"].contains(&verb) {
            up::start(&call.session.machine, engine, &id, now)?;
        }
        out.push_str(&format!("{name}\n"));
    }
    Ok(out)
}

fn remove(engine: &mut Engine, words: &Words<'_>) -> Result<String, String> {
    let mut out = String::new();
    for name in &words.plain {
        match engine.container(name) {
            Some(one) if matches!(one.state, State::Up(_)) && !words.has(&["-f", "--force"]) => {
                return Err(format!(
                    "Error response from daemon: cannot remove container \"/{}\": container is running",
                    one.name
                ));
            }
            Some(one) => {
                let id = one.id.clone();
                engine.containers.retain(|one| one.id != id);
            }
            None if words.has(&["-f", "--force"]) => {}
            None => return Err(format!("Error response from daemon: No such container: {name}")),
        }
        out.push_str(&format!("{name}\n"));
    }
    Ok(out)
}

fn images(engine: &Engine, words: &Words<'_>) -> Result<String, String> {
    let mut out = String::new();
    for (id, image) in &engine.images {
        let none = ["<none>:<none>".to_owned()];
        let tags = if image.tags.is_empty() { &none[..] } else { &image.tags };
        for tag in tags {
            let (name, version) = tag.rsplit_once(':').unwrap_or((tag, "latest"));
            let short = if words.has(&["--no-trunc"]) { id.as_str() } else { id.get(7..19).unwrap_or(id) };
            let row = serde_json::json!({"ID": short, "Repository": name, "Tag": version, "Size": format!("{}MB", image.size / 1_000_000)});
            match (words.has(&["-q", "--quiet"]), words.value(&["--format"])) {
                (true, _) => out.push_str(&format!("{short}\n")),
                (false, Some(form)) => out.push_str(&shown(Some(form), &row)?),
                (false, None) => out.push_str(&format!("{name}  {version}  {short}\n")),
            }
        }
    }
    Ok(out)
}

async fn pull(call: &Call<'_>, words: &Words<'_>) -> Said {
    let mut out = String::new();
    for name in &words.plain {
        match call.session.machine.pull(name).await {
            Ok(()) => out.push_str(&format!("{name}\n")),
            Err(why) => return Said::fails(1, why),
        }
    }
    Said::ok(out)
}

fn remove_images(engine: &mut Engine, words: &Words<'_>) -> Result<String, String> {
    let mut out = String::new();
    for name in &words.plain {
        let id = engine.image(name).ok_or_else(|| format!("Error response from daemon: No such image: {name}"))?;
        if let Some(user) = engine.containers.iter().find(|one| one.image == id) {
            return Err(format!(
                "Error response from daemon: conflict: unable to remove repository reference \"{name}\" (must force) - container {:.12} is using its referenced image",
                user.id
            ));
        }
        engine.images.remove(&id);
        out.push_str(&format!("Deleted: {id}\n"));
    }
    Ok(out)
}

fn prune(engine: &mut Engine, words: &Words<'_>) -> Result<String, String> {
    let all = words.has(&["-a", "--all"]);
    let used: Vec<String> = engine.containers.iter().map(|one| one.image.clone()).collect();
    engine.images.retain(|id, image| used.contains(id) || !(all || image.tags.is_empty()));
    Ok("Total reclaimed space: 0B\n".to_owned())
}

fn tag(engine: &mut Engine, words: &Words<'_>) -> Result<String, String> {
    let [from, to] = words.plain.as_slice() else {
        return Err("\"docker tag\" requires exactly 2 arguments.".to_owned());
    };
    let id = engine.image(from).ok_or_else(|| format!("Error response from daemon: No such image: {from}"))?;
    engine.tag(&id, &crate::sandbox::hosts::engine::named(to));
    Ok(String::new())
}

fn things(engine: &Engine, sort: &str, words: &Words<'_>) -> Result<String, String> {
    let all = if sort == "volume" { &engine.volumes } else { &engine.networks };
    let filters = words.filters();
    let mut out = String::new();
    for (name, one) in all {
        let fits = filters.iter().all(|(filter, value)| match *filter {
            "label" => labelled(&one.labels, value),
            "name" => name.contains(value),
            _ => true,
        });
        if !fits {
            continue;
        }
        let short = if sort == "volume" { name.as_str() } else { one.id.get(..12).unwrap_or(&one.id) };
        match (words.has(&["-q", "--quiet"]), words.value(&["--format"])) {
            (true, _) => out.push_str(&format!("{short}\n")),
            (false, Some(form)) => out.push_str(&shown(Some(form), &inspect::thing(name, one))?),
            (false, None) => out.push_str(&format!("{short}  {}  {name}\n", one.driver)),
        }
    }
    Ok(out)
}

fn make(call: &Call<'_>, engine: &mut Engine, sort: &str, words: &Words<'_>, now: u64) -> Result<String, String> {
    let name = words.plain.first().copied().unwrap_or_default().to_owned();
    let driver =
        words.value(&["--driver", "-d"]).unwrap_or(if sort == "volume" { "local" } else { "bridge" }).to_owned();
    let labels =
        words.options.iter().filter(|(name, _)| *name == "--label").filter_map(|(_, label)| label.split_once('='));
    let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let id = engine.next_id(&call.session.machine.name());
    let thing = crate::sandbox::hosts::engine::Thing { id, labels, driver, options: Value::Null, created: now };
    let all = if sort == "volume" { &mut engine.volumes } else { &mut engine.networks };
    all.insert(name.clone(), thing);
    Ok(format!("{name}\n"))
}

fn remove_things(engine: &mut Engine, sort: &str, words: &Words<'_>) -> Result<String, String> {
    for name in &words.plain {
        let used = engine.containers.iter().any(|one| match sort {
            "volume" => one.mounts.iter().any(|mount| mount.kind == "volume" && mount.source == *name),
            _ => one.networks.iter().any(|network| network == name),
        });
        if used {
            return Err(format!("Error response from daemon: {sort} {name} is in use"));
        }
        let all = if sort == "volume" { &mut engine.volumes } else { &mut engine.networks };
        if all.remove(*name).is_none() {
            return Err(format!("Error response from daemon: No such {sort}: {name}"));
        }
    }
    Ok(String::new())
}
