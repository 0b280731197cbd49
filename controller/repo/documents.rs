//! One file's text becomes drafts: documents whose header and spec fit their schemas. Owns which documents are ours;
//! looks at one document at a time and at no other file.

use super::check::check;
use super::flaw::{Flaw, Mark, Source, whole};
use super::header::{self, API_VERSION, Envelope, SETTINGS, SettingsEnvelope};
use super::nearest::nearest;
use super::shape::Shapes;
use super::yaml::{self, Data, Doc, Node};
use crate::model::{AnyKind, Diagnostic, Erased, FileNeed, Need, Place, Policy, ResourceId, Settings, Severity};
use std::collections::BTreeMap;

/// The kinds with their schemas made ready.
pub(super) struct Kinds<'a> {
    pub list: &'a [&'a dyn AnyKind],
    specs: Vec<Shapes>,
    envelope: Shapes,
    settings_envelope: Shapes,
    settings: Shapes,
}

impl<'a> Kinds<'a> {
    pub fn new(list: &'a [&'a dyn AnyKind]) -> Self {
        Self {
            list,
            specs: list.iter().map(|kind| Shapes::of(&kind.schema())).collect(),
            envelope: Shapes::of(schemars::schema_for!(Envelope).as_value()),
            settings_envelope: Shapes::of(schemars::schema_for!(SettingsEnvelope).as_value()),
            settings: Shapes::of(schemars::schema_for!(Settings).as_value()),
        }
    }
    pub fn names(&self) -> Vec<&'static str> {
        self.list.iter().map(|kind| kind.name()).collect()
    }
    /// Where a field belongs that stands at the top, or right under `spec`, and is unknown there.
    fn home(&self, spec: &Shapes, key: &str) -> Option<String> {
        let envelope = &self.envelope;
        match key {
            "spec" | "apiVersion" | "kind" => None,
            key if envelope.has(&["metadata"], key) => Some("this belongs under metadata".to_owned()),
            key if envelope.has(&["policy"], key) => Some("this belongs under policy".to_owned()),
            key if envelope.has(&[], key) => Some("this belongs at the top, beside spec".to_owned()),
            key if spec.has(&[], key) => Some("this belongs under spec".to_owned()),
            _ => None,
        }
    }
    fn position(&self, name: &str) -> Option<usize> {
        self.list.iter().position(|kind| kind.name() == name)
    }
}

/// A document that fits its schema.
pub(super) struct Draft {
    pub id: ResourceId,
    /// Which of the kinds.
    pub kind: usize,
    /// Which of the file's documents.
    pub index: usize,
    pub place: Place,
    pub labels: BTreeMap<String, String>,
    pub formerly: Vec<ResourceId>,
    pub policy: Policy,
    pub depends: Vec<Need>,
    pub spec: Erased,
    pub files: Vec<FileNeed>,
    pub fields: Vec<(Box<str>, u32, u32)>,
}

/// What one file holds.
#[derive(Default)]
pub(super) struct Drafts {
    pub drafts: Vec<Draft>,
    pub settings: Vec<(Settings, Place, usize)>,
    /// Every id that is declared, sound or not, with the place of its name.
    pub declared: Vec<(ResourceId, Place, usize)>,
    /// How many documents are ours.
    pub ours: usize,
    pub found: Vec<Diagnostic>,
    /// Where the file is no YAML; left out of `found`, since it may be a file that a document names.
    pub broken: Vec<Diagnostic>,
}

