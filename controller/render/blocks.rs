//! Sorts a plan's changes into sections and blocks: one resource, one block, a replacement with the retirement that
//! follows it. What terminal, comment and reports share; draws nothing.

use crate::model::{Cause, Cents, Digest, Hold, Plan, Planned, ResourceId, Standing, Verb};
use std::collections::{BTreeMap, BTreeSet};

/// In which part of the plan a change is told, in the order of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Section {
    /// It waits for a person.
    Held,
    /// It is done next.
    Going,
    /// Drift that is put back.
    Drift,
    /// A document has gone.
    Removed,
    /// A live object is taken over.
    Adopted,
    /// Drift that is reported only.
    DriftSeen,
    /// Anything else that is reported only.
    Seen,
    /// It comes after something that is not done now.
    Waiting,
}

impl Section {
    /// Where a change belongs.
    pub fn of(change: &Planned) -> Self {
        match (&change.standing, change.cause) {
            (Standing::Held(_), _) => Self::Held,
            (Standing::Blocked(_) | Standing::Backoff(_) | Standing::Closed(_), _) => Self::Waiting,
            (Standing::Observed, Cause::Drift) => Self::DriftSeen,
            (Standing::Observed, _) => Self::Seen,
            (Standing::Go, Cause::Drift) => Self::Drift,
            (Standing::Go, Cause::Removal) => Self::Removed,
            (Standing::Go, Cause::Adoption) => Self::Adopted,
            (Standing::Go, Cause::Document | Cause::Recovery) => Self::Going,
        }
    }
}

/// The changes of one resource that are told in one place.
pub(crate) struct Block<'a> {
    pub id: &'a ResourceId,
    pub changes: Vec<&'a Planned>,
    /// The removals of former objects that follow a replacement.
    pub retire: Vec<&'a Planned>,
}

impl Block<'_> {
    /// What the block costs more or less a month, the retirement included.
    pub fn cost(&self) -> Option<Cents> {
        let all: Vec<Cents> = self.changes.iter().chain(&self.retire).copied().filter_map(delta).collect();
        if all.is_empty() { None } else { Some(all.into_iter().sum()) }
    }
    /// Every digest by which the block is released, in order, once each.
    pub fn digests(&self) -> Vec<&Digest> {
        let mut seen = BTreeSet::new();
        let all = self.changes.iter().chain(&self.retire).copied().filter_map(Planned::hold).map(|h| &h.digest);
        all.filter(|d| seen.insert(*d)).collect()
    }
    /// Every reason to hold, in order, once each.
    pub fn reasons(&self) -> Vec<&str> {
        let mut seen = BTreeSet::new();
        let all = self.changes.iter().filter_map(|c| c.hold()).flat_map(|h: &Hold| &h.reasons).map(|r| r.text.as_str());
        all.filter(|r| seen.insert(*r)).collect()
    }
}

/// What a change costs more (or less) a month; none where it makes no difference.
pub(crate) fn delta(change: &Planned) -> Option<Cents> {
    change.cost.map(|c| c.after - c.before).filter(|d| d.0 != 0)
}

/// Says whether the title says no more than the verb.
pub(crate) fn plain(change: &Planned) -> bool {
    change.title.is_empty() || change.title == change.key.verb.word()
}

/// What is done, in a few words; what happens to ownership is said where the title is only the verb.
pub(crate) fn title(change: &Planned) -> String {
    let which = change.provider_id.as_ref().map(|p| format!(" {p}")).unwrap_or_default();
    match change.key.verb {
        _ if !plain(change) => change.title.clone(),
        Verb::Adopt if change.fields.is_empty() => format!("takes over{which}, which already equals its document"),
        Verb::Adopt => format!("takes over{which}"),
        Verb::Release => "released: the object stays".to_owned(),
        verb => verb.word().to_owned(),
    }
}

