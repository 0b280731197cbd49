//! What a fuzzer does with bytes: each function takes anything, and is wrong only where it panics or breaks what it
//! asserts. The fuzz targets and the suite, which plays the kept corpus, call the same functions.

use driftless::engine::look::look;
use driftless::kinds;
use driftless::model::{Estate, Memory, Plan};
use driftless::plan::{self, Brakes};
use driftless::ports::config::{self, Overrides};
use driftless::ports::digitalocean::{Client, Config, Limits, Pace, Token};
use driftless::ports::{Ports, clock::Clock, reach::Reach};
use driftless::render::{self, Paint, PlanContext};
use driftless::repo::{self, Options, Tree};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;

/// A terminal of 80 columns without colours.
const PLAIN: Paint = Paint { colour: false, width: 80, ascii: false };

/// Settings, so that other files make an estate.
const SETTINGS: &str = "apiVersion: driftless/v1\nkind: Settings\nmetadata: {name: settings}\nspec: {estate: fuzz, id: 9f2c6a1e-0000-4000-8000-00000000000a}\n";

/// One document of every kind, so that every answer is asked for.
const ESTATE: &str = include_str!("estate.yaml");

/// YAML of a stranger: read beside sound Settings, told about, and planned where it is sound.
pub fn documents(bytes: &[u8]) {
    let tree = Tree::of([("settings.yaml", SETTINGS.as_bytes()), ("fuzz.yaml", bytes)]);
    let read = repo::read(&tree, &Options::default(), &kinds::pure());
    assert!(read.estate.is_some() || !read.diagnostics.is_empty(), "nothing was read and nothing told");
    let told = render::diagnostics(&read.diagnostics, read.files, &PLAIN);
    steady(&told);
    if let Some(estate) = read.estate {
        let world = driftless::model::World::unseen(jiff::Timestamp::UNIX_EPOCH);
        let plan = plan::plan(&kinds::pure(), &estate, &world, &Memory::default(), &Brakes::default());
        assert!(plan.going().next().is_none(), "nothing was seen, so nothing may go");
    }
}

/// An answer of the API: the first byte picks the status, the rest is the body, whatever is asked.
pub fn answers(bytes: &[u8]) {
    let Some((pick, body)) = bytes.split_first() else { return };
    let fixture = Fixture::get();
    let status = [200, 200, 200, 404, 422, 403].get(usize::from(*pick) % 6).copied().unwrap_or(200);
    *fixture.answer.lock().expect("no panic before") = (status, body.to_vec());
    let plan = fixture.runtime.block_on(async {
        let memory = Memory::default();
        let world = look(&fixture.ports, &fixture.estate, &memory).await;
        plan::plan(&kinds::pure(), &fixture.estate, &world, &memory, &Brakes::default())
    });
    steady(&render::plan(&plan, &PlanContext::default(), &PLAIN));
}

/// A saved plan that somebody edited: refused, or shown without steering the terminal.
pub fn plans(bytes: &[u8]) {
    let Ok(plan) = serde_json::from_slice::<Plan>(bytes) else { return };
    steady(&render::plan(&plan, &PlanContext::default(), &PLAIN));
    let text = serde_json::to_vec(&plan).expect("what was read can be written");
    assert_eq!(serde_json::from_slice::<Plan>(&text).expect("and read again"), plan);
}

/// driftless.toml: refused with its place, or taken.
pub fn settings(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("driftless.toml");
    std::fs::write(&file, bytes).expect("a file");
    match config::Config::load(Overrides::default(), &|_| None, Some(file)) {
        Ok(_) => {}
        Err(error) => assert!(!error.to_string().is_empty(), "an error says something"),
    }
}

/// Nothing that is shown may steer a terminal.
fn steady(text: &str) {
    let steers = |c: char| c.is_control() && c != '\n';
    assert!(!text.chars().any(steers), "{text:?}");
}

/// A server that gives the same answer to everything, and the ways to it.
struct Fixture {
    runtime: Runtime,
    answer: Arc<Mutex<(u16, Vec<u8>)>>,
    ports: Ports,
    estate: Estate,
}

impl Fixture {
    fn get() -> &'static Self {
        static FIXTURE: OnceLock<Fixture> = OnceLock::new();
        FIXTURE.get_or_init(Self::new)
    }

    fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let answer = Arc::new(Mutex::new((200, Vec::new())));
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        runtime.spawn(serve(listener, answer.clone()));
        let mut config = Config::at(&url, Token::inline("fuzz")).expect("an address");
        (config.limits, config.pace) = (Limits::OFF, Pace { retries: 0, ..Pace::SANDBOX });
        config.call_timeout = Duration::from_secs(2);
        let digitalocean = Client::new(config).expect("a client");
        let ports = Ports { clock: Clock::System, digitalocean, reach: Reach::Off, hosts: Default::default() };
        let tree = Tree::of([("settings.yaml", SETTINGS), ("estate.yaml", ESTATE)]);
        let read = repo::read(&tree, &Options::default(), &kinds::pure());
        let estate = read.estate.expect("the estate of the fuzzer is sound");
        Self { runtime, answer, ports, estate }
    }
}

async fn serve(listener: tokio::net::TcpListener, answer: Arc<Mutex<(u16, Vec<u8>)>>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let answer = answer.clone();
        tokio::spawn(async move {
            let mut asked: Vec<u8> = Vec::new();
            let mut buffer = [0; 4096];
            while !asked.windows(4).any(|w| w == b"\r\n\r\n") {
                match stream.read(&mut buffer).await {
                    Ok(n) if n > 0 => asked.extend(buffer.iter().take(n)),
                    _ => return,
                }
            }
            let (status, body) = answer.lock().expect("no panic before").clone();
            let head = format!(
                "HTTP/1.1 {status} Answer\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(&[head.into_bytes(), body].concat()).await;
        });
    }
}