/// Reads all documents of a file.
pub(super) fn read(file: &str, bytes: &[u8], kinds: &Kinds<'_>) -> Drafts {
    let mut drafts = Drafts::default();
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(error) => {
            let line = bytes.get(..error.valid_up_to()).unwrap_or_default().iter().filter(|b| **b == b'\n').count() + 1;
            let message = format!("{file} is not UTF-8 (line {line})");
            drafts.broken.push(whole(file, message, "", "save it as UTF-8, or name it in .driftlessignore"));
            return drafts;
        }
    };
    let source = Source::new(file, text);
    let parsed = yaml::parse(text);
    drafts.broken.extend(parsed.broken.into_iter().map(|flaw| source.diagnostic(Severity::Error, flaw)));
    for (index, doc) in parsed.docs.into_iter().enumerate() {
        let mut flaws = Vec::new();
        document(file, index, doc, kinds, &mut drafts, &mut flaws);
        drafts.found.extend(flaws.into_iter().map(|flaw| source.diagnostic(Severity::Error, flaw)));
    }
    drafts
}

fn document(file: &str, index: usize, doc: Doc, kinds: &Kinds<'_>, out: &mut Drafts, flaws: &mut Vec<Flaw>) {
    let root = doc.root;
    let kind = match ours(&root, kinds) {
        Ours::No => return,
        Ours::Wrong(flaw) => {
            out.ours += 1;
            flaws.push(flaw);
            return;
        }
        Ours::Yes(kind) => kind,
    };
    out.ours += 1;
    flaws.extend(doc.flaws);
    let place = |at: Mark| Place { file: file.to_owned(), line: at.line, column: at.column };
    if kind == SETTINGS {
        let settings_home = |key: &str| kinds.settings.has(&[], key).then(|| "this belongs under spec".to_owned());
        flaws.extend(check(&kinds.settings_envelope, SETTINGS, "", (&root, root.at), &settings_home));
        if let Some(spec) = root.get("spec") {
            flaws.extend(check(&kinds.settings, SETTINGS, "spec", (&spec.value, spec.at), &|_| None));
            if flaws.is_empty() {
                match serde_json::from_value::<Settings>(spec.value.json()) {
                    Ok(settings) => {
                        flaws.extend(super::settings::check(&settings, &root));
                        out.settings.push((settings, place(root.at), index));
                        return;
                    }
                    Err(error) => flaws.push(Flaw::at(spec.at, "spec", "Settings cannot be read", error.to_string())),
                }
            }
        }
        // Unsound Settings are declared all the same: that there are none would be a second, false error.
        out.declared.push((ResourceId::new(SETTINGS, SETTINGS), place(root.at), index));
        return;
    }
    let Some(position) = kinds.position(kind) else { return };
    let (name, _) = root.find("metadata.name");
    if let Some(text) = name.text() {
        out.declared.push((ResourceId::new(kind, text), place(name.at), index));
    }
    if let Some(draft) = draft(index, position, &root, kinds, flaws, place(root.at)) {
        out.drafts.push(draft);
    }
}

fn draft(
    index: usize,
    position: usize,
    root: &Node,
    kinds: &Kinds<'_>,
    flaws: &mut Vec<Flaw>,
    place: Place,
) -> Option<Draft> {
    let (kind, shapes) = (kinds.list.get(position)?, kinds.specs.get(position)?);
    let home = |key: &str| kinds.home(shapes, key);
    flaws.extend(check(&kinds.envelope, kind.name(), "", (root, root.at), &home));
    let spec = root.get("spec");
    if let Some(spec) = spec {
        flaws.extend(check(shapes, kind.name(), "spec", (&spec.value, spec.at), &home));
    }
    let spec = spec.filter(|_| flaws.is_empty())?;
    let head = serde_json::Value::Object(match &root.data {
        Data::Map(pairs) => pairs
            .iter()
            .map(|p| (p.key.to_string(), if &*p.key == "spec" { serde_json::Value::Null } else { p.value.json() }))
            .collect(),
        _ => serde_json::Map::new(),
    });
    let envelope: Envelope = match serde_json::from_value(head) {
        Ok(envelope) => envelope,
        Err(error) => {
            flaws.push(Flaw::at(root.at, "", "this document cannot be read", error.to_string()));
            return None;
        }
    };
    let id = ResourceId::new(kind.name(), envelope.metadata.name.clone());
    let (depends, formerly, more) = header::links(&envelope, &id, &kinds.names(), root);
    flaws.extend(more);
    let (policy, more) = header::policy(envelope.policy, kind.on_remove(), root);
    flaws.extend(more);
    let erased = match kind.spec(spec.value.json()) {
        Ok(erased) => erased,
        Err(error) => {
            flaws.push(Flaw::at(spec.at, "spec", format!("{id} cannot be read"), error));
            return None;
        }
    };
    let labels = envelope.metadata.labels;
    let (files, fields) = (kind.files(&erased), fields(root));
    Some(Draft { id, kind: position, index, place, labels, formerly, policy, depends, spec: erased, files, fields })
}

