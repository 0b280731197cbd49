//! One random schedule: what git says over time, what people do by hand, what goes wrong, and when. Made from a seed.
//!
//! What is never put together, since no controller could tell: lists that lag with a journal that is lost (nothing then
//! knows of a create that does not show yet), and lists that lag with a clock that jumps ahead (a minute that has not
//! passed has then passed).

use crate::laws::estates::Estate;
use crate::laws::worlds::{self, Edit, Stray};
use proptest::prelude::*;
use proptest::sample::select;
use std::fmt;

/// What happens in one house.
#[derive(Clone, Debug)]
pub struct Schedule {
    pub first: Estate,
    pub strays: Vec<Stray>,
    pub rounds: Vec<Round>,
    /// Whether reports are written: each costs three runs of git, so most schedules leave them out.
    pub reports: bool,
    /// Whether the zone has so many records of others that its list takes several pages.
    pub crowded: bool,
    /// How many requests an action takes.
    pub action: u8,
}

/// Something happens, and the controller runs some cycles among faults.
#[derive(Clone, Debug)]
pub struct Round {
    pub event: Event,
    pub faults: Vec<Fault>,
    pub crash: Option<Crash>,
    pub cycles: u8,
    /// Seconds between its cycles.
    pub pass: u16,
    /// By how many minutes the controller's clock jumps, and the provider's does not.
    pub jump: i32,
    pub forgets: bool,
    pub approves: bool,
}

#[derive(Clone, Debug)]
pub enum Event {
    Nothing,
    /// A commit that takes some parts of another estate.
    Commit(Box<Estate>, u16),
    /// A commit with a mistake.
    Invalid,
    ByHand(Vec<Edit>),
}

#[derive(Clone, Debug)]
pub struct Fault {
    requests: &'static str,
    what: &'static str,
    percent: u8,
    count: u8,
    seed: u16,
}

/// The controller ends at a request of its, which is never answered.
#[derive(Clone, Copy, Debug)]
pub struct Crash {
    requests: &'static str,
    /// How likely each request is to be the one, of a hundred; drawn by what it says, so that a seed says which.
    percent: u8,
    seed: u16,
    /// Whether the request's work is done.
    done: bool,
}

const WRITES: &[&str] =
    &["POST /v2/**", "PUT /v2/**", "DELETE /v2/**", "POST /v2/droplets", "POST /v2/domains/**", "* /v2/**"];
const WRITE_FAULTS: &[&str] =
    &["429", "429 retry-after=0", "500", "502", "lost-reply", "lost-reply", "closed", "garbled", "errored"];
const READS: &[&str] = &[
    "GET /v2/**",
    "GET /v2/droplets",
    "GET /v2/droplets/*",
    "GET /v2/domains",
    "GET /v2/domains/*/records",
    "GET /v2/firewalls",
    "GET /v2/vpcs",
    "GET /v2/account/keys",
    "GET /v2/account",
];
const READ_FAULTS: &[&str] = &["429", "500", "502", "lost-reply", "closed", "garbled"];
/// Lists only: an object that was read once does not vanish again.
const LISTS: &[&str] = &[
    "GET /v2/droplets",
    "GET /v2/domains",
    "GET /v2/domains/*/records",
    "GET /v2/firewalls",
    "GET /v2/vpcs",
    "GET /v2/account/keys",
];
const LIST_FAULTS: &[&str] = &["total=1", "total=-1", "shift=insert", "shift=remove"];
/// Less than the minute after which a create that does not show counts as not made.
const LAGS: &[&str] = &["stale=2s", "stale=10s", "stale=40s"];

/// What an account may have twice: nothing but the controller keeps a second one from being made.
const TWICE: &[&str] = &["POST /v2/droplets", "POST /v2/domains/*/records"];
/// Where those show.
const MANY: &[&str] = &["GET /v2/droplets", "GET /v2/domains/*/records"];
const LOST: &[&str] = &["lost-reply", "garbled"];
const LATE: &[&str] = &["stale=10s", "stale=40s"];

/// What goes wrong in a round.
#[derive(Clone, Debug)]
struct Trouble {
    faults: Vec<Fault>,
    /// Whether lists lag behind a create of unknown fate: the next look comes before they have caught up.
    hurries: bool,
}

fn trouble(lags: bool) -> impl Strategy<Value = Trouble> {
    let calm = |faults| Trouble { faults, hurries: false };
    prop_oneof![
        5 => proptest::collection::vec(fault(lags), 0..4).prop_map(calm),
        2 => (outage(), proptest::option::weighted(0.3, fault(lags)))
            .prop_map(move |(outage, other)| calm([outage].into_iter().chain(other).collect())),
        3 => unseen(lags),
    ]
}

fn fault(lags: bool) -> impl Strategy<Value = Fault> {
    let of = |requests: &'static [&'static str], what: &'static [&'static str]| (select(requests), select(what));
    let hidden = (Just("GET /v2/droplets/*"), Just("hidden=400ms"));
    let what = match lags {
        true => prop_oneof![3 => of(WRITES, WRITE_FAULTS), 2 => of(READS, READ_FAULTS), 2 => of(LISTS, LIST_FAULTS), 2 => of(LISTS, LAGS), 1 => hidden]
            .boxed(),
        false => prop_oneof![3 => of(WRITES, WRITE_FAULTS), 2 => of(READS, READ_FAULTS)].boxed(),
    };
    let one = (what, select(&[15u8, 40, 100][..]), 1..8u8, any::<u16>());
    one.prop_map(|((requests, what), percent, count, seed)| Fault { requests, what, percent, count, seed })
}

