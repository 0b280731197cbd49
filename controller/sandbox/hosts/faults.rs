//! Faults of hosts on demand, a line each: `host erp run 'nginx -t*' fails=1 count=2`. Only decides; whoever asks does it.

use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::engine::Life;

/// A fault of a host.
#[derive(Clone, Debug)]
pub struct HostFault {
    text: String,
    host: String,
    on: On,
    /// A command, an image, or a container; stars stand for anything.
    pattern: String,
    effects: Vec<Effect>,
    after: u64,
    count: Option<u64>,
    chance: Option<f64>,
    seed: u64,
}

/// What it strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum On {
    Connect,
    Transfer,
    Run,
    Pull,
    Container,
    Disk,
}

/// What it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Hang,
    Closed,
    Latency(Duration),
    /// After so many bytes of a channel's input.
    Drop(usize),
    LostReply,
    Fails(i32),
    Says(String),
    Full,
    Lives(Life),
}

/// Says why a line is no fault of a host.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{word}` is not understood in the fault `{line}`; it is written host NAME, then connect (hang, closed, latency=2s), \
     transfer (drop=1000, lost-reply), run COMMAND (hang, fails, fails=2, says='…', latency=2s), pull IMAGE (fails, hang, \
     says='…'), container NAME (unhealthy, unsettled, exits=1) or disk (full), and count=3, after=2, chance=0.3, seed=7"
)]
pub struct HostFaultError {
    line: String,
    word: String,
}

impl FromStr for HostFault {
    type Err = HostFaultError;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        let wrong = |word: &str| HostFaultError { line: line.trim().to_owned(), word: word.to_owned() };
        let words = words(line).ok_or_else(|| wrong("'"))?;
        let mut words = words.iter().map(String::as_str);
        if words.next() != Some("host") {
            return Err(wrong("host"));
        }
        let host = words.next().ok_or_else(|| wrong("host"))?.to_owned();
        let sort = words.next().ok_or_else(|| wrong(&host))?;
        let (on, named) = match sort {
            "connect" => (On::Connect, false),
            "transfer" => (On::Transfer, false),
            "disk" => (On::Disk, false),
            "run" => (On::Run, true),
            "pull" => (On::Pull, true),
            "container" => (On::Container, true),
            _ => return Err(wrong(sort)),
        };
        let pattern = match named {
            true => words.next().ok_or_else(|| wrong(sort))?.to_owned(),
            false => String::new(),
        };
        let text = line.trim().to_owned();
        let mut fault =
            Self { text, host, on, pattern, effects: Vec::new(), after: 0, count: None, chance: None, seed: 1 };
        for word in words {
            fault.take(word).ok_or_else(|| wrong(word))?;
        }
        if fault.effects.is_empty() { Err(wrong(sort)) } else { Ok(fault) }
    }
}

impl HostFault {
    fn take(&mut self, word: &str) -> Option<()> {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let effect = match (name, self.on) {
            ("count", _) => return value.parse().ok().map(|count| self.count = Some(count)),
            ("after", _) => return value.parse().ok().map(|after| self.after = after),
            ("seed", _) => return value.parse().ok().map(|seed| self.seed = seed),
            ("chance", _) => return value.parse().ok().map(|chance| self.chance = Some(chance)),
            ("hang", On::Connect | On::Run | On::Pull) => Effect::Hang,
            ("closed", On::Connect) => Effect::Closed,
            ("latency", On::Connect | On::Run | On::Pull) => Effect::Latency(duration(value)?),
            ("drop", On::Transfer) => Effect::Drop(value.parse().ok()?),
            ("lost-reply", On::Transfer) => Effect::LostReply,
            ("fails", On::Run | On::Pull) if value.is_empty() => Effect::Fails(1),
            ("fails", On::Run | On::Pull) => Effect::Fails(value.parse().ok()?),
            ("says", On::Run | On::Pull) => Effect::Says(value.to_owned()),
            ("full", On::Disk) => Effect::Full,
            ("unhealthy", On::Container) => Effect::Lives(Life::Ailing),
            ("unsettled", On::Container) => Effect::Lives(Life::Unsettled),
            ("exits", On::Container) => Effect::Lives(Life::Ends(value.parse().ok()?)),
            _ => return None,
        };
        self.effects.push(effect);
        Some(())
    }

