//! YAML text becomes documents: trees of nodes, each with its line and column. The only file that knows the parser.
//!
//! It builds on the event stream of serde-saphyr's own parser and not on its deserializer: events carry the span of
//! every key and value, inside flow maps too, and let reading go on after a mistake, so that all mistakes of a file are
//! found in one run. Scalars follow YAML 1.2: `no`, `on` and `22:00` are texts. Knows nothing of kinds.

use super::flaw::{Flaw, Mark};
use serde_saphyr::granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag, options};
use std::collections::{HashMap, HashSet};

/// So many nodes a file may have, after its aliases are written out.
const MAX_NODES: usize = 500_000;
/// So deep may lists and maps be nested.
const MAX_DEPTH: usize = 64;
/// So many places that do not parse are told of one file.
const MAX_BROKEN: usize = 20;
/// So many flaws are told of one document.
const MAX_FLAWS: usize = 200;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub at: Mark,
    pub data: Data,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Data {
    Null,
    Bool(bool),
    /// A number and how it is written.
    Number(serde_json::Number, Box<str>),
    /// A text, and whether it stands without quotes.
    Text(Box<str>, bool),
    List(Vec<Node>),
    Map(Vec<Pair>),
}

/// A key with its value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pair {
    pub key: Box<str>,
    pub at: Mark,
    pub value: Node,
}

/// One document. Its flaws matter only where the document is ours.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Doc {
    pub root: Node,
    pub flaws: Vec<Flaw>,
}

/// One file.
#[derive(Default, Debug)]
pub(super) struct Parsed {
    pub docs: Vec<Doc>,
    /// Where it does not parse.
    pub broken: Vec<Flaw>,
}

impl Node {
    pub fn get(&self, key: &str) -> Option<&Pair> {
        match &self.data {
            Data::Map(pairs) => pairs.iter().find(|p| &*p.key == key),
            _ => None,
        }
    }
    pub fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Text(text, _) => Some(text),
            _ => None,
        }
    }
    /// The node at a path such as `spec.records[3].value`, or the nearest thing around it; with the mark of its key.
    pub fn find<'a>(&'a self, path: &str) -> (&'a Node, Option<Mark>) {
        let (mut node, mut key) = (self, None);
        let mut rest = path;
        while !rest.is_empty() {
            let next = match (&node.data, rest.strip_prefix('[')) {
                (Data::List(items), Some(after)) => after.split_once(']').and_then(|(index, after)| {
                    Some((items.get(index.parse::<usize>().ok()?)?, None, after.strip_prefix('.').unwrap_or(after)))
                }),
                (Data::Map(pairs), None) => pairs
                    .iter()
                    .filter_map(|p| {
                        let after = rest.strip_prefix(&*p.key)?;
                        let ends = after.is_empty() || after.starts_with(['.', '[']);
                        ends.then(|| (&p.value, Some(p.at), after.strip_prefix('.').unwrap_or(after)))
                    })
                    .max_by_key(|(.., after)| rest.len() - after.len()),
                _ => None,
            };
            let Some((found, at, after)) = next else { break };
            (node, key, rest) = (found, at, after);
        }
        (node, key)
    }
    pub fn json(&self) -> serde_json::Value {
        use serde_json::Value;
        match &self.data {
            Data::Null => Value::Null,
            Data::Bool(b) => Value::Bool(*b),
            Data::Number(n, _) => Value::Number(n.clone()),
            Data::Text(t, _) => Value::String(t.to_string()),
            Data::List(items) => Value::Array(items.iter().map(Node::json).collect()),
            Data::Map(pairs) => Value::Object(pairs.iter().map(|p| (p.key.to_string(), p.value.json())).collect()),
        }
    }
    /// How many nodes it has, and how deep it is.
    fn measure(&self) -> (usize, usize) {
        let add = |(count, depth): (usize, usize), (more, deeper): (usize, usize)| (count + more, depth.max(deeper));
        let (count, depth) = match &self.data {
            Data::List(items) => items.iter().map(Node::measure).fold((0, 0), add),
            Data::Map(pairs) => pairs.iter().map(|p| p.value.measure()).fold((0, 0), add),
            _ => (0, 0),
        };
        (count + 1, depth + 1)
    }
}

