//! The SSH server of one machine. Owns logins, channels, and what is lost on the way; must not know what is run.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use russh::server::{Auth, ChannelOpenHandle, Config, Handle, Handler, Msg, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId, MethodKind, MethodSet};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::faults::{Effect, On};
use super::machine::Machine;
use super::shell::{self, Said};
use super::{Ground, api};

/// What brings the engine's API to a session's input and output.
const DIALS: &str = "docker system dial-stdio";
/// What a session runs that only waits for its client to go.
const WAITS: &str = "exec cat >/dev/null";
/// So much is on the way at once.
const PIPE: usize = 256 * 1024;

/// Listens until the machine is off.
pub(super) async fn listen(listener: TcpListener, ground: Arc<Ground>, machine: Arc<Machine>, end: CancellationToken) {
    let config = Arc::new(Config {
        keys: vec![machine.key.clone()],
        methods: MethodSet::from([MethodKind::PublicKey].as_slice()),
        auth_rejection_time: Duration::from_millis(10),
        auth_rejection_time_initial: Some(Duration::ZERO),
        inactivity_timeout: None,
        nodelay: true,
        ..Config::default()
    });
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = end.cancelled() => return,
        };
        if let Ok((stream, _)) = accepted {
            tokio::spawn(serve(stream, ground.clone(), machine.clone(), config.clone(), end.child_token()));
        }
    }
}

async fn serve(
    stream: TcpStream,
    ground: Arc<Ground>,
    machine: Arc<Machine>,
    config: Arc<Config>,
    end: CancellationToken,
) {
    let _ = stream.set_nodelay(true);
    for effect in ground.faults.meet(&machine.name(), On::Connect, "") {
        match effect {
            Effect::Closed => return,
            Effect::Hang => return end.cancelled().await,
            Effect::Latency(time) => tokio::time::sleep(time).await,
            _ => {}
        }
    }
    let round_trip = ground.config.round_trip;
    let handler = Line { ground, machine, cut: end.clone(), user: String::new(), open: HashMap::new() };
    // The session is a task of its own: it ends when what it reads from has gone, and so does all that hangs on it.
    let (inner, outer) = tokio::io::duplex(PIPE);
    let session = async {
        if let Ok(running) = russh::server::run_stream(config, inner, handler).await {
            let _ = running.await;
        }
    };
    let carried = async {
        match round_trip.is_zero() {
            true => carry(stream, outer).await,
            false => carry(slow(stream, round_trip), outer).await,
        }
    };
    tokio::select! {
        () = async { tokio::join!(session, carried); } => {}
        () = end.cancelled() => {}
    }
}

/// Carries bytes both ways until either side ends.
async fn carry(mut one: impl AsyncRead + AsyncWrite + Unpin, mut other: DuplexStream) {
    let _ = tokio::io::copy_bidirectional(&mut one, &mut other).await;
}

/// The same stream, with everything that comes in late by one round trip.
fn slow(stream: TcpStream, by: Duration) -> DuplexStream {
    let (near, far) = tokio::io::duplex(PIPE);
    let (mut from, mut to) = stream.into_split();
    let (mut back, mut forth) = tokio::io::split(far);
    let (send, mut receive) = mpsc::unbounded_channel::<(Instant, Bytes)>();
    tokio::spawn(async move {
        let mut chunk = vec![0; 32 * 1024];
        while let Ok(count) = from.read(&mut chunk).await {
            let bytes = Bytes::copy_from_slice(chunk.get(..count).unwrap_or_default());
            if count == 0 || send.send((Instant::now() + by, bytes)).is_err() {
                break;
            }
        }
    });
    tokio::spawn(async move {
        while let Some((due, bytes)) = receive.recv().await {
            tokio::time::sleep_until(due).await;
            if forth.write_all(&bytes).await.is_err() {
                return;
            }
        }
        let _ = forth.shutdown().await;
    });
    tokio::spawn(async move {
        let _ = tokio::io::copy(&mut back, &mut to).await;
        let _ = to.shutdown().await;
    });
    near
}

/// One connection.
struct Line {
    ground: Arc<Ground>,
    machine: Arc<Machine>,
    /// Cuts the connection.
    cut: CancellationToken,
    user: String,
    /// Where the input of each channel goes.
    open: HashMap<ChannelId, mpsc::UnboundedSender<Bytes>>,
}

