//! When two configurations mean the same, and in which fields they differ. Owns which order and which spelling nginx
//! gives no meaning; what it does not know keeps its order.

use super::directive::Directive;
use super::names;
use std::collections::{BTreeMap, BTreeSet};

/// Where directives stand, as far as their order depends on it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    /// In `http`, where a site's file is included.
    Http,
    /// In a server or location block.
    Server,
    /// Anywhere else: every word and every place counts.
    Other,
}

/// Directives of server and location blocks whose place among others has no meaning.
///
/// Not among them: what is done in order (`rewrite`, `if`, `set`, `return`, `allow`, `deny`), where the first match
/// counts (`proxy_redirect`, `error_page`), and what is not known here.
const UNORDERED: &[&str] = &[
    "access_log",
    "charset",
    "client_body_buffer_size",
    "client_body_timeout",
    "client_header_timeout",
    "client_max_body_size",
    "default_type",
    "error_log",
    "expires",
    "gzip",
    "gzip_types",
    "http2",
    "index",
    "keepalive_timeout",
    "listen",
    "proxy_buffer_size",
    "proxy_buffering",
    "proxy_buffers",
    "proxy_busy_buffers_size",
    "proxy_connect_timeout",
    "proxy_http_version",
    "proxy_pass",
    "proxy_read_timeout",
    "proxy_request_buffering",
    "proxy_send_timeout",
    "proxy_set_header",
    "proxy_ssl_server_name",
    "proxy_ssl_verify",
    "root",
    "send_timeout",
    "server_name",
    "server_tokens",
    "ssl_certificate",
    "ssl_certificate_key",
    "ssl_ciphers",
    "ssl_dhparam",
    "ssl_prefer_server_ciphers",
    "ssl_protocols",
    "ssl_session_cache",
    "ssl_session_tickets",
    "ssl_session_timeout",
    "ssl_trusted_certificate",
];

/// The same configuration with everything that has no meaning settled: equal ones mean the same to nginx.
pub fn normal(directives: &[Directive]) -> Vec<Directive> {
    settle(directives, Context::Http)
}

fn settle(directives: &[Directive], context: Context) -> Vec<Directive> {
    if context == Context::Other {
        return directives.to_vec();
    }
    let mut all: Vec<Directive> = directives.iter().map(|directive| one(directive, context)).collect();
    if context == Context::Server {
        http2(&mut all);
    }
    let (mut free, ordered): (Vec<_>, Vec<_>) = all.into_iter().partition(|d| is_free(d, context));
    free.sort();
    free.extend(ordered);
    free
}

fn is_free(directive: &Directive, context: Context) -> bool {
    match directive.name.as_str() {
        "location" => context == Context::Server && !directive.args.first().is_some_and(|a| a.starts_with('~')),
        "map" | "upstream" => context == Context::Http,
        name => context == Context::Server && UNORDERED.binary_search(&name).is_ok(),
    }
}

fn one(directive: &Directive, context: Context) -> Directive {
    let mut settled = directive.clone();
    let inner = match (context, directive.name.as_str()) {
        (Context::Http, "http") => Context::Http,
        (_, "server" | "location") => Context::Server,
        _ => Context::Other,
    };
    settled.block = directive.block.as_ref().map(|block| settle(block, inner));
    match directive.name.as_str() {
        "listen" => listen(&mut settled.args),
        "server_name" => {
            let names: BTreeSet<String> = settled.args.iter().map(|name| names::canonical(name)).collect();
            settled.args = names.into_iter().collect();
        }
        "ssl_protocols" => settled.args.sort(),
        "proxy_set_header" => {
            if let Some(name) = settled.args.first_mut() {
                name.make_ascii_lowercase();
            }
        }
        "location" => split_sign(&mut settled.args),
        _ => {}
    }
    settled
}

/// `*:80` and `0.0.0.0:80` are `80`; what follows has no order.
pub(super) fn listen(args: &mut [String]) {
    let Some((address, rest)) = args.split_first_mut() else { return };
    for prefix in ["*:", "0.0.0.0:"] {
        if let Some(port) = address.strip_prefix(prefix) {
            *address = port.to_owned();
        }
    }
    rest.sort();
}

/// Before 1.25.1 HTTP/2 is said with `listen`, from then on by a directive of its own.
fn http2(server: &mut Vec<Directive>) {
    let mut said = false;
    for directive in server.iter_mut().filter(|d| d.name == "listen" && d.args.iter().any(|a| a == "ssl")) {
        let before = directive.args.len();
        directive.args.retain(|arg| arg != "http2");
        said |= directive.args.len() < before;
    }
    if said && !server.iter().any(|d| d.name == "http2") {
        server.push(Directive::simple("http2", ["on"]));
    }
    server.retain(|d| !d.says("http2", &["off"]));
}

