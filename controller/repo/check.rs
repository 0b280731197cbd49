//! Checks a node tree against the shape that a schema gives it, and tells all that is wrong at once: where, what was
//! expected, and what was probably meant. Knows no kind by name.

use super::flaw::{Flaw, Mark};
use super::nearest::{did_you_mean, nearest, some_of};
use super::shape::{Accept, Fields, Others, Range, Shapes, Text};
use super::yaml::{Data, Node, Pair};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// So many flaws are kept of one document.
const MAX_FLAWS: usize = 10_000;

/// Checks one value and all within it; `path` is where it stands in the document, `owner` marks the key it stands under.
/// `home` says where a field that is unknown at this place belongs.
pub(super) fn check(
    shapes: &Shapes,
    kind: &str,
    path: &str,
    pair: (&Node, Mark),
    home: &dyn Fn(&str) -> Option<String>,
) -> Vec<Flaw> {
    let (node, owner) = pair;
    let mut checker =
        Checker { home, top: path.len(), shapes, kind, path: path.to_owned(), required: true, found: Vec::new() };
    checker.value(0, node, owner);
    checker.found
}

struct Checker<'a> {
    home: &'a dyn Fn(&str) -> Option<String>,
    /// The length of the path at which it began.
    top: usize,
    shapes: &'a Shapes,
    kind: &'a str,
    path: String,
    /// Whether the value that is looked at must be given.
    required: bool,
    found: Vec<Flaw>,
}

impl<'a> Checker<'a> {
    fn tell(&mut self, at: Mark, message: String, label: impl Into<String>) {
        self.push(Flaw::at(at, self.path.clone(), message, label));
    }

    fn push(&mut self, flaw: Flaw) {
        if self.found.len() < MAX_FLAWS {
            self.found.push(flaw);
        }
    }

    /// `Droplet.spec.backups`, for people.
    fn title(&self) -> String {
        if self.path.is_empty() { self.kind.to_owned() } else { format!("{}.{}", self.kind, self.path) }
    }

    /// The same without list positions, as `driftless explain` takes it.
    fn explained(&self) -> String {
        let mut plain = String::new();
        let mut inside = false;
        for c in self.title().chars() {
            match c {
                '[' => inside = true,
                ']' => inside = false,
                c if !inside => plain.push(c),
                _ => {}
            }
        }
        plain
    }

    fn value(&mut self, shape: usize, node: &Node, owner: Mark) {
        let accepts = self.shapes.accepts(shape);
        let fitting: Vec<&Accept> = accepts.iter().copied().filter(|a| fits(a, &node.data)).collect();
        match fitting.as_slice() {
            [] => self.mismatch(&accepts, node, owner),
            [Accept::Any, ..] => {}
            [Accept::Text(_), ..] => {
                let about = self.shapes.get(shape).map(|s| first_sentence(&s.about)).unwrap_or_default();
                self.texts(&fitting, &accepts, &about, node);
            }
            [one] => self.one(one, node, owner),
            several => self.several(several, node, owner),
        }
    }

    fn one(&mut self, accept: &Accept, node: &Node, owner: Mark) {
        match (accept, &node.data) {
            (Accept::Number(range), Data::Number(number, raw)) => self.number(range, number, raw, node.at),
            (Accept::List { item, min, max }, Data::List(items)) => {
                if items.len() < *min || items.len() > *max {
                    let wanted = if items.len() < *min { format!("at least {min}") } else { format!("at most {max}") };
                    let message = format!("{} has {} entries", self.title(), items.len());
                    self.tell(owner, message, format!("expected {wanted}"));
                }
                for (index, value) in items.iter().enumerate() {
                    let length = self.path.len();
                    let _ = write!(self.path, "[{index}]");
                    self.required = false;
                    self.value(*item, value, value.at);
                    self.path.truncate(length);
                }
            }
            (Accept::Map(fields), Data::Map(pairs)) => self.map(fields, pairs, owner),
            _ => {}
        }
    }

    fn number(&mut self, range: &Range, number: &serde_json::Number, raw: &str, at: Mark) {
        let value = number.as_f64().unwrap_or_default();
        let label = match (range.whole && number.is_f64(), range.min, range.max) {
            _ if !range.only.is_empty() && !range.only.contains(&value) => {
                let words: Vec<String> = range.only.iter().map(f64::to_string).collect();
                format!("expected one of: {}", some_of(words.iter().map(String::as_str), 12))
            }
            (true, ..) => "expected a whole number".to_owned(),
            (_, Some(min), Some(max)) if value < min || value > max => format!("expected {min} to {max}"),
            (_, Some(min), _) if value < min => format!("expected at least {min}"),
            (_, _, Some(max)) if value > max => format!("expected at most {max}"),
            _ if range.whole && raw.len() > 1 && raw.trim_start_matches(['+', '-']).starts_with('0') && raw != "0" => {
                format!("write {number}: some readers take a leading 0 for octal")
            }
            _ => return,
        };
        let message = format!("{} cannot be {raw}", self.title());
        self.tell(at, message, label);
    }

