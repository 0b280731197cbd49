//! `driftless explain KIND[.field]`: what a field means, what it takes, and what lies below it, out of the same
//! schemas that documents are checked against.

use super::check::{expectation, first_sentence};
use super::header::{Envelope, SETTINGS, SettingsEnvelope};
use super::nearest::nearest;
use super::shape::{Accept, Field, Others, Shapes};
use crate::model::{AnyKind, Settings};
use serde::Serialize;
use serde_json::{Map, Value};
use std::fmt;

/// What there is to know about a kind or one of its fields.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explained {
    /// The whole path, such as `Droplet.spec.backups`.
    pub title: String,
    /// What it means.
    pub about: String,
    /// What it takes, in words.
    #[serde(rename = "type")]
    pub takes: String,
    /// What holds where it is left out.
    pub default: Option<Value>,
    /// The words that it takes, each with its meaning.
    pub values: Vec<(String, String)>,
    /// The fields below it.
    pub fields: Vec<ExplainedField>,
}

/// One field below what is explained.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedField {
    /// Its name.
    pub name: String,
    /// Whether it must be given.
    pub required: bool,
    /// What it takes, in words.
    #[serde(rename = "type")]
    pub takes: String,
    /// What it means, in a sentence.
    pub about: String,
}

/// Says that there is nothing of that name to explain.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotExplained {
    /// No kind of that name.
    #[error("there is no kind {typed:?}: {meant}kinds are {known}")]
    Kind {
        /// What was typed.
        typed: String,
        /// `did you mean "Droplet"? `, or nothing.
        meant: String,
        /// All kinds.
        known: String,
    },
    /// No field of that name.
    #[error("there is no field {typed:?} in {parent}: {meant}fields are {known}")]
    Field {
        /// What was typed.
        typed: String,
        /// Where it was looked for.
        parent: String,
        /// `did you mean "region"? `, or nothing.
        meant: String,
        /// All fields.
        known: String,
    },
}

/// Explains a kind or a field: `Droplet`, `Droplet.spec.backups`, `Droplet.backups`, `Settings.windows.days`.
pub fn explain(kinds: &[&dyn AnyKind], query: &str) -> Result<Explained, NotExplained> {
    let mut parts = query.split('.').map(|part| part.split('[').next().unwrap_or(part)).filter(|part| !part.is_empty());
    let typed = parts.next().unwrap_or_default();
    let kind = kinds.iter().find(|kind| kind.name().eq_ignore_ascii_case(typed));
    let (name, about, header, spec) = match kind {
        Some(kind) => (kind.name(), kind.about(), schemars::schema_for!(Envelope), kind.schema()),
        None if typed.eq_ignore_ascii_case(SETTINGS) => {
            let spec = schemars::schema_for!(Settings).to_value();
            (SETTINGS, "How this repo is kept; one document a repo.", schemars::schema_for!(SettingsEnvelope), spec)
        }
        None => {
            let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).chain([SETTINGS]).collect();
            let (meant, known) = (meant(typed, &names), names.join(", "));
            return Err(NotExplained::Kind { typed: typed.to_owned(), meant, known });
        }
    };
    let (header, spec) = (Shapes::of(header.as_value()), Shapes::of(&spec));
    let parts: Vec<&str> = parts.collect();
    match parts.split_first() {
        None => {
            let mut whole = describe(&header, 0, name.to_owned());
            whole.about = about.to_owned();
            let below = describe(&spec, 0, String::new()).fields;
            whole.fields.extend(below.into_iter().map(|f| ExplainedField { name: format!("spec.{}", f.name), ..f }));
            Ok(whole)
        }
        Some((&"spec", rest)) => walk(&spec, format!("{name}.spec"), rest),
        Some((first, _)) if fields(&header, 0).iter().any(|f| f.name == *first) => {
            walk(&header, name.to_owned(), &parts)
        }
        Some(_) => walk(&spec, format!("{name}.spec"), &parts),
    }
}

fn walk(shapes: &Shapes, mut title: String, parts: &[&str]) -> Result<Explained, NotExplained> {
    let mut at = 0;
    for part in parts {
        let below = fields(shapes, at);
        match below.iter().find(|field| field.name == *part) {
            Some(field) => at = field.shape,
            None => match each(shapes, at) {
                Some(shape) => at = shape,
                None => {
                    let names: Vec<&str> = below.iter().map(|field| field.name.as_str()).collect();
                    let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                    let typed = (*part).to_owned();
                    return Err(NotExplained::Field { typed, parent: title, meant: meant(part, &names), known });
                }
            },
        }
        title = format!("{title}.{part}");
    }
    Ok(describe(shapes, at, title))
}

fn meant(typed: &str, names: &[&str]) -> String {
    nearest(typed, names.iter().copied()).map(|name| format!("did you mean {name:?}? ")).unwrap_or_default()
}

