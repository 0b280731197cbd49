//! Where the repository is and how it lets us in.
//!
//! Owns the checks of addresses, branch names and credentials before they come near a
//! command line. Must not run git. Nothing here prints a secret.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use super::error::GitError;

/// A repository, the branch of it that is followed, and the way in.
#[derive(Debug, Clone)]
pub struct Remote {
    /// `https://…`, `ssh://…`, `user@host:path`, `file://…` or a path.
    pub url: String,
    /// The branch that is followed.
    pub branch: String,
    /// How the remote knows us.
    pub auth: Auth,
}

/// How a remote knows us.
#[derive(Debug, Clone)]
pub enum Auth {
    /// Nothing is sent; over ssh, the user's own agent and keys are used.
    None,
    /// A user name and a token over https.
    Token {
        /// The user name that goes with it (any for GitHub, `oauth2` for GitLab).
        username: String,
        /// The token.
        token: Token,
    },
    /// A private key over ssh, with the hosts whose keys are known.
    SshKey {
        /// The private key's file.
        key: PathBuf,
        /// The known_hosts file; a host that it lacks is refused.
        known_hosts: PathBuf,
    },
}

/// Where a token comes from.
#[derive(Debug, Clone)]
pub enum Token {
    /// A value that was given.
    Fixed(SecretString),
    /// A file that is read again at each use, so that a rotated token is noticed.
    File(PathBuf),
}

impl Token {
    /// Reads the token, without the line end that editors leave.
    pub(super) fn read(&self) -> Result<SecretString, GitError> {
        let (text, path) = match self {
            Self::Fixed(secret) => (secret.clone(), Path::new("(given)")),
            Self::File(path) => {
                let text = std::fs::read_to_string(path).map_err(|e| unreadable("token", path, &e))?;
                (SecretString::from(text), path.as_path())
            }
        };
        let bare = text.expose_secret().trim();
        let why = if bare.is_empty() {
            "it is empty"
        } else if bare.chars().any(|c| c.is_control() || c.is_whitespace()) {
            "it has spaces, line ends or control characters inside"
        } else {
            return Ok(SecretString::from(bare));
        };
        Err(GitError::BadCredential { what: "the token", path: path.into(), why: why.into() })
    }
}

fn unreadable(what: &'static str, path: &Path, error: &std::io::Error) -> GitError {
    let what = match what {
        "token" => "the token file",
        other => other,
    };
    GitError::BadCredential { what, path: path.into(), why: error.to_string().to_lowercase() }
}

/// How an address is reached, once it has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// A directory on this machine.
    Local(PathBuf),
    /// http(s); the origin has scheme, host and port only.
    Http {
        /// `http` (loopback only) or `https`.
        scheme: String,
        /// What credentials are bound to.
        origin: String,
    },
    /// ssh, in either notation.
    Ssh,
}

/// A remote whose address, branch and credentials fit together.
#[derive(Debug, Clone)]
pub(super) struct Checked {
    /// What is given to git: absolute where it is a path.
    pub(super) address: String,
    pub(super) branch: String,
    pub(super) auth: Auth,
    pub(super) way: Way,
}

impl Remote {
    /// Checks that address, branch and credentials are safe and fit together.
    pub(super) fn check(&self) -> Result<Checked, GitError> {
        let refuse = |why: &str| Err(GitError::BadAddress { url: without_credentials(&self.url), why: why.into() });
        check_branch(&self.branch)?;
        let way = match way_of(&self.url) {
            Ok(way) => way,
            Err(why) => return refuse(&why),
        };
        match (&self.auth, &way) {
            (Auth::Token { .. }, Way::Ssh) => return refuse("a token is of no use over ssh"),
            (Auth::SshKey { .. }, Way::Http { .. }) => {
                return refuse("an ssh key is of no use over https");
            }
            (Auth::SshKey { key, known_hosts }, Way::Ssh) => {
                check_ssh_path("the ssh key", key)?;
                check_ssh_path("the known_hosts file", known_hosts)?;
            }
            _ => {}
        }
        let address = match &way {
            Way::Local(path) => path.to_string_lossy().into_owned(),
            _ => self.url.clone(),
        };
        Ok(Checked { address, branch: self.branch.clone(), auth: self.auth.clone(), way })
    }
}

