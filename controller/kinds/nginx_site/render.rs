//! A site as nginx's directives. Deterministic: equal wants give equal bytes. Owns which directive a field becomes, and
//! remembers which field each line came from.

use super::directive::{Directive, print};
use super::want::{Answer, Buffers, Location, Site, Want};
use serde::{Deserialize, Serialize};

/// Which form of a site is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Form {
    /// All of it.
    Full,
    /// Before there is a certificate, where something was served at this file already: all of it over plain http.
    Plain,
    /// Before there is a certificate, where nothing was served: only what an issuer asks for.
    Waiting,
}

/// A directive with the field of the document that it came from.
struct Traced {
    directive: Directive,
    field: String,
    inner: Vec<Traced>,
}

impl Traced {
    fn new<S: Into<String>>(field: &str, name: &str, args: impl IntoIterator<Item = S>) -> Self {
        Self { directive: Directive::simple(name, args), field: field.to_owned(), inner: Vec::new() }
    }
    fn block<S: Into<String>>(field: &str, name: &str, args: impl IntoIterator<Item = S>, inner: Vec<Traced>) -> Self {
        Self { inner, directive: Directive::with_block(name, args, Vec::new()), field: field.to_owned() }
    }
    fn raw(field: &str, directives: &[Directive]) -> impl Iterator<Item = Self> {
        let field = field.to_owned();
        directives.iter().map(move |directive| Self {
            inner: directive.block.iter().flat_map(|block| Self::raw(&field, block)).collect(),
            directive: directive.clone(),
            field: field.clone(),
        })
    }
    fn whole(&self) -> Directive {
        let mut directive = self.directive.clone();
        if directive.block.is_some() {
            directive.block = Some(self.inner.iter().map(Self::whole).collect());
        }
        directive
    }
    /// Every field, in the order in which directives are printed.
    fn fields(&self, out: &mut Vec<String>) {
        out.push(self.field.clone());
        self.inner.iter().for_each(|inner| inner.fields(out));
    }
}

/// The directives of a site, in words that do not depend on nginx's version.
pub fn directives(want: &Want, site: &Site, form: Form) -> Vec<Directive> {
    traced(want, site, form).iter().map(Traced::whole).collect()
}

/// The field of the document that a line of the printed site came from; `old` where it was printed for an nginx before
/// 1.25.1.
pub fn field_of_line(want: &Want, site: &Site, form: Form, old: bool, line: u32) -> Option<String> {
    let mut all = traced(want, site, form);
    // There, HTTP/2 is said on the line of `listen`.
    let own_line = |traced: &Traced| traced.directive.says("http2", &["on"]) && traced.field == "spec.tls.http2";
    all.iter_mut().filter(|_| old).for_each(|server| server.inner.retain(|inner| !own_line(inner)));
    let mut fields = Vec::new();
    all.iter().for_each(|traced| traced.fields(&mut fields));
    let text = print(&all.iter().map(Traced::whole).collect::<Vec<_>>());
    let before = text.lines().take(line.try_into().ok()?);
    let begun = before.filter(|line| !line.trim().is_empty() && line.trim() != "}").count();
    fields.into_iter().nth(begun.checked_sub(1)?)
}

