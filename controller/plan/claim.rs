//! Who is who: which live object belongs to which document. Decided once, here, from Memory, markers and keys.
//! Never guesses: several candidates are a finding with the way out.

use super::clerk::Clerk;
use crate::model::finding::Weight;
use crate::model::memory::Retiring;
use crate::model::plan::Unowned;
use crate::model::{
    AnyKind, Estate, Finding, Intent, Live, Memory, Observed, Owned, Patch, ProviderId, ResourceId, Verb, World,
};
use std::collections::BTreeMap;

/// What the planner knows of one id's live object.
pub struct Claim<'w> {
    /// The object, or why there is none.
    pub observed: Observed<&'w Live>,
    /// Whether it was found by its key or by `adopt: {id: …}`: it is about to be taken over.
    pub adopting: bool,
    /// The generation of the live object; 0 where there is none.
    pub generation: u32,
    /// Former generations that still live.
    pub retiring: Vec<&'w Live>,
    /// Former generations where nobody could look this time.
    pub hidden: Vec<Retiring>,
    /// What is remembered of it.
    pub owned: Option<&'w Owned>,
    /// Whether an open intent forbids planning anything for it now.
    pub waits: bool,
    /// The interrupted create that made it.
    pub made_by: Option<&'w Intent>,
    /// Whether it lives where it was remembered to, and not where its document wants it.
    pub away: bool,
}

/// The answer for a whole estate.
#[derive(Default)]
pub struct Claims<'w> {
    /// By id: documents and what Memory still owns.
    pub of: BTreeMap<ResourceId, Claim<'w>>,
    /// Live objects that nobody claims.
    pub unowned: Vec<Unowned>,
    /// What has to be said about it.
    pub findings: Vec<Finding>,
    /// Settled intents to remember.
    pub remember: Vec<Patch>,
    /// When an open intent can be settled by time alone.
    pub next_due: Option<jiff::Timestamp>,
}

/// Decides for every document and every owned id which live object is its own. Memory is one that has followed renames.
pub fn claim<'w>(kinds: &[&dyn AnyKind], estate: &'w Estate, world: &'w World, memory: &'w Memory) -> Claims<'w> {
    let mut claims = Claims::default();
    if let Some(why) = stranger(estate, world, memory, &mut claims.findings) {
        for id in estate.documents.keys().chain(memory.owned.keys()) {
            claims.of.entry(id.clone()).or_insert_with(|| Claim::unknown(&why, memory.owned.get(id)));
        }
        return claims;
    }
    for kind in kinds {
        Clerk::new(*kind, estate, world, memory, &mut claims).work();
    }
    claims
}

impl<'w> Claim<'w> {
    /// A claim that found nothing yet.
    pub(super) fn new(observed: Observed<&'w Live>, owned: Option<&'w Owned>) -> Self {
        Self {
            observed,
            adopting: false,
            generation: 0,
            retiring: Vec::new(),
            hidden: Vec::new(),
            owned,
            waits: false,
            made_by: None,
            away: false,
        }
    }

    pub(super) fn unknown(why: &str, owned: Option<&'w Owned>) -> Self {
        Self::new(Observed::Unknown { why: why.to_owned() }, owned)
    }

    /// Says whether a former generation was left behind by a replacement of ours, so that its removal is agreed already.
    /// One that only its marker names is not.
    pub fn left_behind(&self, former: &ProviderId) -> bool {
        self.owned.is_some_and(|o| o.retiring.iter().any(|r| &r.provider_id == former))
            || self.made_by.is_some_and(|intent| intent.key.verb == Verb::Replace)
    }
}

/// Says why nothing of this world may be taken for ours: another team's token, another repo's estate.
fn stranger(estate: &Estate, world: &World, memory: &Memory, findings: &mut Vec<Finding>) -> Option<String> {
    let mut say = |rule: &str, text: String, hint: &str| {
        let finding = Finding {
            id: None,
            weight: Weight::Problem,
            rule: rule.to_owned(),
            text: text.clone(),
            hint: hint.to_owned(),
            place: None,
        };
        findings.push(finding);
        Some(text)
    };
    if memory.estate.is_some_and(|known| known != estate.settings.id) {
        return say(
            "another-estate",
            format!("the repo now holds the estate {}, not the one that this controller keeps", estate.settings.id),
            "If another repo is really meant, start with a new data directory; nothing is touched until then.",
        );
    }
    match (&world.account, &memory.team) {
        (Some(Err(why)), _) => say(
            "account-unknown",
            format!("the account could not be read: {why}"),
            "Nothing is concluded about any resource until it can be.",
        ),
        (Some(Ok(team)), Some(known)) if team != known => say(
            "another-team",
            format!("the token belongs to team {team}, but this estate lives in team {known}"),
            "Put back a token of the right team; nothing is touched with this one.",
        ),
        _ => None,
    }
}
