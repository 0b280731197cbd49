//! DNS over UDP and TCP on one loopback port. Only moves bytes; `dns_answers.rs` decides what is said.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use hickory_proto::op::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio_util::sync::CancellationToken;

use super::dns_answers;
use super::server::Shared;

const PLAIN_UDP: usize = 512;
const MAX_UDP: usize = 4096;
const BIND_TRIES: usize = 8;

/// The two sockets, on the same port.
pub(super) struct Sockets {
    udp: UdpSocket,
    tcp: TcpListener,
}

/// Binds both sockets; with port 0, tries until one number is free for both.
pub(super) async fn bind(listen: SocketAddr) -> io::Result<Sockets> {
    let mut tried = 0;
    loop {
        let tcp = TcpListener::bind(listen).await?;
        match UdpSocket::bind(tcp.local_addr()?).await {
            Ok(udp) => return Ok(Sockets { udp, tcp }),
            Err(err) if listen.port() != 0 || tried >= BIND_TRIES => return Err(err),
            Err(_) => tried += 1,
        }
    }
}

impl Sockets {
    /// Returns where both listen.
    pub(super) fn addr(&self) -> io::Result<SocketAddr> {
        self.udp.local_addr()
    }

    /// Answers queries until told to stop.
    pub(super) async fn serve(self, shared: Arc<Shared>, stop: CancellationToken) {
        let mut buffer = vec![0; MAX_UDP];
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                received = self.udp.recv_from(&mut buffer) => {
                    // An ICMP error of an earlier answer arrives here too; it concerns nobody else.
                    let Ok((length, peer)) = received else { continue };
                    if let Some(reply) = buffer.get(..length).and_then(|query| over_udp(&shared, query)) {
                        let _ = self.udp.send_to(&reply, peer).await;
                    }
                }
                accepted = self.tcp.accept() => {
                    if let Ok((stream, _)) = accepted {
                        let (shared, stop) = (shared.clone(), stop.clone());
                        tokio::spawn(async move {
                            tokio::select! {
                                () = stop.cancelled() => {}
                                // A client that goes away in the middle is no concern of anybody.
                                _ = over_tcp(&shared, stream) => {}
                            }
                        });
                    }
                }
            }
        }
    }
}

fn answer(shared: &Shared, query: &[u8]) -> Option<(Message, usize)> {
    let query = Message::from_vec(query).ok()?;
    let room = match query.edns.is_some() {
        true => usize::from(query.max_payload()).clamp(PLAIN_UDP, MAX_UDP),
        false => PLAIN_UDP,
    };
    let core = shared.lock();
    Some((dns_answers::respond(&core.worlds, &query), room))
}

fn over_udp(shared: &Shared, query: &[u8]) -> Option<Vec<u8>> {
    let (reply, room) = answer(shared, query)?;
    let bytes = reply.to_vec().ok()?;
    match bytes.len() > room {
        true => reply.truncate().to_vec().ok(),
        false => Some(bytes),
    }
}

async fn over_tcp(shared: &Shared, mut stream: TcpStream) -> io::Result<()> {
    loop {
        let length = usize::from(stream.read_u16().await?);
        let mut query = vec![0; length];
        stream.read_exact(&mut query).await?;
        let Some(bytes) = answer(shared, &query).and_then(|(reply, _)| reply.to_vec().ok()) else {
            return Ok(());
        };
        let Ok(length) = u16::try_from(bytes.len()) else {
            return Ok(());
        };
        let mut framed = length.to_be_bytes().to_vec();
        framed.extend(bytes);
        stream.write_all(&framed).await?;
    }
}
