//! What single settings mean and must not be: addresses that would show a token, folders, numbers out of range.

use super::super::reach::{self, Reach, Tcp};
use super::keys;
use super::resolve::Resolver;
use super::secret::warn_of;
use super::{Config, DigitalOcean, LogFormat, Origin, Server};
use secrecy::ExposeSecret;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use url::{Host, Url};

type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

fn set(env: Env<'_>, name: &str) -> Option<String> {
    env(name).filter(|value| !value.is_empty())
}

/// The file to read: see `Config::load`.
pub(super) fn settings_file(env: Env<'_>, given: Option<PathBuf>) -> Option<PathBuf> {
    given.or_else(|| set(env, "DRIFTLESS_CONFIG").map(PathBuf::from)).or_else(|| {
        let own = set(env, "XDG_CONFIG_HOME").map(PathBuf::from);
        let folder = own.or_else(|| match (is_root(), set(env, "HOME")) {
            (true, _) => Some(PathBuf::from("/etc")),
            (false, home) => home.map(|h| Path::new(&h).join(".config")),
        });
        folder.map(|f| f.join("driftless/driftless.toml")).filter(|path| path.exists())
    })
}

/// Whether the process is root's; where /proc is missing, it counts as somebody else's.
fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// Flags that no setting has, and secrets on the command line, where every process can read them.
pub(super) fn flags(from: &mut Resolver<'_>) {
    for name in from.flags.0.keys() {
        match keys::find(name) {
            Some((_, keys::Shape::Secret)) => {
                let message = format!("{name} was given on the command line, where others can read it");
                from.complain(None, message, &format!("use {name}_file, the environment or driftless.toml"));
            }
            Some(_) => {}
            None => from.complain(None, format!("unknown setting {name:?}"), "no setting has this name"),
        }
    }
}

/// Where the journal and the mirror live.
pub(super) fn data_dir(from: &mut Resolver<'_>) -> PathBuf {
    if let Some(path) = from.path("data_dir") {
        return path;
    }
    let state = set(from.env, "XDG_STATE_HOME").map(PathBuf::from);
    let state = state.or_else(|| match (is_root(), set(from.env, "HOME")) {
        (true, _) => Some(PathBuf::from("/var/lib")),
        (false, home) => home.map(|h| Path::new(&h).join(".local/state")),
    });
    match state {
        Some(state) => {
            let folder = state.join("driftless");
            from.default("data_dir", folder.display().to_string());
            folder
        }
        None => {
            let message = "there is no HOME, so there is no folder for the journal".to_owned();
            from.complain(None, message, "set data_dir, or DRIFTLESS_DATA_DIR");
            PathBuf::new()
        }
    }
}

/// The repo's address: no password in it, and no token over plain http but to this machine.
pub(super) fn repo(from: &mut Resolver<'_>, token: bool) -> Option<String> {
    let found = from.find("repo")?;
    let Ok(url) = Url::parse(&found.text) else {
        let local = !is_scp_like(&found.text);
        let text = if local { from.anchored(&found).display().to_string() } else { found.text.clone() };
        from.describe("repo", text.clone(), found.origin);
        return Some(text);
    };
    let web = matches!(url.scheme(), "http" | "https");
    if url.password().is_some() || (web && has_user(&url)) {
        let message = "repo has a user or a password in its address, which would show in logs".to_owned();
        let label = "put the password into git.token_file and the user into git.username";
        from.complain(Some(&found.hidden()), message, label);
        return None;
    }
    if url.scheme() == "http" && token && !is_loopback(&url) {
        from.complain(Some(&found), format!("repo is {url}"), "a token is not sent over plain http: use https");
        return None;
    }
    from.describe("repo", found.text.clone(), found.origin);
    Some(found.text)
}

/// `host:path` or `user@host:path`: a colon before the first slash.
fn is_scp_like(text: &str) -> bool {
    text.split_once(':').is_some_and(|(host, _)| !host.is_empty() && !host.contains('/'))
}

