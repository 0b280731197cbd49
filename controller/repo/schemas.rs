//! JSON Schemas of whole documents, for editors and for `driftless schema`: one for each kind, one for Settings, and
//! one that tells them apart by `kind`.

use super::header::{API_VERSION, Envelope, SETTINGS, SettingsEnvelope};
use crate::model::{AnyKind, Settings};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Schemas by file name: `Droplet.schema.json`, …, `Settings.schema.json`, and `driftless.schema.json` for all.
pub fn schemas(kinds: &[&dyn AnyKind]) -> BTreeMap<String, Value> {
    let envelope = schemars::schema_for!(Envelope).to_value();
    let mut documents: Vec<(&str, Value)> =
        kinds.iter().map(|kind| (kind.name(), document(kind.name(), kind.about(), &envelope, kind.schema()))).collect();
    let about = "How this repo is kept; one document a repo.";
    let (head, spec) = (schemars::schema_for!(SettingsEnvelope).to_value(), schemars::schema_for!(Settings).to_value());
    documents.push((SETTINGS, document(SETTINGS, about, &head, spec)));
    let mut files: BTreeMap<String, Value> = BTreeMap::new();
    files.insert("driftless.schema.json".to_owned(), all(&documents));
    for (name, document) in documents {
        files.insert(file_name(name), document);
    }
    files
}

/// The file name of one kind's schema.
pub fn file_name(kind: &str) -> String {
    format!("{kind}.schema.json")
}

/// One kind's documents: the envelope with the kind's spec in it, and the definitions of both.
fn document(name: &str, about: &str, envelope: &Value, mut spec: Value) -> Value {
    let mut document = envelope.clone();
    let mut defs = take_defs(&mut document);
    for (def, mut schema) in take_defs(&mut spec) {
        rename(&mut schema, name);
        defs.insert(format!("{name}{def}"), schema);
    }
    rename(&mut spec, name);
    if let Some(map) = spec.as_object_mut() {
        map.shift_remove("$schema");
        map.shift_remove("title");
    }
    if let Some(properties) = document.get_mut("properties").and_then(Value::as_object_mut) {
        properties
            .insert("apiVersion".to_owned(), json!({ "const": API_VERSION, "description": "Always driftless/v1." }));
        properties.insert("kind".to_owned(), json!({ "const": name, "description": about }));
        properties.insert("spec".to_owned(), spec);
    }
    let mut whole = Map::new();
    whole.insert("$schema".to_owned(), DIALECT.into());
    whole.insert("title".to_owned(), name.into());
    whole.insert("description".to_owned(), about.into());
    for (key, value) in document.as_object().into_iter().flatten() {
        whole.entry(key.clone()).or_insert_with(|| value.clone());
    }
    whole.insert("$defs".to_owned(), Value::Object(defs));
    Value::Object(whole)
}

/// All documents in one schema, told apart by `kind`.
fn all(documents: &[(&str, Value)]) -> Value {
    let mut defs = Map::new();
    let mut branches = Vec::new();
    for (name, document) in documents {
        let mut document = document.clone();
        defs.extend(take_defs(&mut document));
        if let Some(map) = document.as_object_mut() {
            map.shift_remove("$schema");
        }
        defs.insert(format!("{name}Document"), document);
        branches.push(json!({
            "if": { "properties": { "kind": { "const": name } }, "required": ["kind"] },
            "then": { "$ref": format!("#/$defs/{name}Document") }
        }));
    }
    let names: Vec<&str> = documents.iter().map(|(name, _)| *name).collect();
    json!({
        "$schema": DIALECT,
        "title": "driftless",
        "description": "A document of an infra repo that driftless keeps.",
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {
            "apiVersion": { "const": API_VERSION },
            "kind": { "description": "What it is.", "enum": names }
        },
        "allOf": branches,
        "$defs": defs
    })
}

fn take_defs(schema: &mut Value) -> Map<String, Value> {
    match schema.as_object_mut().and_then(|map| map.shift_remove("$defs")) {
        Some(Value::Object(defs)) => defs,
        _ => Map::new(),
    }
}

/// Puts the kind's name before the definitions that its references name, so that kinds cannot clash.
fn rename(schema: &mut Value, kind: &str) {
    match schema {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                match value {
                    Value::String(target) if key == "$ref" => {
                        if let Some(name) = target.strip_prefix("#/$defs/") {
                            *target = format!("#/$defs/{kind}{name}");
                        }
                    }
                    value => rename(value, kind),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, kind)),
        _ => {}
    }
}
