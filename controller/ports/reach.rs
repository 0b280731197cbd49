//! Whether hosts answer: a TCP connection to their port, and nothing more. Sends no byte, decides nothing.
//!
//! Off unless `[reach]` in driftless.toml turns it on. Beside a simulator, addresses are mapped to loopback.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

/// The way to hosts.
#[derive(Clone, Debug, Default)]
pub enum Reach {
    /// Nothing is reached, so nothing is lost.
    #[default]
    Off,
    /// Hosts are reached by TCP.
    Tcp(Tcp),
}

/// How hosts are reached by TCP.
#[derive(Clone, Debug)]
pub struct Tcp {
    /// The port, 22 for SSH.
    pub port: u16,
    /// How long one connection may take.
    pub each: Duration,
    /// How long a host that does not answer is tried again before it counts as lost.
    pub patience: Duration,
    /// Where addresses are instead: for rehearsals only.
    pub map: BTreeMap<String, SocketAddr>,
}

impl Default for Tcp {
    fn default() -> Self {
        let (each, patience) = (Duration::from_secs(3), Duration::from_secs(30));
        Self { port: 22, each, patience, map: BTreeMap::new() }
    }
}

impl Reach {
    /// Says whether hosts are reached at all.
    pub fn is_on(&self) -> bool {
        matches!(self, Self::Tcp(_))
    }

    /// Where an address is instead: for rehearsals only.
    pub fn mapped(&self, address: &str) -> Option<SocketAddr> {
        match self {
            Self::Tcp(tcp) => tcp.map.get(address).copied(),
            Self::Off => None,
        }
    }

    /// Those of some addresses that answer now.
    pub async fn answering(&self, addresses: &[String]) -> Vec<String> {
        let Self::Tcp(tcp) = self else { return Vec::new() };
        let tried = addresses.iter().map(|address| async move { tcp.connects(address).await.is_ok() });
        let answers = futures::future::join_all(tried).await;
        addresses.iter().zip(answers).filter(|(_, answers)| *answers).map(|(address, _)| address.clone()).collect()
    }

    /// Tries addresses until all answer or patience ends; the error names those that do not, and what came back.
    pub async fn check(&self, addresses: &[String]) -> Result<(), String> {
        let Self::Tcp(tcp) = self else { return Ok(()) };
        let began = Instant::now();
        let mut pause = tcp.each.min(tcp.patience / 20).max(Duration::from_millis(10));
        loop {
            let tried = addresses.iter().map(|address| tcp.connects(address));
            let tried = futures::future::join_all(tried).await;
            let lost: Vec<String> = tried.into_iter().filter_map(Result::err).collect();
            if lost.is_empty() {
                return Ok(());
            }
            if began.elapsed() >= tcp.patience {
                return Err(lost.join("; "));
            }
            sleep(pause).await;
            pause = pause.saturating_mul(2).min(tcp.each);
        }
    }
}

impl Tcp {
    async fn connects(&self, address: &str) -> Result<(), String> {
        let mapped = self.map.get(address).copied();
        let ip = address.parse().map_err(|_| format!("{address:?} is no address"));
        let to = match mapped {
            Some(to) => to,
            None => SocketAddr::new(ip?, self.port),
        };
        match timeout(self.each, TcpStream::connect(to)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(format!("{address} port {}: {error}", self.port)),
            Err(_) => Err(format!("{address} port {}: no answer within {} ms", self.port, self.each.as_millis())),
        }
    }
}

/// Reads a map of addresses: `203.0.113.10=127.0.0.1:2222, 203.0.113.11=127.0.0.1:2223`. It leads to loopback only.
pub fn map(text: &str) -> Result<BTreeMap<String, SocketAddr>, String> {
    let pair = |pair: &str| {
        let (from, to) = pair.split_once('=')?;
        let to: SocketAddr = to.trim().parse().ok().filter(|to: &SocketAddr| to.ip().is_loopback())?;
        Some((from.trim().parse::<std::net::IpAddr>().ok()?.to_string(), to))
    };
    let all = text.split(',').map(str::trim).filter(|text| !text.is_empty());
    let all: Option<BTreeMap<_, _>> = all.map(pair).collect();
    all.ok_or_else(|| "expected address=127.0.0.1:port, several with commas between them".to_owned())
}
