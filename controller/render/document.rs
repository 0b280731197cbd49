//! Documents as YAML that a person would write: fields in order, short things on one line, quotes only where a text
//! could be read as something else. Owns how values are written; decides none of them.

use super::safe;
use crate::model::{Draft, ProviderId, ResourceId};
use serde_json::Value;
use std::fmt::Write as _;

/// Lists and maps up to this width stand on one line.
const WIDTH: usize = 110;

/// Writes one document, with its comments above it and what it leaves out below.
pub fn document(id: &ResourceId, adopt: Option<&ProviderId>, draft: &Draft) -> String {
    let mut out = String::new();
    draft.notes.iter().for_each(|note| comment(&mut out, "", note));
    let _ = writeln!(out, "apiVersion: driftless/v1\nkind: {}\nmetadata: {{name: {}}}", id.kind, scalar(&id.name));
    if let Some(object) = adopt {
        let number = object.0.parse::<u64>().ok().filter(|n| n.to_string() == object.0);
        let object = number.map_or_else(|| scalar(&object.0), |n| n.to_string());
        let _ = writeln!(
            out,
            "policy:\n  # Others have its name, so that its id says which one is meant.\n  adopt: {{id: {object}}}"
        );
    }
    if draft.spec.is_empty() {
        out.push_str("spec: {}\n");
    } else {
        out.push_str("spec:\n");
    }
    for (name, value) in &draft.spec {
        field(&mut out, name, value);
    }
    if !draft.left_out.is_empty() {
        comment(&mut out, "  ", "Left out; it stays as it is:");
        draft.left_out.iter().for_each(|part| comment(&mut out, "  ", &format!("  {part}")));
    }
    out
}

/// The same as comments, for what cannot be a document: why, and as near as it gets.
pub fn commented(id: &ResourceId, object: &ProviderId, why: &str, draft: &Draft) -> String {
    let mut out = String::new();
    comment(&mut out, "", &format!("{id} ({object}) is left out: {}.", why.trim_end_matches('.')));
    comment(&mut out, "", "It stays as it is. As near as a document gets:");
    let plain = Draft { notes: Vec::new(), ..draft.clone() };
    for line in document(id, None, &plain).lines() {
        let _ = writeln!(out, "#   {line}");
    }
    out
}

/// A comment that no text can end early.
fn comment(out: &mut String, indent: &str, text: &str) {
    let mut line = String::new();
    let text = safe::line(text);
    for word in text.split(' ') {
        if !line.trim_start().is_empty() && indent.len() + line.chars().count() + word.chars().count() > WIDTH {
            let _ = writeln!(out, "{indent}#{line}");
            line.clear();
        }
        line.push(' ');
        line.push_str(word);
    }
    let _ = writeln!(out, "{indent}#{line}");
}

fn field(out: &mut String, name: &str, value: &Value) {
    let line = format!("  {name}: {}", flow(value));
    match value {
        // A list of things with fields reads as a list.
        Value::Array(items) if items.iter().any(Value::is_object) || line.chars().count() > WIDTH => {
            let _ = writeln!(out, "  {name}:");
            items.iter().for_each(|item| item_of(out, item));
        }
        Value::Object(fields) if line.chars().count() > WIDTH => {
            let _ = writeln!(out, "  {name}:");
            for (name, value) in fields {
                let _ = writeln!(out, "    {}: {}", scalar(name), flow(value));
            }
        }
        _ => {
            let _ = writeln!(out, "{line}");
        }
    }
}

fn item_of(out: &mut String, item: &Value) {
    let line = format!("    - {}", flow(item));
    match item {
        Value::Object(fields) if line.chars().count() > WIDTH => {
            for (at, (name, value)) in fields.iter().enumerate() {
                let _ = writeln!(out, "    {} {name}: {}", if at == 0 { "-" } else { " " }, flow(value));
            }
        }
        _ => {
            let _ = writeln!(out, "{line}");
        }
    }
}

/// A value on one line.
fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(name, value)| format!("{}: {}", scalar(name), flow(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        other => other.to_string(),
    }
}

/// A text as a YAML scalar: plain where no reader of any version of YAML could take it for anything else, else in quotes.
pub fn scalar(text: &str) -> String {
    if is_plain(text) || is_address(text) || is_span(text) { text.to_owned() } else { quoted(text) }
}

/// Words that some version of YAML reads as no text.
const RESERVED: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];

fn is_plain(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/' | b'+' | b'@' | b' ');
    text.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '/'))
        && text.bytes().all(inner)
        && !text.ends_with(' ')
        && !text.contains("  ")
        && !RESERVED.contains(&text.to_ascii_lowercase().as_str())
}

/// Four numbers with dots between, and a prefix perhaps: no number in any version of YAML.
fn is_address(text: &str) -> bool {
    let (address, prefix) = text.split_once('/').unwrap_or((text, "0"));
    let number = |part: &str| !part.is_empty() && part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit());
    address.split('.').count() == 4 && address.split('.').all(number) && number(prefix)
}

/// Two numbers with a dash between, such as ports.
fn is_span(text: &str) -> bool {
    let number = |part: &str| !part.is_empty() && part.len() <= 5 && part.bytes().all(|b| b.is_ascii_digit());
    text.split_once('-').is_some_and(|(low, high)| number(low) && number(high))
}

/// In double quotes, with every character by its number that YAML forbids or that does not show.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            _ if c.is_control() || safe::hides(c) || matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}') => {
                let number = u32::from(c);
                let _ = if number > 0xffff { write!(out, "\\U{number:08x}") } else { write!(out, "\\u{number:04x}") };
            }
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}
