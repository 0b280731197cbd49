//! `docker compose`: the command line of compose.

use serde_json::{Value, json};

use super::Call;
use crate::sandbox::hosts::compose::{self, Project};
use crate::sandbox::hosts::engine::State;
use crate::sandbox::hosts::interpolate::{Variables, environment};
use crate::sandbox::hosts::shell::Said;
use crate::sandbox::hosts::up::{self, Up, VERSION};
use crate::sandbox::hosts::{inspect, template};

/// What compose looks for by itself, and what it merges into that.
const USUAL: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
const OVERRIDES: [&str; 4] =
    ["compose.override.yaml", "compose.override.yml", "docker-compose.override.yml", "docker-compose.override.yaml"];

/// What stands before the verb.
#[derive(Default)]
struct Setting<'a> {
    files: Vec<&'a str>,
    env_files: Vec<&'a str>,
    folder: Option<&'a str>,
    name: Option<&'a str>,
    profiles: Vec<String>,
}

pub(super) async fn compose(call: &Call<'_>, args: &[String]) -> Said {
    let mut setting = Setting::default();
    let mut words = args.iter().map(String::as_str);
    let mut verb = "";
    while let Some(word) = words.next() {
        let (name, inline) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
        let mut value = || inline.or_else(|| words.next()).unwrap_or_default();
        match name {
            "-f" | "--file" => setting.files.push(value()),
            "--env-file" => setting.env_files.push(value()),
            "--project-directory" => setting.folder = Some(value()),
            "-p" | "--project-name" => setting.name = Some(value()),
            "--profile" => setting.profiles.push(value().to_owned()),
            "--ansi" | "--progress" | "--parallel" => {
                value();
            }
            _ if word.starts_with('-') => {}
            _ => {
                verb = word;
                break;
            }
        }
    }
    let rest: Vec<&str> = words.collect();
    let done = match verb {
        "version" if rest.contains(&"--short") => Ok(format!("{VERSION}\n")),
        "version" => Ok(format!("Docker Compose version v{VERSION}\n")),
        "config" => config(call, &setting, &rest).await,
        "pull" => pull(call, &setting, &rest).await,
        "build" => build(call, &setting, &rest).await,
        "up" | "create" => return up(call, &setting, &rest, verb).await,
        "stop" | "start" | "restart" | "kill" | "down" | "rm" | "pause" | "unpause" => {
            act(call, &setting, verb, &rest).await
        }
        "ps" => list(call, &setting, &rest).await,
        "logs" => logs(call, &setting, &rest).await,
        other => Err(format!("unknown docker command: \"compose {other}\"")),
    };
    match done {
        Ok(text) => Said::ok(text),
        Err(why) => Said::fails(1, why),
    }
}

/// The name of the project where no file has to be read for it.
fn project_name(call: &Call<'_>, setting: &Setting<'_>) -> String {
    let folder = setting.folder.map_or_else(|| call.cwd.to_owned(), |folder| call.path(folder));
    let usual = || folder.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    setting.name.map_or_else(usual, str::to_owned)
}

struct Loaded {
    project: Project,
    folder: String,
    files: Vec<String>,
}

async fn load(call: &Call<'_>, setting: &Setting<'_>) -> Result<Loaded, String> {
    let folder = match (setting.folder, setting.files.first()) {
        (Some(folder), _) => call.path(folder),
        (None, Some(file)) => call.path(file).parent().map(std::path::Path::to_owned).unwrap_or_default(),
        (None, None) => call.cwd.to_owned(),
    };
    let mut paths: Vec<_> = setting.files.iter().map(|file| call.path(file)).collect();
    if paths.is_empty() {
        for all in [USUAL, OVERRIDES] {
            for name in all {
                if call.fs.exists(&folder.join(name)).await.unwrap_or(false) {
                    paths.push(folder.join(name));
                    break;
                }
            }
        }
        if paths.is_empty() {
            return Err("no configuration file provided: not found".to_owned());
        }
    }
    let mut texts = Vec::new();
    for path in &paths {
        let text =
            call.fs.read_file(path).await.map_err(|_| format!("open {}: no such file or directory", path.display()))?;
        texts.push((path.display().to_string(), String::from_utf8_lossy(&text).into_owned()));
    }
    let mut variables = Variables::new();
    let given: Vec<_> = setting.env_files.iter().map(|file| (call.path(file), true)).collect();
    let given = if given.is_empty() { vec![(folder.join(".env"), false)] } else { given };
    for (path, needed) in given {
        match call.fs.read_file(&path).await {
            Ok(text) => variables.extend(environment(&String::from_utf8_lossy(&text))),
            Err(_) if needed => return Err(format!("couldn't find env file: {}", path.display())),
            Err(_) => {}
        }
    }
    variables.extend(call.env.iter().map(|(name, value)| (name.clone(), value.clone())));
    let mut profiles = setting.profiles.clone();
    let told = variables.get("COMPOSE_PROFILES").cloned().unwrap_or_default();
    profiles.extend(told.split(',').filter(|name| !name.is_empty()).map(str::to_owned));
    let root = compose::read(&texts, &variables)?;
    let own = root.get("name").and_then(Value::as_str).map(str::to_owned);
    let name = match (setting.name, own) {
        (None, Some(own)) => own,
        _ => project_name(call, setting),
    };
    let folder = folder.display().to_string();
    let mut project = Project::resolve(root, &name, &folder, &profiles)?;
    read_environments(call, &mut project).await?;
    Ok(Loaded { project, folder, files: texts.into_iter().map(|(path, _)| path).collect() })
}