fn traced(want: &Want, site: &Site, form: Form) -> Vec<Traced> {
    let mut all = Vec::new();
    if form != Form::Waiting && site.locations.iter().any(|l| l.websocket) {
        all.push(Traced::block(
            "spec.locations",
            "map",
            ["$http_upgrade", "$connection_upgrade"],
            vec![Traced::new("spec.locations", "default", ["upgrade"]), Traced::new("spec.locations", "", ["close"])],
        ));
    }
    match (&site.tls, form) {
        (_, Form::Waiting) => all.push(server(want, site, &[Listen::Http], vec![acme(site), vec![unavailable()]])),
        (None, _) | (_, Form::Plain) => {
            all.push(server(want, site, &[Listen::Http], vec![acme(site), content(site)]));
        }
        (Some(_), Form::Full) if site.redirect_http => {
            let redirect = vec![redirect(site)];
            all.push(server(want, site, &[Listen::Http], vec![acme(site), redirect]));
            all.push(server(want, site, &[Listen::Https], vec![content(site)]));
        }
        (Some(_), Form::Full) => {
            all.push(server(want, site, &[Listen::Http, Listen::Https], vec![acme(site), content(site)]));
        }
    }
    all
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Listen {
    Http,
    Https,
}

fn server(want: &Want, site: &Site, listen: &[Listen], bodies: Vec<Vec<Traced>>) -> Traced {
    let mut inner = Vec::new();
    for listen in listen {
        let (field, port, ssl) = match listen {
            Listen::Http => ("spec.listen.http", site.http, None),
            Listen::Https => ("spec.listen.https", site.https, Some("ssl".to_owned())),
        };
        inner.push(Traced::new(field, "listen", std::iter::once(port.to_string()).chain(ssl.clone())));
        if site.ipv6 {
            inner.push(Traced::new("spec.listen.ipv6", "listen", std::iter::once(format!("[::]:{port}")).chain(ssl)));
        }
    }
    inner.push(Traced::new("spec.serverNames", "server_name", &want.names));
    if let Some(tls) = site.tls.as_ref().filter(|_| listen.contains(&Listen::Https)) {
        if tls.http2 {
            inner.push(Traced::new("spec.tls.http2", "http2", ["on"]));
        }
        inner.push(Traced::new("spec.tls", "ssl_certificate", [&tls.certificate]));
        inner.push(Traced::new("spec.tls", "ssl_certificate_key", [&tls.key]));
        if !tls.protocols.is_empty() {
            inner.push(Traced::new("spec.tls.protocols", "ssl_protocols", tls.protocols.iter().map(|p| p.word())));
        }
        inner.extend(tls.ciphers.iter().map(|ciphers| Traced::new("spec.tls.ciphers", "ssl_ciphers", [ciphers])));
    }
    inner.extend(bodies.into_iter().flatten());
    Traced::block("spec", "server", [] as [&str; 0], inner)
}

/// What an issuer asks for is answered whatever else is said.
fn acme(site: &Site) -> Vec<Traced> {
    let location = |root: &String| {
        let inner = vec![Traced::new("spec.tls.webroot", "root", [root])];
        Traced::block("spec.tls.webroot", "location", ["/.well-known/acme-challenge/"], inner)
    };
    site.webroot.iter().map(location).collect()
}

fn redirect(site: &Site) -> Traced {
    let to = match site.https {
        443 => "https://$host$request_uri".to_owned(),
        port => format!("https://$host:{port}$request_uri"),
    };
    let inner = vec![Traced::new("spec.redirectHttp", "return", ["301".to_owned(), to])];
    Traced::block("spec.redirectHttp", "location", ["/"], inner)
}

fn unavailable() -> Traced {
    Traced::block("spec.tls", "location", ["/"], vec![Traced::new("spec.tls", "return", ["503"])])
}

fn content(site: &Site) -> Vec<Traced> {
    let size = site.client_max_body_size.iter();
    let size = size.map(|size| Traced::new("spec.clientMaxBodySize", "client_max_body_size", [size]));
    let locations = site.locations.iter().enumerate().map(|(i, l)| location(l, &format!("spec.locations[{i}]")));
    size.chain(Traced::raw("spec.extra", &site.extra)).chain(locations).collect()
}

fn location(location: &Location, at: &str) -> Traced {
    let mut inner = Vec::new();
    let mut add = |field: &str, name: &str, args: &[&str]| {
        inner.push(Traced::new(&format!("{at}.{field}"), name, args.iter().copied()));
    };
    if let Some(size) = &location.client_max_body_size {
        add("clientMaxBodySize", "client_max_body_size", &[size]);
    }
    match &location.answer {
        Answer::Proxy(to) => add("to", "proxy_pass", &[&to.text()]),
        Answer::Redirect { to, status } => add("redirect", "return", &[&status.to_string(), to]),
        Answer::Extra => {}
    }
    if location.websocket {
        add("websocket", "proxy_http_version", &["1.1"]);
    }
    for (name, value) in &location.headers {
        add("headers", "proxy_set_header", &[name, value]);
    }
    if location.websocket {
        add("websocket", "proxy_set_header", &["Upgrade", "$http_upgrade"]);
        add("websocket", "proxy_set_header", &["Connection", "$connection_upgrade"]);
    }
    let timeouts = [
        ("readTimeout", "proxy_read_timeout", &location.read_timeout),
        ("sendTimeout", "proxy_send_timeout", &location.send_timeout),
        ("connectTimeout", "proxy_connect_timeout", &location.connect_timeout),
    ];
    for (field, name, value) in timeouts {
        if let Some(value) = value {
            add(field, name, &[value]);
        }
    }
    match &location.buffers {
        Buffers::Default => {}
        Buffers::Off => add("buffers", "proxy_buffering", &["off"]),
        Buffers::Of(size, unit) => {
            let double = format!("{}{unit}", size.saturating_mul(2));
            add("buffers", "proxy_buffer_size", &[&format!("{size}{unit}")]);
            add("buffers", "proxy_buffers", &["4", &double]);
            add("buffers", "proxy_busy_buffers_size", &[&double]);
        }
    }
    inner.extend(Traced::raw(&format!("{at}.extra"), &location.extra));
    let args = location.matching.sign().into_iter().chain([location.path.as_str()]);
    Traced::block(at, "location", args, inner)
}