/// `location =/x` is `location = /x`.
pub(super) fn split_sign(args: &mut Vec<String>) {
    if let [only] = args.as_slice() {
        let split = ["=", "^~", "~*", "~"].into_iter().find_map(|sign| Some((sign, only.strip_prefix(sign)?)));
        if let Some((sign, path)) = split.filter(|(_, path)| !path.is_empty()) {
            *args = vec![sign.to_owned(), path.to_owned()];
        }
    }
}

/// The same in the words of an nginx before 1.25.1: HTTP/2 is said with `listen`.
pub fn before_1_25_1(directives: &[Directive]) -> Vec<Directive> {
    let mut all = directives.to_vec();
    for server in all.iter_mut().filter(|d| d.name == "server") {
        let Some(block) = &mut server.block else { continue };
        let on = block.iter().any(|d| d.says("http2", &["on"]));
        block.retain(|d| d.name != "http2" || d.block.is_some());
        for directive in block.iter_mut().filter(|d| on && d.name == "listen" && d.args.iter().any(|a| a == "ssl")) {
            directive.args.push("http2".to_owned());
        }
    }
    all
}

/// One field in which two configurations differ: where, and each side's values in nginx's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differing {
    /// The blocks around it and its name: `server 443 › location /n8n/ › proxy_read_timeout`.
    pub path: String,
    /// What stands there.
    pub from: Vec<String>,
    /// What is wanted.
    pub to: Vec<String>,
}

/// Field by field what differs between two settled configurations; empty where they are equal.
pub fn differing(have: &[Directive], want: &[Directive]) -> Vec<Differing> {
    let (old, new) = (Fields::of(have), Fields::of(want));
    let mut all = Vec::new();
    for path in old.order.iter().chain(new.order.iter().filter(|path| !old.values.contains_key(*path))) {
        let (from, to) = (old.values.get(path), new.values.get(path));
        if from != to {
            let side = |values: Option<&Vec<String>>| values.cloned().unwrap_or_default();
            all.push(Differing { path: path.clone(), from: side(from), to: side(to) });
        }
    }
    if all.is_empty() && have != want {
        let order = |fields: Fields| fields.order;
        all.push(Differing { path: "order".to_owned(), from: order(old), to: order(new) });
    }
    all
}

/// A configuration as fields, with what stands in each.
#[derive(Default)]
struct Fields {
    values: BTreeMap<String, Vec<String>>,
    order: Vec<String>,
}

impl Fields {
    fn of(directives: &[Directive]) -> Self {
        let mut fields = Self::default();
        fields.take(directives, "");
        fields
    }

    fn put(&mut self, path: String, value: String) {
        self.order.push(path.clone());
        self.values.entry(path).or_default().push(value);
    }

    fn take(&mut self, directives: &[Directive], around: &str) {
        let mut labels: BTreeMap<String, usize> = BTreeMap::new();
        for directive in directives {
            let (label, value) = label(directive);
            let Some(block) = &directive.block else {
                self.put(format!("{around}{label}"), value);
                continue;
            };
            let count = labels.entry(label.clone()).or_default();
            *count += 1;
            let label = if *count > 1 { format!("{label} ({count})") } else { label };
            if block.is_empty() {
                self.put(format!("{around}{label}"), "{ }".to_owned());
            }
            self.take(block, &format!("{around}{label} › "));
        }
    }
}

/// How a directive is called, and the rest of it. Headers and the like are told apart by their first word.
fn label(directive: &Directive) -> (String, String) {
    let name = directive.name.as_str();
    if let Some(block) = &directive.block {
        let words = match name {
            "server" => {
                let ports = block.iter().filter(|d| d.name == "listen").filter_map(|d| d.args.first().cloned());
                ports.collect::<Vec<_>>()
            }
            _ => directive.args.clone(),
        };
        let label = std::iter::once(name.to_owned()).chain(words).collect::<Vec<_>>().join(" ");
        return (label.trim_end().to_owned(), String::new());
    }
    let keyed = matches!(name, "proxy_set_header" | "add_header" | "set" | "fastcgi_param" | "uwsgi_param");
    match directive.args.split_first() {
        Some((first, rest)) if keyed => (format!("{name} {first}"), rest.join(" ")),
        _ => (name.to_owned(), directive.args.join(" ")),
    }
}
