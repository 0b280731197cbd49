//! What comes after what, in which order the work stands in the plan, and what is stuck behind something else.

use super::assemble::Draft;
use super::claim::Claims;
use crate::model::{ChangeKey, Estate, Planned, ResourceId, Standing, Verb};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};

/// Who needs something, by what is needed.
type Users<'a> = HashMap<ResourceId, BTreeSet<&'a ResourceId>>;

impl Draft<'_> {
    /// Puts removals after everything that needs, or was remembered to need, what they remove; then all in the order of the work.
    pub(super) fn sequence(&mut self, claims: &Claims<'_>) {
        let removed = self.changes.iter().filter(|change| whole(&change.key) || change.key.verb == Verb::Retire);
        let users = users(removed.map(|change| change.key.id.clone()), self.estate, claims);
        let (changed, aside, left) = (&self.changed, &self.aside, &self.left);
        for change in &mut self.changes {
            let id = &change.key.id;
            let whole = whole(&change.key);
            if !whole && change.key.verb != Verb::Retire {
                continue;
            }
            let using: BTreeSet<&ResourceId> =
                users.get(id).into_iter().flatten().copied().filter(|user| *user != id).collect();
            let mut after: BTreeSet<ChangeKey> = change.after.drain(..).collect();
            let theirs = using.iter().filter_map(|user| changed.get(*user)).flatten();
            // The former self of whoever needs it goes before its own.
            after.extend(theirs.cloned());
            if whole {
                let own = changed.get(id).into_iter().flatten().filter(|key| key.verb == Verb::Retire);
                after.extend(own.cloned());
            }
            after.remove(&change.key);
            change.after = after.into_iter().collect();
            // What was never ours points at nothing that we made.
            let ours = |user: &&&ResourceId| claims.of.get(**user).is_some_and(|claim| claim.owned.is_some());
            // What stays behind on a place that is let go of is not waited for.
            let stays = |user: &&&ResourceId| !left.get(id).is_some_and(|left| left.contains(**user));
            let mut doubt = using.iter().filter(ours).filter(stays).filter_map(|user| Some((user, aside.get(*user)?)));
            let doubt = doubt.next().map(|(user, why)| format!("{user} may still need it: {why}"));
            if let (Some(why), true) = (doubt, change.goes()) {
                change.standing = Standing::Blocked(why);
            }
        }
        self.sort();
    }

    /// Stable: what is independent keeps the order in which it was planned.
    fn sort(&mut self) {
        let at: BTreeMap<&ChangeKey, usize> = self.changes.iter().enumerate().map(|(i, c)| (&c.key, i)).collect();
        let mut followers: Vec<Vec<usize>> = vec![Vec::new(); self.changes.len()];
        let mut open: Vec<usize> = vec![0; self.changes.len()];
        for (i, change) in self.changes.iter().enumerate() {
            for before in change.after.iter().filter_map(|key| at.get(key)) {
                if let (Some(list), Some(count)) = (followers.get_mut(*before), open.get_mut(i)) {
                    list.push(i);
                    *count += 1;
                }
            }
        }
        let ready = open.iter().enumerate().filter(|(_, count)| **count == 0);
        let mut ready: BinaryHeap<Reverse<usize>> = ready.map(|(i, _)| Reverse(i)).collect();
        let mut ranks: Vec<usize> = vec![usize::MAX; self.changes.len()];
        let mut next = 0;
        while let Some(Reverse(i)) = ready.pop() {
            if let Some(rank) = ranks.get_mut(i) {
                *rank = next;
                next += 1;
            }
            for follower in followers.get(i).into_iter().flatten() {
                if let Some(count) = open.get_mut(*follower) {
                    *count -= 1;
                    if *count == 0 {
                        ready.push(Reverse(*follower));
                    }
                }
            }
        }
        // Needs of different times can run in a circle: what is left of it goes in the order in which it was planned.
        let done: BTreeSet<ChangeKey> = self
            .changes
            .iter()
            .zip(&ranks)
            .filter(|(_, rank)| **rank != usize::MAX)
            .map(|(c, _)| c.key.clone())
            .collect();
        if done.len() < self.changes.len() {
            let left = self.changes.iter_mut().zip(&ranks).filter(|(_, rank)| **rank == usize::MAX);
            left.for_each(|(change, _)| change.after.retain(|key| done.contains(key)));
        }
        let mut ranked: Vec<(usize, Planned)> = ranks.into_iter().zip(std::mem::take(&mut self.changes)).collect();
        ranked.sort_by_key(|(rank, _)| *rank);
        self.changes = ranked.into_iter().map(|(_, change)| change).collect();
    }

    /// What comes after something that does not go does not go either, and says after what.
    /// What only `dependsOn` a held change of something that exists goes on without it.
    pub(super) fn block(&mut self) {
        let mut stuck: BTreeMap<ChangeKey, Standing> =
            self.changes.iter().filter(|c| !c.goes()).map(|c| (c.key.clone(), c.standing.clone())).collect();
        let mut changes = std::mem::take(&mut self.changes);
        for change in &mut changes {
            let around = self.planned_around(change, &stuck);
            change.after.retain(|key| !around.contains(key));
            if !change.goes() {
                continue;
            }
            let Some((key, standing)) = change.after.iter().find_map(|key| stuck.get_key_value(key)) else { continue };
            change.standing = Standing::Blocked(stuck_behind(key, standing));
            stuck.insert(change.key.clone(), change.standing.clone());
        }
        self.changes = changes;
    }

    /// The changes before this one that are held or only reported, on something that exists and merely stands in `dependsOn`.
    fn planned_around(&self, change: &Planned, stuck: &BTreeMap<ChangeKey, Standing>) -> BTreeSet<ChangeKey> {
        if whole(&change.key) || change.key.verb == Verb::Retire {
            return BTreeSet::new();
        }
        let Some(document) = self.estate.documents.get(&change.key.id) else { return BTreeSet::new() };
        let depends = |id: &ResourceId| document.depends_on().any(|on| on == id);
        let held = |key: &&ChangeKey| {
            let around = stuck.get(*key).is_some_and(|standing| goes_around(key, standing));
            around && key.id != change.key.id && depends(&key.id)
        };
        change.after.iter().filter(held).cloned().collect()
    }
}