fn has_user(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// A folder of the repo.
pub(super) fn folder(text: &str) -> Result<String, String> {
    if text.starts_with('/') || text.split('/').any(|part| part == "..") {
        return Err("expected a folder inside the repo, such as infra or clusters/main".to_owned());
    }
    let parts = text.split('/').filter(|part| !part.is_empty() && *part != ".");
    Ok(parts.collect::<Vec<_>>().join("/"))
}

/// A number within bounds.
pub(super) fn number(text: &str, least: u32, most: u32) -> Result<u32, String> {
    let number = text.parse::<u32>().ok().filter(|n| (least..=most).contains(n));
    number.ok_or_else(|| match most {
        u32::MAX => format!("expected a whole number from {least} up"),
        most => format!("expected a whole number from {least} to {most}"),
    })
}

/// How DigitalOcean is reached; the limits are its own, <https://docs.digitalocean.com/reference/api/intro/>.
pub(super) fn digitalocean(from: &mut Resolver<'_>) -> DigitalOcean {
    let token = from.secret("digitalocean.token");
    let mut limit = |name, usual: u32| match from.optional(name, |text| number(text, 1, u32::MAX)) {
        Some(limit) => limit,
        None => from.default(name, usual),
    };
    let (per_minute, per_hour) = (limit("digitalocean.per_minute", 250), limit("digitalocean.per_hour", 5_000));
    let api_url = match from.optional("digitalocean.api_url", api_url) {
        Some(url) => url,
        None => from.default("digitalocean.api_url", "https://api.digitalocean.com".to_owned()),
    };
    DigitalOcean { token, api_url, per_minute, per_hour }
}

/// The API's address in one form: without `/v2` and without a slash at its end.
fn api_url(text: &str) -> Result<String, String> {
    let url =
        Url::parse(text).map_err(|e| format!("expected an address such as https://api.digitalocean.com ({e})"))?;
    let safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    match url.scheme() {
        "http" | "https" if url.query().is_some() || url.fragment().is_some() || has_user(&url) => {
            Err("expected nothing but scheme, host, port and path".to_owned())
        }
        "http" if !safe => Err("a token is not sent over plain http, but to this machine: use https".to_owned()),
        "http" | "https" => Ok(url.as_str().trim_end_matches('/').trim_end_matches("/v2").to_owned()),
        _ => Err("expected an address that begins with https://".to_owned()),
    }
}

/// Where the API is heard, and where commands go.
pub(super) fn server(from: &mut Resolver<'_>) -> Server {
    let listen = |text: &str| {
        text.parse().map_err(|_| "expected an address and a port, such as 127.0.0.1:8787 or [::1]:8787".to_owned())
    };
    Server {
        listen: from.optional("server.listen", listen),
        url: from.optional("server.url", server_url),
        token: from.secret("server.token"),
    }
}

/// The address of another machine's controller, without a slash at its end.
fn server_url(text: &str) -> Result<String, String> {
    let url =
        Url::parse(text).map_err(|e| format!("expected an address such as https://driftless.example.com ({e})"))?;
    match url.scheme() {
        "http" | "https" if url.query().is_some() || url.fragment().is_some() || has_user(&url) => {
            Err("expected nothing but scheme, host, port and path".to_owned())
        }
        "http" if !is_loopback(&url) => {
            Err("a token is not sent over plain http, but to this machine: use https".to_owned())
        }
        "http" | "https" => Ok(url.as_str().trim_end_matches('/').to_owned()),
        _ => Err("expected an address that begins with https://".to_owned()),
    }
}

/// The address of a collector of traces, without a slash at its end. Plain http is well there: no token goes with it.
pub(super) fn collector(text: &str) -> Result<String, String> {
    let url = Url::parse(text).map_err(|e| format!("expected an address such as http://127.0.0.1:4318 ({e})"))?;
    match url.scheme() {
        "http" | "https" if url.query().is_some() || url.fragment().is_some() || has_user(&url) => {
            Err("expected nothing but scheme, host, port and path".to_owned())
        }
        "http" | "https" => Ok(url.as_str().trim_end_matches('/').trim_end_matches("/v1/traces").to_owned()),
        _ => {
            Err("expected an address that begins with http:// or https://, of a collector's OTLP over HTTP".to_owned())
        }
    }
}

/// How hosts are reached anew after a change of their firewall. Addresses are mapped beside a rehearsal's API only.
pub(super) fn reach(from: &mut Resolver<'_>, api_url: &str) -> Reach {
    let on = from.flag("reach.hosts");
    let port =
        from.optional("reach.port", |text| number(text, 1, 65_535)).unwrap_or_else(|| from.default("reach.port", 22));
    let rehearsal = Url::parse(api_url).is_ok_and(|url| is_loopback(&url));
    let map = from.optional("reach.map", |text| match rehearsal {
        true => reach::map(text),
        false => Err("addresses are mapped only beside an API on this machine (digitalocean.api_url)".to_owned()),
    });
    if !on {
        return Reach::Off;
    }
    Reach::Tcp(Tcp { port: u16::try_from(port).unwrap_or(22), map: map.unwrap_or_default(), ..Tcp::default() })
}

/// How a line of the log looks.
pub(super) fn log_format(from: &mut Resolver<'_>) -> LogFormat {
    let read = |text: &str| match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("expected text or json".to_owned()),
    };
    match from.optional("log.format", read) {
        Some(format) => format,
        None => {
            from.default("log.format", "text");
            LogFormat::Text
        }
    }
}

/// What is unwise but works.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let secrets = [
        &config.git.token,
        &config.digitalocean.token,
        &config.server.token,
        &config.age_key,
        &config.ledger_key,
        &config.former_ledger_key,
    ];
    let mut warnings: Vec<String> = secrets.into_iter().flatten().filter_map(|secret| secret.warning()).collect();
    warnings.extend(config.git.ssh_key_file.as_deref().and_then(|path| warn_of("git.ssh_key_file", path)));
    warnings.extend(config.webhook_secrets.as_ref().and_then(|s| warn_of("webhook.secrets_file", s.file())));
    warnings.extend(config.server.listen.filter(|address| !address.ip().is_loopback()).map(|address| {
        format!("server.listen is {address}: tokens go there over plain http; better 127.0.0.1, behind nginx with TLS")
    }));
    let hash = |text: &str| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    warnings.extend(config.access.iter().filter_map(|person| {
        let odd = person.token_hash.as_ref().is_some_and(|given| !hash(given.expose_secret()));
        let told = "token_hash is no SHA-256 in 64 hex digits, so their token is refused: printf %s TOKEN | sha256sum";
        odd.then(|| format!("access of {}: {told}", person.name))
    }));
    let inside = |d: &&super::Described| d.value == "(secret)" && matches!(d.origin, Origin::File(_));
    if let (Some(secret), Some(file)) = (config.described.iter().find(inside), &config.file) {
        warnings.extend(warn_of(secret.name, file));
    }
    warnings
}