    fn map(&mut self, fields: &Fields, pairs: &[Pair], owner: Mark) {
        for pair in pairs {
            let length = self.path.len();
            let known = fields.get(&pair.key).map(|f| f.shape);
            let other = match fields.others {
                Others::Each(shape) => Some(shape),
                _ => None,
            };
            match known.or(other) {
                Some(shape) => {
                    self.required = fields.get(&pair.key).is_some_and(|f| f.required);
                    self.enter(&pair.key);
                    self.value(shape, &pair.value, pair.at);
                    self.path.truncate(length);
                }
                None if fields.others == Others::None => self.unknown(fields, pair),
                None => {}
            }
        }
        for field in fields.fields.iter().filter(|f| f.required && !pairs.iter().any(|p| *p.key == f.name)) {
            let about = self.shapes.get(field.shape).map(|s| first_sentence(&s.about)).unwrap_or_default();
            let message = format!("{} lacks {:?}", self.title(), field.name);
            self.tell(owner, message, format!("add {}: {}", field.name, about).trim_end_matches(": ").to_owned());
        }
    }

    fn enter(&mut self, key: &str) {
        if !self.path.is_empty() {
            self.path.push('.');
        }
        self.path.push_str(key);
    }

    fn unknown(&mut self, fields: &Fields, pair: &Pair) {
        if self.found.len() >= MAX_FLAWS {
            return;
        }
        let names = || fields.fields.iter().map(|f| f.name.as_str());
        let message = format!("unknown field {:?} in {}", &*pair.key, self.title());
        let list = format!("{}  (driftless explain {})", some_of(names(), 7), self.explained());
        let home = if self.path.len() == self.top { (self.home)(&pair.key) } else { None };
        let (label, hint) = match did_you_mean(&pair.key, names()) {
            _ if home.is_some() => (home.unwrap_or_default(), String::new()),
            Some(label) => (label, format!("fields: {list}")),
            None if fields.fields.is_empty() => ("expected no field here".to_owned(), String::new()),
            None => (format!("expected one of: {list}"), String::new()),
        };
        let length = self.path.len();
        self.enter(&pair.key);
        self.push(Flaw::at(pair.at, self.path.clone(), message, label).hint(hint));
        self.path.truncate(length);
    }

    fn texts(&mut self, rules: &[&Accept], all: &[&Accept], about: &str, node: &Node) {
        let Some(text) = node.text() else { return };
        let rules: Vec<&Text> =
            rules.iter().filter_map(|a| if let Accept::Text(t) = a { Some(t) } else { None }).collect();
        if rules.iter().any(|rule| refused(rule, text, about).is_none()) {
            return;
        }
        let words: Vec<&str> = rules.iter().flat_map(|r| &r.words).map(|(w, _)| w.as_str()).collect();
        let patterns: Vec<String> =
            rules.iter().filter(|r| r.words.is_empty()).filter_map(|r| refused(r, text, about)).collect();
        let mut label = if words.is_empty() { String::new() } else { one_of(text, &words) };
        for pattern in patterns.into_iter().take(1) {
            label = if label.is_empty() { pattern } else { format!("{label}, or: {pattern}") };
        }
        let others: Vec<&Accept> =
            all.iter().copied().filter(|a| !matches!(a, Accept::Text(_) | Accept::Null)).collect();
        let unsaid = |rule: &&&Text| rule.expected.is_none() && !about.is_empty();
        let pattern = rules.iter().filter(unsaid).find_map(|rule| rule.pattern.as_ref());
        if !others.is_empty() && pattern.is_none() {
            label = format!("{label} or {}", expectation(&others));
        }
        let hint = pattern.map(|p| format!("it must match {}", p.as_str())).unwrap_or_default();
        let message = format!("{} cannot be {text:?}", self.title());
        self.push(Flaw::at(node.at, self.path.clone(), message, label).hint(hint));
    }