enum Ours<'a> {
    No,
    Yes(&'a str),
    Wrong(Flaw),
}

/// Whether a document is meant for us.
fn ours<'a>(root: &'a Node, kinds: &Kinds<'_>) -> Ours<'a> {
    let Data::Map(_) = root.data else { return Ours::No };
    let (version, kind) = (root.get("apiVersion"), root.get("kind"));
    let text = |pair: Option<&'a yaml::Pair>| pair.and_then(|p| p.value.text());
    let known = |name: &str| name == SETTINGS || kinds.position(name).is_some();
    match (text(version), text(kind)) {
        (Some(API_VERSION), Some(kind)) if known(kind) => Ours::Yes(kind),
        (Some(API_VERSION), typed) => {
            let names: Vec<&str> = kinds.names().into_iter().chain([SETTINGS]).collect();
            let list = format!("expected one of: {}", names.join(", "));
            let typed = typed.unwrap_or_default();
            let (at, message) = match kind {
                Some(kind) => (kind.value.at, format!("there is no kind {typed:?}")),
                None => (root.at, "this document lacks \"kind\"".to_owned()),
            };
            Ours::Wrong(match nearest(typed, names.iter().copied()) {
                Some(name) => Flaw::at(at, "kind", message, format!("did you mean {name:?}?")).hint(list),
                None => Flaw::at(at, "kind", message, list),
            })
        }
        (Some(other), typed) if typed.is_some_and(known) || other.starts_with("driftless/") => {
            let at = version.map(|p| p.value.at).unwrap_or(root.at);
            let message = match typed {
                Some(kind) => format!("{kind} under apiVersion {other:?}"),
                None => format!("apiVersion {other:?} is not known"),
            };
            Ours::Wrong(
                Flaw::at(at, "apiVersion", message, format!("expected {API_VERSION}"))
                    .hint("if the file belongs to another tool, name it in .driftlessignore"),
            )
        }
        (None, Some(name)) if known(name) => {
            let at = version.or(kind).map(|p| p.at).unwrap_or(root.at);
            let message = format!("this {name} lacks \"apiVersion\"");
            Ours::Wrong(
                Flaw::at(at, "apiVersion", message, format!("add apiVersion: {API_VERSION}"))
                    .hint("if the file belongs to another tool, name it in .driftlessignore"),
            )
        }
        _ => Ours::No,
    }
}

/// Where fields stand: the header, `spec` two levels deep, and the entries of its lists.
fn fields(root: &Node) -> Vec<(Box<str>, u32, u32)> {
    let mut fields = Vec::new();
    collect(root, "", 0, &mut fields);
    fields.sort_unstable();
    fields
}

fn collect(node: &Node, path: &str, depth: usize, fields: &mut Vec<(Box<str>, u32, u32)>) {
    if depth > 2 {
        return;
    }
    match &node.data {
        Data::Map(pairs) => {
            for pair in pairs {
                let path = if path.is_empty() { pair.key.to_string() } else { format!("{path}.{}", pair.key) };
                collect(&pair.value, &path, depth + 1, fields);
                fields.push((path.into(), pair.at.line, pair.at.column));
            }
        }
        Data::List(items) => {
            for (index, item) in items.iter().enumerate() {
                fields.push((format!("{path}[{index}]").into(), item.at.line, item.at.column));
            }
        }
        _ => {}
    }
}
