//! Lifts what is secret out of a compose file: its value goes, and the name of a variable stands in its place. Everything
//! else of the text stays, comments too, and compose makes the same of it. Pure.

use super::super::compose::{Variables, filled};
use super::guess;
use serde_json::Value as Yaml;
use std::collections::BTreeMap;

/// A compose file without its secrets.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lifted {
    /// The file.
    pub(super) text: String,
    /// The variables that it has instead, and their values.
    pub(super) variables: BTreeMap<String, String>,
}

/// Lifts the secrets of all services' environments; the error says what it could not lift, and what to do. `taken` are
/// variables that there are already.
pub(super) fn lift(file: &str, text: &str, taken: &BTreeMap<String, String>) -> Result<Lifted, String> {
    let before = parsed(file, text)?;
    let mut lifted = Lifted { text: text.to_owned(), variables: BTreeMap::new() };
    for (service, key, value) in environments(&before) {
        if value.contains('$') || !guess::is_secret(&key, &value) {
            continue;
        }
        let known = |name: &str| taken.get(name).or_else(|| lifted.variables.get(name)).cloned();
        let name = match known(&key) {
            Some(other) if other != value => format!("{}_{key}", service.to_ascii_uppercase().replace(['-', '.'], "_")),
            _ => key.clone(),
        };
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let replaced = replaced(&lifted.text, &key, &value, &name);
        if !plain
            || known(&name).is_some_and(|other| other != value)
            || replaced == lifted.text && !lifted.variables.contains_key(&name)
        {
            return Err(by_hand(file, &format!("services.{service}.environment.{key}")));
        }
        lifted.text = replaced;
        lifted.variables.insert(name, value);
    }
    let after = parsed(file, &lifted.text)?;
    let values =
        taken.iter().chain(&lifted.variables).map(|(name, value)| (name.clone(), Some(value.clone()))).collect();
    if resolved(&before, &values) != resolved(&after, &values) {
        return Err(by_hand(file, "environment"));
    }
    match remaining(&after, String::new()).or_else(|| commented(&lifted.text)) {
        Some(place) => Err(by_hand(file, &place)),
        None => Ok(lifted),
    }
}

/// Where a comment holds what looks like a secret.
fn commented(text: &str) -> Option<String> {
    let comment = |line: &str| {
        let at = line
            .match_indices('#')
            .find(|(at, _)| line.get(..*at).is_some_and(|before| before.is_empty() || before.ends_with([' ', '\t'])));
        at.and_then(|(at, _)| line.get(at + 1..)).is_some_and(guess::holds_secret)
    };
    text.lines().position(comment).map(|at| format!("line {}, in a comment", at + 1))
}

fn by_hand(file: &str, place: &str) -> String {
    format!(
        "what looks like a secret stands in {file} at {place}: move it into .env there, with the name of the variable in its \
         place (${{NAME}}), and import again; no container is made anew by that"
    )
}

fn parsed(file: &str, text: &str) -> Result<Yaml, String> {
    serde_saphyr::from_str(text).map_err(|error| {
        let what = error.without_snippet().to_string();
        format!("{file} cannot be read: {}", what.lines().next().unwrap_or("it is no YAML"))
    })
}

/// Every variable of every service, as it is written: `(service, name, value)`.
fn environments(root: &Yaml) -> Vec<(String, String, String)> {
    let mut all = Vec::new();
    for (service, said) in root.get("services").and_then(Yaml::as_object).into_iter().flatten() {
        let mut add = |name: &str, value: String| all.push((service.clone(), name.to_owned(), value));
        match said.get("environment") {
            Some(Yaml::Object(map)) => {
                map.iter().for_each(|(name, value)| add(name, scalar(value).unwrap_or_default()));
            }
            Some(Yaml::Array(list)) => {
                let pairs = list.iter().filter_map(Yaml::as_str).filter_map(|line| line.split_once('='));
                pairs.for_each(|(name, value)| add(name, value.to_owned()));
            }
            _ => {}
        }
    }
    all
}

fn scalar(value: &Yaml) -> Option<String> {
    match value {
        Yaml::String(text) => Some(text.clone()),
        Yaml::Number(number) => Some(number.to_string()),
        Yaml::Bool(yes) => Some(yes.to_string()),
        _ => None,
    }
}

