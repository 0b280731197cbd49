//! Where simulated hosts listen: every address of theirs is a port of loopback. Owns that arithmetic, and nothing else.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use ipnet::Ipv4Net;

/// TEST-NET-3, TEST-NET-2 and TEST-NET-1, from which droplets get their first 759 public addresses.
const PUBLIC: [[u8; 4]; 3] = [[203, 0, 113, 0], [198, 51, 100, 0], [192, 0, 2, 0]];
/// Private networks have so many ports each; addresses are given out from the lowest up.
const PRIVATE: u16 = 4096;
/// Below the ports that systems give out by themselves, with room above for all networks.
const FIRST: u16 = 20_000;

/// Where the hosts of one simulator listen.
#[derive(Clone, Debug)]
pub(in crate::sandbox) struct Place {
    ip: Ipv4Addr,
    networks: Vec<(Ipv4Net, u16)>,
}

impl Place {
    /// Lays out the networks one after another, from a port on.
    pub(in crate::sandbox) fn new(at: Option<(Ipv4Addr, u16)>, private: &[Ipv4Net]) -> io::Result<Self> {
        let (ip, first) = match at {
            Some((ip, _)) if !ip.is_loopback() => {
                return Err(io::Error::other(format!("simulated hosts listen on loopback, and {ip} is elsewhere")));
            }
            Some(at) => at,
            None => free(),
        };
        let public = PUBLIC.iter().filter_map(|octets| Ipv4Net::new(Ipv4Addr::from(*octets), 24).ok());
        let mut next = Some(first);
        let mut networks = Vec::new();
        for (network, ports) in public.map(|net| (net, 256)).chain(private.iter().map(|net| (net.trunc(), PRIVATE))) {
            let base = next.ok_or_else(|| io::Error::other(format!("no ports are left for {network}")))?;
            networks.push((network, base));
            next = base.checked_add(ports);
        }
        Ok(Self { ip, networks })
    }

    /// Where an address is; none where it has no port.
    pub(in crate::sandbox) fn of(&self, address: Ipv4Addr) -> Option<SocketAddr> {
        let (network, base) = self.networks.iter().find(|(network, _)| network.contains(&address))?;
        let offset = u32::from(address).checked_sub(u32::from(network.network()))?;
        let port = base.checked_add(u16::try_from(offset).ok()?)?;
        Some(SocketAddr::from((self.ip, port)))
    }

    /// Says whether something listens for a host there, so that another host may be let through to it.
    pub(super) fn covers(&self, ip: Ipv4Addr, port: u16) -> bool {
        let first = self.networks.first().map_or(0, |(_, base)| *base);
        let last = self.networks.last().map_or(0, |(_, base)| base.saturating_add(PRIVATE));
        ip == self.ip && (first..last).contains(&port)
    }

    /// What a client has to be told: `203.0.113.0/24=127.0.0.1:20000, …`.
    pub(in crate::sandbox) fn map(&self) -> String {
        let one = |(network, base): &(Ipv4Net, u16)| format!("{network}={}:{base}", self.ip);
        self.networks.iter().map(one).collect::<Vec<_>>().join(", ")
    }
}

/// A loopback address of one's own, so that two simulators never meet; where there is only one, ports that are free.
fn free() -> (Ipv4Addr, u16) {
    let [a, b, c, d, ..] = *uuid::Uuid::new_v4().as_bytes();
    let own = Ipv4Addr::new(127, a.clamp(1, 254), b, c.clamp(1, 254));
    if TcpListener::bind((own, FIRST)).is_ok() {
        return (own, FIRST);
    }
    (Ipv4Addr::LOCALHOST, FIRST + u16::from(d) * 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_network_has_ports_of_its_own_and_what_is_elsewhere_has_none() {
        let private = "10.114.0.0/16".parse().expect("a network");
        let place = Place::new(Some((Ipv4Addr::LOCALHOST, 42_000)), &[private]).expect("a place");
        let at = |text: &str| place.of(text.parse().expect("an address")).map(|at| at.port());
        assert_eq!(at("203.0.113.10"), Some(42_010));
        assert_eq!(at("198.51.100.2"), Some(42_258));
        assert_eq!(at("10.114.0.2"), Some(42_770));
        assert_eq!((at("10.115.0.2"), at("10.114.200.0")), (None, None));
        assert!(place.map().starts_with("203.0.113.0/24=127.0.0.1:42000, 198.51.100.0/24=127.0.0.1:42256, "));
        assert!(Place::new(Some((Ipv4Addr::new(10, 0, 0, 1), 1)), &[]).is_err());
    }
}