/// Finds how an address is reached, or says why it is not followed.
fn way_of(url: &str) -> Result<Way, String> {
    if url.is_empty() {
        return Err("it is empty".into());
    }
    if url.starts_with('-') {
        return Err("it begins with '-'".into());
    }
    if url.chars().any(char::is_control) {
        return Err("it has control characters".into());
    }
    if names_a_helper(url) {
        return Err("the form helper::address runs a program of its choice".into());
    }
    if url.contains("://") {
        return way_of_url(url);
    }
    // As git does it: a colon before the first slash is host:path.
    match url.split_once(':') {
        Some((before, path)) if !before.contains('/') => {
            let host = before.rsplit('@').next().unwrap_or_default();
            if host.is_empty() || host.starts_with('-') || path.starts_with('-') {
                return Err("its host or path is empty or begins with '-'".into());
            }
            Ok(Way::Ssh)
        }
        _ => std::path::absolute(url).map(Way::Local).map_err(|e| e.to_string()),
    }
}

fn names_a_helper(url: &str) -> bool {
    url.split_once("::").is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

fn way_of_url(url: &str) -> Result<Way, String> {
    let parsed = Url::parse(url).map_err(|e| e.to_string())?;
    if parsed.password().is_some() {
        return Err("it holds a password; put it into a token file".into());
    }
    let host_is_odd = parsed.host_str().is_none_or(|h| h.starts_with('-'));
    match parsed.scheme() {
        "file" => parsed
            .to_file_path()
            .map(Way::Local)
            .map_err(|()| "a file address must name an absolute path on this machine".into()),
        _ if host_is_odd => Err("it has no usable host".into()),
        "ssh" if parsed.username().starts_with('-') => Err("its user begins with '-'".into()),
        "ssh" => Ok(Way::Ssh),
        "https" | "http" if !parsed.username().is_empty() => {
            Err("it holds a user name; set username beside the token instead".into())
        }
        "http" if !is_loopback(&parsed) => Err("plain http can be read and changed on the way; use https".into()),
        scheme @ ("https" | "http") => {
            Ok(Way::Http { scheme: scheme.into(), origin: parsed.origin().ascii_serialization() })
        }
        other => Err(format!("{other} is not followed, only https, ssh and local paths are")),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        None => false,
    }
}

/// Takes what stands before the host out of an address, for messages.
pub(super) fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.into();
    };
    let host = rest.split('/').next().unwrap_or_default();
    match host.rsplit_once('@') {
        Some((user, _)) if scheme != "ssh" || user.contains(':') => {
            let bare = rest.strip_prefix(user).and_then(|rest| rest.strip_prefix('@'));
            format!("{scheme}://{}", bare.unwrap_or_default())
        }
        _ => url.into(),
    }
}

/// Checks a branch's short name.
pub(super) fn check_branch(branch: &str) -> Result<(), GitError> {
    let why = if branch.starts_with('-') {
        "it begins with '-'"
    } else if branch == "HEAD" || branch.starts_with("refs/") {
        "give the short name, such as main"
    } else if !git2::Reference::is_valid_name(&format!("refs/heads/{branch}")) {
        "git has no such names"
    } else {
        return Ok(());
    };
    Err(GitError::BadName { what: "the branch", name: branch.into(), why: why.into() })
}

/// Checks a full ref name, such as `refs/driftless/lease`.
pub(super) fn check_ref(name: &str) -> Result<(), GitError> {
    if name.starts_with("refs/") && git2::Reference::is_valid_name(name) {
        return Ok(());
    }
    Err(GitError::BadName {
        what: "the ref",
        name: name.into(),
        why: "a full name such as refs/heads/main is needed".into(),
    })
}