/// The id with its part, unless the only field says the part already: `Domain/example.com erp A`.
pub(crate) fn name(change: &Planned) -> String {
    match &change.key.part {
        Some(part) if !matches!(change.fields.as_slice(), [field] if field.path == *part) => {
            format!("{} {part}", change.key.id)
        }
        _ => change.key.id.to_string(),
    }
}

/// All blocks by section, in the order of the work.
pub(crate) fn sections(plan: &Plan) -> BTreeMap<Section, Vec<Block<'_>>> {
    let replaced: BTreeSet<&ResourceId> =
        plan.changes.iter().filter(|c| c.key.verb == Verb::Replace).map(|c| &c.key.id).collect();
    let follows = |c: &Planned| c.key.verb == Verb::Retire && replaced.contains(&c.key.id);
    let mut sections: BTreeMap<Section, Vec<Block<'_>>> = BTreeMap::new();
    let mut at: BTreeMap<(Section, &ResourceId), usize> = BTreeMap::new();
    for change in plan.changes.iter().filter(|c| !follows(c)) {
        let section = Section::of(change);
        let blocks = sections.entry(section).or_default();
        let index = *at.entry((section, &change.key.id)).or_insert_with(|| {
            blocks.push(Block { id: &change.key.id, changes: Vec::new(), retire: Vec::new() });
            blocks.len() - 1
        });
        if let Some(block) = blocks.get_mut(index) {
            block.changes.push(change);
        }
    }
    let mut retires: BTreeMap<&ResourceId, Vec<&Planned>> = BTreeMap::new();
    for change in plan.changes.iter().filter(|c| follows(c)) {
        retires.entry(&change.key.id).or_default().push(change);
    }
    for block in sections.values_mut().flatten() {
        if block.changes.iter().any(|c| c.key.verb == Verb::Replace) {
            block.retire = retires.remove(block.id).unwrap_or_default();
        }
    }
    sections
}

/// How many changes there are of each sort, for the line that counts. A replacement with its retirement counts once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub create: usize,
    pub update: usize,
    pub replace: usize,
    pub delete: usize,
    pub stop: usize,
    pub adopt: usize,
    pub release: usize,
    pub held: usize,
    pub waiting: usize,
    pub observed: usize,
}

impl Tally {
    /// Counts a plan.
    pub fn of(plan: &Plan) -> Self {
        Self::of_blocks(&sections(plan))
    }
    /// Counts the changes of some sections.
    pub fn of_blocks(sections: &BTreeMap<Section, Vec<Block<'_>>>) -> Self {
        let mut tally = Self::default();
        for (section, blocks) in sections {
            for change in blocks.iter().flat_map(|b| &b.changes) {
                let slot = match (section, change.key.verb) {
                    (Section::Held, _) => &mut tally.held,
                    (Section::Waiting, _) => &mut tally.waiting,
                    (Section::Seen | Section::DriftSeen, _) => &mut tally.observed,
                    (_, Verb::Create) => &mut tally.create,
                    (_, Verb::Update) => &mut tally.update,
                    (_, Verb::Replace) => &mut tally.replace,
                    (_, Verb::Delete | Verb::Retire) => &mut tally.delete,
                    (_, Verb::Stop) => &mut tally.stop,
                    (_, Verb::Adopt) => &mut tally.adopt,
                    (_, Verb::Release) => &mut tally.release,
                };
                *slot += 1;
            }
        }
        tally
    }
    /// The counts in words, those that are not zero: `(3, "to update")`.
    pub fn words(&self) -> Vec<(usize, &'static str)> {
        [
            (self.create, "to create"),
            (self.update, "to update"),
            (self.replace, "to replace"),
            (self.delete, "to delete"),
            (self.stop, "to stop"),
            (self.adopt, "to take over"),
            (self.release, "to release"),
            (self.held, "held"),
            (self.waiting, "waiting"),
            (self.observed, "reported only"),
        ]
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .collect()
    }
    /// How many are done next.
    pub fn going(&self) -> usize {
        self.create + self.update + self.replace + self.delete + self.stop + self.adopt + self.release
    }
}
