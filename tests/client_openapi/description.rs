//! DigitalOcean's OpenAPI 3.0 description as a judge: is this request one that it knows?

use std::sync::Arc;

use jsonschema::Draft;
use serde_json::{Map, Value, json};

use crate::client::script::Seen;

/// Where the description lies, seen from the checkout.
const BESIDE: &str = "../shared/api/digitalocean-openapi.json";
/// The schemas of these calls are no deeper; a schema that contains itself ends here.
const DEEPEST: usize = 30;

/// The description, read once and shared.
#[derive(Clone)]
pub struct Description(Arc<Value>);

/// Makes a request as the scripted server would have noted it.
pub fn request(method: &str, path: &str, query: &[(&str, &str)], body: Option<&str>) -> Seen {
    Seen {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        authorization: String::new(),
        body: body.map(|body| serde_json::from_str(body).expect("JSON")),
        nth: 0,
    }
}

impl Description {
    /// Reads the description, or says that it is missing.
    pub fn beside_the_checkout() -> Option<Self> {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(BESIDE);
        let Ok(text) = std::fs::read_to_string(&path) else {
            let line = format!("not checked: DigitalOcean's OpenAPI description is not at {}", path.display());
            assert!(std::env::var_os("CI").is_none(), "{line}");
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "{line}");
            return None;
        };
        let mut all: Value = serde_json::from_str(&text).expect("the description is JSON");
        // The description's own mapping of droplet actions lists this one; its enum forgets it.
        let types = all.pointer_mut("/components/schemas/droplet_action/properties/type/enum");
        types.and_then(Value::as_array_mut).expect("droplet actions").push(json!("change_backup_policy"));
        Some(Self(Arc::new(all)))
    }

    /// Says all that is wrong with a request; nothing where it is right.
    pub fn check(&self, seen: &Seen, scope: &str) -> Vec<String> {
        let Some((template, operation, item)) = self.operation(seen) else {
            return vec![format!("no operation for {} {}", seen.method, seen.path)];
        };
        let mut wrong = Vec::new();
        let scopes: Vec<&Value> = operation["security"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|way| way["bearer_auth"].as_array())
            .flatten()
            .collect();
        if !scopes.iter().any(|known| *known == scope) {
            wrong.push(format!("scope {scope} is not among {scopes:?}"));
        }
        wrong.extend(self.check_parameters(seen, template, operation, item));
        match (&seen.body, operation.get("requestBody")) {
            (Some(body), Some(described)) => wrong.extend(self.check_body(body, described)),
            (Some(_), None) => wrong.push("a body where none is described".to_owned()),
            (None, Some(_)) => wrong.push("no body where one is described".to_owned()),
            (None, None) => {}
        }
        wrong.iter().map(|complaint| format!("{} {}: {complaint}", seen.method, seen.path)).collect()
    }

    /// Returns the status and body of the description's own example of a success.
    ///
    /// Its lists are cut short, so `meta.total` is set to what the example holds.
    pub fn example(&self, seen: &Seen) -> Option<(u16, Option<Value>)> {
        let (_, operation, _) = self.operation(seen)?;
        let (status, response) =
            operation["responses"].as_object()?.iter().find(|(status, _)| status.starts_with('2'))?;
        let status = status.parse().ok()?;
        let response = self.expand(response, 0);
        let Some(json) = response.pointer("/content/application~1json") else { return Some((status, None)) };
        let examples = json["examples"].as_object().into_iter().flat_map(|examples| examples.values());
        let whole = examples.map(|one| &one["value"]).chain(json.get("example")).next().cloned();
        let mut body = whole.unwrap_or_else(|| from_properties(&json["schema"]));
        let count = body
            .as_object()?
            .iter()
            .filter(|(key, _)| !matches!(key.as_str(), "links" | "meta"))
            .find_map(|(_, rows)| rows.as_array().map(Vec::len).or_else(|| rows.as_object().map(Map::len)));
        if body.get("meta").is_some() {
            body["meta"]["total"] = json!(count);
        }
        (!body.as_object()?.is_empty()).then_some((status, Some(body)))
    }

    fn operation<'a>(&'a self, seen: &Seen) -> Option<(&'a str, &'a Value, &'a Value)> {
        let fits = |template: &str| {
            let (want, have) = (template.split('/'), seen.path.split('/'));
            want.clone().count() == have.clone().count()
                && want.zip(have).all(|(want, have)| want == have || want.starts_with('{'))
        };
        let paths = self.0["paths"].as_object()?.iter().filter(|(template, _)| fits(template));
        // "/droplets/backups" before "/droplets/{droplet_id}".
        let (template, item) = paths.min_by_key(|(template, _)| template.matches('{').count())?;
        Some((template, item.get(seen.method.to_ascii_lowercase())?, item))
    }

    fn check_parameters(&self, seen: &Seen, template: &str, operation: &Value, item: &Value) -> Vec<String> {
        let lists = [&operation["parameters"], &item["parameters"]];
        let known: Vec<Value> =
            lists.into_iter().filter_map(Value::as_array).flatten().map(|one| self.expand(one, 0)).collect();
        let mut wrong = Vec::new();
        let mut check = |place: &str, name: &str, value: &str| {
            let Some(described) = known.iter().find(|one| one["in"] == place && one["name"] == name) else {
                return wrong.push(format!("{place} parameter {name} is not described"));
            };
            let number = value.parse::<i64>().map(Value::from).ok();
            let fits = |value: Value| complaints(&described["schema"], &value).is_empty();
            if !(number.is_some_and(fits) || fits(json!(value))) {
                wrong.push(format!("{place} parameter {name} may not be {value}"));
            }
        };
        seen.query.iter().for_each(|(name, value)| check("query", name, value));
        for (part, value) in template.split('/').zip(seen.path.split('/')) {
            if let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
                check("path", name, value);
            }
        }
        wrong
    }

    fn check_body(&self, body: &Value, described: &Value) -> Vec<String> {
        let described = self.expand(described, 0);
        let schema = &described["content"]["application/json"]["schema"];
        let chosen = self.discriminated(schema, body);
        let schema = chosen.as_ref().unwrap_or(schema);
        let mut wrong = complaints(schema, body);
        unknown_fields(&[schema], body, "", &mut wrong);
        wrong
    }

    /// Picks the one alternative that the body's own type names: any of them would be too lenient.
    fn discriminated(&self, schema: &Value, body: &Value) -> Option<Value> {
        let discriminator = schema.get("discriminator")?;
        let value = body.get(discriminator["propertyName"].as_str()?)?.as_str()?;
        let reference = discriminator["mapping"].get(value)?.clone();
        Some(self.expand(&json!({"$ref": reference}), 0))
    }

    /// Writes out every reference, and OpenAPI's `nullable` as JSON Schema has it.
    fn expand(&self, value: &Value, depth: usize) -> Value {
        match value {
            _ if depth > DEEPEST => json!({}),
            Value::Array(all) => all.iter().map(|one| self.expand(one, depth + 1)).collect(),
            Value::Object(fields) => {
                if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                    let target =
                        self.0.pointer(reference.trim_start_matches('#')).expect("a reference within the file");
                    return self.expand(target, depth + 1);
                }
                let mut fields: Map<String, Value> =
                    fields.iter().map(|(name, field)| (name.clone(), self.expand(field, depth + 1))).collect();
                let nullable = fields.get("nullable") == Some(&json!(true));
                if nullable && let Some(Value::String(kind)) = fields.get("type").cloned() {
                    fields.insert("type".to_owned(), json!([kind, "null"]));
                }
                Value::Object(fields)
            }
            plain => plain.clone(),
        }
    }
}

