//! What moves with the names that it serves: a record leads to the new place once that serves, and the former one goes
//! once nobody believes any more that the name is there. Knows documents by what they serve and zones by where their names
//! lead; never by a kind's name.
//!
//! What happens if interrupted: what is remembered (`Memory::led`) was written before anything was done. Without it, the
//! time is counted anew, from the look that misses it.

use super::assemble::Draft;
use super::claim::Claims;
use super::guard;
use crate::model::lead::{Lead, Leads, meet};
use crate::model::{
    ChangeKey, Document, HoldReason, Led, Observed, Output, Patch, Planned, ResourceId, Span, Standing, Supply, Verb,
    lead::Serves,
};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// The rule that holds the end of what names may still lead to.
const LEADS_ELSEWHERE: &str = "leads-elsewhere";
/// A record that was changed may take so long to reach every name server: DigitalOcean's follow within seconds, and
/// promise nothing.
const SPREAD: Span = Span(60);
/// So many names may lead on to another.
const STEPS: usize = 8;

/// A document that serves names, on its way from one place to another.
struct Move {
    id: ResourceId,
    serves: Serves,
    /// Whether it is in its new place.
    arrived: bool,
    /// The change that makes it there, where this plan has it.
    makes: Option<ChangeKey>,
}

/// Where all names of a move lead.
enum Found {
    /// To its new place.
    There,
    /// One does not: which, and where to.
    Elsewhere(String),
    /// One is in no zone that is seen: which.
    Nowhere(String),
    /// It could not be looked at.
    Unseen(String),
}

impl Draft<'_> {
    /// Puts records after what serves their names, and keeps back the end of what they may still lead to.
    pub(super) fn handover(&mut self, claims: &Claims<'_>) {
        if self.strange {
            return;
        }
        let moves = self.moves(claims);
        let over = |id: &&ResourceId| !moves.iter().any(|one| one.id == **id) && self.seen(claims, id);
        let over: Vec<Patch> = self.memory.led.keys().filter(over).cloned().map(Patch::Arrived).collect();
        self.remember.extend(over);
        if moves.is_empty() {
            return;
        }
        let zones = self.zones();
        for one in &moves {
            self.records_wait(one);
            self.former_waits(one, &zones);
        }
    }

    fn seen(&self, claims: &Claims<'_>, id: &ResourceId) -> bool {
        claims.of.get(id).is_none_or(|claim| !matches!(claim.observed, Observed::Unknown { .. }))
    }

    fn moves(&self, claims: &Claims<'_>) -> Vec<Move> {
        let of = |document: &Document| {
            let kind = self.kinds.get(document.id.kind.as_str())?;
            let claim = claims.of.get(&document.id)?;
            let owned = claim.owned?;
            let leaves = owned.scope != kind.scope(&document.want);
            if !leaves && owned.retiring.is_empty() && claim.retiring.is_empty() {
                return None;
            }
            let serves = kind.serves(&document.want)?;
            let makes = self.changed.get(&document.id).into_iter().flatten();
            let makes = makes.into_iter().find(|key| key.verb == Verb::Replace).cloned();
            // What lives may be the new one already: its creation was not seen to end.
            let there = !leaves || claim.observed.state().is_some() && !claim.away;
            let arrived = makes.is_none() && there;
            Some(Move { id: document.id.clone(), serves, arrived, makes })
        };
        self.estate.documents.values().filter_map(of).collect()
    }

    /// A record that leads a name elsewhere comes after what is to serve it there. Where that is not planned yet, it waits.
    fn records_wait(&mut self, one: &Move) {
        if one.arrived {
            return;
        }
        let concerns = |change: &Planned| {
            change.leads.as_ref().is_some_and(|name| one.serves.names.iter().any(|served| meet(served, name)))
        };
        let records: BTreeSet<ChangeKey> =
            self.changes.iter().filter(|change| concerns(change)).map(|change| change.key.clone()).collect();
        let why = self.aside.get(&one.id).map_or_else(String::new, |why| format!(": {why}"));
        for change in &mut self.changes {
            if records.contains(&change.key) {
                match &one.makes {
                    Some(key) => change.after.push(key.clone()),
                    None if change.goes() => {
                        let text = format!("{} is to serve it from {} first{why}", one.id, one.serves.at);
                        change.standing = Standing::Blocked(text);
                    }
                    None => {}
                }
            }
            if change.key.id == one.id {
                // It may depend on the whole zone: of this record it is the other way round.
                change.after.retain(|key| !records.contains(key));
            }
        }
    }

    /// What is left in the former place goes when every name leads to the new one, and has for as long as others may keep
    /// what it said before.
    fn former_waits(&mut self, one: &Move, zones: &Zones) {
        let (found, ttl) = self.found(&one.serves, zones);
        let known = self.memory.led.get(&one.id);
        let there = one.arrived && matches!(found, Found::There);
        let led = match known {
            Some(known) if there || matches!(found, Found::Unseen(_)) => {
                Led { ttl: known.ttl, since: known.since.or(there.then_some(self.world.as_of)) }
            }
            _ => Led { ttl: known.map_or(0, |known| known.ttl).max(ttl), since: there.then_some(self.world.as_of) },
        };
        let until = led.since.map(|since| ends(since, led.ttl));
        if known != Some(&led) {
            self.remember.push(Patch::Led(one.id.clone(), led));
        }
        let changing = self.changes.iter().filter_map(|change| change.leads.as_ref());
        let changing = changing.into_iter().any(|name| one.serves.names.iter().any(|served| meet(served, name)));
        let names = one.serves.names.iter().cloned().collect::<Vec<_>>().join(", ");
        let waits = match (&found, until) {
            (Found::There, Some(until)) if until <= self.world.as_of => return,
            (Found::There, Some(until)) => {
                self.due_for(&one.id, until);
                let moment = until.strftime("%H:%M:%S UTC");
                Wait::Time(format!("it serves on until {moment}: others may keep the former record of {names} so long"))
            }
            (Found::Unseen(why), _) => Wait::Time(format!("it serves on, since nobody sees where {names} lead: {why}")),
            (Found::There, None) => Wait::Time(format!("it serves on until {} serves {names}", one.serves.at)),
            (Found::Elsewhere(_) | Found::Nowhere(_), _) if changing || !one.arrived => Wait::Time(format!(
                "it serves on until {names} lead to {}, and nobody keeps the former record any more",
                one.serves.at
            )),
            (Found::Elsewhere(text), _) => Wait::Word(format!("{text}, and not to {}", one.serves.at)),
            (Found::Nowhere(name), _) => Wait::Word(format!("no zone in git says where {name} leads")),
        };
        let (memory, as_of) = (self.memory, self.world.as_of);
        let former =
            self.changes.iter_mut().filter(|change| change.key.id == one.id && change.key.verb == Verb::Retire);
        for change in former.filter(|change| change.goes()) {
            match &waits {
                Wait::Time(text) => change.standing = Standing::Blocked(text.clone()),
                Wait::Word(text) => {
                    let reason = HoldReason { rule: LEADS_ELSEWHERE.to_owned(), text: text.clone() };
                    guard::hold(change, vec![reason], memory, as_of);
                }
            }
        }
    }

    fn due_for(&mut self, id: &ResourceId, until: Timestamp) {
        if self.changed.get(id).into_iter().flatten().any(|key| key.verb == Verb::Retire) {
            self.due(until);
        }
    }

    /// Where names lead by every zone that was seen, and the zones that were not.
    fn zones(&self) -> Zones {
        let mut zones = Zones::default();
        for (scope, sighting) in &self.world.scopes {
            let kind = self.kinds.get(scope.kind.as_str()).filter(|kind| kind.zones());
            let Some(kind) = kind else { continue };
            match (&sighting.found, &scope.within) {
                (Ok(found), _) => zones.seen.extend(found.iter().filter_map(|live| kind.leads(&live.state))),
                (Err(why), Some(within)) => drop(zones.unseen.insert(within.to_ascii_lowercase(), why.clone())),
                (Err(_), None) => {}
            }
        }
        zones
    }

    /// Where the names lead, and how long any of what they say now may be kept.
    fn found(&self, serves: &Serves, zones: &Zones) -> (Found, u32) {
        let outputs = match self.view.supplies.get(&serves.at) {
            Some(Supply::Live(outputs)) => outputs.clone(),
            _ => BTreeMap::new(),
        };
        let own = [Output::Address, Output::AddressV6, Output::PrivateAddress].map(|output| outputs.get(&output));
        let own: BTreeSet<IpAddr> = own.into_iter().flatten().filter_map(|text| text.parse().ok()).collect();
        let (mut worst, mut ttl) = (Found::There, 0);
        for name in &serves.names {
            let (found, kept) = zones.found(name, &own);
            ttl = ttl.max(kept);
            worst = match (worst, found) {
                (Found::There, found) => found,
                (Found::Nowhere(_), found @ (Found::Elsewhere(_) | Found::Unseen(_))) => found,
                (worst, _) => worst,
            };
        }
        (worst, ttl)
    }
}

