//! What became of a create whose answer never came: decided by looking, never by trying again.

use crate::model::{AnyKind, ChangeKey, Intent, Live, Memory, Patch, ProviderId, Span, Verb};
use jiff::Timestamp;

/// How long a lost create may take to show in a list. DigitalOcean's lists lag by seconds; a minute is on the safe side.
pub const SETTLE: Span = Span(60);

/// What is known of an open intent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It happened, and this is what it made.
    Ours(ProviderId),
    /// It did not happen.
    Clear,
    /// Too early to say.
    Wait {
        /// When it will be known.
        until: Timestamp,
    },
    /// More than one new object answers: somebody has to say which.
    Several(Vec<ProviderId>),
}

/// Says whether a change makes a whole object, so that its intent is settled by finding one.
pub fn makes(key: &ChangeKey) -> bool {
    key.part.is_none() && matches!(key.verb, Verb::Create | Verb::Replace)
}

/// Says whether what a change writes shows in a list alone: it has no id of its own that could be asked for, so until a
/// list shows it, it cannot be told from what was never done.
pub fn shows_later(kind: &dyn AnyKind, key: &ChangeKey) -> bool {
    kind.by_part() && key.part.is_some() && matches!(key.verb, Verb::Create | Verb::Update)
}

/// Until when a list may still lack what an intent wrote.
pub fn settles(intent: &Intent) -> Timestamp {
    intent.opened.saturating_add(SETTLE.signed()).unwrap_or(Timestamp::MAX)
}

/// What was under way when a process ended was sent before the next one started, and nobody knows when: it settles from
/// that start on.
pub fn reopened(memory: &Memory, start: Timestamp) -> Vec<Patch> {
    let late = |intent: &&Intent| intent.opened < start;
    memory.intents.values().filter(late).map(|i| Patch::Intend(Intent { opened: start, ..i.clone() })).collect()
}

/// Decides about one intent. It is open only where no answer came or the process died; a refusal closes it at once.
///
/// `candidates` are the live objects that answer to its keys or marker and that nobody else owns.
pub fn settle(intent: &Intent, candidates: &[&Live], as_of: Timestamp) -> Settled {
    if let Some(made) = &intent.provider_id
        && candidates.iter().any(|live| &live.provider_id == made)
    {
        return Settled::Ours(made.clone());
    }
    let new: Vec<&ProviderId> =
        candidates.iter().map(|live| &live.provider_id).filter(|id| !intent.before.contains(*id)).collect();
    match new.as_slice() {
        [only] => Settled::Ours((*only).clone()),
        [] => {
            let until = settles(intent);
            if as_of >= until { Settled::Clear } else { Settled::Wait { until } }
        }
        several => Settled::Several(several.iter().map(|id| (*id).clone()).collect()),
    }
}
