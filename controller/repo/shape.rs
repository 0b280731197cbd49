//! A JSON Schema, made ready to check nodes against and to explain fields from: references resolved, patterns
//! compiled, `anyOf` and `oneOf` laid flat. Understands what schemars writes, and no more.

use regex::Regex;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// All shapes of one schema; the first is the root.
#[derive(Default)]
pub(super) struct Shapes {
    all: Vec<Shape>,
    by_ref: HashMap<String, usize>,
    defs: Map<String, Value>,
}

/// What one value may be.
#[derive(Default)]
pub(super) struct Shape {
    pub about: String,
    pub default: Option<Value>,
    accepts: Vec<Accept>,
}

/// One thing that a value may be.
pub(super) enum Accept {
    Any,
    Null,
    Bool,
    Text(Text),
    Number(Range),
    List {
        item: usize,
        min: usize,
        max: usize,
    },
    Map(Fields),
    /// Whatever another shape accepts.
    Also(usize),
}

/// Rules for a text.
#[derive(Default)]
pub(super) struct Text {
    /// The words that are allowed, with what they mean; any text where there are none.
    pub words: Vec<(String, String)>,
    pub pattern: Option<Regex>,
    pub min: usize,
    pub max: Option<usize>,
    pub uuid: bool,
    /// What the pattern means, in words (`patternErrorMessage`, as editors know it).
    pub expected: Option<String>,
}

/// Rules for a number.
pub(super) struct Range {
    pub whole: bool,
    pub min: Option<f64>,
    pub max: Option<f64>,
    /// The numbers that are allowed; any in range where there are none.
    pub only: Vec<f64>,
}

/// Rules for a map.
#[derive(Default)]
pub(super) struct Fields {
    pub fields: Vec<Field>,
    pub others: Others,
}

/// What keys a map may have besides its fields.
#[derive(Default, PartialEq)]
pub(super) enum Others {
    None,
    #[default]
    Any,
    Each(usize),
}

/// A field of a map.
pub(super) struct Field {
    pub name: String,
    pub shape: usize,
    pub required: bool,
}

impl Fields {
    pub fn get(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|f| f.name == name)
    }
}

impl Shapes {
    pub fn of(schema: &Value) -> Self {
        let mut shapes = Self::default();
        if let Some(Value::Object(defs)) = schema.get("$defs") {
            shapes.defs = defs.clone();
        }
        shapes.by_ref.insert("#".to_owned(), 0);
        shapes.all.push(Shape::default());
        let root = shapes.compile(schema);
        if let (Some(first), Some(made)) = (shapes.all.first_mut(), root) {
            *first = made;
        }
        shapes.defs = Map::new();
        shapes
    }

    /// Says whether the map at a path of field names has a field.
    pub fn has(&self, path: &[&str], name: &str) -> bool {
        let field = |at: usize, name: &str| {
            self.accepts(at).into_iter().find_map(|accept| match accept {
                Accept::Map(fields) => fields.get(name).map(|field| field.shape),
                _ => None,
            })
        };
        let home = path.iter().try_fold(0, |at, part| field(at, part));
        home.and_then(|at| field(at, name)).is_some()
    }

    pub fn get(&self, index: usize) -> Option<&Shape> {
        self.all.get(index)
    }

    /// All that a shape accepts, laid flat.
    pub fn accepts(&self, index: usize) -> Vec<&Accept> {
        let mut flat = Vec::new();
        self.flatten(index, 0, &mut flat);
        flat
    }

