//! Faults on demand: which requests they hit, and what they do to them. Written as one line, such as
//! `GET /v2/droplets latency=200ms count=3`. Only decides; `server.rs` carries the decision out.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::core::Request;
use super::pattern::Pattern;

/// A fault: a request pattern, what happens to the requests that match, and to which of them.
#[derive(Clone, Debug)]
pub struct Fault {
    text: String,
    pattern: Pattern,
    effects: Vec<Effect>,
    after: u64,
    count: Option<u64>,
    chance: Option<f64>,
    seed: u64,
    keyed: bool,
}

/// What a fault does to a request.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Effect {
    Latency(u64),
    Refuse(Refusal),
    LostReply,
    Closed,
    Hang,
    Mute,
    Garbled,
    Stale(Stale),
    Shift(Shift),
    Hidden(u64),
    Total(i64),
    Errored,
}

/// An answer given instead of doing the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    TooMany { retry_after: Option<u64> },
    ServerError,
    BadGateway,
}

/// How old a list is that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stale {
    Millis(u64),
    Changes(usize),
}

/// What happened to a list between its first page and the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shift {
    /// Something was put in front: an element is seen twice, and the total grows.
    Insert,
    /// Something was taken from the front: an element is missed, and the total shrinks.
    Remove,
}

/// Says why a line is not a fault.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{word}` is not understood in the fault `{line}`; it is written METHOD PATH and then some of \
     latency=200ms, 429, retry-after=5, 500, 502, lost-reply, closed, hang, mute, garbled, stale=500ms, stale=1, \
     shift=insert, shift=remove, total=-1, hidden=800ms, errored, count=3, after=2, chance=0.3, seed=7, keyed"
)]
pub struct FaultError {
    line: String,
    word: String,
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        let wrong = |word: &str| FaultError { line: line.trim().to_owned(), word: word.to_owned() };
        let mut words = line.split_whitespace();
        let method = words.next().ok_or_else(|| wrong(""))?;
        let path = words.next().ok_or_else(|| wrong(method))?;
        let mut fault = Fault {
            text: line.trim().to_owned(),
            pattern: Pattern::new(method, path).ok_or_else(|| wrong(path))?,
            effects: Vec::new(),
            after: 0,
            count: None,
            chance: None,
            seed: 1,
            keyed: false,
        };
        for word in words {
            fault.take(word).ok_or_else(|| wrong(word))?;
        }
        match fault.effects.is_empty() {
            true => Err(wrong(path)),
            false => Ok(fault),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl Fault {
    /// Understands one word of the line.
    fn take(&mut self, word: &str) -> Option<()> {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let effect = match (name, value) {
            ("after", _) => {
                self.after = value.parse().ok()?;
                return Some(());
            }
            ("count", _) => {
                self.count = Some(value.parse().ok()?);
                return Some(());
            }
            ("chance", _) => {
                self.chance = Some(value.parse().ok().filter(|p| (0.0..=1.0).contains(p))?);
                return Some(());
            }
            ("seed", _) => {
                self.seed = value.parse().ok()?;
                return Some(());
            }
            ("keyed", "") => {
                self.keyed = true;
                return Some(());
            }
            ("retry-after", _) => {
                let seconds = Some(value.parse().ok()?);
                self.effects.retain(|effect| *effect != Effect::Refuse(Refusal::TooMany { retry_after: None }));
                Effect::Refuse(Refusal::TooMany { retry_after: seconds })
            }
            ("latency", _) => Effect::Latency(duration(value)?),
            ("429", "") => Effect::Refuse(Refusal::TooMany { retry_after: None }),
            ("500", "") => Effect::Refuse(Refusal::ServerError),
            ("502", "") => Effect::Refuse(Refusal::BadGateway),
            ("lost-reply", "") => Effect::LostReply,
            ("closed", "") => Effect::Closed,
            ("hang", "") => Effect::Hang,
            ("mute", "") => Effect::Mute,
            ("garbled", "") => Effect::Garbled,
            ("errored", "") => Effect::Errored,
            ("stale", _) => Effect::Stale(match value.parse() {
                Ok(changes) => Stale::Changes(changes),
                Err(_) => Stale::Millis(duration(value)?),
            }),
            ("shift", "insert") => Effect::Shift(Shift::Insert),
            ("shift", "remove") => Effect::Shift(Shift::Remove),
            ("total", _) => Effect::Total(value.parse().ok()?),
            ("hidden", _) => Effect::Hidden(duration(value)?),
            _ => return None,
        };
        self.effects.push(effect);
        Some(())
    }
}

/// Reads `200ms`, `2s` or `1m` as milliseconds.
fn duration(text: &str) -> Option<u64> {
    let (number, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
        Some(at) => text.split_at(at),
        None => (text, "ms"),
    };
    let number: u64 = number.parse().ok()?;
    let factor = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// What all the faults together do to one request.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Verdict {
    pub(super) latency: Duration,
    pub(super) refusal: Option<Refusal>,
    pub(super) lose_reply: bool,
    pub(super) close: bool,
    pub(super) hang: bool,
    pub(super) mute: bool,
    pub(super) garbled: bool,
    pub(super) stale: Option<Stale>,
    pub(super) shift: Option<Shift>,
    pub(super) hidden: Option<u64>,
    pub(super) total_off: i64,
    pub(super) errored: bool,
}

impl Verdict {
    fn add(&mut self, effect: Effect) {
        match effect {
            Effect::Latency(ms) => self.latency += Duration::from_millis(ms),
            Effect::Refuse(refusal) => self.refusal = Some(refusal),
            Effect::LostReply => self.lose_reply = true,
            Effect::Closed => self.close = true,
            Effect::Hang => self.hang = true,
            Effect::Mute => self.mute = true,
            Effect::Garbled => self.garbled = true,
            Effect::Stale(stale) => self.stale = Some(stale),
            Effect::Shift(shift) => self.shift = Some(shift),
            Effect::Hidden(ms) => self.hidden = Some(ms),
            Effect::Total(off) => self.total_off += off,
            Effect::Errored => self.errored = true,
        }
    }
}

/// A fault that is in force, and how often it met a request.
#[derive(Clone, Debug)]
pub(super) struct Active {
    pub(super) id: u64,
    pub(super) fault: Fault,
    pub(super) matched: u64,
    pub(super) fired: u64,
    random: u64,
    /// How often each request came, for chances that hang on the request itself.
    came: HashMap<u64, u64>,
}

/// All faults that are in force.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) active: Vec<Active>,
    last_id: u64,
}

impl Faults {
    /// A number that no fault has had.
    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Puts a fault in force and returns its number.
    pub(super) fn add(&mut self, fault: Fault) -> u64 {
        self.last_id += 1;
        self.active.push(Active {
            id: self.last_id,
            matched: 0,
            fired: 0,
            random: fault.seed,
            came: HashMap::new(),
            fault,
        });
        self.last_id
    }

