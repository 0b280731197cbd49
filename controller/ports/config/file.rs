//! driftless.toml as settings with their places. Knows which names there are and what they take, not what they mean.

use super::keys::{self, Shape};
use super::{Access, Role};
use crate::model::{Diagnostic, Place, Severity};
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

/// One value as it stands in the file.
#[derive(Clone)]
pub(super) struct Written {
    /// The value, as the environment would give it.
    pub(super) text: String,
    /// Where it stands.
    pub(super) place: Place,
    /// The line, as far as it may be shown.
    pub(super) line: String,
}

/// What a file says, and everything that is wrong with it.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) values: BTreeMap<String, Written>,
    pub(super) access: Vec<Access>,
    pub(super) problems: Vec<Diagnostic>,
}

/// Reads a file's text; `name` is how messages call it.
pub(super) fn read(name: &str, text: &str) -> Contents {
    let mut reader = Reader { name, text, contents: Contents::default() };
    match DeTable::parse(text) {
        Ok(table) => reader.table("", table.get_ref()),
        Err(error) => {
            let span = error.span().unwrap_or(0..0);
            reader.complain(span, None, format!("this is no TOML: {}", error.message()), "here", "");
        }
    }
    reader.contents
}

struct Reader<'a> {
    name: &'a str,
    text: &'a str,
    contents: Contents,
}

type Entry<'t, 'i> = (&'t Spanned<std::borrow::Cow<'i, str>>, &'t Spanned<DeValue<'i>>);