    /// Several shapes fit the type: the one that fits best is taken for what was meant.
    fn several(&mut self, accepts: &[&Accept], node: &Node, owner: Mark) {
        let Data::Map(pairs) = &node.data else {
            return self.best(accepts, node, owner);
        };
        let maps: Vec<&Fields> =
            accepts.iter().filter_map(|a| if let Accept::Map(f) = a { Some(f) } else { None }).collect();
        if let Some((name, words)) = self.discriminator(&maps) {
            let told = pairs.iter().find(|p| &*p.key == name);
            match told.map(|p| (p, p.value.text())) {
                None => {
                    let message = format!("{} lacks {name:?}", self.title());
                    return self.tell(owner, message, format!("add {name}: one of {}", some_of(words, 9)));
                }
                Some((pair, text)) => match words.iter().position(|w| Some(*w) == text) {
                    Some(index) => {
                        if let Some(fields) = maps.get(index) {
                            self.map(fields, pairs, owner);
                        }
                        return;
                    }
                    None => {
                        let length = self.path.len();
                        self.enter(name);
                        let typed = text.unwrap_or_default();
                        let message = format!("{} cannot be {typed:?}", self.title());
                        self.tell(pair.value.at, message, one_of(typed, &words));
                        self.path.truncate(length);
                        return;
                    }
                },
            }
        }
        let known = |pair: &Pair| maps.iter().any(|m| m.get(&pair.key).is_some() || m.others != Others::None);
        if !pairs.iter().any(known) {
            let mut all = Fields { fields: Vec::new(), others: Others::None };
            for field in maps.iter().flat_map(|m| &m.fields) {
                if all.get(&field.name).is_none() {
                    let (name, shape) = (field.name.clone(), field.shape);
                    all.fields.push(super::shape::Field { name, shape, required: false });
                }
            }
            if pairs.is_empty() {
                let message = format!("{} is empty", self.title());
                let names = some_of(all.fields.iter().map(|f| f.name.as_str()), 9);
                return self.tell(owner, message, format!("expected one of: {names}"));
            }
            return self.map(&all, pairs, owner);
        }
        self.best(accepts, node, owner);
    }

    fn best(&mut self, accepts: &[&Accept], node: &Node, owner: Mark) {
        let mut best: Option<Vec<Flaw>> = None;
        for accept in accepts {
            let mut trial = Checker {
                home: self.home,
                top: self.top,
                shapes: self.shapes,
                kind: self.kind,
                path: self.path.clone(),
                required: false,
                found: Vec::new(),
            };
            trial.one(accept, node, owner);
            if trial.found.is_empty() {
                return;
            }
            if best.as_ref().is_none_or(|b| trial.found.len() < b.len()) {
                best = Some(trial.found);
            }
        }
        self.found.extend(best.unwrap_or_default());
    }

    /// The field that tells maps apart, such as `type`, with each map's word.
    fn discriminator<'m>(&self, maps: &[&'m Fields]) -> Option<(&'m str, Vec<&'a str>)> {
        let first = maps.first()?;
        first.fields.iter().find_map(|field| {
            let words: Option<Vec<&'a str>> = maps
                .iter()
                .map(|map| match self.shapes.accepts(map.get(&field.name)?.shape).as_slice() {
                    [Accept::Text(Text { words, .. })] => match words.as_slice() {
                        [(word, _)] => Some(word.as_str()),
                        _ => None,
                    },
                    _ => None,
                })
                .collect();
            Some((field.name.as_str(), words?))
        })
    }

    fn mismatch(&mut self, accepts: &[&Accept], node: &Node, owner: Mark) {
        let wanted = expectation(accepts);
        if node.data == Data::Null {
            let message = format!("{} has no value", self.title());
            let way_out = if self.required { "" } else { "; or take the line away" };
            return self.tell(owner, message, format!("expected {wanted}{way_out}"));
        }
        let text = accepts.iter().any(|a| matches!(a, Accept::Text(_)));
        let label = match &node.data {
            Data::Number(_, raw) if text => format!("expected {wanted}: write \"{raw}\""),
            Data::Bool(b) if text => format!("expected {wanted}: write \"{b}\""),
            Data::Text(t, _) if takes_number(accepts, t) => format!("expected {wanted}: write {t}, without quotes"),
            Data::Text(t, _) if takes_bool(accepts) && said_bool(t).is_some() => {
                format!("expected {wanted}: write {}", said_bool(t).unwrap_or_default())
            }
            Data::Text(t, _) if matches!(accepts, [Accept::List { .. }]) => format!("expected {wanted}: write [{t}]"),
            _ => format!("expected {wanted}"),
        };
        let message = format!("{} cannot be {}", self.title(), what(&node.data));
        self.tell(node.at, message, label);
    }
}

fn fits(accept: &Accept, data: &Data) -> bool {
    matches!(
        (accept, data),
        (Accept::Any, _)
            | (Accept::Null, Data::Null)
            | (Accept::Bool, Data::Bool(_))
            | (Accept::Text(_), Data::Text(..))
            | (Accept::Number(_), Data::Number(..))
            | (Accept::List { .. }, Data::List(_))
            | (Accept::Map(_), Data::Map(_))
    )
}

