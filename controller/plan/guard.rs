//! The brakes: which changes somebody has to approve. Adds holds, never removes one that a kind's risk asks for.

use super::Brakes;
use super::claim::Claims;
use super::limits;
use crate::model::{
    AnyKind, Cause, ChangeKey, Digest, Estate, Hold, HoldReason, Memory, Observed, Plan, Planned, Policy, Prune, Scope,
    Standing, Verb, World,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// The time over which deletions are counted.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The rule that holds deletions while `Brakes::no_deletions` says why.
pub const IN_DOUBT: &str = "history-rewritten";

/// Holds that one change asks for by itself: its risk, its protection, its adoption.
pub fn of_itself(change: &Planned, policy: &Policy, brakes: &Brakes) -> Vec<HoldReason> {
    let mut reasons = Vec::new();
    if let Some(why) = change.risk.needs_approval() {
        reasons.push(reason(rule_of(change), why));
    }
    if policy.protect && change.verb().removes() {
        reasons.push(reason("protected", format!("{} is protected (policy.protect)", change.key.id)));
    }
    if change.cause == Cause::Adoption && change.verb() != Verb::Adopt && reasons.is_empty() {
        reasons.push(takes_over(change));
    }
    let runs_on = brakes.runs_on.as_ref().is_some_and(|id| *id == change.key.id);
    if runs_on
        && (change.verb().removes()
            || change.verb() == Verb::Stop
            || matches!(change.risk, crate::model::Risk::Downtime(_)))
    {
        reasons.push(reason(super::foundation::RUNS_ON, format!("the controller itself runs on {}", change.key.id)));
    }
    reasons
}

/// The reason to hold a change that belongs to taking over what differs from its document.
pub fn takes_over(change: &Planned) -> HoldReason {
    let text = match &change.provider_id {
        Some(id) => format!("it would change {id}, which the controller did not make and does not own yet"),
        None => "it belongs to taking over what the controller does not own yet".to_owned(),
    };
    reason("takes-over", text)
}

fn rule_of(change: &Planned) -> &'static str {
    use crate::model::Risk::*;
    match change.risk {
        Destroys(_) => "destroys",
        Exposes(_) => "exposes",
        Unprotects(_) => "unprotects",
        TakesOver(_) => "takes-over",
        None | Downtime(_) => "risk",
    }
}

fn reason(rule: &str, text: impl Into<String>) -> HoldReason {
    HoldReason { rule: rule.to_owned(), text: text.into() }
}

impl Planned {
    /// The verb of its key.
    pub fn verb(&self) -> Verb {
        self.key.verb
    }
}

/// Rules that count many changes at once. What they held stays held until somebody approves it: with one of many
/// approved and done the count falls, and the rest must not go on by that alone.
const COUNTED: [&str; 2] = [VANISHED, REWRITE];
const VANISHED: &str = "vanished";
const REWRITE: &str = "rewrite-limit";

/// The words by which `Memory::since` knows what a counting rule holds.
pub fn counted_holds(plan: &Plan) -> impl Iterator<Item = String> {
    let holds = plan.changes.iter().filter_map(|c| Some((&c.key, c.hold()?)));
    let rules = holds.flat_map(|(key, hold)| hold.reasons.iter().map(move |r| (key, r.rule.as_str())));
    rules.filter(|(_, rule)| COUNTED.contains(rule)).map(|(key, rule)| counted_words(key, rule))
}

fn counted_words(key: &ChangeKey, rule: &str) -> String {
    format!("{key} {rule}")
}

/// Puts a hold on a change, or adds its reasons to the one that is there. An approval that covers it keeps it going.
pub fn hold(change: &mut Planned, reasons: Vec<HoldReason>, memory: &Memory, as_of: Timestamp) {
    if reasons.is_empty() || approved(&change.digest, memory, as_of) {
        return;
    }
    match &mut change.standing {
        Standing::Held(hold) => hold.reasons.extend(reasons),
        Standing::Observed => {}
        other => *other = Standing::Held(Hold { reasons, digest: change.digest.clone() }),
    }
}

