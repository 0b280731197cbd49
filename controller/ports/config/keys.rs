//! The one list of settings: their names, their environment, what they take. What they mean is said in
//! `deploy/driftless.toml`, and a test holds the two together.

/// What a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A text.
    Text,
    /// A path; relative ones in a file are relative to that file.
    Path,
    /// A whole number.
    Number,
    /// true or false.
    Flag,
    /// A secret, in the value itself or, with `_file` after the name, in a file.
    Secret,
}

impl Shape {
    pub(super) fn expected(self) -> &'static str {
        match self {
            Self::Text => "a text in quotes",
            Self::Path => "a path in quotes",
            Self::Number => "a whole number, 0 or more",
            Self::Flag => "true or false",
            Self::Secret => "a text in quotes, or better a path under the same name with _file",
        }
    }
}

/// One setting.
#[derive(Debug)]
pub(super) struct Key {
    /// Its name in driftless.toml, with the table before it: `digitalocean.token`.
    pub(super) name: &'static str,
    /// What it takes.
    pub(super) shape: Shape,
    /// Names in the environment that people have set already, the first one first; `DRIFTLESS_…` comes before them. That of
    /// a secret with `_FILE` after it names its file.
    pub(super) also: &'static [&'static str],
}

const fn key(name: &'static str, shape: Shape) -> Key {
    Key { name, shape, also: &[] }
}

/// Every setting but `[[access]]`.
pub(super) const KEYS: &[Key] = &[
    key("repo", Shape::Text),
    key("branch", Shape::Text),
    key("path", Shape::Text),
    key("self", Shape::Text),
    key("freeze", Shape::Flag),
    key("data_dir", Shape::Path),
    key("socket", Shape::Path),
    key("secrets_dir", Shape::Path),
    Key { name: "no_color", shape: Shape::Flag, also: &["NO_COLOR"] },
    key("git.username", Shape::Text),
    key("git.token", Shape::Secret),
    key("git.ssh_key_file", Shape::Path),
    key("git.known_hosts_file", Shape::Path),
    Key {
        name: "digitalocean.token",
        shape: Shape::Secret,
        also: &["DIGITALOCEAN_ACCESS_TOKEN", "DIGITALOCEAN_TOKEN"],
    },
    Key { name: "digitalocean.api_url", shape: Shape::Text, also: &["DIGITALOCEAN_API_URL"] },
    key("digitalocean.per_minute", Shape::Number),
    key("digitalocean.per_hour", Shape::Number),
    Key { name: "log.level", shape: Shape::Text, also: &["RUST_LOG"] },
    key("log.format", Shape::Text),
    Key { name: "telemetry.endpoint", shape: Shape::Text, also: &["OTEL_EXPORTER_OTLP_ENDPOINT"] },
    Key { name: "sops.age_key", shape: Shape::Secret, also: &["SOPS_AGE_KEY"] },
    key("ledger.key", Shape::Secret),
    key("ledger.former_key", Shape::Secret),
    key("caps.max_deletes", Shape::Number),
    key("caps.max_delete_percent", Shape::Number),
    key("server.listen", Shape::Text),
    Key { name: "server.url", shape: Shape::Text, also: &["DRIFTLESS_SERVER"] },
    key("server.token", Shape::Secret),
    key("webhook.secrets_file", Shape::Path),
    key("reach.hosts", Shape::Flag),
    key("reach.port", Shape::Number),
    key("reach.map", Shape::Text),
];

/// What one entry of `[[access]]` may say.
pub(super) const ACCESS: &[&str] = &["name", "token_hash", "role", "github", "teams", "emails", "os_user"];

/// Those of them that are lists of texts.
pub(super) const LISTS: &[&str] = &["teams", "emails"];

/// The name of the file variant of a secret.
pub(super) fn file_variant(name: &str) -> String {
    format!("{name}_file")
}

/// The name of a setting in the environment: `digitalocean.token` is `DRIFTLESS_DIGITALOCEAN_TOKEN`.
pub(super) fn environment(name: &str) -> String {
    format!("DRIFTLESS_{}", name.replace('.', "_").to_ascii_uppercase())
}

/// The setting of that name, and the shape that the name asks for; the file variant of a secret is a path.
pub(super) fn find(name: &str) -> Option<(&'static Key, Shape)> {
    KEYS.iter().find_map(|key| {
        if key.name == name {
            return Some((key, key.shape));
        }
        let variant = key.shape == Shape::Secret && file_variant(key.name) == name;
        variant.then_some((key, Shape::Path))
    })
}

/// What somebody may have meant who wrote this name: the nearest one, and else the same name in another table.
pub(super) fn meant(name: &str) -> Option<String> {
    let mut names: Vec<String> = KEYS.iter().map(|key| key.name.to_owned()).collect();
    names.extend(KEYS.iter().filter(|k| k.shape == Shape::Secret).map(|k| file_variant(k.name)));
    names.push("access".to_owned());
    let (nearest, near) = nearest(name, &names)?;
    (near > 0.75).then_some(nearest).or_else(|| {
        let last = |name: &str| plain(name.rsplit('.').next().unwrap_or(name));
        names.iter().find(|known| last(known) == last(name)).cloned()
    })
}

/// The nearest of some names and how near it is, from 0 to 1; capitals and underscores don't count.
pub(super) fn nearest(name: &str, names: &[String]) -> Option<(String, f32)> {
    let near = |known: &String| similar::TextDiff::from_chars(plain(known).as_str(), plain(name).as_str()).ratio();
    names.iter().map(|known| (known.clone(), near(known))).max_by(|a, b| a.1.total_cmp(&b.1))
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| *c != '_' && *c != '-').collect::<String>().to_ascii_lowercase()
}
