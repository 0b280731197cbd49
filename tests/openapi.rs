//! DigitalOcean's OpenAPI description as a judge: holds requests and answers against it. The description lies beside
//! the checkout and is never copied into it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::PathBuf;

use jsonschema::Validator;
use serde_json::{Map, Value, json};

const WHERE: &str = "../shared/api/digitalocean-openapi.json";

/// The description, with the validators that were needed so far.
pub struct Description {
    document: Value,
    validators: BTreeMap<String, Validator>,
}

/// Says what the machine lacks for a test; on CI that is a failure.
pub fn lacks(what: &str) {
    let line = format!("NOT TESTED: {what}\n");
    assert!(std::env::var_os("CI").is_none(), "{line}");
    let _ = std::io::stderr().write_all(line.as_bytes());
}

impl Description {
    /// Reads the description; says so and returns nothing where it is not there.
    pub fn load() -> Option<Self> {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(WHERE);
        let Ok(bytes) = std::fs::read(&path) else {
            lacks(&format!("there is no {}", path.display()));
            return None;
        };
        let mut document: Value = serde_json::from_slice(&bytes).expect("the description is JSON");
        mend(&mut document);
        Some(Self { document, validators: BTreeMap::new() })
    }

    /// Returns what is wrong with an answer.
    pub fn check_answer(&mut self, method: &str, path: &str, status: u16, body: &Value) -> Vec<String> {
        let Some((template, operation)) = self.operation(method, path) else {
            return vec![format!("{method} {path} is not described")];
        };
        let responses = &operation["responses"];
        let described = match responses.get(status.to_string()) {
            Some(response) => response,
            None if status >= 400 => &responses["default"],
            None => {
                return vec![format!("{method} {template} is not described to answer {status}")];
            }
        };
        let schema = self.resolved(described)["content"]["application/json"]["schema"].clone();
        match (schema.is_null(), body.is_null()) {
            (true, true) => Vec::new(),
            (true, false) => vec![format!("{method} {template} {status} must have no body")],
            (false, _) => self.validate(&format!("{method} {template} {status}"), &schema, body),
        }
    }

    /// Returns what is wrong with a request's body.
    pub fn check_request(&mut self, method: &str, path: &str, body: &Value) -> Vec<String> {
        let Some((template, operation)) = self.operation(method, path) else {
            return vec![format!("{method} {path} is not described")];
        };
        let described = self.resolved(&operation["requestBody"]);
        let schema = described["content"]["application/json"]["schema"].clone();
        match (schema.is_null(), body.is_null()) {
            (true, true) => Vec::new(),
            (true, false) => vec![format!("{method} {template} takes no body")],
            (false, _) => self.validate(&format!("{method} {template} request"), &schema, body),
        }
    }

    /// Returns the fields of an answer that the description does not name, such as `vpcs[].colour`.
    pub fn undescribed(&self, method: &str, path: &str, status: u16, body: &Value) -> BTreeSet<String> {
        let mut unknown = BTreeSet::new();
        if let Some((_, operation)) = self.operation(method, path) {
            let response = self.resolved(&operation["responses"][status.to_string()]);
            let schema = &response["content"]["application/json"]["schema"];
            self.compare(&[schema], body, "", &mut unknown);
        }
        unknown
    }