/// Says whether an approval that is still good names this digest.
pub fn approved(digest: &Digest, memory: &Memory, as_of: Timestamp) -> bool {
    memory.approvals.get(digest).is_some_and(|given| as_of.duration_since(given.at) <= DAY)
}

/// What the limits that look at many changes need to know.
pub struct Guard<'a> {
    /// Every kind.
    pub kinds: &'a [&'a dyn AnyKind],
    /// What git says.
    pub estate: &'a Estate,
    /// What was seen.
    pub world: &'a World,
    /// What is remembered.
    pub memory: &'a Memory,
    /// Who is who.
    pub claims: &'a Claims<'a>,
    /// The machine's own limits.
    pub brakes: &'a Brakes,
}

impl Guard<'_> {
    /// Applies the limits on deletions, on rewriting a zone and on making anew what vanished.
    /// Says when time alone would lift one: as soon as the oldest deletion that counts is a day old.
    pub fn limit(&self, changes: &mut [Planned]) -> Option<Timestamp> {
        let relief = self.deletes(changes);
        self.rewrites(changes);
        self.vanished(changes);
        if let Some(why) = &self.brakes.no_deletions {
            self.hold_where(changes, |c| matches!(c.verb(), Verb::Delete | Verb::Stop), IN_DOUBT, why);
        }
        if self.estate.documents.is_empty() {
            // Letting go of everything would lose every protection, too.
            self.hold_where(changes, |_| true, "empty-estate", "git holds no document at all");
        }
        relief
    }

    fn hold_where(&self, changes: &mut [Planned], which: impl Fn(&Planned) -> bool, rule: &str, text: &str) {
        for change in changes.iter_mut().filter(|c| which(c)) {
            hold(change, vec![reason(rule, text)], self.memory, self.world.as_of);
        }
    }

    /// The strictest of the limits last applied, the repo's and the machine's caps.
    fn prune(&self) -> Prune {
        let repo = limits::binding(self.memory, &self.estate.settings).prune;
        self.brakes.caps.map_or(repo, |caps| limits::stricter(repo, caps))
    }

    /// Says where a limit comes from that Settings do not name any more.
    fn former(&self, limit: u32, now: u32) -> &'static str {
        let former = self.memory.limits.as_ref().is_some_and(|_| limit < now) && !self.capped(limit);
        if former { ", as it was before the commit that raises it" } else { "" }
    }

    fn capped(&self, limit: u32) -> bool {
        self.brakes.caps.is_some_and(|c| c.max_deletes == limit || u32::from(c.max_delete_percent) == limit)
    }

    fn deletes(&self, changes: &mut [Planned]) -> Option<Timestamp> {
        let mut relief = None;
        let limits = self.prune();
        let since = self.world.as_of.saturating_sub(DAY).unwrap_or(Timestamp::MIN);
        let mut counts: BTreeMap<Scope, (usize, usize)> = BTreeMap::new();
        for deletion in self.memory.deletions.iter().filter(|d| d.at >= since) {
            counts.entry(deletion.scope.clone()).or_default().0 += 1;
        }
        for change in changes.iter().filter(|c| c.verb() == Verb::Delete && c.standing != Standing::Observed) {
            counts.entry(change.scope.clone()).or_default().1 += 1;
        }
        for (scope, (done, planned)) in counts.into_iter().filter(|(_, (_, planned))| *planned > 0) {
            let (sum, members) = (done + planned, self.members(&scope) + done);
            let text = if sum > limits.max_deletes as usize {
                let former = self.former(limits.max_deletes, self.estate.settings.prune.max_deletes);
                format!(
                    "{sum} deletions of {scope} in 24 h ({done} done, {planned} planned); the limit is {}{former}",
                    limits.max_deletes
                )
            } else if members >= 10 && sum >= 3 && sum * 100 > members * usize::from(limits.max_delete_percent) {
                let (share, said) = (limits.max_delete_percent, self.estate.settings.prune.max_delete_percent);
                let former = self.former(share.into(), said.into());
                format!("{sum} deletions of {members} of {scope} in 24 h; the limit is {share} %{former}")
            } else {
                continue;
            };
            self.hold_where(changes, |c| c.verb() == Verb::Delete && c.scope == scope, "delete-limit", &text);
            let counted = self.memory.deletions.iter().filter(|d| d.at >= since && d.scope == scope);
            let passes = counted.filter_map(|d| d.at.checked_add(DAY + SignedDuration::from_secs(1)).ok()).min();
            relief = relief.into_iter().chain(passes).min();
        }
        relief
    }

    /// How many things live in a scope: owned objects of a kind, or the parts of one of them.
    fn members(&self, scope: &Scope) -> usize {
        let Some(kind) = self.kinds.iter().find(|k| k.name() == scope.kind) else { return 0 };
        let claimed = self.claims.of.iter().filter(|(id, _)| id.kind == scope.kind);
        match &scope.within {
            None => claimed.filter(|(_, c)| c.owned.is_some()).count(),
            Some(_) => claimed
                .filter(|(id, c)| self.scope_of(id, c.owned).as_ref() == Some(scope))
                .filter_map(|(_, c)| c.observed.state())
                .map(|live| kind.members(&live.state))
                .sum(),
        }
    }

    fn scope_of(&self, id: &crate::model::ResourceId, owned: Option<&crate::model::Owned>) -> Option<Scope> {
        let kind = self.kinds.iter().find(|k| k.name() == id.kind)?;
        match self.estate.documents.get(id) {
            Some(document) => Some(kind.scope(&document.want)),
            None => owned.map(|o| o.scope.clone()),
        }
    }

    /// Updating or deleting over 30 % of a zone's record sets, from ten up.
    fn rewrites(&self, changes: &mut [Planned]) {
        let mut counts: BTreeMap<Scope, usize> = BTreeMap::new();
        let counted = |c: &Planned| {
            c.scope.within.is_some()
                && matches!(c.verb(), Verb::Update | Verb::Delete)
                && c.standing != Standing::Observed
        };
        for change in changes.iter().filter(|c| counted(c)) {
            *counts.entry(change.scope.clone()).or_default() += 1;
        }
        for (scope, count) in counts {
            let members = self.members(&scope);
            if members >= 10 && count * 100 > members * 30 {
                let text = format!(
                    "it is one of {count} updates and deletions among the {members} of {scope}; the limit is 30 %"
                );
                self.hold_where(changes, |c| counted(c) && c.scope == scope, REWRITE, &text);
            } else {
                let text =
                    format!("more than 30 % of {scope} were to change at once, and nobody has approved this one");
                self.hold_where(
                    changes,
                    |c| counted(c) && c.scope == scope && self.was_held(c, REWRITE),
                    REWRITE,
                    &text,
                );
            }
        }
    }

    /// More than 30 % of a kind's owned objects gone at once, and at least three: more likely a mistake of the look than of the world.
    fn vanished(&self, changes: &mut [Planned]) {
        for kind in self.kinds {
            let owned = self.claims.of.iter().filter(|(id, c)| id.kind == kind.name() && c.owned.is_some());
            let (mut all, mut gone) = (0usize, BTreeSet::new());
            for (id, claim) in owned {
                all += 1;
                if matches!(claim.observed, Observed::Absent) && self.estate.documents.contains_key(id) {
                    gone.insert(id.clone());
                }
            }
            if gone.len() >= 3 && gone.len() * 100 > all * 30 {
                let text =
                    format!("{} of {all} owned {}s are gone at once; were they meant to go?", gone.len(), kind.name());
                let anew = |c: &Planned| c.verb() == Verb::Create && gone.contains(&c.key.id);
                self.hold_where(changes, anew, VANISHED, &text);
            } else {
                let text =
                    format!("it was gone together with other {}s, and nobody has approved this one", kind.name());
                let anew =
                    |c: &Planned| c.verb() == Verb::Create && gone.contains(&c.key.id) && self.was_held(c, VANISHED);
                self.hold_where(changes, anew, VANISHED, &text);
            }
        }
    }

    fn was_held(&self, change: &Planned, rule: &str) -> bool {
        self.memory.since.contains_key(&counted_words(&change.key, rule))
    }
}