/// What files say about environments, below what the service itself says.
async fn read_environments(call: &Call<'_>, project: &mut Project) -> Result<(), String> {
    for (service, files) in std::mem::take(&mut project.env_files) {
        let mut all = serde_json::Map::new();
        for (path, needed) in files {
            match call.fs.read_file(std::path::Path::new(&path)).await {
                Ok(text) => {
                    let read = environment(&String::from_utf8_lossy(&text));
                    all.extend(read.into_iter().map(|(name, value)| (name, json!(value))));
                }
                Err(_) if needed => {
                    return Err(format!("env file {path} not found: stat {path}: no such file or directory"));
                }
                Err(_) => {}
            }
        }
        let Some(Value::Object(said)) = project.services.get_mut(&service) else { continue };
        if let Some(Value::Object(own)) = said.get("environment") {
            all.extend(own.clone());
        }
        said.insert("environment".to_owned(), Value::Object(all));
    }
    Ok(())
}

async fn config(call: &Call<'_>, setting: &Setting<'_>, rest: &[&str]) -> Result<String, String> {
    let Loaded { project, .. } = load(call, setting).await?;
    if rest.iter().any(|word| ["-q", "--quiet"].contains(word)) {
        return Ok(String::new());
    }
    let services = project.services.keys();
    if rest.contains(&"--images") {
        return Ok(services.map(|name| format!("{}\n", project.image(name))).collect());
    }
    if rest.contains(&"--services") {
        return Ok(services.map(|name| format!("{name}\n")).collect());
    }
    if let Some(at) = rest.iter().position(|word| *word == "--hash") {
        let of = rest.get(at + 1).copied().unwrap_or("*");
        let asked = services.filter(|name| of == "*" || of.split(',').any(|one| one == *name));
        return Ok(asked.map(|name| format!("{name} {}\n", project.hash(name))).collect());
    }
    Ok(project.shown())
}

async fn pull(call: &Call<'_>, setting: &Setting<'_>, rest: &[&str]) -> Result<String, String> {
    let Loaded { project, .. } = load(call, setting).await?;
    let missing = rest.windows(2).any(|pair| *pair == ["--policy", "missing"]);
    for (name, said) in &project.services {
        let there = call.session.machine.engine().image(&project.image(name)).is_some();
        if said.get("build").is_none() && !(missing && there) {
            call.session.machine.pull(&project.image(name)).await?;
        }
    }
    Ok(String::new())
}

async fn build(call: &Call<'_>, setting: &Setting<'_>, rest: &[&str]) -> Result<String, String> {
    let Loaded { project, folder, files } = load(call, setting).await?;
    let machine = &call.session.machine;
    let (project, folder, files) = (&project, folder.as_str(), files.as_slice());
    let work = Up { machine, project, folder, files, pull: "missing", build: true, start: false, force: false };
    let asked: Vec<&str> = rest.iter().copied().filter(|word| !word.starts_with('-')).collect();
    for name in project.services.keys().filter(|name| asked.is_empty() || asked.contains(&name.as_str())) {
        work.fetch(name).await?;
    }
    Ok(String::new())
}

async fn up(call: &Call<'_>, setting: &Setting<'_>, rest: &[&str], verb: &str) -> Said {
    let loaded = match load(call, setting).await {
        Ok(loaded) => loaded,
        Err(why) => return Said::fails(1, why),
    };
    let pull = rest.iter().position(|word| *word == "--pull").and_then(|at| rest.get(at + 1)).copied();
    let pull = pull.or_else(|| rest.iter().find_map(|word| word.strip_prefix("--pull="))).unwrap_or("missing");
    let work = Up {
        machine: &call.session.machine,
        project: &loaded.project,
        folder: &loaded.folder,
        files: &loaded.files,
        pull,
        build: rest.contains(&"--build"),
        start: verb == "up" && !rest.contains(&"--no-start"),
        force: rest.contains(&"--force-recreate"),
    };
    match work.run().await {
        // Compose tells of its progress on standard error.
        Ok(said) => Said { code: 0, out: Vec::new(), err: said.into_bytes() },
        Err(why) => Said::fails(1, why),
    }
}