/// One collection that cannot be read for longer than a client tries again, while all else can.
fn outage() -> impl Strategy<Value = Fault> {
    let one = (select(LISTS), select(READ_FAULTS), 6..40u8);
    one.prop_map(|(requests, what, count)| Fault { requests, what, percent: 100, count, seed: 1 })
}

/// Creates whose answers are lost, and where lists lag, the lists in which their work does not show yet.
fn unseen(lags: bool) -> impl Strategy<Value = Trouble> {
    let drawn = (select(TWICE), select(LOST), 1..4u8, select(LATE), proptest::bool::weighted(0.7));
    drawn.prop_map(move |(post, lost, many, late, loses)| {
        let sure = |requests, what, count| Fault { requests, what, percent: 100, count, seed: 1 };
        // Where no answer is lost, a crash may still lose it.
        let lost = loses.then(|| sure(post, lost, many));
        let lists = TWICE.iter().position(|twice| *twice == post).and_then(|at| MANY.get(at)).filter(|_| lags);
        let late = lists.map(|list| sure(list, late, 60));
        Trouble { faults: lost.into_iter().chain(late).collect(), hurries: lags }
    })
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        2 => Just(Event::Nothing),
        5 => (estate(), any::<u16>()).prop_map(|(estate, parts)| Event::Commit(Box::new(estate), parts)),
        1 => Just(Event::Invalid),
        2 => worlds::edits().prop_map(Event::ByHand),
    ]
}

fn estate() -> impl Strategy<Value = Estate> {
    let flags = || proptest::array::uniform3(proptest::bool::weighted(0.3));
    (Estate::any(), flags(), flags()).prop_map(|(mut estate, renamed, reimaged)| {
        estate.renamed = renamed;
        for (droplet, other) in estate.droplets.iter_mut().zip(reimaged) {
            droplet.iter_mut().for_each(|droplet| droplet.image = usize::from(other));
        }
        estate
    })
}

fn crash() -> impl Strategy<Value = Crash> {
    let anywhere = (Just("* /v2/**"), select(&[2u8, 5, 15][..]));
    let creating = (select(&["POST /v2/**", "POST /v2/droplets", "POST /v2/domains/**"][..]), select(&[40u8, 100][..]));
    (prop_oneof![2 => anywhere, 1 => creating], any::<u16>(), any::<bool>())
        .prop_map(|((requests, percent), seed, done)| Crash { requests, percent, seed, done })
}

fn round(lags: bool) -> impl Strategy<Value = Round> {
    let jump =
        prop_oneof![6 => Just(0), 1 => 60..600i32, 1 => -20..0i32].prop_map(move |j| if lags { j.min(0) } else { j });
    let forgets = proptest::bool::weighted(0.12).prop_map(move |forgets| forgets && !lags);
    let passes = select(&[2u16, 15, 70, 400][..]);
    let crash = proptest::option::weighted(0.4, crash());
    ((event(), trouble(lags), crash), (1..3u8, passes, jump, forgets, proptest::bool::weighted(0.3))).prop_map(
        |((event, trouble, crash), (cycles, pass, jump, forgets, approves))| Round {
            event,
            faults: trouble.faults,
            crash,
            cycles: if trouble.hurries { cycles.max(2) } else { cycles },
            pass: if trouble.hurries { pass.min(15) } else { pass },
            jump,
            forgets,
            approves,
        },
    )
}

impl Schedule {
    pub fn any() -> impl Strategy<Value = Self> {
        let strays = [Stray::Droplet, Stray::Firewall(None), Stray::Vpc(None), Stray::Key(None), Stray::Zone];
        let strays = proptest::sample::subsequence(strays.to_vec(), 0..=5);
        let rounds = any::<bool>().prop_flat_map(|lags| proptest::collection::vec(round(lags), 1..6));
        let (calm, rare) = (any::<bool>(), proptest::bool::weighted(0.05));
        (estate(), strays, (rounds, calm), 0..100u8, rare, select(&[0u8, 3][..])).prop_map(
            |(first, strays, (mut rounds, calm), drawn, crowded, action)| {
                // What goes wrong then goes wrong with an estate that stands.
                if let (true, Some(round)) = (calm && rounds.len() > 1, rounds.first_mut()) {
                    (round.faults, round.crash) = (Vec::new(), None);
                }
                // A lost journal is of interest with a ledger and without.
                let forgets = rounds.iter().any(|round| round.forgets);
                let reports = drawn < if forgets { 50 } else { 10 };
                Self { first, strays, rounds, reports, crowded, action }
            },
        )
    }
}

/// An estate with some parts of another.
pub fn blend(from: &Estate, to: &Estate, parts: u16) -> Estate {
    let takes = |bit: usize| parts & (1 << bit) != 0;
    let mut mixed = from.clone();
    for n in 0..3 {
        if takes(n) {
            mixed.droplets[n].clone_from(&to.droplets[n]);
        }
        if takes(n + 3) {
            mixed.renamed[n] = to.renamed[n];
        }
    }
    for n in 0..2 {
        if takes(n + 6) {
            mixed.vpcs[n] = to.vpcs[n];
        }
        if takes(n + 8) {
            mixed.keys[n] = to.keys[n];
        }
        if takes(n + 10) {
            mixed.firewalls[n].clone_from(&to.firewalls[n]);
        }
    }
    if takes(12) {
        mixed.records = to.records;
    }
    mixed
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requests, what, percent, count, seed } = self;
        let chance = f64::from(*percent) / 100.0;
        write!(out, "{requests} {what} chance={chance} count={count} seed={seed} keyed")
    }
}

impl Crash {
    /// The fault that keeps the request from being answered.
    pub fn line(self) -> String {
        let (what, chance) = (if self.done { "mute" } else { "hang" }, f64::from(self.percent) / 100.0);
        format!("{} {what} chance={chance} count=1 seed={} keyed", self.requests, self.seed)
    }
}
