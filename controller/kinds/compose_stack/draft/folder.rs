//! A stack's folder on its host, as an import found it, and which of its files the compose files name. It holds what may be
//! secret, so it prints as how much it holds. Pure.

use super::super::compose::{Variables, filled, relative};
use super::super::dotenv;
use crate::ports::host::survey::Container;
use serde_json::Value as Yaml;
use std::collections::BTreeMap;

/// The folder as a whole.
pub(super) const WHOLE: &str = ".";

/// What was found of a stack's folder.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Folder {
    /// Its path on the host.
    pub path: String,
    /// The compose files that it runs by, by their paths from there.
    pub compose: Vec<String>,
    /// The file of variables, by its path from there.
    pub variables: String,
    /// What was read, by its path from there.
    pub files: BTreeMap<String, There>,
    /// Folders that are too large to be read.
    pub large: Vec<String>,
    /// Why it could not be read.
    pub failed: Option<String>,
}

/// A file of it.
#[derive(Clone, PartialEq, Eq)]
pub struct There {
    /// Its mode in octal: `644`.
    pub mode: String,
    /// Whose it is: `0:0`.
    pub owner: String,
    /// What is in it; none of a file that is too long.
    pub bytes: Option<Vec<u8>>,
}

impl std::fmt::Debug for Folder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Folder({}, {} files)", self.path, self.files.len())
    }
}

/// What a compose file names a file or folder for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Use {
    /// Containers may write it: it is theirs.
    Written,
    /// Containers read it.
    Mounted,
    /// Variables of services are read from it.
    Variables,
    /// An image is built from it.
    Built,
    /// It is a compose file, too.
    Included,
    /// It is said to be a secret.
    Secret,
}

impl Use {
    /// Says whether it is read for a document at all.
    pub(in super::super) fn is_read(self) -> bool {
        self != Self::Written
    }
}

impl Folder {
    /// Where a stack's folder is, by what compose wrote onto its containers.
    pub(in super::super) fn of(containers: &[Container]) -> Self {
        let Some(container) = containers.iter().find(|container| !container.files.is_empty()) else {
            let failed = Some("compose did not write onto its containers which files it was made from".to_owned());
            return Self { failed, ..Self::default() };
        };
        let path = container.folder.trim_end_matches('/').to_owned();
        let mut folder = Self { variables: ".env".to_owned(), ..Self::default() };
        // The first compose wrote paths as they were given.
        let within = |file: &str| match file.strip_prefix('/') {
            Some(_) => file.strip_prefix(&path)?.strip_prefix('/').map(str::to_owned),
            None => Some(file.trim_start_matches("./").to_owned()),
        };
        for file in container.files.split(',') {
            match within(file) {
                Some(file) => folder.compose.push(file),
                None => {
                    folder.failed = Some(format!("its compose file {file} is not in its folder {path}: move it there"))
                }
            }
        }
        match container.env_files.split(',').filter(|file| !file.is_empty()).collect::<Vec<_>>().as_slice() {
            [] => {}
            [file] if within(file).is_some() => folder.variables = within(file).unwrap_or_default(),
            files => {
                folder.failed =
                    Some(format!("its variables come from {}: put them into {path}/.env", files.join(" and ")))
            }
        }
        Self { path, ..folder }
    }

    /// What is read first.
    pub(in super::super) fn first(&self) -> Vec<String> {
        self.compose.iter().cloned().chain([self.variables.clone()]).collect()
    }

    /// A file as text.
    pub(in super::super) fn text(&self, path: &str) -> Option<&str> {
        std::str::from_utf8(self.files.get(path)?.bytes.as_ref()?).ok()
    }

    /// Its variables, as far as they are known.
    pub(in super::super) fn known(&self) -> Variables {
        let lines = dotenv::read(self.text(&self.variables).unwrap_or_default());
        lines.into_iter().map(|line| (line.name, line.value.ok())).collect()
    }

