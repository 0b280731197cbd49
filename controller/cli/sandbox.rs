//! `driftless sandbox`: runs the DigitalOcean simulator. Owns its arguments and its end; what it does is the sandbox's.

use super::screen::Screen;
use super::{Exit, Output};
use crate::render;
use crate::sandbox::{self, ContainersConfig, Fault, HostsConfig, Limits, Running, Scopes, Seed, Token};
use anyhow::{Context, anyhow, bail};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Runs a DigitalOcean to play with
///
/// Answers DigitalOcean's API on this machine: droplets, zones, firewalls, VPCs, keys, as the real one does, and
/// without a bill. Ends with Ctrl-C.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  driftless sandbox
  driftless sandbox --state sandbox.json --action-time 20s --limits off
  driftless sandbox --fault 'GET /v2/droplets latency=2s count=3'
  driftless sandbox --token ci:read-only --seed droplets=200,zones=5
  driftless sandbox --hosts containers --droplet-gets postgres:16")]
pub struct Arguments {
    /// Where the API listens: a port of this machine; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8484", value_parser = loopback)]
    listen: SocketAddr,
    /// Answers DNS for its zones too, at a free port or the given one
    #[arg(long, value_name = "ADDR:PORT", num_args = 0..=1, default_missing_value = "127.0.0.1:0", value_parser = loopback)]
    dns: Option<SocketAddr>,
    /// A token that it accepts, and what it may do: full (default), read-only, or scopes such as
    /// droplet:read,domain:*; may be given several times [default: sandbox]
    #[arg(long = "token", value_name = "TOKEN[:SCOPES]", value_parser = token)]
    tokens: Vec<Token>,
    /// The file that keeps the world between runs; without one it is forgotten
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// How long actions such as a resize take
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = time)]
    action_time: Duration,
    /// Request limits: real, off, or how many times the real ones
    #[arg(long, value_name = "real|off|FACTOR", default_value = "real", value_parser = limits)]
    limits: Limits,
    /// Goes wrong on demand: METHOD PATH EFFECT…, effects such as latency=200ms, 429, 500, lost-reply, count=3; may be
    /// given several times
    #[arg(long = "fault", value_name = "FAULT", value_parser = |text: &str| text.parse::<Fault>())]
    faults: Vec<Fault>,
    /// What is behind droplets: simulated machines that are reached over real SSH, with a Docker Engine, compose, nginx
    /// and certbot; the same for real, in containers of the Docker Engine of this machine; or none
    #[arg(long, value_name = "simulated|containers|none", default_value = "simulated", value_parser = ["simulated", "containers", "none"])]
    hosts: String,
    /// The image of droplets that are containers: deploy/droplet-image/build makes it
    #[arg(long, value_name = "IMAGE", default_value_t = ContainersConfig::default().image)]
    droplet_image: String,
    /// An image of this machine's engine that droplets which are containers get, since they reach no registry; may be
    /// given several times
    #[arg(long = "droplet-gets", value_name = "IMAGE")]
    droplet_gets: Vec<String>,
    /// The loopback address and the first of the ports that hosts listen on
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:42000", value_parser = loopback)]
    hosts_at: SocketAddr,
    /// A private network whose addresses hosts listen for, too; may be given several times
    #[arg(long = "hosts-network", value_name = "NETWORK")]
    networks: Vec<ipnet::Ipv4Net>,
    /// Begins with so many objects, in a world without any: droplets=N,zones=N,records=N (in each zone),firewalls=N
    #[arg(long, value_name = "WHAT=N,…", value_parser = seed)]
    seed: Option<Planted>,
}

/// How much to begin with.
#[derive(Clone, Copy, Debug)]
struct Planted(Seed);