/// Says what JSON Schema has against a value. OpenAPI 3.0 speaks draft 4's dialect.
fn complaints(schema: &Value, value: &Value) -> Vec<String> {
    let validator = jsonschema::options().with_draft(Draft::Draft4).build(schema).expect("a schema");
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// Finds fields that no alternative of the schemas describes, or that may only be read.
fn unknown_fields(schemas: &[&Value], value: &Value, place: &str, wrong: &mut Vec<String>) {
    let all: Vec<&Value> = schemas.iter().flat_map(|schema| alternatives(schema)).collect();
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let place = format!("{place}/{name}");
                let described: Vec<&Value> = all.iter().filter_map(|schema| schema["properties"].get(name)).collect();
                if described.is_empty() {
                    wrong.push(format!("{place} is not described"));
                } else if described.iter().any(|schema| schema["readOnly"] == true) {
                    wrong.push(format!("{place} may only be read"));
                } else {
                    unknown_fields(&described, field, &place, wrong);
                }
            }
        }
        Value::Array(items) => {
            let described: Vec<&Value> = all.iter().filter_map(|schema| schema.get("items")).collect();
            items.iter().for_each(|item| unknown_fields(&described, item, place, wrong));
        }
        _ => {}
    }
}

fn alternatives(schema: &Value) -> Vec<&Value> {
    let parts = ["allOf", "anyOf", "oneOf"].into_iter().filter_map(|part| schema[part].as_array()).flatten();
    std::iter::once(schema).chain(parts.flat_map(alternatives)).collect()
}

/// Puts an answer together from the examples of its properties, where there is none of the whole.
fn from_properties(schema: &Value) -> Value {
    if let Some(example) = schema.get("example") {
        return example.clone();
    }
    let all = alternatives(schema);
    if let Some(items) = all.iter().find_map(|schema| schema.get("items")) {
        return json!([from_properties(items)]);
    }
    let properties = all.iter().filter_map(|schema| schema["properties"].as_object()).flatten();
    let object: Map<String, Value> = properties.map(|(name, schema)| (name.clone(), from_properties(schema))).collect();
    if object.is_empty() { Value::Null } else { Value::Object(object) }
}
