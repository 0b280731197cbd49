//! What people do to a controller: approve, pause, resume, retry, freeze, thaw, look. One place checks it and writes it
//! to the journal, whether it came over the socket, the network, or from a command beside a controller that is not
//! running. Every refusal says why and what to do.

use super::halt::moment;
use super::keeper::Keeper;
use super::person::Who;
use super::run::Wake;
use crate::model::memory::PutBack;
use crate::model::{
    Approval, ChangeKey, Digest, Estate, Freeze, HostKey, Memory, Patch, Pause, Pin, Plan, Planned, ResourceId,
};
use crate::ports::git::Mirror;
use crate::ports::store::StoreError;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A reason that is longer than this is cut where it is shown anyway.
const LONGEST_REASON: usize = 500;
/// So many digests are approved at once.
const MOST_DIGESTS: usize = 500;

/// Something that somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "camelCase", deny_unknown_fields)]
pub enum Act {
    /// Releases held changes by their digests, as shown or longer.
    Approve {
        /// The digests.
        digests: Vec<String>,
    },
    /// Leaves a resource alone.
    Pause {
        /// Which.
        id: ResourceId,
        /// Why.
        reason: String,
        /// Until when; none: until it is resumed.
        #[serde(default)]
        until: Option<Timestamp>,
    },
    /// Ends a pause.
    Resume {
        /// Of which resource.
        id: ResourceId,
    },
    /// Tries again at once what failed.
    Retry {
        /// Of which resource.
        id: ResourceId,
    },
    /// Believes from now on that a host has this key.
    Trust {
        /// Which host.
        id: ResourceId,
        /// The key, as `ssh-ed25519 AAAA…`.
        key: String,
        /// The machine on which it was seen.
        machine: String,
    },
    /// Stops all writes to the world.
    Freeze {
        /// Why.
        reason: String,
        /// Until when; none: until it is thawed.
        #[serde(default)]
        until: Option<Timestamp>,
    },
    /// Lets writes go on.
    Thaw,
    /// Looks now.
    Look,
}

impl Act {
    /// What it is called on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Approve { .. } => "approve",
            Self::Pause { .. } => "pause",
            Self::Resume { .. } => "resume",
            Self::Retry { .. } => "retry",
            Self::Trust { .. } => "trust",
            Self::Freeze { .. } => "freeze",
            Self::Thaw => "thaw",
            Self::Look => "look",
        }
    }

    /// How the loop is woken by it.
    pub fn wake(&self) -> Wake {
        match self {
            Self::Pause { .. } | Self::Freeze { .. } => Wake::Halt,
            _ => Wake::Asked,
        }
    }
}

/// What was done, a line each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// In words.
    pub said: Vec<String>,
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Refusal {
    /// Which sort of refusal it is.
    pub why: Why,
    /// What was asked, and what stands against it.
    pub what: String,
    /// What to do.
    pub hint: String,
}

/// Sorts of refusals, for exit codes and answers over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Whoever asks may not.
    Forbidden,
    /// There is nothing of that name.
    Unknown,
    /// It makes no sense as it was asked.
    Senseless,
    /// It cannot be done now.
    Unable,
}

impl Refusal {
    /// Makes one.
    pub fn new(why: Why, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { why, what: what.into(), hint: hint.into() }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::new(Why::Unable, error.to_string(), "Nothing was written down, and nothing was done.")
    }
}

/// What acts are checked against and written to.
pub struct Desk<'a> {
    /// Memory and journal.
    pub keeper: &'a Keeper,
    /// What git wants, where it has been read.
    pub estate: Option<&'a Estate>,
    /// The repo, where one is named: who wrote what.
    pub mirror: Option<&'a Mirror>,
    /// The folder of the repo that is watched.
    pub path: &'a str,
    /// The time.
    pub now: Timestamp,
}

