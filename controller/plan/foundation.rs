//! What the controller itself runs on (`self` in driftless.toml): nothing of it is stopped, changed or cut off unasked.
//! Knows it by its id, by what it needs, and by the ways that changes say they alter; never by a kind's name.

use super::assemble::Draft;
use super::claim::Claims;
use super::guard;
use crate::model::{HoldReason, Planned, ResourceId, Risk, Verb};
use std::collections::BTreeSet;

/// The rule of these holds.
pub(super) const RUNS_ON: &str = "runs-on";

impl Draft<'_> {
    /// Holds what would stop or change the controller's own ground, or cut it off from those that keep it.
    pub(super) fn foundation(&mut self, claims: &Claims<'_>) {
        let Some(own) = self.brakes.runs_on.clone() else { return };
        let needed = self.needed(&own, claims);
        let live = claims.of.get(&own).and_then(|claim| claim.observed.state().copied());
        let facts = live.zip(self.kinds.get(own.kind.as_str())).map(|(live, kind)| kind.facts(&live.state));
        let (memory, as_of) = (self.memory, self.world.as_of);
        for change in &mut self.changes {
            let told = change.hold().is_some_and(|h| h.reasons.iter().any(|r| r.rule == RUNS_ON));
            let cuts = || {
                let live = live.as_ref()?;
                let way = change.ways.iter().find(|way| {
                    way.cuts.is_some()
                        && way.whom.means(&own.kind, &live.provider_id, facts.as_deref().unwrap_or_default())
                })?;
                way.cuts
                    .as_ref()
                    .map(|what| format!("{own}, on which the controller itself runs, is behind it: {what}"))
            };
            let why = match () {
                () if told => None,
                () if change.key.id == own && changes_it(change) => {
                    Some(format!("the controller itself runs on {own}"))
                }
                () if needed.contains(&change.key.id) && takes_it_away(change) => {
                    Some(format!("{own}, on which the controller itself runs, needs it"))
                }
                () => cuts(),
            };
            let reasons = why.map(|text| HoldReason { rule: RUNS_ON.to_owned(), text });
            guard::hold(change, reasons.into_iter().collect(), memory, as_of);
        }
    }

    /// All that something needs, now or as remembered, and what that needs.
    fn needed(&self, own: &ResourceId, claims: &Claims<'_>) -> BTreeSet<ResourceId> {
        let mut found = BTreeSet::new();
        let mut open = vec![own.clone()];
        while let Some(id) = open.pop() {
            let wanted = self.estate.documents.get(&id).into_iter().flat_map(|d| &d.needs).map(|need| &need.on);
            let remembered = claims.of.get(&id).and_then(|claim| claim.owned).into_iter().flat_map(|o| &o.needs);
            for need in wanted.chain(remembered).filter(|need| *need != own) {
                if found.insert(need.clone()) {
                    open.push(need.clone());
                }
            }
        }
        found
    }
}

/// Whatever is done to it; to put our marker on it changes nothing that runs, and what a replacement leaves behind goes
/// with the approval of that.
fn changes_it(change: &Planned) -> bool {
    !matches!(change.key.verb, Verb::Adopt | Verb::Create | Verb::Retire)
}

fn takes_it_away(change: &Planned) -> bool {
    change.key.verb.removes() || change.key.verb == Verb::Stop || matches!(change.risk, Risk::Downtime(_))
}