    fn flatten<'a>(&'a self, index: usize, depth: usize, flat: &mut Vec<&'a Accept>) {
        for accept in self.all.get(index).map(|s| s.accepts.as_slice()).unwrap_or_default() {
            match accept {
                Accept::Also(other) if depth < 16 => self.flatten(*other, depth + 1, flat),
                Accept::Also(_) => {}
                accept => flat.push(accept),
            }
        }
    }

    fn add(&mut self, schema: &Value) -> usize {
        if let Some(name) = lone_ref(schema) {
            if let Some(known) = self.by_ref.get(name) {
                return *known;
            }
            let index = self.all.len();
            self.all.push(Shape::default());
            self.by_ref.insert(name.to_owned(), index);
            let target = self.target(name);
            self.fill(index, &target);
            return index;
        }
        let index = self.all.len();
        self.all.push(Shape::default());
        self.fill(index, schema);
        index
    }

    fn fill(&mut self, index: usize, schema: &Value) {
        if let (Some(made), Some(place)) = (self.compile(schema), self.all.get_mut(index)) {
            *place = made;
        }
    }

    fn target(&self, name: &str) -> Value {
        name.strip_prefix("#/$defs/").and_then(|n| self.defs.get(n)).cloned().unwrap_or(Value::Bool(true))
    }

    fn compile(&mut self, schema: &Value) -> Option<Shape> {
        let Value::Object(map) = schema else {
            return Some(Shape { accepts: vec![Accept::Any], ..Shape::default() });
        };
        let text = |key: &str| map.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut shape = Shape { about: text("description"), default: map.get("default").cloned(), ..Shape::default() };
        if let Some(name) = map.get("$ref").and_then(Value::as_str) {
            let target = self.add(&json!({ "$ref": name }));
            if shape.about.is_empty() {
                shape.about = self.target(name).get("description").and_then(Value::as_str).unwrap_or_default().into();
            }
            shape.accepts.push(Accept::Also(target));
            return Some(shape);
        }
        if let Some(Value::Array(all)) = map.get("allOf") {
            let mut merged = map.clone();
            merged.remove("allOf");
            for part in all {
                self.merge(&mut merged, part);
            }
            let inner = self.compile(&Value::Object(merged))?;
            return Some(Shape { about: shape.about, default: shape.default, accepts: inner.accepts });
        }
        if let Some(Value::Array(branches)) = map.get("anyOf").or(map.get("oneOf")) {
            self.branches(map, branches, &mut shape);
            return Some(shape);
        }
        self.plain(map, &mut shape);
        Some(shape)
    }

    fn branches(&mut self, map: &Map<String, Value>, branches: &[Value], shape: &mut Shape) {
        let mut words = Vec::new();
        for branch in branches {
            if let Some(word) = branch.get("const").and_then(Value::as_str) {
                let about = branch.get("description").and_then(Value::as_str).unwrap_or_default();
                words.push((word.to_owned(), about.to_owned()));
                continue;
            }
            let made = if map.contains_key("properties") {
                let mut merged = map.clone();
                merged.remove("anyOf");
                merged.remove("oneOf");
                self.merge(&mut merged, branch);
                self.add(&Value::Object(merged))
            } else {
                self.add(branch)
            };
            shape.accepts.push(Accept::Also(made));
        }
        if !words.is_empty() {
            shape.accepts.push(Accept::Text(Text { words, ..Text::default() }));
        }
    }

    /// Lays one object schema over another: fields together, the stricter of both about other keys.
    fn merge(&self, base: &mut Map<String, Value>, part: &Value) {
        let resolved = part.get("$ref").and_then(Value::as_str).map(|name| self.target(name));
        let Some(Value::Object(part)) = resolved.as_ref().or(Some(part)) else { return };
        for (key, value) in part {
            match (base.get_mut(key), value) {
                (Some(Value::Object(ours)), Value::Object(theirs)) => {
                    for (name, field) in theirs {
                        ours.entry(name.clone()).or_insert_with(|| field.clone());
                    }
                }
                (Some(Value::Array(ours)), Value::Array(theirs)) => ours.extend(theirs.iter().cloned()),
                (Some(_), _) => {}
                (None, value) => {
                    base.insert(key.clone(), value.clone());
                }
            }
        }
    }

    fn plain(&mut self, map: &Map<String, Value>, shape: &mut Shape) {
        let types: Vec<&str> = match map.get("type") {
            Some(Value::String(one)) => vec![one.as_str()],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            _ if map.contains_key("enum") || map.contains_key("const") => vec!["string"],
            _ if map.contains_key("properties") => vec!["object"],
            _ => {
                shape.accepts.push(Accept::Any);
                return;
            }
        };
        for one in types {
            let accept = match one {
                "null" => Accept::Null,
                "boolean" => Accept::Bool,
                "string" => Accept::Text(text_rules(map)),
                "integer" | "number" => Accept::Number(Range {
                    whole: one == "integer",
                    min: map.get("minimum").and_then(Value::as_f64),
                    max: map.get("maximum").and_then(Value::as_f64),
                    only: listed(map).filter_map(Value::as_f64).collect(),
                }),
                "array" => {
                    let size = |key: &str| map.get(key).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
                    let item = self.add(map.get("items").unwrap_or(&Value::Bool(true)));
                    let (min, max) = (size("minItems").unwrap_or(0), size("maxItems").unwrap_or(usize::MAX));
                    Accept::List { item, min, max }
                }
                "object" => Accept::Map(self.fields(map)),
                _ => Accept::Any,
            };
            shape.accepts.push(accept);
        }
    }

    fn fields(&mut self, map: &Map<String, Value>) -> Fields {
        let required: Vec<&str> =
            map.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let mut fields = Vec::new();
        if let Some(Value::Object(properties)) = map.get("properties") {
            for (name, schema) in properties {
                let required = required.contains(&name.as_str());
                fields.push(Field { name: name.clone(), shape: self.add(schema), required });
            }
        }
        let others = match map.get("additionalProperties").or(map.get("unevaluatedProperties")) {
            Some(Value::Bool(false)) => Others::None,
            Some(Value::Object(each)) => Others::Each(self.add(&Value::Object(each.clone()))),
            _ => Others::Any,
        };
        Fields { fields, others }
    }
}

fn lone_ref(schema: &Value) -> Option<&str> {
    let map = schema.as_object().filter(|map| map.len() == 1)?;
    map.get("$ref")?.as_str()
}

/// The values that `enum` or `const` lists.
fn listed(map: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    map.get("enum").and_then(Value::as_array).into_iter().flatten().chain(map.get("const"))
}

fn text_rules(map: &Map<String, Value>) -> Text {
    let size = |key: &str| map.get(key).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
    let words = listed(map).filter_map(Value::as_str).map(|w| (w.to_owned(), String::new()));
    Text {
        words: words.collect(),
        pattern: map.get("pattern").and_then(Value::as_str).and_then(|p| Regex::new(p).ok()),
        min: size("minLength").unwrap_or(0),
        max: size("maxLength"),
        expected: map.get("patternErrorMessage").and_then(Value::as_str).map(str::to_owned),
        uuid: map.get("format").and_then(Value::as_str) == Some("uuid"),
    }
}