impl Desk<'_> {
    /// Checks an act and writes it down; what it says is in the journal when this returns.
    ///
    /// If interrupted before, nothing was done; asked again, it does the same.
    pub async fn act(&self, who: &Who, act: &Act) -> Result<Said, Refusal> {
        who.may(act)?;
        let memory = self.keeper.memory();
        let (patches, said) = match act {
            Act::Approve { digests } => self.approve(who, digests).await?,
            Act::Pause { id, reason, until } => self.pause(&memory, id, reason, *until)?,
            Act::Resume { id } => resume(&memory, id)?,
            Act::Retry { id } => retry(&memory, id)?,
            Act::Trust { id, key, machine } => self.trust(who, &memory, (id, key, machine))?,
            Act::Freeze { reason, until } => self.freeze(who, reason, *until)?,
            Act::Thaw => self.thaw(&memory)?,
            Act::Look => (Vec::new(), vec!["it looks now".to_owned()]),
        };
        self.keeper.write(&patches).await?;
        for line in &said {
            tracing::info!(by = who.name, act = act.name(), "{line}");
        }
        Ok(Said { said })
    }

    async fn approve(&self, who: &Who, typed: &[String]) -> Result<(Vec<Patch>, Vec<String>), Refusal> {
        if typed.is_empty() || typed.len() > MOST_DIGESTS {
            return Err(Refusal::new(
                Why::Senseless,
                format!("{} digests were named", typed.len()),
                format!("Name from one to {MOST_DIGESTS}, as a plan shows them."),
            ));
        }
        let plan = self.keeper.last_plan().await?;
        let held: Vec<&Planned> = plan.iter().flat_map(Plan::held).collect();
        let digests = typed.iter().map(|one| find(one, &held)).collect::<Result<BTreeSet<_>, _>>()?;
        let covered = |digest: &Digest| -> Vec<&Planned> {
            held.iter().copied().filter(|c| c.hold().is_some_and(|h| h.digest == *digest)).collect()
        };
        if who.listed.is_some() {
            let ids: BTreeSet<&ResourceId> = digests.iter().flat_map(covered).map(|change| &change.key.id).collect();
            self.check_approver(who, plan.as_ref().and_then(|plan| plan.commit.as_deref()), &ids).await?;
        }
        let mut patches = Vec::new();
        let mut said = Vec::new();
        for digest in digests {
            let told = |c: &Planned| format!("approved: {} {} ({})", c.key.id, c.title, digest.short());
            said.extend(covered(&digest).into_iter().map(told));
            patches.push(Patch::Approve(digest, Approval { by: who.name.clone(), at: self.now }));
        }
        Ok((patches, said))
    }

    fn pause(
        &self,
        memory: &Memory,
        id: &ResourceId,
        reason: &str,
        until: Option<Timestamp>,
    ) -> Result<(Vec<Patch>, Vec<String>), Refusal> {
        let known = self.known(memory);
        if !known.contains(id) {
            let near: Vec<String> = known
                .iter()
                .filter(|k| k.kind.eq_ignore_ascii_case(&id.kind) || k.name == id.name)
                .take(5)
                .map(ToString::to_string)
                .collect();
            let hint = match near.as_slice() {
                [] => "Name a document of the repo, such as Droplet/erp.".to_owned(),
                near => format!("There are {}.", near.join(", ")),
            };
            return Err(Refusal::new(
                Why::Unknown,
                format!("no document is called {id}, and nothing of it is owned"),
                hint,
            ));
        }
        let (reason, until) = (self::reason(reason)?, self.later(until)?);
        let ends = ending(until, &format!("`driftless resume {id}`"));
        let said = format!("paused: {id} is left alone {ends} ({reason})");
        Ok((vec![Patch::Pause(id.clone(), Pause { reason, until })], vec![said]))
    }

    fn trust(
        &self,
        who: &Who,
        memory: &Memory,
        (id, key, machine): (&ResourceId, &str, &str),
    ) -> Result<(Vec<Patch>, Vec<String>), Refusal> {
        let key: HostKey = key.parse().map_err(|why| {
            Refusal::new(
                Why::Senseless,
                format!("that is no host key: {why}"),
                "`driftless trust HOST` asks the host for it.",
            )
        })?;
        let plain = |c: char| c.is_ascii_alphanumeric() || ".:_-".contains(c);
        if machine.is_empty() || machine.len() > 253 || !machine.chars().all(plain) {
            let what = "that is no machine: a droplet's id or an address is one";
            return Err(Refusal::new(Why::Senseless, what, "`driftless trust HOST` finds it out."));
        }
        let print = key.fingerprint();
        let former = memory.pins.get(id).filter(|pin| pin.key != key).map(|pin| pin.key.fingerprint());
        let instead = former.map(|print| format!(", and no longer by {print}")).unwrap_or_default();
        let said = format!("trusted: {id} is known by {} {print}{instead}", key.kind());
        let pin = Pin { key, machine: machine.to_owned(), by: Some(who.name.clone()), at: self.now };
        Ok((vec![Patch::Pin(id.clone(), pin)], vec![said]))
    }

    fn known(&self, memory: &Memory) -> BTreeSet<ResourceId> {
        let documents = self.estate.iter().flat_map(|estate| estate.documents.keys());
        documents.chain(memory.owned.keys()).cloned().collect()
    }

    fn freeze(&self, who: &Who, reason: &str, until: Option<Timestamp>) -> Result<(Vec<Patch>, Vec<String>), Refusal> {
        let (reason, until) = (self::reason(reason)?, self.later(until)?);
        let ends = ending(until, "`driftless thaw`");
        let said = format!("frozen: nothing is changed {ends}; looking goes on ({reason})");
        Ok((vec![Patch::Freeze(Freeze { by: who.name.clone(), reason, at: self.now, until })], vec![said]))
    }

    fn thaw(&self, memory: &Memory) -> Result<(Vec<Patch>, Vec<String>), Refusal> {
        let Some(freeze) = memory.frozen.as_ref().filter(|f| f.until.is_none_or(|until| until > self.now)) else {
            let hint = "`freeze = true` in driftless.toml, or a file in the repo, ends where it was begun.";
            return Err(Refusal::new(Why::Unknown, "nothing is frozen by hand: there is nothing to thaw", hint));
        };
        let said = format!("thawed: what {} froze at {} goes on ({})", freeze.by, moment(freeze.at), freeze.reason);
        Ok((vec![Patch::Thaw], vec![said]))
    }

    fn later(&self, until: Option<Timestamp>) -> Result<Option<Timestamp>, Refusal> {
        match until {
            Some(until) if until <= self.now => Err(Refusal::new(
                Why::Senseless,
                format!("{} has passed", moment(until)),
                "Name a time to come, or a length such as 2h.",
            )),
            until => Ok(until),
        }
    }
}

