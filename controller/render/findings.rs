//! Findings that have one reason, told with that reason once: one outage is one message, not one for each resource.

use crate::model::Finding;
use std::collections::BTreeMap;

/// From this many on, a shared reason is told once.
const SHARED: usize = 3;

/// Findings, and the reason that they share.
pub(crate) struct Group<'a> {
    /// Each finding with what it says besides the reason.
    pub said: Vec<(&'a Finding, &'a str)>,
    /// The reason, the last part of their texts; empty for one that stands alone.
    pub reason: &'a str,
}

impl Group<'_> {
    /// What to do, where it is the same for all.
    pub fn hint(&self) -> Option<&str> {
        let hint = self.said.first().map(|(f, _)| f.hint.as_str()).filter(|h| !h.is_empty())?;
        self.said.iter().all(|(f, _)| f.hint == hint).then_some(hint)
    }
}

/// Groups by the part after a colon that most of them end with; the order is that of the first of each group.
pub(crate) fn grouped<'a>(findings: &[&'a Finding]) -> Vec<Group<'a>> {
    let mut ends: BTreeMap<&str, usize> = BTreeMap::new();
    for end in findings.iter().flat_map(|f| reasons(&f.text)) {
        *ends.entry(end).or_default() += 1;
    }
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut at: BTreeMap<&str, usize> = BTreeMap::new();
    for finding in findings {
        let counted = reasons(&finding.text).map(|r| (ends.get(r).copied().unwrap_or(0), r.len(), r));
        match counted.max().filter(|(n, ..)| *n >= SHARED) {
            Some((.., reason)) => {
                let said = finding.text.strip_suffix(reason).unwrap_or_default().trim_end_matches(": ");
                let index = *at.entry(reason).or_insert(groups.len());
                match groups.get_mut(index) {
                    Some(group) => group.said.push((finding, said)),
                    None => groups.push(Group { said: vec![(finding, said)], reason }),
                }
            }
            None => groups.push(Group { said: vec![(finding, finding.text.as_str())], reason: "" }),
        }
    }
    groups
}

/// Every end of a text that follows a colon and is long enough to be a reason.
fn reasons(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices(": ").filter_map(|(at, _)| text.get(at + 2..)).filter(|end| end.len() >= 16)
}
