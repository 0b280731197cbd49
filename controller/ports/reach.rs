//! Whether hosts answer: a TCP connection to their port, and nothing more. Sends no byte, decides nothing.
//!
//! Off unless `[reach]` in driftless.toml turns it on. Beside a simulator, addresses are mapped to loopback.

use ipnet::Ipv4Net;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
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
    /// Where addresses are instead, and those of whole networks (`203.0.113.0/24`), whose first is there and the others
    /// on the ports after it: for rehearsals only.
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
            Self::Tcp(tcp) => tcp.mapped(address),
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
    /// By the address itself, else by the smallest network that holds it.
    fn mapped(&self, address: &str) -> Option<SocketAddr> {
        if let Some(to) = self.map.get(address) {
            return Some(*to);
        }
        let address: Ipv4Addr = address.parse().ok()?;
        let networks = self.map.iter().filter_map(|(from, to)| Some((from.parse::<Ipv4Net>().ok()?, to)));
        let (network, to) = networks
            .filter(|(network, _)| network.contains(&address))
            .max_by_key(|(network, _)| network.prefix_len())?;
        let offset = u32::from(address).checked_sub(u32::from(network.network()))?;
        let port = to.port().checked_add(u16::try_from(offset).ok()?)?;
        Some(SocketAddr::new(to.ip(), port))
    }

    async fn connects(&self, address: &str) -> Result<(), String> {
        let mapped = self.mapped(address);
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

/// Reads a map of addresses and networks: `203.0.113.10=127.0.0.1:2222, 198.51.100.0/24=127.0.0.1:42000`. It leads to
/// loopback only.
pub fn map(text: &str) -> Result<BTreeMap<String, SocketAddr>, String> {
    let pair = |pair: &str| {
        let (from, to) = pair.split_once('=')?;
        let to: SocketAddr = to.trim().parse().ok().filter(|to: &SocketAddr| to.ip().is_loopback())?;
        let address = || Some(from.trim().parse::<IpAddr>().ok()?.to_string());
        let network = || Some(from.trim().parse::<Ipv4Net>().ok().filter(|net| *net == net.trunc())?.to_string());
        Some((address().or_else(network)?, to))
    };
    let all = text.split(',').map(str::trim).filter(|text| !text.is_empty());
    let all: Option<BTreeMap<_, _>> = all.map(pair).collect();
    all.ok_or_else(|| {
        "expected address=127.0.0.1:port or network=127.0.0.1:first port, several with commas between them".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_a_mapped_network_is_on_the_port_as_far_from_the_first() {
        let text = "203.0.113.0/24=127.0.0.1:42000, 203.0.113.128/25=127.0.0.1:50000, 203.0.113.7=127.0.0.1:22, 10.0.0.0/8=127.0.0.1:60000";
        let reach = Reach::Tcp(Tcp { map: map(text).expect("it is read"), ..Tcp::default() });
        let port = |address: &str| reach.mapped(address).map(|to| to.port());
        assert_eq!(port("203.0.113.10"), Some(42_010));
        assert_eq!(port("203.0.113.130"), Some(50_002), "the smaller network is meant");
        assert_eq!(port("203.0.113.7"), Some(22), "an address is meant before a network");
        assert_eq!(port("10.0.0.2"), Some(60_002));
        assert_eq!(port("10.200.0.2"), None, "there is no such port");
        assert_eq!((port("192.0.2.1"), port("erp.example.com")), (None, None));
        for wrong in ["203.0.113.9/24=127.0.0.1:1", "203.0.113.0/24=192.0.2.1:1", "203.0.113.0/33=127.0.0.1:1"] {
            assert!(map(wrong).is_err(), "{wrong}");
        }
    }
}
