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
    /// What only its former self needs.
    stands_on: BTreeSet<ResourceId>,
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
            let needs = |id: &&ResourceId| !document.needs.iter().any(|need| need.on == **id);
            let stands_on = owned.needs.iter().filter(needs).cloned().collect();
            Some(Move { id: document.id.clone(), serves, arrived, makes, stands_on })
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
        let since = self.led(one, &found, ttl);
        let Some(wait) = self.wait(one, &found, since) else { return };
        let (memory, as_of) = (self.memory, self.world.as_of);
        for change in self.changes.iter_mut().filter(|change| change.goes()) {
            let takes_away = matches!(change.key.verb, Verb::Release | Verb::Delete | Verb::Stop);
            if change.key.id == one.id && change.key.verb == Verb::Retire {
                match &wait {
                    Wait::Time(text) => change.standing = Standing::Blocked(text.clone()),
                    Wait::Word(text) => {
                        let reason = HoldReason { rule: LEADS_ELSEWHERE.to_owned(), text: text.clone() };
                        guard::hold(change, vec![reason], memory, as_of);
                    }
                }
            } else if takes_away
                && change.key.part.is_none()
                && one.stands_on.contains(&change.key.id)
                // Somebody said that it stays behind there.
                && !self.left.get(&change.key.id).is_some_and(|left| left.contains(&one.id))
            {
                let (Wait::Time(text) | Wait::Word(text)) = &wait;
                change.standing = Standing::Blocked(format!("{} is still to go from there: {text}", one.id));
            }
        }
    }

    /// Remembers where the names lead, and says until when others may keep what they said before; none while one of them
    /// leads elsewhere.
    fn led(&mut self, one: &Move, found: &Found, ttl: u32) -> Option<Timestamp> {
        let known = self.memory.led.get(&one.id);
        let there = one.arrived && matches!(found, Found::There);
        let as_of = self.world.as_of;
        let led = match known {
            Some(known) if there || matches!(found, Found::Unseen(_)) => {
                Led { ttl: known.ttl, since: known.since.or(there.then_some(as_of)) }
            }
            _ => Led { ttl: known.map_or(0, |known| known.ttl).max(ttl), since: there.then_some(as_of) },
        };
        let until = led.since.map(|since| ends(since, led.ttl));
        if known != Some(&led) {
            self.remember.push(Patch::Led(one.id.clone(), led));
        }
        until
    }

    /// Why the end of the former place does not come yet; none where it may.
    fn wait(&mut self, one: &Move, found: &Found, until: Option<Timestamp>) -> Option<Wait> {
        let (at, names) = (&one.serves.at, one.serves.names.iter().cloned().collect::<Vec<_>>().join(", "));
        let mut changing = self.changes.iter().filter_map(|change| change.leads.as_ref());
        let changing = changing.any(|name| one.serves.names.iter().any(|served| meet(served, name)));
        Some(match (found, until) {
            (Found::There, Some(until)) if until <= self.world.as_of => return None,
            (Found::There, Some(until)) => {
                if self.changed.get(&one.id).into_iter().flatten().any(|key| key.verb == Verb::Retire) {
                    self.due(until);
                }
                let moment = until.strftime("%H:%M:%S UTC");
                Wait::Time(format!("it serves on until {moment}: others may keep the former record of {names} so long"))
            }
            (Found::Unseen(why), _) => Wait::Time(format!("it serves on, since nobody sees where {names} lead: {why}")),
            (Found::There, None) => Wait::Time(format!("it serves on until {at} serves {names}")),
            (Found::Elsewhere(_) | Found::Nowhere(_), _) if changing || !one.arrived => Wait::Time(format!(
                "it serves on until {names} lead to {at}, and nobody keeps the former record any more"
            )),
            (Found::Elsewhere(text), _) => Wait::Word(format!("{text}, and not to {at}")),
            (Found::Nowhere(name), _) => Wait::Word(format!("no zone in git says where {name} leads")),
        })
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
        let own: BTreeSet<&str> = own.into_iter().flatten().map(String::as_str).collect();
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
    fn found(&self, name: &str, own: &BTreeSet<&str>) -> (Found, u32) {
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
            if let Some(on) = &lead.on {
                name.clone_from(on);
                continue;
            }
            return match lead.to.iter().find(|to| !own.contains(to.as_str())) {
                None => (Found::There, ttl),
                Some(to) => (Found::Elsewhere(format!("{name} leads to {to}")), ttl),
            };
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

#[cfg(test)]
mod tests {
    use super::*;

    fn zones() -> Zones {
        let lead = |to: &[&str], ttl| Lead { to: to.iter().map(|to| (*to).to_owned()).collect(), on: None, ttl };
        let on = |name: &str, ttl| Lead { on: Some(name.to_owned()), ..lead(&[], ttl) };
        let zone = |zone: &str, names: &[(&str, Lead)]| Leads {
            zone: zone.to_owned(),
            names: names.iter().map(|(name, lead)| ((*name).to_owned(), lead.clone())).collect(),
        };
        let names = [
            ("ocr.example.com", lead(&["203.0.113.3"], 60)),
            ("two.example.com", lead(&["203.0.113.3", "203.0.113.4"], 60)),
            ("six.example.com", lead(&["2001:db8::3"], 60)),
            ("www.example.com", on("ocr.example.com", 600)),
            ("far.example.com", on("app.example.net", 60)),
            ("self.example.com", on("self.example.com", 60)),
            ("*.example.com", lead(&["203.0.113.9"], 90)),
        ];
        let unseen = BTreeMap::from([("example.org".to_owned(), "500".to_owned())]);
        Zones { seen: vec![zone("example.com", &names), zone("sub.example.com", &[])], unseen }
    }

    #[test]
    fn the_table_of_where_names_lead() {
        let own = ["203.0.113.3", "2001:db8::3"].into();
        let found = |name: &str| match zones().found(name, &own) {
            (Found::There, ttl) => format!("there {ttl}"),
            (Found::Elsewhere(text), ttl) => format!("{text}, {ttl}"),
            (Found::Nowhere(name), ttl) => format!("nowhere {name} {ttl}"),
            (Found::Unseen(why), ttl) => format!("unseen {why} {ttl}"),
        };
        for (name, expected) in [
            ("ocr.example.com", "there 60"),
            ("six.example.com", "there 60"),
            ("www.example.com", "there 600"),
            ("two.example.com", "two.example.com leads to 203.0.113.4, 60"),
            ("deep.other.example.com", "deep.other.example.com leads to 203.0.113.9, 90"),
            ("far.example.com", "nowhere app.example.net 60"),
            ("self.example.com", "self.example.com is led to over and over, 60"),
            ("no.sub.example.com", "there 0"),
            ("x.example.org", "unseen example.org could not be looked at: 500 0"),
            ("x.example.edu", "nowhere x.example.edu 0"),
        ] {
            assert_eq!(found(name), expected, "{name}");
        }
    }

    #[test]
    fn the_time_counts_from_when_the_new_place_was_seen_and_name_servers_have_a_minute_more() {
        let since: Timestamp = "2026-01-01T12:00:00Z".parse().expect("a time");
        assert_eq!(ends(since, 300).to_string(), "2026-01-01T12:06:00Z");
        assert_eq!(ends(Timestamp::MAX, u32::MAX), Timestamp::MAX);
        assert!(meet("*.example.com", "ocr.example.com") && meet("a.b", "*.b") && meet("a.b", "a.b"));
        assert!(!meet("*.example.com", "example.com") && !meet("a.b", "*.a.b") && !meet("a.b", "b.b"));
    }
}