    /// Which files and folders of it the compose files name, and what for.
    pub(in super::super) fn named(&self) -> BTreeMap<String, Use> {
        let variables = self.known();
        let mut all: BTreeMap<String, Use> = BTreeMap::new();
        let texts = self.compose.iter().filter_map(|file| self.text(file));
        for root in texts.filter_map(|text| serde_saphyr::from_str::<Yaml>(text).ok()) {
            for (path, purpose) in named(&root) {
                let Some(path) = relative(&path, &variables) else { continue };
                let path = if path.is_empty() { WHOLE.to_owned() } else { path };
                if !self.compose.contains(&path) && path != self.variables {
                    all.entry(path).and_modify(|known| *known = purpose.max(*known)).or_insert(purpose);
                }
            }
            // What containers may write is theirs, whatever else it is.
            all.extend(mounts(&root, &variables));
        }
        all
    }
}

fn texts(value: Option<&Yaml>) -> Vec<String> {
    let path = |value: &Yaml| value.as_str().or_else(|| value.get("path")?.as_str()).map(str::to_owned);
    match value {
        Some(Yaml::Array(list)) => list.iter().filter_map(path).collect(),
        Some(one) => path(one).into_iter().collect(),
        None => Vec::new(),
    }
}

/// Everything that a compose file names beside what services mount, as written.
fn named(root: &Yaml) -> Vec<(String, Use)> {
    let mut all: Vec<(String, Use)> = Vec::new();
    let mut add = |paths: Vec<String>, purpose| all.extend(paths.into_iter().map(|path| (path, purpose)));
    add(texts(root.get("include")), Use::Included);
    for (kind, purpose) in [("configs", Use::Mounted), ("secrets", Use::Secret)] {
        let said = root.get(kind).and_then(Yaml::as_object).into_iter().flatten();
        add(said.filter_map(|(_, said)| said.get("file")?.as_str().map(str::to_owned)).collect(), purpose);
    }
    for (_, service) in root.get("services").and_then(Yaml::as_object).into_iter().flatten() {
        add(texts(service.get("env_file")), Use::Variables);
        add(texts(service.get("label_file")), Use::Mounted);
        add(texts(service.get("extends").and_then(|extends| extends.get("file"))), Use::Included);
        let build = service.get("build");
        let context = build.and_then(|build| build.as_str().or_else(|| build.get("context")?.as_str()));
        add(context.map(str::to_owned).into_iter().collect(), Use::Built);
    }
    all
}

/// What services mount from the folder: `./conf:/etc/app:ro`, or `{type: bind, source: ./conf, read_only: true}`.
fn mounts(root: &Yaml, variables: &Variables) -> BTreeMap<String, Use> {
    let mut all = BTreeMap::new();
    let services = root.get("services").and_then(Yaml::as_object).into_iter().flatten();
    let volumes = services.filter_map(|(_, service)| service.get("volumes")?.as_array()).flatten();
    for volume in volumes {
        let (source, reads) = match volume {
            Yaml::String(text) => {
                let Some(text) = filled(text, variables) else { continue };
                let parts: Vec<&str> = text.split(':').collect();
                let reads = parts.get(2).is_some_and(|options| options.split(',').any(|option| option == "ro"));
                (parts.first().filter(|source| source.starts_with('.')).map(|source| (*source).to_owned()), reads)
            }
            other if other.get("type").and_then(Yaml::as_str) == Some("bind") => {
                let reads = other.get("read_only").and_then(Yaml::as_bool) == Some(true);
                (other.get("source").and_then(Yaml::as_str).map(str::to_owned), reads)
            }
            _ => continue,
        };
        let path = source.and_then(|source| relative(&source, variables)).filter(|path| !path.is_empty());
        if let Some(path) = path {
            let purpose = if reads { Use::Mounted } else { Use::Written };
            all.entry(path).and_modify(|known: &mut Use| *known = purpose.min(*known)).or_insert(purpose);
        }
    }
    all
}