/// Says whether a change ends a whole object, and not its former generation.
fn whole(key: &ChangeKey) -> bool {
    key.part.is_none() && matches!(key.verb, Verb::Delete | Verb::Stop)
}

/// Who needs, or was remembered to need, each of these: of most plans nothing is removed, and nobody is gone through.
fn users<'a>(removed: impl Iterator<Item = ResourceId>, estate: &'a Estate, claims: &'a Claims<'_>) -> Users<'a> {
    let mut users: Users<'a> = removed.map(|id| (id, BTreeSet::new())).collect();
    if users.is_empty() {
        return users;
    }
    let remembered =
        claims.of.iter().flat_map(|(id, claim)| claim.owned.iter().flat_map(|o| &o.needs).map(move |n| (n, id)));
    let wanted = estate.documents.iter().flat_map(|(id, document)| document.needs.iter().map(move |n| (&n.on, id)));
    for (need, user) in remembered.chain(wanted) {
        if let Some(all) = users.get_mut(need) {
            all.insert(user);
        }
    }
    users
}

/// Says whether a change that does not go leaves something to work with: what exists goes on as it is.
pub(super) fn goes_around(key: &ChangeKey, standing: &Standing) -> bool {
    key.verb != Verb::Create && matches!(standing, Standing::Held(_) | Standing::Observed)
}

/// What a change waits for, in words.
pub(super) fn stuck_behind(key: &ChangeKey, standing: &Standing) -> String {
    format!("it comes after {key}, which {}", state_of(standing))
}

fn state_of(standing: &Standing) -> &'static str {
    match standing {
        Standing::Held(_) => "is held",
        Standing::Observed => "is only reported (mode: observe)",
        Standing::Backoff(_) => "failed and is tried again later",
        Standing::Closed(_) => "waits for a sync window",
        Standing::Blocked(_) => "waits itself",
        Standing::Go => "goes on",
    }
}
