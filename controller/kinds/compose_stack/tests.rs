//! What stacks mean and how they differ, as tables.

mod desiring;
mod differing;
mod drafting;
mod staying;

use super::*;
use serde_json::{Value as Json, json};
use std::sync::Arc;

const COMPOSE: &str = "\
services:
  web:
    image: tiny:1
    ports: ['127.0.0.1:${PORT:-8069}:8069']
    volumes: ['./conf:/etc/app:ro', 'data:/data']
    depends_on: {migrate: {condition: service_completed_successfully}}
  migrate: {image: 'tiny:1'}
volumes: {data: {}}
";

fn id() -> ResourceId {
    ResourceId::new("ComposeStack", "odoo")
}

/// What a document means whose folder holds these files.
fn desire(spec: Json, files: &[(&str, &str)]) -> Result<Want, Vec<Complaint>> {
    let mut spec = spec;
    let fields = spec.as_object_mut().expect("a map");
    fields.entry("host").or_insert(json!("erp"));
    fields.entry("path").or_insert(json!("stacks/odoo"));
    let named = files.iter().map(|(path, text)| (format!("stacks/odoo/{path}"), Arc::from(text.as_bytes())));
    let files: BTreeMap<String, Arc<[u8]>> = named.chain([("stacks/odoo/".to_owned(), Arc::from(&b""[..]))]).collect();
    spec::desire(&id(), &serde_json::from_value(spec).expect("a spec"), &EstateView { files: &files })
}

fn odoo(spec: Json) -> Want {
    desire(spec, &[("compose.yaml", COMPOSE), ("conf/app.ini", "x=1\n")]).expect("good")
}