    /// Says whether some fault serves old lists, so that old worlds must be kept.
    pub(super) fn want_history(&self) -> bool {
        self.has(|effect| matches!(effect, Effect::Stale(_)))
    }

    /// Says whether some fault hides what is new, so that births must be noted.
    pub(super) fn want_births(&self) -> bool {
        self.has(|effect| matches!(effect, Effect::Hidden(_)))
    }

    fn has(&self, test: impl Fn(&Effect) -> bool) -> bool {
        self.active.iter().any(|active| active.fault.effects.iter().any(&test))
    }

    /// Decides what happens to a request, and counts it; says which faults it were.
    pub(super) fn judge(&mut self, request: &Request) -> (Verdict, Vec<String>) {
        let (mut verdict, mut struck) = (Verdict::default(), Vec::new());
        for active in &mut self.active {
            let matches = active.fault.pattern.matches(request.method.as_str(), &request.path, &request.query);
            if matches && active.fires(request) {
                struck.push(active.fault.text.clone());
                for effect in &active.fault.effects {
                    verdict.add(*effect);
                }
            }
        }
        (verdict, struck)
    }
}

impl Active {
    fn fires(&mut self, request: &Request) -> bool {
        self.matched += 1;
        if self.matched <= self.fault.after || self.fault.count.is_some_and(|count| self.fired >= count) {
            return false;
        }
        if let Some(chance) = self.fault.chance {
            let drawn = match self.fault.keyed {
                true => self.drawn_by(request),
                false => {
                    self.random = splitmix(self.random);
                    self.random
                }
            };
            // The upper 53 bits make a fraction below 1.
            let fraction = (drawn >> 11) as f64 / (1_u64 << 53) as f64;
            if fraction >= chance {
                return false;
            }
        }
        self.fired += 1;
        true
    }

    /// Draws by what a request says and how often it came, so that the order among requests changes nothing.
    fn drawn_by(&mut self, request: &Request) -> u64 {
        let key = splitmix(meaning(request) ^ self.fault.seed);
        let times = self.came.entry(key).or_default();
        *times += 1;
        splitmix(key.wrapping_add(*times))
    }
}

/// What a request means: method, path and body, where ids, which differ from run to run, are all the same.
fn meaning(request: &Request) -> u64 {
    let body = String::from_utf8_lossy(&request.body);
    let words = [request.method.as_str(), &request.path, &body].map(|text| {
        let pieces = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').map(|piece| {
            let id =
                uuid::Uuid::try_parse(piece).is_ok() || piece.len() > 4 && piece.bytes().all(|b| b.is_ascii_digit());
            if id { "*" } else { piece }
        });
        pieces.collect::<Vec<_>>().join(" ")
    });
    // FNV-1a: the same in every build, which the standard library's hashers do not promise.
    words
        .join("\n")
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// One step of a small generator: the same seed makes the same faults.
fn splitmix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