/// Checks that a file exists and that ssh's own quoting can carry its path.
fn check_ssh_path(what: &'static str, path: &Path) -> Result<(), GitError> {
    let text = path.to_str().unwrap_or("\"");
    if text.contains(['"', '\\', '$']) || text.chars().any(char::is_control) {
        return Err(GitError::BadCredential {
            what,
            path: path.into(),
            why: "its path has characters that ssh would read as its own".into(),
        });
    }
    std::fs::File::open(path).map(drop).map_err(|e| unreadable(what, path, &e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(url: &str) -> String {
        way_of(url).expect_err(url)
    }

    #[test]
    fn addresses_that_could_run_or_read_something_else_are_refused() {
        assert!(why("--upload-pack=touch x").contains("begins with"));
        assert!(why("ext::sh -c touch% x").contains("helper"));
        assert!(why("fd::3").contains("helper"));
        assert!(why("ssh://-oProxyCommand=x/y").contains("host"));
        assert!(why("git@-oProxyCommand=x:y").contains("host"));
        assert!(why("git://example.com/x").contains("git is not followed"));
        assert!(why("http://example.com/x").contains("https"));
        assert!(why("https://u:p@example.com/x").contains("password"));
        assert!(why("https://tok@example.com/x").contains("user name"));
        assert!(why("https://example.com/x\n").contains("control"));
    }

    #[test]
    fn the_usual_addresses_are_understood() {
        assert_eq!(way_of("git@github.com:a/b.git"), Ok(Way::Ssh));
        assert_eq!(way_of("ssh://git@[::1]:2222/a"), Ok(Way::Ssh));
        assert_eq!(way_of("/srv/infra.git"), Ok(Way::Local("/srv/infra.git".into())));
        assert_eq!(way_of("file:///srv/a%20b"), Ok(Way::Local("/srv/a b".into())));
        let Ok(Way::Http { origin, .. }) = way_of("https://example.com:8443/a/b.git") else {
            panic!("https is http");
        };
        assert_eq!(origin, "https://example.com:8443");
        assert!(matches!(way_of("http://127.0.0.1:1/x"), Ok(Way::Http { .. })));
        assert!(matches!(way_of("http://[::1]:1/x"), Ok(Way::Http { .. })));
    }

    #[test]
    fn an_address_in_a_message_has_no_credentials() {
        let remote = Remote { url: "https://ana:s3cret@example.com/x".into(), branch: "main".into(), auth: Auth::None };
        let text = remote.check().expect_err("refused").to_string();
        assert!(!text.contains("s3cret"), "{text}");
        assert!(text.contains("https://example.com/x"), "{text}");
        assert_eq!(without_credentials("ssh://git@h/x"), "ssh://git@h/x");
    }

    #[test]
    fn branch_names_that_look_like_options_or_full_refs_are_refused() {
        for bad in ["-d", "refs/heads/main", "HEAD", "a..b", "a b", "", "x.lock"] {
            assert!(check_branch(bad).is_err(), "{bad:?}");
        }
        check_branch("driftless/reports").expect("a usual name");
        assert!(check_ref("main").is_err());
        check_ref("refs/driftless/lease").expect("a full name");
    }

    #[test]
    fn a_token_is_read_without_its_line_end_and_never_shown() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("token");
        std::fs::write(&path, "ghp_abc\n").expect("written");
        let token = Token::File(path.clone());
        assert_eq!(token.read().expect("read").expose_secret(), "ghp_abc");
        assert!(!format!("{:?}", Token::Fixed("ghp_abc".into())).contains("ghp_abc"));
        std::fs::write(&path, "two words").expect("written");
        let text = token.read().expect_err("refused").to_string();
        assert!(!text.contains("words\""), "{text}");
        std::fs::write(&path, "\n").expect("written");
        assert!(token.read().expect_err("refused").to_string().contains("empty"));
    }
}