/// The fields of a map, or of the maps in a list, each once.
fn fields(shapes: &Shapes, at: usize) -> Vec<&Field> {
    maps(shapes, at).1
}

/// How many maps may stand at a place, and their fields, each once.
fn maps(shapes: &Shapes, at: usize) -> (usize, Vec<&Field>) {
    let mut count = 0;
    let mut found: Vec<&Field> = Vec::new();
    for accept in shapes.accepts(at) {
        let (more_maps, more) = match accept {
            Accept::Map(map) => (1, map.fields.iter().collect()),
            Accept::List { item, .. } if *item != at => maps(shapes, *item),
            _ => (0, Vec::new()),
        };
        count += more_maps;
        for field in more {
            if !found.iter().any(|known| known.name == field.name) {
                found.push(field);
            }
        }
    }
    (count, found)
}

/// What stands under any key of a map.
fn each(shapes: &Shapes, at: usize) -> Option<usize> {
    shapes.accepts(at).into_iter().find_map(|accept| match accept {
        Accept::Map(map) => match map.others {
            Others::Each(shape) => Some(shape),
            _ => None,
        },
        _ => None,
    })
}

fn describe(shapes: &Shapes, at: usize, title: String) -> Explained {
    let shape = shapes.get(at);
    let (maps, below) = maps(shapes, at);
    let below = below.into_iter().map(|field| {
        let shape = shapes.get(field.shape);
        ExplainedField {
            name: field.name.clone(),
            required: field.required && maps == 1,
            takes: takes(shapes, field.shape),
            about: shape.map(|s| first_sentence(&s.about)).unwrap_or_default(),
        }
    });
    Explained {
        title,
        about: shape.map(|s| s.about.clone()).unwrap_or_default(),
        takes: takes(shapes, at),
        default: shape.and_then(|s| s.default.clone()).and_then(telling),
        values: values(shapes, at),
        fields: below.collect(),
    }
}

/// A default without the fields that it leaves out; none where nothing is left of it.
fn telling(default: Value) -> Option<Value> {
    match default {
        Value::Null => None,
        Value::Object(fields) if !fields.is_empty() => {
            let fields: Map<String, Value> = fields.into_iter().filter(|(_, value)| !value.is_null()).collect();
            (!fields.is_empty()).then_some(Value::Object(fields))
        }
        other => Some(other),
    }
}

fn values(shapes: &Shapes, at: usize) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for accept in shapes.accepts(at) {
        match accept {
            Accept::Text(text) => found.extend(text.words.iter().cloned()),
            Accept::List { item, .. } if *item != at => found.extend(values(shapes, *item)),
            _ => {}
        }
    }
    found
}

fn takes(shapes: &Shapes, at: usize) -> String {
    let accepts = shapes.accepts(at);
    match accepts.iter().find_map(|a| if let Accept::List { item, .. } = a { Some(*item) } else { None }) {
        Some(item) if accepts.len() == 1 && item != at => {
            format!("a list; each entry: {}", expectation(&shapes.accepts(item)))
        }
        _ => expectation(&accepts),
    }
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.title)?;
        for paragraph in self.about.split("\n\n").filter(|p| !p.is_empty()) {
            hang(f, "  ", "  ", paragraph)?;
        }
        writeln!(f)?;
        hang(f, "  takes    ", "           ", &self.takes)?;
        if let Some(default) = &self.default {
            hang(f, "  default  ", "           ", &default.to_string())?;
        }
        table(f, "Values", self.values.iter().map(|(word, about)| (word.clone(), about.clone())).collect())?;
        let row = |field: &ExplainedField| {
            let name = if field.required { format!("{} (required)", field.name) } else { field.name.clone() };
            (name, if field.about.is_empty() { field.takes.clone() } else { field.about.clone() })
        };
        table(f, "Fields", self.fields.iter().map(row).collect())
    }
}

fn table(f: &mut fmt::Formatter<'_>, title: &str, rows: Vec<(String, String)>) -> fmt::Result {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n{title}")?;
    let wide = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default().min(32);
    for (name, about) in rows {
        hang(f, &format!("  {name:wide$}  "), &" ".repeat(wide + 4), &about)?;
    }
    Ok(())
}

/// Writes a text in lines of 80 columns, the first behind `first`, the others behind `others`.
fn hang(f: &mut fmt::Formatter<'_>, first: &str, others: &str, text: &str) -> fmt::Result {
    let mut line = first.to_owned();
    let mut begun = false;
    for word in text.split_whitespace() {
        if begun && line.chars().count() + 1 + word.chars().count() > 80 {
            writeln!(f, "{}", line.trim_end())?;
            line = others.to_owned();
            begun = false;
        }
        if begun {
            line.push(' ');
        }
        line.push_str(word);
        begun = true;
    }
    writeln!(f, "{}", line.trim_end())
}