/// The words for when something ends.
fn ending(until: Option<Timestamp>, command: &str) -> String {
    until.map_or_else(|| format!("until {command}"), |until| format!("until {}, or {command}", moment(until)))
}

/// A reason as it is kept: one line, not empty, not a novel.
fn reason(text: &str) -> Result<String, Refusal> {
    let line: Vec<String> = text.split_whitespace().map(|w| w.chars().filter(|c| !c.is_control()).collect()).collect();
    let line = line.join(" ");
    if line.is_empty() || line.chars().count() > LONGEST_REASON {
        let what = if line.is_empty() { "no reason was given" } else { "the reason is too long" };
        let hint = format!("Say in a line (at most {LONGEST_REASON} characters) why: it stands in every report.");
        return Err(Refusal::new(Why::Senseless, what, hint));
    }
    Ok(line)
}

fn resume(memory: &Memory, id: &ResourceId) -> Result<(Vec<Patch>, Vec<String>), Refusal> {
    let Some(pause) = memory.pauses.get(id) else {
        let paused: Vec<String> = memory.pauses.keys().map(ToString::to_string).collect();
        let hint = match paused.as_slice() {
            [] => "Nothing is paused by hand. A pause that its document asks for ends there (policy.mode).".to_owned(),
            paused => format!("Paused by hand: {}.", paused.join(", ")),
        };
        return Err(Refusal::new(Why::Unknown, format!("{id} is not paused by hand"), hint));
    };
    Ok((
        vec![Patch::Resume(id.clone())],
        vec![format!("resumed: {id} is kept as git says again (it was: {})", pause.reason)],
    ))
}

fn retry(memory: &Memory, id: &ResourceId) -> Result<(Vec<Patch>, Vec<String>), Refusal> {
    let failures: Vec<_> = memory.failures.iter().filter(|(key, _)| &key.id == id).collect();
    let fought: Vec<_> = memory.put_back.iter().filter(|(key, _)| &key.id == id).collect();
    if failures.is_empty() && fought.is_empty() {
        let failing: BTreeSet<String> = memory.failures.keys().map(|key| key.id.to_string()).collect();
        let hint = match failing.len() {
            0 => "Nothing is failing.".to_owned(),
            _ => format!("Failing: {}.", failing.into_iter().collect::<Vec<_>>().join(", ")),
        };
        return Err(Refusal::new(Why::Unknown, format!("nothing of {id} is failing"), hint));
    }
    let tried = failures.iter().map(|(key, _)| Patch::Heal((*key).clone()));
    let patches = tried.chain(fought.iter().map(|(key, _)| Patch::Calm((*key).clone()))).collect();
    let said = failures.iter().map(|(key, f)| format!("tried again: {key}, which failed {}", f.often()));
    let put_back = |(key, all): &(&ChangeKey, &Vec<PutBack>)| {
        let often = if all.len() == 1 { "once".to_owned() } else { format!("{} times", all.len()) };
        format!("tried again: {key}, which was put back {often} within the last hour")
    };
    Ok((patches, said.chain(fought.iter().map(put_back)).collect()))
}

/// The digest that somebody typed the beginning of.
fn find(typed: &str, held: &[&Planned]) -> Result<Digest, Refusal> {
    let digests: BTreeSet<&Digest> = held.iter().filter_map(|c| c.hold()).map(|h| &h.digest).collect();
    let found: Vec<&&Digest> = digests.iter().filter(|d| d.matches(typed)).collect();
    match found.as_slice() {
        [one] => Ok((**one).clone()),
        [] if digests.is_empty() => Err(Refusal::new(
            Why::Unknown,
            "nothing is held: there is nothing to approve",
            "`driftless status` says how it stands.",
        )),
        [] => {
            // What is released together stands once, by the change that comes first.
            let mut told = BTreeSet::new();
            let list: Vec<String> = held
                .iter()
                .filter_map(|c| c.hold().map(|h| (c, &h.digest)))
                .filter(|(_, digest)| told.insert(*digest))
                .map(|(c, digest)| format!("  {}  {} {}", digest.short(), c.key.id, c.title))
                .collect();
            Err(Refusal::new(
                Why::Unknown,
                format!("no held change has the digest {typed:?}; held are\n{}", list.join("\n")),
                "A change that became another one since it was shown has another digest.",
            ))
        }
        _ => {
            let what = format!("{typed:?} names more than one held change");
            Err(Refusal::new(Why::Senseless, what, "Type more of it."))
        }
    }
}