    /// Says whether it is about a host at all.
    pub(super) fn is_about(&self, host: &str) -> bool {
        fits(&self.host, host)
    }
}

impl fmt::Display for HostFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

/// `200ms`, `2s`, `1m`.
fn duration(text: &str) -> Option<Duration> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(end)?;
    let number: u64 = number.parse().ok()?;
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_secs(number.checked_mul(60)?)),
        _ => None,
    }
}

/// Words, of which some hold blanks between single quotes.
fn words(line: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quoted) = (Vec::new(), None::<String>, false);
    for sign in line.trim().chars() {
        match sign {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' | '\t' if !quoted => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    (!quoted).then_some(words)
}

/// Whether a text fits a pattern in which stars stand for anything.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
            ends.into_iter().any(|at| rest.get(at..).is_some_and(|rest| fits(after, rest)))
        }),
    }
}

/// A fault in force.
#[derive(Clone, Debug)]
pub(super) struct Active {
    pub(super) id: u64,
    pub(super) fault: HostFault,
    pub(super) matched: u64,
    pub(super) fired: u64,
}

/// The faults in force.
#[derive(Debug, Default)]
pub(super) struct Faults {
    active: Mutex<Vec<Active>>,
}

impl Faults {
    /// All of them.
    pub(super) fn all(&self) -> MutexGuard<'_, Vec<Active>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts one in force.
    pub(super) fn add(&self, fault: HostFault, id: u64) {
        self.all().push(Active { id, fault, matched: 0, fired: 0 });
    }

    /// What happens to something of a host.
    pub(super) fn meet(&self, host: &str, on: On, what: &str) -> Vec<Effect> {
        let mut all = self.all();
        let mut effects = Vec::new();
        for active in all.iter_mut() {
            let fault = &active.fault;
            let reaches = |effect: &Effect| match effect {
                Effect::Drop(bytes) => what.parse::<usize>().is_ok_and(|came| came > *bytes),
                _ => true,
            };
            let named = fault.pattern.is_empty() || fits(&fault.pattern, what);
            let about = fault.on == on && fault.is_about(host) && named && fault.effects.iter().all(reaches);
            if !about {
                continue;
            }
            active.matched += 1;
            let spent = fault.count.is_some_and(|count| active.fired >= count);
            let lucky = fault.chance.is_some_and(|chance| draw(fault.seed, active.matched) >= chance);
            if active.matched <= fault.after || spent || lucky {
                continue;
            }
            active.fired += 1;
            effects.extend(fault.effects.iter().cloned());
        }
        effects
    }
}

/// A number from 0 to 1, the same for the same seed and turn (splitmix64).
fn draw(seed: u64, turn: u64) -> f64 {
    let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(turn.wrapping_mul(0xbf58_476d_1ce4_e5b9));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let z = u32::try_from((z ^ (z >> 31)) >> 32).unwrap_or_default();
    f64::from(z) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_what_it_names_as_often_as_it_says() {
        let faults = Faults::default();
        faults.add("host e* run 'nginx -t*' fails=2 says='no space' after=1 count=1".parse().expect("a fault"), 1);
        let meet = |host, what| faults.meet(host, On::Run, what);
        assert!(
            meet("erp", "nginx -t -c x").is_empty()
                && meet("ocr", "nginx -t").is_empty()
                && meet("erp", "nginx -v").is_empty()
        );
        assert_eq!(meet("erp", "nginx -t"), [Effect::Fails(2), Effect::Says("no space".to_owned())]);
        assert!(meet("erp", "nginx -t").is_empty());
        for wrong in
            ["host erp", "host erp run x", "host erp disk hang", "host erp run x drop=1", "host erp run 'x fails"]
        {
            assert!(wrong.parse::<HostFault>().is_err(), "{wrong}");
        }
    }
}
