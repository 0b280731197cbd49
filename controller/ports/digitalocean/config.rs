//! What the client is told at start: where the API is, how patient to be, how fast to go.
//! It decides nothing while running and reads no environment.

use std::net::IpAddr;
use std::time::Duration;

use url::{Host, Url};

use super::token::Token;

/// DigitalOcean's public API.
pub const PUBLIC_API: &str = "https://api.digitalocean.com";

/// Everything a [`super::Client`] needs to know before its first call.
#[derive(Debug, Clone)]
pub struct Config {
    /// The API's root, without `/v2`.
    pub base: Url,
    /// Where the token comes from.
    pub token: Token,
    /// What the client calls itself.
    pub user_agent: String,
    /// How long a connection may take to stand.
    pub connect_timeout: Duration,
    /// How long one call may take from sending to the answer's last byte.
    pub call_timeout: Duration,
    /// The same for one page of a list.
    pub list_timeout: Duration,
    /// The rate limits that the client keeps.
    pub limits: Limits,
    /// How many pages of one list are read at the same time.
    pub pages_at_once: usize,
    /// The waits between tries and between looks at an action.
    pub pace: Pace,
}

impl Config {
    /// Describes a client of the public API with the usual patience.
    pub fn new(token: Token) -> Result<Self, SetupError> {
        Self::at(PUBLIC_API, token)
    }

    /// Describes a client of the API at `base`, such as a sandbox on loopback.
    pub fn at(base: &str, token: Token) -> Result<Self, SetupError> {
        let url = Url::parse(base.trim_end_matches('/'))
            .map_err(|why| SetupError::Base { base: base.to_owned(), why: why.to_string() })?;
        Ok(Self {
            base: url,
            token,
            user_agent: concat!("driftless/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: Duration::from_secs(5),
            call_timeout: Duration::from_secs(30),
            list_timeout: Duration::from_secs(60),
            limits: Limits::DIGITALOCEAN,
            pages_at_once: 8,
            pace: Pace::default(),
        })
    }

    /// Refuses an address over which the token could be read by others.
    pub(super) fn check(&self) -> Result<(), SetupError> {
        let refuse = |why: &str| {
            let mut shown = self.base.clone();
            // A password in the address must not reach a log through this message.
            let _ = shown.set_password(None);
            let _ = shown.set_username("");
            Err(SetupError::Base { base: shown.to_string(), why: why.to_owned() })
        };
        if !self.base.username().is_empty() || self.base.password().is_some() {
            return refuse("it holds a user name or password; the token is given apart");
        }
        if self.base.query().is_some() || self.base.fragment().is_some() {
            return refuse("it must end after the host and path");
        }
        match self.base.scheme() {
            "https" => Ok(()),
            "http" if self.is_loopback() => Ok(()),
            "http" => refuse("the token is sent over plain http to loopback only; use https"),
            _ => refuse("it must begin with https://"),
        }
    }

    /// Says whether the API is on this very machine.
    pub fn is_loopback(&self) -> bool {
        match self.base.host() {
            Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
            Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
            Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
            None => false,
        }
    }
}

/// How many requests may be sent in which time; `None` means without limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Requests in any 60 seconds.
    pub per_minute: Option<usize>,
    /// Requests in any hour.
    pub per_hour: Option<usize>,
    /// Lists of SSH keys in any 60 seconds.
    pub key_lists_per_minute: Option<usize>,
}

impl Limits {
    /// The limits that DigitalOcean sets for one token.
    pub const DIGITALOCEAN: Self =
        Self { per_minute: Some(250), per_hour: Some(5_000), key_lists_per_minute: Some(10) };

    /// No limits of our own, for a sandbox; what the server answers is still obeyed.
    pub const OFF: Self = Self { per_minute: None, per_hour: None, key_lists_per_minute: None };

    /// Returns the same limits, `factor` times as high (one request at the least).
    #[must_use]
    pub fn scaled(self, factor: usize) -> Self {
        let times = |most: Option<usize>| most.map(|most| most.saturating_mul(factor).max(1));
        Self {
            per_minute: times(self.per_minute),
            per_hour: times(self.per_hour),
            key_lists_per_minute: times(self.key_lists_per_minute),
        }
    }
}

/// The waits between tries and between looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The wait before the first retry; it doubles from there, with jitter.
    pub retry_first: Duration,
    /// The longest wait before a retry.
    pub retry_most: Duration,
    /// How many times a safe call is sent again.
    pub retries: usize,
    /// The pause before a list that moved is read again.
    pub list_pause: Duration,
    /// The first wait between two looks at an action; it grows from there.
    pub poll_first: Duration,
    /// The longest wait between two looks at an action.
    pub poll_most: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            retry_first: Duration::from_millis(400),
            retry_most: Duration::from_secs(8),
            retries: 4,
            list_pause: Duration::from_millis(500),
            poll_first: Duration::from_secs(1),
            poll_most: Duration::from_secs(5),
        }
    }
}

impl Pace {
    /// A pace for a sandbox on the same machine, whose actions take milliseconds.
    pub const SANDBOX: Self = Self {
        retry_first: Duration::from_millis(10),
        retry_most: Duration::from_millis(200),
        retries: 4,
        list_pause: Duration::from_millis(10),
        poll_first: Duration::from_millis(10),
        poll_most: Duration::from_millis(200),
    };
}

/// Why a client could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The address of the API cannot be used.
    #[error("the DigitalOcean API's address {base} cannot be used: {why}")]
    Base {
        /// The address, without any password.
        base: String,
        /// What is wrong with it.
        why: String,
    },
    /// No token could be had.
    #[error(transparent)]
    Token(#[from] super::token::TokenError),
    /// The HTTP client could not be set up.
    #[error("the HTTPS client could not be set up: {why}")]
    Http {
        /// What came back.
        why: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(base: &str) -> Result<(), SetupError> {
        Config::at(base, Token::inline("t")).and_then(|config| config.check())
    }

    #[test]
    fn a_token_goes_over_plain_http_to_loopback_only() {
        for good in ["https://api.digitalocean.com", "http://127.0.0.1:8080", "http://[::1]:80/", "http://localhost:9"]
        {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in [
            "http://api.digitalocean.com",
            "http://10.0.0.1",
            "http://localhost.example.com",
            "ftp://127.0.0.1",
            "http://[fd00::1]",
            "nonsense",
            "https://api.digitalocean.com?x=1",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_in_the_address_is_refused_and_not_repeated() {
        let told = check("https://me:hunter2@api.digitalocean.com").expect_err("refused").to_string();
        assert!(!told.contains("hunter2"), "{told}");
    }
}