/// Why the end of a former place does not come yet.
enum Wait {
    /// Time, or work that is under way, ends it.
    Time(String),
    /// Somebody has to say so.
    Word(String),
}

/// Every zone.
#[derive(Default)]
struct Zones {
    seen: Vec<Leads>,
    /// Why, by its name.
    unseen: BTreeMap<String, String>,
}

impl Zones {
    fn found(&self, name: &str, own: &BTreeSet<IpAddr>) -> (Found, u32) {
        let (mut name, mut ttl) = (name.to_owned(), 0);
        for _ in 0..STEPS {
            let within = |zone: &str| name == zone || name.ends_with(&format!(".{zone}"));
            if let Some((zone, why)) = self.unseen.iter().find(|(zone, _)| within(zone)) {
                return (Found::Unseen(format!("{zone} could not be looked at: {why}")), ttl);
            }
            let zone = self.seen.iter().filter(|leads| within(&leads.zone)).max_by_key(|leads| leads.zone.len());
            let Some(zone) = zone else { return (Found::Nowhere(name), ttl) };
            // A name without a record is nobody's way to anywhere.
            let Some(lead) = lead_of(zone, &name) else { return (Found::There, ttl) };
            ttl = ttl.max(lead.ttl);
            let on = lead.to.iter().find(|to| !to.parse().is_ok_and(|to| own.contains(&to)));
            match on {
                None => return (Found::There, ttl),
                Some(to) if lead.to.len() == 1 && to.parse::<IpAddr>().is_err() => name = to.clone(),
                Some(to) => return (Found::Elsewhere(format!("{name} leads to {to}")), ttl),
            }
        }
        (Found::Elsewhere(format!("{name} is led to over and over")), ttl)
    }
}

/// The record of a name, else that of a star in its place or above.
fn lead_of<'a>(zone: &'a Leads, name: &str) -> Option<&'a Lead> {
    let mut rest = name;
    let mut found = zone.names.get(name);
    while let (None, Some((_, above))) = (found, rest.split_once('.')) {
        found = zone.names.get(&format!("*.{above}"));
        rest = above;
    }
    found
}

/// When nobody keeps any more what was said before.
fn ends(since: Timestamp, ttl: u32) -> Timestamp {
    let kept = Span(u64::from(ttl).saturating_add(SPREAD.0));
    since.saturating_add(kept.signed()).unwrap_or(Timestamp::MAX)
}