impl Reader<'_> {
    fn table(&mut self, above: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let name = match above {
                "" => key.get_ref().to_string(),
                above => format!("{above}.{}", key.get_ref()),
            };
            let below = format!("{name}.");
            match (keys::find(&name), value.get_ref()) {
                (Some((_, shape)), _) => self.value(&name, shape, (key, value)),
                (None, DeValue::Array(entries)) if name == "access" => self.access(entries),
                (None, DeValue::Table(inner)) if keys::KEYS.iter().any(|k| k.name.starts_with(&below)) => {
                    self.table(&name, inner);
                }
                (None, _) if name == "access" => {
                    self.complain(key.span(), None, "access is a list of people", "write [[access]]", "");
                }
                (None, _) => self.unknown(&name, key.span(), keys::meant(&name)),
            }
        }
    }

    fn value(&mut self, name: &str, shape: Shape, (key, value): Entry<'_, '_>) {
        let text = match (shape, value.get_ref()) {
            (Shape::Text | Shape::Path | Shape::Secret, DeValue::String(text)) => Some(text.to_string()),
            (Shape::Number, DeValue::Integer(number)) => {
                u64::from_str_radix(number.as_str(), number.radix()).ok().map(|n| n.to_string())
            }
            (Shape::Flag, DeValue::Boolean(flag)) => Some(flag.to_string()),
            _ => None,
        };
        let shown = (shape != Shape::Secret).then_some(name);
        match text {
            Some(text) => {
                let place = self.place(value.span().start);
                let line = self.line(key.span().start, shown);
                self.contents.values.insert(name.to_owned(), Written { text, place, line });
            }
            None => {
                let label = format!("expected {}", shape.expected());
                self.complain(value.span(), shown, format!("{name} has a value of the wrong sort"), &label, "");
            }
        }
    }

    fn access(&mut self, entries: &DeArray<'_>) {
        for entry in entries.iter() {
            match entry.get_ref() {
                DeValue::Table(table) => self.person(entry.span(), table),
                _ => self.complain(entry.span(), None, "an entry of access is a table", "write [[access]]", ""),
            }
        }
    }

    fn person(&mut self, span: Range<usize>, table: &DeTable<'_>) {
        let mut texts: BTreeMap<&str, String> = BTreeMap::new();
        let mut lists: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let known = keys::ACCESS.iter().find(|k| **k == name);
            match (known, value.get_ref()) {
                (None, _) => {
                    let names: Vec<String> = keys::ACCESS.iter().map(|k| (*k).to_owned()).collect();
                    let meant = keys::nearest(name, &names).filter(|(_, near)| *near > 0.6).map(|(name, _)| name);
                    self.unknown(&format!("access.{name}"), key.span(), meant);
                }
                (Some(known), DeValue::Array(list)) if keys::LISTS.contains(known) => {
                    for one in list.iter() {
                        match one.get_ref() {
                            DeValue::String(text) => lists.entry(known).or_default().push(text.to_string()),
                            _ => {
                                let what = format!("access.{known} is a list of texts");
                                self.complain(one.span(), None, what, "expected quotes", "");
                            }
                        }
                    }
                }
                (Some(known), DeValue::String(text)) if !keys::LISTS.contains(known) => {
                    texts.insert(known, text.to_string());
                }
                (Some(known), _) => {
                    let list = keys::LISTS.contains(known);
                    let expected = if list { "expected a list of texts" } else { "expected a text" };
                    self.complain(
                        value.span(),
                        None,
                        format!("access.{known} has a value of the wrong sort"),
                        expected,
                        "",
                    );
                }
            }
        }
        self.admit(span, texts, lists);
    }

    /// Takes one person in, unless the entry lacks what it needs.
    fn admit(&mut self, span: Range<usize>, mut texts: BTreeMap<&str, String>, mut lists: BTreeMap<&str, Vec<String>>) {
        let name = texts.remove("name").unwrap_or_default();
        if name.is_empty() {
            return self.complain(span, None, "an entry of access has no name", "add name = \"…\"", "");
        }
        if self.contents.access.iter().any(|a| a.name == name) {
            let message = format!("access names {name:?} twice");
            return self.complain(span, None, message, "one entry a person", "");
        }
        let role = match texts.get("role").map(String::as_str) {
            Some("viewer") => Role::Viewer,
            Some("approver") => Role::Approver,
            Some("admin") => Role::Admin,
            other => {
                let message = match other {
                    Some(other) => format!("access of {name:?} has the role {other:?}, which there is not"),
                    None => format!("access of {name:?} has no role"),
                };
                return self.complain(span, None, message, "role is viewer, approver or admin", "");
            }
        };
        let token_hash = texts.remove("token_hash").map(SecretString::from);
        let (github, os_user) = (texts.remove("github"), texts.remove("os_user"));
        let mut list = |name| lists.remove(name).unwrap_or_default();
        let (teams, emails) = (list("teams"), list("emails"));
        if let Some(odd) = teams.iter().find(|team| !is_team(team)) {
            let message = format!("access of {name:?} is in the team {odd:?}, which is no name of a team");
            return self.complain(span, None, message, "a team is named as Settings name it: org/team", "");
        }
        self.contents.access.push(Access { name, token_hash, role, github, teams, emails, os_user });
    }

    fn unknown(&mut self, name: &str, span: Range<usize>, meant: Option<String>) {
        let label = match meant {
            Some(meant) => format!("did you mean \"{meant}\"?"),
            None => "no setting has this name".to_owned(),
        };
        let hint = "every setting is explained in deploy/driftless.toml";
        self.complain(span, None, format!("unknown setting \"{name}\""), &label, hint);
    }

    fn complain(&mut self, span: Range<usize>, shown: Option<&str>, what: impl Into<String>, label: &str, hint: &str) {
        let source_line = self.line(span.start, shown);
        let width = self.text.get(span.clone()).and_then(|t| t.lines().next()).map_or(1, |t| t.chars().count());
        let place = self.place(span.start);
        // What is cut from the line is not underlined either.
        let room = source_line.chars().count().saturating_sub(place.column.saturating_sub(1) as usize);
        self.contents.problems.push(Diagnostic {
            place,
            severity: Severity::Error,
            message: what.into(),
            path: String::new(),
            source_line,
            width: u32::try_from(width.min(room).max(1)).unwrap_or(1),
            label: label.to_owned(),
            hint: hint.to_owned(),
        });
    }

    fn place(&self, offset: usize) -> Place {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Place { file: self.name.to_owned(), line: number(line), column: number(column) }
    }

    /// The line at an offset, cut behind its first `=`: a value may be a secret, under a misspelled name too. Whole only
    /// where it is nothing but a setting that is known not to be one.
    fn line(&self, offset: usize, shown: Option<&str>) -> String {
        let start = self.text.get(..offset).and_then(|t| t.rfind('\n')).map_or(0, |n| n + 1);
        let line = self.text.get(start..).and_then(|t| t.lines().next()).unwrap_or_default();
        let Some((key, _)) = line.split_once('=') else {
            return if line.trim_start().starts_with('[') { line.to_owned() } else { String::new() };
        };
        let alone = shown.is_some_and(|name| name.rsplit('.').next() == key.trim().rsplit('.').next());
        if alone { line.to_owned() } else { format!("{key}= …") }
    }
}

/// `org/team`, as GitHub writes it.
fn is_team(text: &str) -> bool {
    text.split_once('/').is_some_and(|(org, team)| !org.is_empty() && !team.is_empty() && !team.contains('/'))
}
