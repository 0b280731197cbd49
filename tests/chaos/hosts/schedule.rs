//! One random schedule of simulated hosts: stacks and sites over time, what people do on the machines, what goes wrong.

use proptest::prelude::*;
use proptest::sample::select;

/// So many stacks there may be; each may have a site in front of it.
pub const STACKS: usize = 2;

/// What git says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Estate {
    pub stacks: [Option<Stack>; STACKS],
}

/// A stack, with the site in front of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// Which of the two hosts.
    pub host: usize,
    pub tag: u8,
    pub env: u8,
    /// What stands in the file that its containers mount.
    pub file: u8,
    /// Whether it has a second service, with a volume.
    pub store: bool,
    pub site: Option<Site>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Megabytes that a request may have.
    pub body: u8,
    pub tls: bool,
    /// Whether nginx refuses what stands in `extra`.
    pub broken: bool,
}

#[derive(Clone, Debug)]
pub struct Schedule {
    pub first: Estate,
    pub rounds: Vec<Round>,
}

#[derive(Clone, Debug)]
pub struct Round {
    pub event: Event,
    pub faults: Vec<String>,
    /// The controller ends when so many changes have begun in the first cycle, and some milliseconds later.
    pub crash: Option<(u8, u8)>,
    pub cycles: u8,
    /// Seconds between its cycles.
    pub pass: u16,
    pub forgets: bool,
    pub approves: bool,
}

