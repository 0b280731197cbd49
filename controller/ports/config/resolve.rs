//! Which of flag, environment, file and default a setting takes, and whether its value makes sense. Owns the order of
//! precedence; collects every problem instead of stopping at the first.

use super::file::{Contents, Written};
use super::keys::{self, Key, Shape};
use super::secret::Secret;
use super::{Described, Origin, Overrides};
use crate::model::{Diagnostic, Place, Severity};
use std::path::{Path, PathBuf};

/// A value that was found, and where.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) text: String,
    pub(super) origin: Origin,
    /// Whether it names the file that holds the value.
    pub(super) is_file: bool,
    at: Option<Written>,
}

impl Found {
    /// The same without its line and its value, which hold what must not be shown.
    pub(super) fn hidden(self) -> Self {
        Self { text: String::new(), at: None, ..self }
    }
}

/// Looks settings up one by one and keeps the record.
pub(super) struct Resolver<'a> {
    pub(super) flags: &'a Overrides,
    pub(super) env: &'a dyn Fn(&str) -> Option<String>,
    pub(super) file: Contents,
    /// The folder of the file: what its relative paths are relative to.
    pub(super) folder: Option<PathBuf>,
    pub(super) described: Vec<Described>,
}

impl Resolver<'_> {
    /// A text, or its default.
    pub(super) fn text(&mut self, name: &'static str, default: &str) -> String {
        self.optional(name, |text| Ok(text.to_owned())).unwrap_or_else(|| self.default(name, default.to_owned()))
    }

    /// A value that may be missing; `read` says what is wrong with one that makes no sense.
    pub(super) fn optional<T>(&mut self, name: &'static str, read: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let found = self.find(name)?;
        self.describe(name, found.text.clone(), found.origin.clone());
        match read(&found.text) {
            Ok(value) => Some(value),
            Err(why) => {
                self.complain(Some(&found), format!("{name} is {:?}", found.text), &why);
                None
            }
        }
    }

    /// true or false; any other value of NO_COLOR's kind (set and not empty) is true.
    pub(super) fn flag(&mut self, name: &'static str) -> bool {
        let lenient = keys::find(name).map_or(&[][..], |(key, _)| key.also);
        let Some(found) = self.find(name) else { return self.default(name, false) };
        self.describe(name, found.text.clone(), found.origin.clone());
        match found.text.as_str() {
            "true" | "1" | "yes" => true,
            "false" | "0" | "no" if !named(&found.origin, lenient) => false,
            _ if named(&found.origin, lenient) => true,
            _ => {
                self.complain(Some(&found), format!("{name} is {:?}", found.text), "expected true or false");
                false
            }
        }
    }

    /// A path that may be missing; `~/` is the home, and relative ones in a file are relative to it.
    pub(super) fn path(&mut self, name: &'static str) -> Option<PathBuf> {
        let found = self.find(name)?;
        let path = self.anchored(&found);
        self.describe(name, path.display().to_string(), found.origin);
        Some(path)
    }

    /// A secret that may be missing.
    pub(super) fn secret(&mut self, name: &'static str) -> Option<Secret> {
        let found = self.find(name)?;
        if found.is_file {
            let path = self.anchored(&found);
            self.describe(name, format!("in {}", path.display()), found.origin);
            return Some(Secret::in_file(name, path));
        }
        self.describe(name, "(secret)".to_owned(), found.origin);
        Some(Secret::value(name, found.text))
    }

    /// Makes a path of a value as its source means it.
    pub(super) fn anchored(&self, found: &Found) -> PathBuf {
        if let Some(rest) = found.text.strip_prefix("~/")
            && let Some(home) = (self.env)("HOME").filter(|h| !h.is_empty())
        {
            return Path::new(&home).join(rest);
        }
        match (&found.origin, &self.folder) {
            (Origin::File(_), Some(folder)) => folder.join(&found.text),
            _ => PathBuf::from(&found.text),
        }
    }

    /// The first of flag, environment and file that has it.
    pub(super) fn find(&mut self, name: &'static str) -> Option<Found> {
        let (key, _) = keys::find(name)?;
        self.by_flag(key).or_else(|| self.by_environment(key)).or_else(|| self.by_file(key))
    }

    fn by_flag(&mut self, key: &Key) -> Option<Found> {
        let found = |text: &String, is_file| Found { text: text.clone(), origin: Origin::Flag, is_file, at: None };
        if key.shape != Shape::Secret {
            return self.flags.0.get(key.name).map(|text| found(text, false));
        }
        self.flags.0.get(&keys::file_variant(key.name)).map(|text| found(text, true))
    }

    fn by_environment(&mut self, key: &Key) -> Option<Found> {
        let get = |name: &str| (self.env)(name).filter(|text| !text.is_empty());
        let found = |name: String, text, is_file| Found { text, origin: Origin::Environment(name), is_file, at: None };
        let ours = keys::environment(key.name);
        let value = get(&ours).map(|text| found(ours, text, false));
        let variant = (key.shape == Shape::Secret).then(|| keys::environment(&keys::file_variant(key.name)));
        let file = variant.and_then(|name| get(&name).map(|text| found(name, text, true)));
        let named = |name: String, is_file| get(&name).map(|text| found(name, text, is_file));
        let secret = key.shape == Shape::Secret;
        let in_file = |name: &str| secret.then(|| named(format!("{name}_FILE"), true)).flatten();
        let also = || key.also.iter().find_map(|name| named((*name).to_owned(), false).or_else(|| in_file(name)));
        let chosen = match (value, file) {
            (Some(value), Some(file)) => return self.one_of(key, value, file),
            (value, file) => value.or(file),
        };
        chosen.or_else(also)
    }

    fn by_file(&mut self, key: &Key) -> Option<Found> {
        let found = |at: &Written, is_file| Found {
            text: at.text.clone(),
            origin: Origin::File(at.place.clone()),
            is_file,
            at: Some(at.clone()),
        };
        let value = self.file.values.get(key.name).map(|at| found(at, false));
        let file = self.file.values.get(&keys::file_variant(key.name)).map(|at| found(at, true));
        match (value, file) {
            (Some(value), Some(file)) => self.one_of(key, value, file),
            (value, file) => value.or(file),
        }
    }

    /// Two values of one rank: nobody can know which is meant.
    fn one_of(&mut self, key: &Key, value: Found, file: Found) -> Option<Found> {
        let message = format!("{0} and {0}_file are both set ({1}, {2})", key.name, value.origin, file.origin);
        self.complain(Some(&file), message, "keep one of them, better the file");
        None
    }

    pub(super) fn default<T: ToString>(&mut self, name: &'static str, value: T) -> T {
        self.describe(name, value.to_string(), Origin::Default);
        value
    }

    pub(super) fn describe(&mut self, name: &'static str, value: String, origin: Origin) {
        self.described.push(Described { name, value, origin });
    }

    /// Notes a problem at the place where a value was found.
    pub(super) fn complain(&mut self, found: Option<&Found>, message: String, label: &str) {
        let nowhere = |file: &str| Place { file: file.to_owned(), line: 0, column: 0 };
        let place = match found.map(|f| &f.origin) {
            Some(Origin::File(place)) => place.clone(),
            Some(Origin::Environment(name)) => nowhere(&format!("environment {name}")),
            Some(Origin::Flag) => nowhere("command line"),
            Some(Origin::Default) | None => nowhere("settings"),
        };
        let at = found.and_then(|f| f.at.as_ref());
        let source_line = at.map(|w| w.line.clone()).unwrap_or_default();
        let room = source_line.chars().count().saturating_sub(place.column.saturating_sub(1) as usize);
        let width = at.map_or(1, |w| w.text.chars().count() + 2).min(room).max(1);
        self.file.problems.push(Diagnostic {
            place,
            severity: Severity::Error,
            message,
            path: String::new(),
            source_line,
            width: u32::try_from(width).unwrap_or(1),
            label: label.to_owned(),
            hint: String::new(),
        });
    }
}

fn named(origin: &Origin, names: &[&str]) -> bool {
    matches!(origin, Origin::Environment(name) if names.contains(&name.as_str()))
}
