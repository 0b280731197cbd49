//! Request patterns: a method or `*`, a path whose segments may be `*` (one) or `**` (any number), and query
//! parameters that have to be there.

/// Matches requests by method, path and query.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    method: String,
    segments: Vec<String>,
    query: Vec<(String, String)>,
}

impl Pattern {
    /// Reads a pattern; `None` where the path does not begin with a slash.
    pub(super) fn new(method: &str, path: &str) -> Option<Self> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let path = path.strip_prefix('/')?;
        Some(Self {
            method: method.to_ascii_uppercase(),
            segments: path.split('/').map(str::to_owned).collect(),
            query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        })
    }

    /// Says whether a request fits.
    pub(super) fn matches(&self, method: &str, path: &str, query: &[(String, String)]) -> bool {
        let path: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        (self.method == "*" || self.method == method)
            && self.query.iter().all(|pair| query.contains(pair))
            && fits(&self.segments, &path)
    }
}

fn fits(pattern: &[String], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((head, rest)), _) if head == "**" => {
            (0..=path.len()).any(|skip| path.get(skip..).is_some_and(|path| fits(rest, path)))
        }
        (Some((head, rest)), Some((first, others))) => (head == "*" || head == first) && fits(rest, others),
        _ => false,
    }
}