/// Reads a file. Never fails: what does not parse is among `broken`, and reading goes on at the next document.
pub(super) fn parse(text: &str) -> Parsed {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let settings = options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut parser = Parser::new_from_str_with_options(text, settings).keep_tags(false);
    let mut parsed = Parsed::default();
    let mut composer = Composer::default();
    while let Some(next) = parser.next_event() {
        match next {
            Ok((event, span)) => {
                if let Err(flaw) = composer.take(event, span, &mut parsed.docs) {
                    parsed.broken.push(flaw);
                    return parsed;
                }
            }
            Err(error) => {
                parsed.broken.push(broken(text, &error));
                composer = Composer { nodes: composer.nodes, ..Composer::default() };
                if parsed.broken.len() >= MAX_BROKEN || !recovered(&mut parser) {
                    return parsed;
                }
            }
        }
    }
    parsed
}

fn recovered<'a>(parser: &mut Parser<'a, StrInput<'a>>) -> bool {
    parser.proceed_next_document().unwrap_or(false)
}

fn mark(span: Span) -> Mark {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let width = if span.start.line() == span.end.line() {
        number(span.end.col().saturating_sub(span.start.col())).max(1)
    } else {
        u32::MAX
    };
    Mark { line: number(span.start.line()), column: number(span.start.col()).saturating_add(1), width }
}

/// A syntax error in words that help.
fn broken(text: &str, error: &ScanError) -> Flaw {
    let at = Mark { width: 1, ..mark(Span::empty(*error.marker())) };
    let line = text.lines().nth(at.line.saturating_sub(1) as usize).unwrap_or_default();
    let label = match error.kind() {
        ErrorKind::TabNotAllowed | ErrorKind::TabInBlockIndentation | ErrorKind::TabInIndentation => {
            "indent with spaces, not tabs".to_owned()
        }
        _ if line.trim_start_matches(' ').starts_with('\t') => "indent with spaces, not tabs".to_owned(),
        ErrorKind::RecursionLimitExceeded => format!("nested more than {MAX_DEPTH} deep"),
        _ => error.info(),
    };
    let hint = if text.contains("{{") {
        "a template for another tool? Name the file in .driftlessignore, and it is left alone"
    } else {
        ""
    };
    Flaw::at(at, "", "this is not valid YAML", label).hint(hint)
}

enum Open {
    List(Vec<Node>),
    Map { pairs: Vec<Pair>, key: Option<(Box<str>, Mark, bool)> },
}

struct Frame {
    at: Mark,
    anchor: usize,
    open: Open,
}

/// Puts events together to documents.
#[derive(Default)]
struct Composer {
    stack: Vec<Frame>,
    root: Option<Node>,
    flaws: Vec<Flaw>,
    /// Anchored nodes with their size and depth.
    anchors: HashMap<usize, (Node, usize, usize)>,
    nodes: usize,
    grown: bool,
}

