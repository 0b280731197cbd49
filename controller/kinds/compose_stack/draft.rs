//! A stack that somebody set up by hand as a document says it, with the files that go into git and the secrets that do not.
//! What containers may write is theirs and stays on the host; what looks like a secret never stands in a file. Pure.

mod folder;
mod guess;
mod lift;

pub use folder::{Folder, There};

use super::compose::{self, Read};
use super::live::State;
use super::{dotenv, spec};
use crate::model::{Draft, Hidden, ResourceId};
use folder::{Use, WHOLE};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The document that leaves the stack as it is, with its files.
pub(super) fn draft(id: &ResourceId, state: &State) -> Draft {
    let mut drafting =
        Drafting { id, state, draft: Draft::default(), env: Map::new(), known: BTreeMap::new(), hidden: Map::new() };
    drafting.draft.until = "once `docker compose up -d` there has nothing to do, import it again";
    drafting.draft.field("host", state.host.as_str()).field("path", format!("stacks/{}", id.name));
    match &state.folder {
        Some(Folder { failed: None, .. }) => drafting.whole(),
        Some(Folder { failed: Some(why), .. }) => drop(drafting.draft.refuse(why.clone())),
        None => drop(drafting.draft.refuse("its folder was not read: import it by its host (--host)")),
    }
    drafting.draft
}

struct Drafting<'a> {
    id: &'a ResourceId,
    state: &'a State,
    draft: Draft,
    /// `spec.env`.
    env: Map<String, Value>,
    /// The values of these variables.
    known: BTreeMap<String, String>,
    /// `spec.secretFiles`.
    hidden: Map<String, Value>,
}