/// Runs the command.
pub async fn run(arguments: Arguments, screen: &Screen) -> anyhow::Result<Exit> {
    let (mut term, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut tokens = arguments.tokens;
    if tokens.is_empty() {
        tokens.push(Token::full("sandbox"));
    }
    let running = sandbox::serve(sandbox::Config {
        listen: arguments.listen,
        dns: arguments.dns,
        tokens: tokens.clone(),
        state: arguments.state.clone(),
        action_time: arguments.action_time,
        limits: arguments.limits,
        faults: arguments.faults,
        hosts: match (arguments.hosts.as_str(), arguments.hosts_at) {
            ("simulated" | "containers", SocketAddr::V4(at)) => {
                let (at, private) = (Some((*at.ip(), at.port())), arguments.networks);
                let seeds = arguments.droplet_gets.iter().map(|image| image.as_str().into()).collect();
                let containers = ContainersConfig { image: arguments.droplet_image, seeds, docker: None };
                let containers = (arguments.hosts == "containers").then_some(containers);
                Some(HostsConfig { at, private, containers, ..HostsConfig::default() })
            }
            _ => None,
        },
        ..sandbox::Config::default()
    })
    .await
    .map_err(|error| {
        let at = match error.kind() {
            ErrorKind::AddrInUse => format!(" on {}; --listen 127.0.0.1:0 takes a free port", arguments.listen),
            // What machines lack has nothing to do with where the API listens.
            ErrorKind::Other => String::new(),
            _ => format!(" on {}", arguments.listen),
        };
        anyhow!(error).context(format!("the sandbox could not start{at}"))
    })?;
    if let Some(Planted(seed)) = arguments.seed {
        let world = running.handle();
        if world.read(|w| w.droplets.is_empty() && w.domains.is_empty() && w.firewalls.is_empty()) {
            world.seed(seed);
        } else {
            screen.note("The state file has a world already: nothing was added to it.");
        }
    }
    screen.print(&greeting(&running, &tokens, screen));
    tokio::select! {
        _ = term.recv() => {}
        _ = interrupt.recv() => {}
    }
    running.stop().await.context("the state file could not be written")?;
    let kept = match &arguments.state {
        Some(file) => format!("Stopped; the world is kept in {}.", file.display()),
        None => "Stopped; the world is forgotten (--state FILE keeps one).".to_owned(),
    };
    screen.note(&kept);
    Ok(Exit::Well)
}

fn greeting(running: &Running, tokens: &[Token], screen: &Screen) -> String {
    let url = running.url();
    let dns = running.dns_addr.map(|addr| addr.to_string());
    let secrets: Vec<&str> = tokens.iter().map(Token::secret).collect();
    if screen.output == Output::Json {
        let data = serde_json::json!({
            "schema": "driftless.sandbox/v1", "url": url, "tokens": secrets, "dns": dns, "reachMap": running.reach_map(),
        });
        return render::json(&data);
    }
    let first = secrets.first().copied().unwrap_or_default();
    let dns = dns.map(|addr| format!("DNS     {addr}\n")).unwrap_or_default();
    let hosts = running.reach_map().map(|map| {
        format!(
            "\nDroplets that are up are machines with SSH; so that a controller finds them, in its driftless.toml:\n  \
             [reach]\n  hosts = true\n  map = \"{map}\"\n"
        )
    });
    let hosts = hosts.unwrap_or_default();
    format!(
        "A DigitalOcean to play with: the real API, no bill.

URL     {url}
Token   {}
{dns}
In another terminal, in an infra repo (driftless init writes one):
  export DIGITALOCEAN_API_URL={url}
  export DIGITALOCEAN_ACCESS_TOKEN={first}
  driftless plan
{hosts}
Ctrl-C ends it.",
        secrets.join(", ")
    )
}

fn loopback(text: &str) -> anyhow::Result<SocketAddr> {
    let addr = match text.parse::<u16>() {
        Ok(port) => SocketAddr::from(([127, 0, 0, 1], port)),
        Err(_) => text
            .replacen("localhost:", "127.0.0.1:", 1)
            .parse()
            .map_err(|_| anyhow!("it is no address with a port, such as 127.0.0.1:8484"))?,
    };
    if !addr.ip().is_loopback() {
        bail!("the sandbox has no protection and listens on this machine only, such as 127.0.0.1:{}", addr.port());
    }
    Ok(addr)
}

fn token(text: &str) -> anyhow::Result<Token> {
    let (secret, scopes) = text.split_once(':').unwrap_or((text, "full"));
    if secret.is_empty() || !secret.bytes().all(|b| b.is_ascii_graphic()) {
        bail!("a token is a word, such as ci or ci:read-only");
    }
    let scopes = Scopes::parse(scopes);
    if let Scopes::List(names) = &scopes
        && let Some(odd) = names.iter().find(|name| !name.contains(':'))
    {
        bail!("{odd:?} is no scope: full, read-only, or names such as droplet:read or domain:*");
    }
    Ok(Token::full(secret).with_scopes(scopes))
}

fn time(text: &str) -> anyhow::Result<Duration> {
    let span = text.parse::<jiff::SignedDuration>().ok().and_then(|time| Duration::try_from(time).ok());
    span.ok_or_else(|| anyhow!("it is no time, such as 500ms, 2s or 1m"))
}

fn limits(text: &str) -> anyhow::Result<Limits> {
    match text {
        "real" => Ok(Limits::real()),
        "off" => Ok(Limits::off()),
        _ => match text.parse::<u16>() {
            Ok(factor) if factor > 0 => Ok(Limits::scaled(factor.into())),
            _ => bail!("limits are real, off, or a whole number above 0"),
        },
    }
}

fn seed(text: &str) -> anyhow::Result<Planted> {
    let mut seed = Seed::default();
    for part in text.split(',') {
        let number = |value: &str| value.parse::<u16>().map(usize::from);
        match part.split_once('=').map(|(what, value)| (what.trim(), number(value.trim()))) {
            Some(("droplets", Ok(number))) => seed.droplets = number.min(60_000),
            Some(("zones", Ok(number))) => seed.zones = number,
            Some(("records", Ok(number))) => seed.records_per_zone = number,
            Some(("firewalls", Ok(number))) => seed.firewalls = number,
            _ => bail!("{part:?}: write droplets=10,zones=2,records=5,firewalls=1, each up to 60000"),
        }
    }
    Ok(Planted(seed))
}