#[derive(Clone, Debug)]
pub enum Event {
    Nothing,
    /// A commit that takes some parts of another estate.
    Commit(Estate, u8),
    /// Somebody is on a machine: what they do to which stack.
    ByHand(usize, &'static str),
}

/// What people do to a stack or its site; `N` stands for its number. Nothing that nobody can put back.
const HANDS: &[&str] = &[
    "docker stop sN-web-1",
    "docker rm -f sN-web-1",
    "echo by hand >/opt/stacks/sN/app.conf",
    "echo EXTRA=1 >>/opt/stacks/sN/.env",
    "rm -f /opt/stacks/sN/app.conf",
    "rm -f /opt/stacks/sN/.driftless/receipt.json",
    "sed -i 's/listen 80;/listen 81;/' /etc/nginx/sites-available/wN.example.com.conf; nginx -s reload",
    "rm -f /etc/nginx/sites-enabled/wN.example.com.conf; nginx -s reload",
    "rm -f /etc/nginx/sites-available/wN.example.com.conf",
    "nginx -s stop",
];

const FAULTS: &[&str] = &[
    "connect closed",
    "connect closed chance=0.5",
    "connect hang count=1",
    "transfer drop=300 count=1",
    "transfer drop=2000 count=1",
    "transfer drop=700 after=1 count=1",
    "transfer lost-reply count=1",
    "transfer lost-reply after=1 count=2",
    "run 'nginx -t*' fails=1 says='no space' count=2",
    "run 'nginx -s reload*' fails=1 says='no room' count=1",
    "run 'docker compose*' fails=1 says='cannot connect to the daemon' count=1",
    "run 'docker compose*' fails=1 after=2 count=2",
    "run 'docker*' fails=1 chance=0.2",
    "run 'flock*' fails=1 count=1",
    "run 'tar*' fails=2 count=1",
    "run 'curl*' fails=7 count=1",
    "run 'openssl s_client*' fails=1 count=1",
    "pull * fails says='toomanyrequests: slow down' count=2",
    "pull app:* fails",
    "disk full",
    "container web unhealthy",
    "container web exits=1",
];

fn site() -> impl Strategy<Value = Site> {
    let parts = (1..4u8, proptest::bool::weighted(0.7), proptest::bool::weighted(0.15));
    parts.prop_map(|(body, tls, broken)| Site { body, tls, broken })
}

fn stack() -> impl Strategy<Value = Stack> {
    let parts =
        (0..2usize, 1..5u8, 0..3u8, 0..3u8, proptest::bool::weighted(0.3), proptest::option::weighted(0.7, site()));
    parts.prop_map(|(host, tag, env, file, store, site)| Stack { host, tag, env, file, store, site })
}

fn estate() -> impl Strategy<Value = Estate> {
    proptest::array::uniform2(proptest::option::weighted(0.85, stack())).prop_map(|stacks| Estate { stacks })
}

fn fault() -> impl Strategy<Value = String> {
    (select(&["h0", "h1", "h*"][..]), select(FAULTS)).prop_map(|(host, what)| format!("host {host} {what}"))
}

fn round() -> impl Strategy<Value = Round> {
    let event = prop_oneof![
        1 => Just(Event::Nothing),
        4 => (estate(), any::<u8>()).prop_map(|(estate, parts)| Event::Commit(estate, parts)),
        3 => (0..STACKS, select(HANDS)).prop_map(|(stack, what)| Event::ByHand(stack, what)),
    ];
    let crash = proptest::option::weighted(0.3, (1..4u8, 0..120u8));
    let rest =
        (1..3u8, select(&[2u16, 70, 400, 4000][..]), proptest::bool::weighted(0.1), proptest::bool::weighted(0.4));
    (event, proptest::collection::vec(fault(), 0..3), crash, rest).prop_map(
        |(event, faults, crash, (cycles, pass, forgets, approves))| Round {
            event,
            faults,
            crash,
            cycles,
            pass,
            forgets,
            approves,
        },
    )
}

impl Schedule {
    pub fn any() -> impl Strategy<Value = Self> {
        (estate(), proptest::collection::vec(round(), 1..5)).prop_map(|(mut first, rounds)| {
            // What nginx refuses is of interest where something is served already.
            first.stacks.iter_mut().flatten().flat_map(|s| &mut s.site).for_each(|site| site.broken = false);
            Self { first, rounds }
        })
    }
}

/// An estate with some parts of another: of each stack its place, its content, and its site by themselves.
pub fn blend(from: &Estate, to: &Estate, parts: u8) -> Estate {
    let takes = |bit: usize| parts & (1 << bit) != 0;
    let mut mixed = from.clone();
    for (n, own) in mixed.stacks.iter_mut().enumerate() {
        match (own, &to.stacks[n]) {
            (Some(own), Some(other)) => {
                if takes(n) {
                    (own.tag, own.env, own.file, own.store) = (other.tag, other.env, other.file, other.store);
                }
                if takes(n + 2) {
                    own.site.clone_from(&other.site);
                }
                if takes(n + 4) {
                    own.host = other.host;
                }
            }
            (own, other) if takes(n + 6) => own.clone_from(other),
            _ => {}
        }
    }
    mixed
}

impl Estate {
    /// All of its files, by path.
    pub fn files(&self) -> Vec<(String, String)> {
        let mut files = Vec::new();
        let mut records = String::new();
        for (n, stack) in self.stacks.iter().enumerate() {
            let Some(stack) = stack else { continue };
            let Stack { host, tag, env, file, store, site } = stack;
            files.push((format!("s{n}.yaml"), format!(
                "apiVersion: driftless/v1\nkind: ComposeStack\nmetadata: {{name: s{n}}}\npolicy: {{onRemove: destroy}}\nspec:\n  host: h{host}\n  path: stacks/s{n}\n  env: {{LEVEL: \"{env}\"}}\n  ready: {{within: 3s}}\n"
            )));
            let port = 8000 + n;
            let (more, volumes) = match store {
                true => ("  db:\n    image: store:1\n    volumes: [data:/data]\n", "volumes: {data: {}}\n"),
                false => ("", ""),
            };
            files.push((format!("stacks/s{n}/compose.yaml"), format!(
                "services:\n  web:\n    image: app:{tag}\n    environment: {{LEVEL: \"${{LEVEL}}\"}}\n    ports: ['127.0.0.1:{port}:80']\n    volumes: [./app.conf:/etc/app.conf:ro]\n{more}{volumes}"
            )));
            files.push((format!("stacks/s{n}/app.conf"), format!("level {file}\n")));
            let Some(Site { body, tls, broken }) = site else { continue };
            let tls = if *tls { "  tls: {issuer: letsencrypt, email: ops@example.com}\n" } else { "" };
            let broken = if *broken { "  extra: \"listn 80;\"\n" } else { "" };
            files.push((format!("w{n}.yaml"), format!(
                "apiVersion: driftless/v1\nkind: NginxSite\nmetadata: {{name: w{n}}}\nspec:\n  host: h{host}\n  serverNames: [w{n}.example.com]\n  clientMaxBodySize: {body}m\n{tls}{broken}  locations: [{{path: /, to: {{stack: s{n}, service: web, port: 80}}}}]\n"
            )));
            records.push_str(&format!("    - {{name: w{n}, type: A, droplet: h{host}}}\n"));
        }
        let records = if records.is_empty() { "  records: []\n".to_owned() } else { format!("  records:\n{records}") };
        files.push(("zone.yaml".to_owned(), format!(
            "apiVersion: driftless/v1\nkind: Domain\nmetadata: {{name: example.com}}\nspec:\n  defaultTtl: 60\n{records}"
        )));
        files
    }

    /// Mended: nothing that nginx refuses.
    pub fn sound(mut self) -> Self {
        self.stacks.iter_mut().flatten().flat_map(|s| &mut s.site).for_each(|site| site.broken = false);
        self
    }
}