impl Drafting<'_> {
    fn whole(&mut self) {
        let Some(folder) = &self.state.folder else { return };
        self.draft.unless("directory", folder.path.clone(), format!("/opt/stacks/{}", self.id.name));
        self.draft.unless("project", self.state.project.as_str(), self.id.name.as_str());
        self.variables(folder);
        let texts: Vec<(String, String)> =
            folder.compose.iter().filter_map(|file| self.compose(folder, file)).collect();
        if !spec::is_choice(&folder.compose) {
            self.draft.field("files", folder.compose.clone());
        }
        self.services(&texts);
        let named = folder.named();
        for (path, purpose) in &named {
            self.named(folder, path, *purpose, &named);
        }
        for (name, fields) in [("env", &self.env), ("secretFiles", &self.hidden)] {
            if !fields.is_empty() {
                self.draft.field(name, fields.clone());
            }
        }
        let secrets = self.draft.secrets.len();
        if secrets > 0 {
            self.draft.note(format!(
                "What looks like a secret is one ({secrets} of them): their values stand in no file here."
            ));
        }
    }

    /// The name of a new secret; one that is there already keeps its name.
    fn secret(&mut self, of: &str, value: &str) -> String {
        let part = |text: &str, plain: &dyn Fn(char) -> bool| -> String {
            let text: String = text.chars().map(|c| if plain(c) { c.to_ascii_lowercase() } else { '-' }).collect();
            text.trim_matches('-').to_owned()
        };
        let letter = |c: char| c.is_ascii_alphanumeric();
        let word = format!("{}.{}", part(&self.id.name, &letter), part(of, &letter));
        let value = Hidden(value.into());
        let names = std::iter::once(word.clone()).chain((2..).map(|number| format!("{word}-{number}")));
        let free = names.into_iter().find(|name| self.draft.secrets.get(name).is_none_or(|known| *known == value));
        let name = free.unwrap_or(word);
        self.draft.secrets.insert(name.clone(), value);
        name
    }

    /// What stands in .env, variable by variable.
    fn variables(&mut self, folder: &Folder) {
        for line in dotenv::read(folder.text(&folder.variables).unwrap_or_default()) {
            match line.value {
                Ok(value) => self.variable(line.name, value),
                Err(why) => {
                    let place = format!("{}/{}, line {}", folder.path, folder.variables, line.number);
                    self.draft.refuse(format!(
                        "its variable {} {why} ({place}): write its value out there, and import again",
                        line.name
                    ));
                }
            }
        }
    }

    fn variable(&mut self, name: String, value: String) {
        let said =
            if guess::is_secret(&name, &value) { json!({"secret": self.secret(&name, &value)}) } else { json!(value) };
        self.env.insert(name.clone(), said);
        self.known.insert(name, value);
    }

    /// A compose file without its secrets.
    fn compose(&mut self, folder: &Folder, file: &str) -> Option<(String, String)> {
        let Some(text) = folder.text(file) else {
            self.draft.refuse(format!("its compose file {}/{file} cannot be read", folder.path));
            return None;
        };
        match lift::lift(file, text, &self.known) {
            Ok(lifted) => {
                for (name, value) in lifted.variables {
                    let secret = self.secret(&name, &value);
                    self.env.insert(name.clone(), json!({"secret": secret}));
                    self.known.insert(name, value);
                }
                self.put(file, lifted.text.clone().into_bytes());
                Some((file.to_owned(), lifted.text))
            }
            Err(why) => {
                self.draft.refuse(why);
                None
            }
        }
    }

    fn put(&mut self, path: &str, bytes: Vec<u8>) {
        self.draft.files.insert(format!("stacks/{}/{path}", self.id.name), bytes);
    }

    /// What is said of its services: profiles, what has ended and is meant to, what ails.
    fn services(&mut self, texts: &[(String, String)]) {
        let values = self.known.iter().map(|(name, value)| (name.clone(), Some(value.clone()))).collect();
        let mut read = Read::default();
        for (file, text) in texts {
            if let Err(flaw) = compose::read(text, &values, &mut read) {
                self.draft.refuse(format!("its compose file {file} cannot be read: line {}: {}", flaw.line, flaw.what));
            }
        }
        let runs: BTreeSet<&str> = self.state.of_services().map(|container| container.service.as_str()).collect();
        let asked =
            read.services.iter().filter(|(name, service)| runs.contains(name.as_str()) && !service.profiles.is_empty());
        let profiles: BTreeSet<&String> = asked.filter_map(|(_, service)| service.profiles.first()).collect();
        if !profiles.is_empty() {
            self.draft.field("profiles", json!(profiles));
        }
        let idle = |state: &str| ["exited", "created", "dead"].contains(&state);
        if self.state.of_services().all(|container| idle(&container.state)) {
            self.draft.field("state", "stopped");
            return;
        }
        let (mut ended, mut ails) = (BTreeSet::new(), Vec::new());
        for container in self.state.of_services() {
            match (container.state.as_str(), container.health.as_deref()) {
                ("exited", _) if container.exit_code == 0 => drop(ended.insert(container.service.as_str())),
                ("restarting", _) => ails.push(("restarting", container)),
                ("running", Some("unhealthy")) => ails.push(("unhealthy", container)),
                _ => {}
            }
        }
        let awaited: BTreeSet<&String> = read.services.values().flat_map(|service| &service.awaits).collect();
        let ended: Vec<&str> =
            ended.into_iter().filter(|name| !awaited.iter().any(|awaited| awaited == name)).collect();
        if !ended.is_empty() {
            self.draft.field("oneShot", ended);
        }
        for (rule, container) in ails {
            self.draft.ails.insert(rule.to_owned());
            self.draft.note(format!("{} is {rule} there, and was before.", container.service));
        }
    }

    /// A file or folder that the compose files name, among all such.
    fn named(&mut self, folder: &Folder, path: &str, purpose: Use, all: &BTreeMap<String, Use>) {
        let is_in =
            |file: &str, path: &str| file.strip_prefix(path).is_some_and(|r| r.is_empty() || r.starts_with('/'));
        let others = |file: &str| all.keys().any(|other| is_in(file, other));
        let files: Vec<(&String, &There)> = match path {
            // Of the whole folder, what is left for it.
            WHOLE => folder.files.iter().filter(|(file, _)| !others(file) && !folder.first().contains(file)).collect(),
            path => folder.files.iter().filter(|(file, _)| is_in(file, path)).collect(),
        };
        let stays = |why: &str| format!("{path} stays on the host alone: {why}.");
        if purpose == Use::Written {
            self.draft.note(stays("the stack may write to it"));
        } else if folder.large.iter().any(|large| large == path) {
            let built = purpose == Use::Built;
            let much =
                format!("it is more than {} files or {} MiB", super::study::MOST_FILES, super::study::MOST_BYTES >> 20);
            if built {
                let path = if path == WHOLE { "its folder" } else { path };
                self.draft.refuse(format!("{path}, which an image is built from, cannot be copied: {much}"));
            } else {
                self.draft.note(stays(&much));
            }
        } else if files.is_empty() {
            self.draft.note(format!("{path} is named in its compose files, and is not on the host."));
        }
        if purpose != Use::Written {
            files.into_iter().for_each(|(file, there)| self.file(file, there, purpose));
        }
    }

    fn file(&mut self, path: &str, there: &There, purpose: Use) {
        let built = matches!(purpose, Use::Built | Use::Included);
        let Some(bytes) = &there.bytes else {
            let much = format!("{path} has more than {} KiB", super::study::LONGEST >> 10);
            if built {
                self.draft.refuse(format!("{much}, and the stack is not whole without it"));
            } else {
                self.draft.note(format!("{much}: it stays on the host alone."));
            }
            return;
        };
        let text = std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
        let source = built && !settings(path);
        let secret = match text {
            Some(text) if source => text.contains("PRIVATE KEY-----"),
            Some(text) => purpose == Use::Secret && !text.is_empty() || guess::holds_secret(text),
            None => false,
        };
        match text {
            Some(text) if secret && !built => self.hide(path, text, there),
            Some(_) if secret => {
                self.draft.refuse(format!(
                    "what looks like a secret stands in {path}, which would have to go into git: let it be read from a variable"
                ));
            }
            None if !built => drop(self.draft.note(format!("{path} is no text: it stays on the host alone."))),
            _ => self.put(path, bytes.clone()),
        }
    }

    /// A file that is a secret as a whole.
    fn hide(&mut self, path: &str, text: &str, there: &There) {
        // The end of a secret's last line is not part of it.
        let value = if text.ends_with('\n') { format!("{text}\n") } else { text.to_owned() };
        let mut fields = Map::from_iter([("secret".to_owned(), json!(self.secret(path, &value)))]);
        if there.owner != "0:0" {
            fields.insert("owner".to_owned(), json!(there.owner));
        }
        let mode: String = there.mode.chars().rev().take(3).collect::<Vec<_>>().into_iter().rev().collect();
        if mode != "400" {
            fields.insert("mode".to_owned(), json!(format!("0{mode}")));
        }
        self.hidden.insert(path.to_owned(), Value::Object(fields));
    }
}

/// Says whether a file is one of settings, by its name: in other source code, words are not values.
fn settings(path: &str) -> bool {
    const ENDS: [&str; 12] =
        [".env", ".ini", ".cfg", ".conf", ".yaml", ".yml", ".json", ".toml", ".properties", ".pem", ".key", ".sh"];
    const NAMES: [&str; 6] = [".npmrc", ".netrc", ".pypirc", ".git-credentials", ".htpasswd", "credentials"];
    let name = path.rsplit('/').next().unwrap_or(path);
    let starts = name.starts_with(".env") || name.starts_with("Dockerfile");
    starts || NAMES.contains(&name) || ENDS.iter().any(|end| name.ends_with(end))
}