impl Composer {
    fn take(&mut self, event: Event<'_>, span: Span, docs: &mut Vec<Doc>) -> Result<(), Flaw> {
        let at = mark(span);
        if event.is_node() {
            self.nodes += 1;
            if self.nodes > MAX_NODES {
                let label = format!("more than {MAX_NODES} values in one file");
                let (message, hint) = match self.anchors.is_empty() {
                    true => ("this file is too large to read", "split it into several"),
                    false => ("aliases make this file too large to read", "write less with anchors, or split the file"),
                };
                return Err(Flaw::at(at, "", message, label).hint(hint));
            }
        }
        match event {
            Event::DocumentStart(..) => self.root = None,
            Event::DocumentEnd => self.document(docs),
            Event::Scalar(value, style, anchor, tag) => {
                let key = self.wants_key();
                let plain = style == ScalarStyle::Plain;
                if key {
                    if value.is_empty() {
                        self.flaw(Flaw::at(at, "", "a key is missing", "write a key before the colon"));
                    }
                    if anchor != 0 {
                        let text = Data::Text(value.as_ref().into(), plain);
                        self.anchors.insert(anchor, (Node { at, data: text }, 1, 1));
                    }
                    self.key(value.as_ref().into(), at, plain);
                } else {
                    let data = self.scalar(&value, plain, tag.as_deref(), at);
                    self.finish(Node { at, data }, anchor);
                }
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.tag(tag.as_deref(), at, &["seq"]);
                self.stack.push(Frame { at, anchor, open: Open::List(Vec::new()) });
            }
            Event::MappingStart(_, anchor, tag) => {
                self.tag(tag.as_deref(), at, &["map"]);
                self.stack.push(Frame { at, anchor, open: Open::Map { pairs: Vec::new(), key: None } });
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(at),
            Event::Alias(id) => self.alias(id, at),
            Event::UnresolvedAlias(name) => {
                let message = format!("*{name} refers to an anchor that is not in this document");
                self.flaw(Flaw::at(at, "", message, format!("no &{name} stands before this")));
                self.finish(Node { at, data: Data::Null }, 0);
            }
            _ => {}
        }
        Ok(())
    }

    /// Keeps a flaw; its path is taken for what comes after the place where the composer stands.
    fn flaw(&mut self, mut flaw: Flaw) {
        if self.flaws.len() < MAX_FLAWS {
            flaw.path = self.path(&flaw.path);
            self.flaws.push(flaw);
        }
    }

    fn path(&self, last: &str) -> String {
        let mut path = String::new();
        for frame in &self.stack {
            match &frame.open {
                Open::List(items) => path.push_str(&format!("[{}]", items.len())),
                Open::Map { key: Some((key, ..)), .. } => step(&mut path, key),
                Open::Map { .. } => {}
            }
        }
        step(&mut path, last);
        path
    }

    fn document(&mut self, docs: &mut Vec<Doc>) {
        let flaws = std::mem::take(&mut self.flaws);
        self.anchors.clear();
        self.stack.clear();
        if let Some(root) = self.root.take().filter(|root| root.data != Data::Null) {
            docs.push(Doc { root, flaws });
        }
    }

    fn wants_key(&self) -> bool {
        matches!(self.stack.last(), Some(Frame { open: Open::Map { key: None, .. }, .. }))
    }

    fn key(&mut self, text: Box<str>, at: Mark, plain: bool) {
        if let Some(Frame { open: Open::Map { key, .. }, .. }) = self.stack.last_mut() {
            *key = Some((text, at, plain));
        }
    }

    fn alias(&mut self, id: usize, at: Mark) {
        let data = match self.anchors.get(&id) {
            Some((.., depth)) if self.stack.len() + depth > 2 * MAX_DEPTH => {
                let label = format!("written out, nested more than {} deep", 2 * MAX_DEPTH);
                self.flaw(Flaw::at(at, "", "aliases make this too deep to read", label));
                Data::Null
            }
            Some((node, size, _)) if self.nodes.saturating_add(*size) <= MAX_NODES => {
                self.nodes += size;
                node.data.clone()
            }
            Some(_) => {
                if !std::mem::replace(&mut self.grown, true) {
                    let label = format!("written out, more than {MAX_NODES} values in one file");
                    self.flaw(Flaw::at(at, "", "aliases make this file too large to read", label));
                }
                Data::Null
            }
            None => {
                self.flaw(Flaw::at(at, "", "an alias refers to what it stands in", "it would never end"));
                Data::Null
            }
        };
        match data {
            Data::Text(text, plain) if self.wants_key() => self.key(text, at, plain),
            data => self.finish(Node { at, data }, 0),
        }
    }

    fn close(&mut self, end: Mark) {
        let Some(mut frame) = self.stack.pop() else { return };
        frame.at.width = match end.line == frame.at.line {
            true => end.column.saturating_add(end.width).saturating_sub(frame.at.column).max(1),
            false => u32::MAX,
        };
        let data = match frame.open {
            Open::List(items) => Data::List(items),
            Open::Map { pairs, .. } => Data::Map(self.map(pairs)),
        };
        self.finish(Node { at: frame.at, data }, frame.anchor);
    }

    /// Reports duplicate keys and fills in what `<<` brings. Keys that are no texts have been told and go.
    fn map(&mut self, mut pairs: Vec<Pair>) -> Vec<Pair> {
        pairs.retain(|pair| !pair.key.is_empty());
        let mut order: Vec<usize> = (0..pairs.len()).collect();
        order.sort_by(|a, b| pairs.get(*a).map(|p| &p.key).cmp(&pairs.get(*b).map(|p| &p.key)).then(a.cmp(b)));
        let mut twice = vec![false; pairs.len()];
        let mut first: Option<&Pair> = None;
        for index in order {
            let Some(pair) = pairs.get(index) else { continue };
            match first {
                Some(before) if before.key == pair.key => {
                    let label = format!("first given at line {}, column {}", before.at.line, before.at.column);
                    let message = format!("{:?} is given twice", pair.key);
                    self.flaw(Flaw::at(pair.at, &*pair.key, message, label));
                    if let Some(mark) = twice.get_mut(index) {
                        *mark = true;
                    }
                }
                _ => first = Some(pair),
            }
        }
        if twice.contains(&true) {
            let mut twice = twice.into_iter();
            pairs.retain(|_| !twice.next().unwrap_or_default());
        }
        match pairs.iter().position(|p| &*p.key == "<<") {
            Some(merge) => {
                let merge = pairs.remove(merge);
                self.merge(pairs, merge)
            }
            None => pairs,
        }
    }

    fn merge(&mut self, mut pairs: Vec<Pair>, merge: Pair) -> Vec<Pair> {
        let mut known: HashSet<Box<str>> = pairs.iter().map(|p| p.key.clone()).collect();
        let sources = match merge.value.data {
            Data::List(items) => items,
            data => vec![Node { at: merge.value.at, data }],
        };
        for source in sources {
            let Data::Map(more) = source.data else {
                self.flaw(Flaw::at(source.at, "", "<< can only take in a map", "not a map"));
                continue;
            };
            for pair in more {
                if known.insert(pair.key.clone()) {
                    pairs.push(pair);
                }
            }
        }
        pairs
    }

    fn finish(&mut self, node: Node, anchor: usize) {
        if anchor != 0 {
            let (size, depth) = node.measure();
            self.nodes = self.nodes.saturating_add(size);
            self.anchors.insert(anchor, (node.clone(), size, depth));
        }
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some(Frame { open: Open::List(items), .. }) => items.push(node),
            Some(Frame { open: Open::Map { pairs, key }, .. }) => match key.take() {
                Some((text, at, _)) => pairs.push(Pair { key: text, at, value: node }),
                None => {
                    *key = Some((Box::default(), node.at, false));
                    self.flaw(Flaw::at(node.at, "", "a key must be a text", "this is a list or a map"));
                }
            },
        }
    }

