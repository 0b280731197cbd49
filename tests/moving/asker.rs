//! Somebody who asks for a site ten times a second: resolves its name, and asks at every address that a resolver may hold.

use crate::house::House;
use driftless::ports::clock::Clock;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(100);

/// Asks at one address: what was answered, or what went wrong.
pub type Ask = Box<dyn Fn(Ipv4Addr) -> BoxFuture<'static, Result<String, String>> + Send + Sync>;

/// Somebody who asks, until they are stopped.
pub struct Asker {
    asked: Arc<AtomicU64>,
    stop: CancellationToken,
    task: JoinHandle<Vec<String>>,
}

struct Question {
    ask: Ask,
    answer: String,
    clock: Clock,
    dns: SocketAddr,
    name: String,
    ttl: u64,
}

impl Asker {
    /// Begins to ask simulated hosts for a name, whose record others may keep for so many seconds.
    pub fn start(house: &House, name: &str, ttl: u64) -> Self {
        Self::start_by(on_hosts(house, name), "adapter of ocr, image ocr-adapter:1\n", house, name, ttl)
    }

    /// The same by this way to ask, to which this is the answer.
    pub fn start_by(ask: Ask, answer: &str, house: &House, name: &str, ttl: u64) -> Self {
        let (asked, stop) = (Arc::new(AtomicU64::new(0)), CancellationToken::new());
        let question = Question {
            ask,
            answer: answer.to_owned(),
            clock: house.setup.clock.clone(),
            dns: house.running.dns_addr.expect("the simulator's DNS"),
            name: name.to_owned(),
            ttl,
        };
        let task = tokio::spawn(question.ask(asked.clone(), stop.clone()));
        Self { asked, stop, task }
    }

    /// Waits until so many more questions were asked.
    pub async fn goes_on(&self, more: u64) {
        let until = self.asked.load(Ordering::SeqCst) + more;
        while self.asked.load(Ordering::SeqCst) < until && !self.task.is_finished() {
            tokio::time::sleep(PAUSE / 5).await;
        }
    }

    /// Stops, and says how often it asked and what went wrong.
    pub async fn stop(self) -> (u64, Vec<String>) {
        self.stop.cancel();
        let wrong = self.task.await.expect("it goes on to the end");
        (self.asked.load(Ordering::SeqCst), wrong)
    }
}

impl Question {
    async fn ask(self, asked: Arc<AtomicU64>, stop: CancellationToken) -> Vec<String> {
        let (mut held, mut wrong): (BTreeMap<Ipv4Addr, Timestamp>, _) = (BTreeMap::new(), Vec::new());
        while !stop.is_cancelled() {
            match self.resolve().await {
                Some(address) => drop(held.insert(address, self.clock.now())),
                None => wrong.push(format!("{} has no address", self.name)),
            }
            for (address, told) in &held {
                // The clock may move on while somebody is asked: whoever asked before may still be answered.
                let kept = *told + SignedDuration::from_secs(self.ttl.try_into().expect("short"));
                if self.clock.now() >= kept && self.resolve().await != Some(*address) {
                    continue;
                }
                let said = (self.ask)(*address).await;
                if said.as_ref() != Ok(&self.answer) {
                    wrong.push(format!("at {address}, {} after it was told: {said:?}", self.clock.now() - *told));
                }
            }
            asked.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(PAUSE).await;
        }
        wrong
    }

    /// The first address of the name.
    async fn resolve(&self) -> Option<Ipv4Addr> {
        let mut query = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in self.name.split('.') {
            query.push(label.len().try_into().expect("a short label"));
            query.extend(label.bytes());
        }
        query.extend([0, 0, 1, 0, 1]);
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket");
        socket.send_to(&query, self.dns).await.expect("it is sent");
        let mut answer = vec![0; 512];
        let length = socket.recv(&mut answer).await.expect("an answer");
        // One record of type A ends with its four bytes.
        let records = u16::from_be_bytes([answer[6], answer[7]]);
        let [a, b, c, d] = answer[length - 4..length] else { return None };
        (records == 1).then(|| Ipv4Addr::new(a, b, c, d))
    }
}

/// What the simulated droplet with an address serves, over https, as somebody on it sees it.
fn on_hosts(house: &House, name: &str) -> Ask {
    let (hand, script) = (house.hand(), format!("curl -sS https://{name}/health"));
    Box::new(move |address| {
        let (hand, script) = (hand.clone(), script.clone());
        Box::pin(async move {
            let has = |world: &driftless::sandbox::World| {
                let mut all = world.droplets.values();
                all.find(|droplet| droplet.public_v4 == Some(address)).map(|droplet| droplet.name.clone())
            };
            let host = hand.read(has).ok_or("no droplet has it")?;
            let said = hand.on_host(&host, &script).await?;
            if said.code == 0 { Ok(said.text()) } else { Err(format!("{host}: {}", said.errors())) }
        })
    })
}