/// What a text should have been; none where it is right. `about` is what the field means.
fn refused(rule: &Text, text: &str, about: &str) -> Option<String> {
    if !rule.words.is_empty() {
        let words: Vec<&str> = rule.words.iter().map(|(w, _)| w.as_str()).collect();
        return (!words.contains(&text)).then(|| one_of(text, &words));
    }
    let length = text.chars().count();
    if length < rule.min {
        return Some(if length == 0 {
            "expected a text that is not empty".into()
        } else {
            format!("expected at least {} characters", rule.min)
        });
    }
    if let Some(max) = rule.max.filter(|max| length > *max) {
        return Some(format!("{length} characters, at most {max} fit"));
    }
    if rule.uuid && uuid::Uuid::parse_str(text).is_err() {
        return Some("expected a uuid, such as 9f2c6a1e-0c4b-4d3f-8a51-2b7e6d9c1f00".into());
    }
    let pattern = rule.pattern.as_ref()?;
    (!pattern.is_match(text)).then(|| match &rule.expected {
        Some(words) => format!("expected {words}"),
        None if !about.is_empty() => format!("expected {}", lower(about)),
        None => format!("expected {}", pattern.as_str()),
    })
}

fn one_of(typed: &str, words: &[&str]) -> String {
    let list = some_of(words.iter().copied(), 12);
    match nearest(typed, words.iter().copied()) {
        Some(word) if words.len() == 1 => format!("did you mean {word:?}?"),
        Some(word) => format!("did you mean {word:?}? expected one of: {list}"),
        None if words.len() == 1 => format!("expected {list}"),
        None => format!("expected one of: {list}"),
    }
}

fn takes_number(accepts: &[&Accept], text: &str) -> bool {
    accepts.iter().any(|a| matches!(a, Accept::Number(_))) && text.parse::<f64>().is_ok_and(f64::is_finite)
}

fn takes_bool(accepts: &[&Accept]) -> bool {
    accepts.iter().any(|a| matches!(a, Accept::Bool))
}

/// What YAML 1.1 took for a boolean.
fn said_bool(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "on" | "y" | "true" => Some(true),
        "no" | "off" | "n" | "false" => Some(false),
        _ => None,
    }
}

/// What a value is, for people.
pub(super) fn what(data: &Data) -> &'static str {
    match data {
        Data::Null => "empty",
        Data::Bool(_) => "a boolean",
        Data::Number(..) => "a number",
        Data::Text(..) => "a text",
        Data::List(_) => "a list",
        Data::Map(_) => "a map",
    }
}

/// What is expected, for people: `a text, or a map with file`.
pub(super) fn expectation(accepts: &[&Accept]) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut keys: Vec<&str> = Vec::new();
    for accept in accepts {
        let word = match accept {
            Accept::Null | Accept::Also(_) => continue,
            Accept::Any => "anything".to_owned(),
            Accept::Bool => "true or false".to_owned(),
            Accept::Text(rule) if !rule.words.is_empty() => {
                format!("one of: {}", some_of(rule.words.iter().map(|(w, _)| w.as_str()), 12))
            }
            Accept::Text(_) => "a text".to_owned(),
            Accept::Number(range) => if range.whole { "a whole number" } else { "a number" }.to_owned(),
            Accept::List { .. } => "a list".to_owned(),
            Accept::Map(fields) => {
                keys.extend(fields.fields.iter().map(|f| f.name.as_str()));
                continue;
            }
        };
        if !words.contains(&word) {
            words.push(word);
        }
    }
    let mut seen = BTreeSet::new();
    keys.retain(|key| seen.insert(*key));
    if !keys.is_empty() {
        words.push(format!("a map with {}", some_of(keys, 5)));
    } else if accepts.iter().any(|a| matches!(a, Accept::Map(_))) {
        words.push("a map".to_owned());
    }
    if words.is_empty() { "nothing".to_owned() } else { words.join(", or ") }
}

/// The first sentence of a description, without its full stop.
pub(super) fn first_sentence(about: &str) -> String {
    let paragraph: Vec<&str> = about.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let text = paragraph.join(" ");
    let starts = |at: usize| text.get(at + 2..).is_some_and(|rest| rest.starts_with(char::is_uppercase));
    let end = text.match_indices(". ").map(|(at, _)| at).find(|at| starts(*at)).unwrap_or(text.len());
    text.get(..end).unwrap_or(&text).trim_end_matches('.').to_owned()
}

/// `The region's slug` as the middle of a sentence; `IPv6 …` stays.
fn lower(text: &str) -> String {
    let mut letters = text.chars();
    match (letters.next(), letters.next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => {
            first.to_lowercase().chain(text.chars().skip(1)).collect()
        }
        _ => text.to_owned(),
    }
}