/// What is done to the containers that there are; the files are not needed for it.
async fn act(call: &Call<'_>, setting: &Setting<'_>, verb: &str, rest: &[&str]) -> Result<String, String> {
    let project = match (setting.name, setting.files.is_empty()) {
        (Some(name), _) => name.to_owned(),
        _ => load(call, setting).await?.project.name,
    };
    let services: Vec<&str> = rest.iter().copied().filter(|word| !word.starts_with('-')).collect();
    let machine = &call.session.machine;
    let now = machine.now();
    let mut engine = machine.engine();
    engine.settle(now);
    let own = |one: &crate::sandbox::hosts::engine::Container| {
        one.label("project") == project && (services.is_empty() || services.contains(&one.label("service")))
    };
    let ids: Vec<String> = engine.containers.iter().filter(|one| own(one)).map(|one| one.id.clone()).collect();
    for id in ids {
        if let Some(one) = engine.container(&id) {
            match verb {
                "stop" | "kill" | "restart" | "down" => one.stop(now),
                "pause" => one.state = State::Paused,
                "unpause" => one.state = State::Up(now),
                _ => {}
            }
        }
        match verb {
            "start" | "restart" => up::start(machine, &mut engine, &id, now)?,
            "down" => engine.containers.retain(|one| one.id != id),
            "rm" => engine.containers.retain(|one| one.id != id || matches!(one.state, State::Up(_))),
            _ => {}
        }
    }
    if verb == "down" {
        let of = |labels: &std::collections::BTreeMap<String, String>| {
            labels.get("com.docker.compose.project").is_some_and(|name| *name == project)
        };
        engine.networks.retain(|_, network| !of(&network.labels));
        if rest.iter().any(|word| ["-v", "--volumes"].contains(word)) {
            engine.volumes.retain(|_, volume| !of(&volume.labels));
        }
    }
    Ok(String::new())
}

async fn list(call: &Call<'_>, setting: &Setting<'_>, rest: &[&str]) -> Result<String, String> {
    let project = project_name(call, setting);
    let all = rest.iter().any(|word| ["-a", "--all"].contains(word));
    let form = rest.iter().position(|word| *word == "--format").and_then(|at| rest.get(at + 1));
    let now = call.session.machine.now();
    let mut engine = call.session.machine.engine();
    engine.settle(now);
    let mut out = String::new();
    for one in engine.containers.iter().filter(|one| one.label("project") == project) {
        if !all && !matches!(one.state, State::Up(_) | State::Paused) {
            continue;
        }
        let row = inspect::row(one, now, true);
        out.push_str(&match form {
            Some(&"json") => format!("{row}\n"),
            Some(form) => format!("{}\n", template::fill(form, &row)?),
            None if rest.iter().any(|word| ["-q", "--quiet"].contains(word)) => format!("{}\n", one.id),
            None => format!("{}  {}  {}  {}\n", one.name, one.tag, one.label("service"), one.words(now)),
        });
    }
    Ok(out)
}

async fn logs(call: &Call<'_>, setting: &Setting<'_>, rest: &[&str]) -> Result<String, String> {
    let project = project_name(call, setting);
    let services: Vec<&str> = rest.iter().copied().filter(|word| !word.starts_with('-')).collect();
    let engine = call.session.machine.engine();
    let of = engine.containers.iter().filter(|one| one.label("project") == project);
    let of = of.filter(|one| services.is_empty() || services.contains(&one.label("service")));
    Ok(of.flat_map(|one| one.log.iter().map(move |line| format!("{}  | {line}\n", one.name))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::hosts::compose::names;

    #[test]
    fn a_resolved_project_has_the_digests_of_the_one_that_it_was_made_of() {
        let text = "services:\n  web:\n    image: app:${TAG}\n    environment: [A=1, 'B=$$x']\n    ports: ['127.0.0.1:80:8080']\n    \
                    volumes: [./conf:/etc/app:ro, data:/var]\n    depends_on: [db]\n  db: {image: db, profiles: [a]}\nvolumes: {data: {}}\n";
        let variables = environment("TAG=2\n");
        let read = |text: &str, variables: &Variables| {
            let root = compose::read(&[("compose.yaml".to_owned(), text.to_owned())], variables).expect("it is read");
            Project::resolve(root, "p", "/opt/p", &["a".to_owned()]).expect("it is whole")
        };
        let project = read(text, &variables);
        let again = read(&project.shown(), &Variables::new());
        assert_eq!(project.hash("web"), again.hash("web"));
        assert_ne!(project.hash("web"), read(&text.replace("A=1", "A=2"), &variables).hash("web"));
        assert_eq!(
            project.hash("web"),
            read(&text.replace("depends_on: [db]", "depends_on: []"), &variables).hash("web")
        );
        let refused = |text: &str| {
            let root = compose::read(&[("c".to_owned(), text.to_owned())], &Variables::new());
            root.and_then(|root| Project::resolve(root, "p", "/opt/p", &[])).expect_err("it is refused")
        };
        assert!(refused("services: {web: {imagee: x}}").contains("Additional property imagee is not allowed"));
        assert!(refused("services: {web: {image: x, volumes: ['data:/x']}}").contains("undefined volume data"));
        assert!(refused("services: {web: {image: x, depends_on: [db]}}").contains("undefined service"));
        assert!(refused("services: [").starts_with("yaml: "));
        assert_eq!(
            names(project.services.get("web").and_then(|said| said.get("depends_on"))).collect::<Vec<_>>(),
            ["db"]
        );
    }
}