impl Handler for Line {
    type Error = russh::Error;

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        let home = if user == "root" { "/root".to_owned() } else { format!("/home/{user}") };
        let keys = self.machine.disk.read(&format!("{home}/.ssh/authorized_keys")).await.unwrap_or_default();
        let shown = key.public_key.to_openssh().unwrap_or_default();
        let body = shown.split(' ').nth(1).unwrap_or("none");
        let let_in = String::from_utf8_lossy(&keys).lines().any(|line| line.split(' ').any(|word| word == body));
        user.clone_into(&mut self.user);
        Ok(if let_in { Auth::Accept } else { Auth::reject() })
    }

    async fn channel_open_session(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        reply.accept().await;
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        line: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)?;
        let (send, input) = mpsc::unbounded_channel();
        self.open.insert(channel, send);
        let line = String::from_utf8_lossy(line).into_owned();
        let (machine, user, cut) = (self.machine.clone(), self.user.clone(), self.cut.clone());
        let work = Work { ground: self.ground.clone(), machine, user, channel, handle: session.handle(), cut };
        tokio::spawn(work.run(line, input));
        Ok(())
    }

    async fn data(&mut self, channel: ChannelId, data: &[u8], _: &mut Session) -> Result<(), Self::Error> {
        if let Some(input) = self.open.get(&channel) {
            // Whoever does not read to the end has closed it.
            let _ = input.send(Bytes::copy_from_slice(data));
        }
        Ok(())
    }

    async fn channel_eof(&mut self, channel: ChannelId, _: &mut Session) -> Result<(), Self::Error> {
        self.open.remove(&channel);
        Ok(())
    }

    async fn channel_close(&mut self, channel: ChannelId, _: &mut Session) -> Result<(), Self::Error> {
        self.open.remove(&channel);
        Ok(())
    }

    /// Lets through to the engine's socket, and to no other.
    async fn channel_open_direct_streamlocal(
        &mut self,
        channel: Channel<Msg>,
        path: &str,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        if api::SOCKETS.contains(&path) && api::listens(&self.machine, &self.user) {
            reply.accept().await;
            let (machine, cut) = (self.machine.clone(), self.cut.clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = api::serve(channel.into_stream(), machine) => {}
                    () = cut.cancelled() => {}
                }
            });
        }
        Ok(())
    }

    /// Lets through to other simulated hosts, and to nothing else.
    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        let to = match (host.parse(), u16::try_from(port)) {
            (Ok(IpAddr::V4(ip)), Ok(port)) if self.ground.place.covers(ip, port) => (ip, port),
            _ => return Ok(()),
        };
        if let Ok(mut far) = TcpStream::connect(to).await {
            reply.accept().await;
            let cut = self.cut.clone();
            tokio::spawn(async move {
                let mut near = channel.into_stream();
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                    () = cut.cancelled() => {}
                }
            });
        }
        Ok(())
    }
}

/// Everything that comes into a channel and goes out of it, as a stream.
fn piped(mut input: mpsc::UnboundedReceiver<Bytes>, handle: Handle, channel: ChannelId) -> DuplexStream {
    let (near, far) = tokio::io::duplex(PIPE);
    let (mut from, mut to) = tokio::io::split(far);
    tokio::spawn(async move {
        while let Some(bytes) = input.recv().await {
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
    });
    tokio::spawn(async move {
        let mut chunk = vec![0; 32 * 1024];
        while let Ok(count) = from.read(&mut chunk).await {
            let bytes = Bytes::copy_from_slice(chunk.get(..count).unwrap_or_default());
            if count == 0 || handle.data(channel, bytes).await.is_err() {
                break;
            }
        }
    });
    near
}

/// One command line of one channel.
struct Work {
    ground: Arc<Ground>,
    machine: Arc<Machine>,
    user: String,
    channel: ChannelId,
    handle: Handle,
    cut: CancellationToken,
}

impl Work {
    async fn run(self, line: String, mut input: mpsc::UnboundedReceiver<Bytes>) {
        if let Some(first) = line.strip_suffix(WAITS) {
            let said = shell::run(&self.machine, &self.user, first, Vec::new()).await;
            let _ = self.handle.data(self.channel, said.out).await;
            while input.recv().await.is_some() {}
            return self.end(&Said::default()).await;
        }
        if line.ends_with(DIALS) {
            let user = if line.starts_with("sudo ") { "root" } else { &self.user };
            return match api::listens(&self.machine, user) {
                true => {
                    let stream = piped(input, self.handle.clone(), self.channel);
                    api::serve(stream, self.machine.clone()).await;
                    self.end(&Said::default()).await;
                }
                false => {
                    self.end(&Said::fails(1, "Cannot connect to the Docker daemon at unix:///var/run/docker.sock"))
                        .await
                }
            };
        }
        let mut stdin = Vec::new();
        while let Some(bytes) = input.recv().await {
            stdin.extend_from_slice(&bytes);
        }
        let (mut lost, mut broken) = (false, false);
        for effect in self.ground.faults.meet(&self.machine.name(), On::Transfer, &stdin.len().to_string()) {
            match effect {
                // What had come is all that there is; whoever reads it goes on by himself.
                Effect::Drop(bytes) => {
                    stdin.truncate(bytes);
                    self.cut.cancel();
                    broken = true;
                }
                Effect::LostReply => lost = true,
                _ => {}
            }
        }
        let said = shell::run(&self.machine, &self.user, &line, stdin).await;
        // Nobody hears what it says.
        if lost {
            self.cut.cancel();
        } else if !broken {
            self.end(&said).await;
        }
    }

    async fn end(&self, said: &Said) {
        let (handle, channel) = (&self.handle, self.channel);
        // Where the client has gone, nobody hears it.
        if !said.out.is_empty() {
            let _ = handle.data(channel, said.out.clone()).await;
        }
        if !said.err.is_empty() {
            let _ = handle.extended_data(channel, 1, said.err.clone()).await;
        }
        let _ = handle.exit_status_request(channel, u32::try_from(said.code).unwrap_or(255)).await;
        let _ = handle.eof(channel).await;
        let _ = handle.close(channel).await;
    }
}