/// The text with a reference in place of the value, on each line that sets this variable to it.
fn replaced(text: &str, key: &str, value: &str, name: &str) -> String {
    let reference = format!("${{{name}}}");
    let line = |line: &str| -> Option<String> {
        let start = line.len() - line.trim_start().len();
        let (indent, rest) = line.split_at_checked(start)?;
        let (dash, rest) = rest.strip_prefix("- ").map_or(("", rest), |rest| ("- ", rest));
        let (quote, rest) = match rest.chars().next() {
            Some('"') => ("\"", rest.get(1..)?),
            Some('\'') => ("'", rest.get(1..)?),
            _ => ("", rest),
        };
        let rest = rest.strip_prefix(key)?;
        if dash.is_empty() {
            let rest = rest.strip_prefix(quote)?.strip_prefix(':')?;
            let inner = rest.trim_start();
            let gap = rest.get(..rest.len() - inner.len())?;
            let quotes = [format!("\"{value}\""), format!("'{value}'"), value.to_owned()];
            let written = quotes.iter().find(|written| inner.strip_prefix(written.as_str()).is_some_and(ends))?;
            let tail = inner.strip_prefix(written.as_str())?;
            return Some(format!("{indent}{quote}{key}{quote}:{gap}\"{reference}\"{tail}"));
        }
        let tail = rest.strip_prefix('=')?.strip_prefix(value)?;
        let closed = tail.strip_prefix(quote).is_some_and(ends);
        closed.then(|| format!("{indent}{dash}{quote}{key}={reference}{tail}"))
    };
    text.split_inclusive('\n')
        .map(|whole| {
            let (bare, end) = whole.strip_suffix('\n').map_or((whole, ""), |bare| (bare, "\n"));
            line(bare).map_or_else(|| whole.to_owned(), |new| new + end)
        })
        .collect()
}

/// Says whether nothing follows on a line but a comment.
fn ends(rest: &str) -> bool {
    rest.trim().is_empty() || rest.starts_with([' ', '\t', '\r']) && rest.trim_start().starts_with('#')
}

/// Everything as it means with these variables, numbers and switches as their words.
fn resolved(value: &Yaml, variables: &Variables) -> Yaml {
    match value {
        Yaml::Object(map) => {
            Yaml::Object(map.iter().map(|(name, value)| (name.clone(), resolved(value, variables))).collect())
        }
        Yaml::Array(list) => Yaml::Array(list.iter().map(|value| resolved(value, variables)).collect()),
        other => match scalar(other) {
            Some(text) => Yaml::String(filled(&text, variables).unwrap_or(text)),
            None => Yaml::Null,
        },
    }
}

/// Where else something looks like a secret: in a command, a label, a check of health.
fn remaining(value: &Yaml, place: String) -> Option<String> {
    let below = |name: &str| if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
    match value {
        Yaml::Object(map) => map.iter().find_map(|(name, value)| {
            let said = scalar(value).is_some_and(|value| !value.contains('$') && guess::is_secret(name, &value));
            if said { Some(below(name)) } else { remaining(value, below(name)) }
        }),
        Yaml::Array(list) => {
            let words: Vec<&str> = list.iter().filter_map(Yaml::as_str).collect();
            let within = list.iter().find_map(|value| remaining(value, place.clone()));
            within.or_else(|| guess::holds_secret(&words.join(" ")).then_some(place))
        }
        Yaml::String(text) => guess::holds_secret(text).then_some(place),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lifted(text: &str) -> Result<Lifted, String> {
        lift("compose.yaml", text, &BTreeMap::from([("OTHER_TOKEN".to_owned(), "x1".to_owned())]))
    }

    #[test]
    fn a_secret_goes_and_everything_else_of_the_text_stays() {
        let text = "services:\n  db: # the database\n    image: postgres:16\n    environment:\n      TZ: UTC\n      POSTGRES_PASSWORD: hunter2 # old\n  \
             web:\n    image: web:1\n    environment:\n    - \"DB_PASSWORD=hunter3\"\n    - TOKEN=${TOKEN}\n    - OTHER_TOKEN=other\n";
        let lifted = lifted(text).expect("lifted");
        let expected = text
            .replace("POSTGRES_PASSWORD: hunter2", "POSTGRES_PASSWORD: \"${POSTGRES_PASSWORD}\"")
            .replace("DB_PASSWORD=hunter3", "DB_PASSWORD=${DB_PASSWORD}")
            .replace("OTHER_TOKEN=other", "OTHER_TOKEN=${WEB_OTHER_TOKEN}");
        assert_eq!(lifted.text, expected);
        let variables: Vec<_> = lifted.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            variables,
            [("DB_PASSWORD", "hunter3"), ("POSTGRES_PASSWORD", "hunter2"), ("WEB_OTHER_TOKEN", "other")]
        );
    }

    #[test]
    fn what_cannot_be_lifted_is_named_by_its_place_and_without_its_value() {
        for (service, place) in [
            ("{image: a, environment: {PASSWORD: hunter2}}", "services.a.environment.PASSWORD"),
            ("{image: a, command: [serve, \"--password=hunter2\"]}", "services.a.command"),
            ("{image: a, command: [redis-server, --requirepass, hunter2]}", "services.a.command"),
            ("{image: a, build: {context: ., args: {TOKEN: hunter2}}}", "services.a.build.args.TOKEN"),
            ("{image: a} # PASSWORD=hunter2", "line 2, in a comment"),
            ("{image: a, labels: {auth: \"https://bot:hunter2@example.com\"}}", "services.a.labels.auth"),
        ] {
            let why = lifted(&format!("services:\n  a: {service}\n")).expect_err("refused");
            assert!(why.contains(place) && !why.contains("hunter2"), "{why}");
        }
        assert!(lifted("services: [").is_err());
    }
}