    fn tag(&mut self, tag: Option<&Tag>, at: Mark, known: &[&str]) {
        if let Some(tag) = tag.filter(|tag| !tag.core_suffix().is_some_and(|suffix| known.contains(&suffix))) {
            let message = format!("the tag {} means nothing here", tag.original());
            self.flaw(Flaw::at(at, "", message, "take the tag away"));
        }
    }

    fn scalar(&mut self, value: &str, plain: bool, tag: Option<&Tag>, at: Mark) -> Data {
        let text = |plain| Data::Text(value.into(), plain);
        match tag.map(|t| t.core_suffix().unwrap_or_default()) {
            None if plain => resolve(value),
            None | Some("str") => text(false),
            Some("int" | "float" | "bool" | "null") => resolve(value),
            Some(_) => {
                self.tag(tag, at, &[]);
                text(plain)
            }
        }
    }
}

fn step(path: &mut String, key: &str) {
    if !path.is_empty() && !key.is_empty() {
        path.push('.');
    }
    path.push_str(key);
}

/// The core schema of YAML 1.2.
fn resolve(value: &str) -> Data {
    match value {
        "" | "~" | "null" | "Null" | "NULL" => return Data::Null,
        "true" | "True" | "TRUE" => return Data::Bool(true),
        "false" | "False" | "FALSE" => return Data::Bool(false),
        _ => {}
    }
    match number(value) {
        Some(number) => Data::Number(number, value.into()),
        None => Data::Text(value.into(), true),
    }
}

fn number(value: &str) -> Option<serde_json::Number> {
    let first = value.bytes().next()?;
    if !(first.is_ascii_digit() || matches!(first, b'+' | b'-' | b'.')) {
        return None;
    }
    if let Some(hex) = value.strip_prefix("0x") {
        return Some(u64::from_str_radix(plain_digits(hex)?, 16).ok()?.into());
    }
    if let Some(octal) = value.strip_prefix("0o") {
        return Some(u64::from_str_radix(plain_digits(octal)?, 8).ok()?.into());
    }
    let unsigned = value.strip_prefix(['+', '-']).unwrap_or(value);
    if !unsigned.is_empty() && unsigned.bytes().all(|b| b.is_ascii_digit()) {
        let positive = value.strip_prefix('+').unwrap_or(value);
        if let Ok(number) = positive.parse::<i64>() {
            return Some(number.into());
        }
        if let Ok(number) = positive.parse::<u64>() {
            return Some(number.into());
        }
    }
    let float = unsigned.bytes().any(|b| b.is_ascii_digit())
        && unsigned.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    if !float {
        return None;
    }
    serde_json::Number::from_f64(value.parse().ok()?)
}

fn plain_digits(digits: &str) -> Option<&str> {
    (!digits.starts_with(['+', '-'])).then_some(digits)
}