    fn compare(&self, schemas: &[&Value], value: &Value, at: &str, unknown: &mut BTreeSet<String>) {
        let mut parts: Vec<&Value> = schemas.iter().map(|schema| self.resolved(schema)).collect();
        let mut next = 0;
        while let Some(&part) = parts.get(next) {
            for combined in ["allOf", "anyOf", "oneOf"] {
                let inner = part[combined].as_array().into_iter().flatten();
                parts.extend(inner.map(|schema| self.resolved(schema)));
            }
            next += 1;
        }
        let within = |keyword: &str, name: Option<&str>| -> Vec<&Value> {
            let named = |part: &&'_ Value| match name {
                Some(name) => part.get(keyword).and_then(|inner| inner.get(name)).is_some(),
                None => part.get(keyword).is_some_and(Value::is_object),
            };
            parts
                .iter()
                .filter(|part| named(part))
                .map(|part| match name {
                    Some(name) => &part[keyword][name],
                    None => &part[keyword],
                })
                .collect()
        };
        match value {
            Value::Object(map) => {
                for (name, inner) in map {
                    let mut described = within("properties", Some(name));
                    described.extend(within("additionalProperties", None));
                    let here = format!("{at}.{name}");
                    if described.is_empty() {
                        unknown.insert(here);
                    } else {
                        self.compare(&described, inner, &here, unknown);
                    }
                }
            }
            Value::Array(items) => {
                let described = within("items", None);
                for item in items {
                    self.compare(&described, item, &format!("{at}[]"), unknown);
                }
            }
            _ => {}
        }
    }

    /// Finds the operation of a path, the most literal template first.
    fn operation(&self, method: &str, path: &str) -> Option<(String, Value)> {
        let segments: Vec<&str> = path.split('/').collect();
        let fits = |template: &str| {
            let parts: Vec<&str> = template.split('/').collect();
            parts.len() == segments.len()
                && parts.iter().zip(&segments).all(|(part, segment)| part.starts_with('{') || part == segment)
        };
        self.document["paths"]
            .as_object()?
            .iter()
            .filter(|(template, item)| fits(template) && item.get(method.to_lowercase()).is_some())
            .min_by_key(|(template, _)| template.matches('{').count())
            .map(|(template, item)| (template.clone(), item[method.to_lowercase()].clone()))
    }

    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value.get("$ref").and_then(Value::as_str) {
            Some(reference) => self.document.pointer(reference.trim_start_matches('#')).unwrap_or(&Value::Null),
            None => value,
        }
    }

    fn validate(&mut self, key: &str, schema: &Value, body: &Value) -> Vec<String> {
        if !self.validators.contains_key(key) {
            let whole = self.closed(schema);
            let validator = jsonschema::draft202012::new(&whole).expect("a schema");
            self.validators.insert(key.to_owned(), validator);
        }
        self.validators[key].iter_errors(body).map(|err| format!("{key}: {} at {}", err, err.instance_path())).collect()
    }

    /// Makes a JSON Schema that stands alone: the schema and all that it refers to.
    fn closed(&self, schema: &Value) -> Value {
        let mut found: BTreeSet<String> = BTreeSet::new();
        let mut open = vec![schema];
        while let Some(value) = open.pop() {
            match value {
                Value::Object(map) => {
                    if let Some(reference) = map.get("$ref").and_then(Value::as_str)
                        && found.insert(reference.to_owned())
                    {
                        open.extend(self.document.pointer(reference.trim_start_matches('#')));
                    }
                    open.extend(map.values());
                }
                Value::Array(items) => open.extend(items),
                _ => {}
            }
        }
        let mut schemas = Map::new();
        for reference in &found {
            let target = self.document.pointer(reference.trim_start_matches('#'));
            let name = reference.rsplit('/').next().unwrap_or_default();
            schemas.insert(name.to_owned(), to_json_schema(target.unwrap_or(&Value::Null)));
        }
        json!({"allOf": [to_json_schema(schema)], "components": {"schemas": schemas}})
    }
}

/// Mends what the description says against itself: its list of action types lacks one that it describes.
fn mend(document: &mut Value) {
    let types = document.pointer_mut("/components/schemas/droplet_action/properties/type/enum");
    if let Some(Value::Array(types)) = types {
        types.push(json!("change_backup_policy"));
    }
}

/// Rewrites what OpenAPI 3.0 says differently: `nullable`, and `exclusiveMinimum` as a flag.
fn to_json_schema(value: &Value) -> Value {
    let Value::Object(map) = value else {
        return match value {
            Value::Array(items) => items.iter().map(to_json_schema).collect(),
            other => other.clone(),
        };
    };
    let mut out = Map::new();
    for (key, inner) in map {
        let annotation =
            matches!(key.as_str(), "example" | "examples" | "discriminator" | "nullable" | "description" | "default");
        // A property may well be called `description`; it is an object then, and an annotation never is.
        if annotation && !(inner.is_object() && map.get("type").is_none_or(Value::is_object)) {
            continue;
        }
        if key.starts_with("exclusive") && inner.is_boolean() {
            continue;
        }
        out.insert(key.clone(), to_json_schema(inner));
    }
    match map.get("nullable").and_then(Value::as_bool) {
        Some(true) => json!({"anyOf": [out, {"type": "null"}]}),
        _ => Value::Object(out),
    }
}

#[test]
fn a_nullable_field_may_be_null_and_a_field_named_description_is_kept() {
    let schema = json!({
        "type": "object",
        "properties": {
            "description": {"type": "string", "description": "words"},
            "slug": {"type": "string", "nullable": true},
        },
    });
    let validator = jsonschema::draft202012::new(&to_json_schema(&schema)).expect("a schema");
    assert!(validator.is_valid(&json!({"slug": null, "description": "a"})));
    assert!(!validator.is_valid(&json!({"description": 3})));
    assert!(!validator.is_valid(&json!({"slug": 3})));
}

#[test]
fn an_answer_with_a_field_missing_or_of_another_type_is_found_wrong() {
    let Some(mut description) = Description::load() else {
        return;
    };
    let mut check = |body: Value| description.check_answer("GET", "/v2/account", 200, &body).len();
    let mut account = json!({
        "droplet_limit": 25, "floating_ip_limit": 3, "email": "a@example.com", "uuid": "x",
        "email_verified": true, "status": "active", "status_message": "",
    });
    assert_eq!(check(json!({"account": account})), 0);
    account["status"] = json!("asleep");
    assert_eq!(check(json!({"account": account})), 1);
    account["status"] = json!("active");
    account.as_object_mut().expect("an object").remove("email");
    assert_eq!(check(json!({"account": account})), 1);
}
