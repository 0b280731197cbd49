//! Two sorted maps, gone through beside each other. A look-up costs a step, where one down the tree costs a comparison of
//! strings for every doubling: with ten thousand documents that is most of an empty plan's time. Decides nothing.

use crate::model::ResourceId;
use std::collections::{BTreeMap, btree_map};
use std::iter::Peekable;

/// Answers look-ups that come in ascending order.
pub(super) struct Beside<'a, V> {
    rest: Peekable<btree_map::Range<'a, ResourceId, V>>,
}

impl<'a, V> Beside<'a, V> {
    /// Over a whole map.
    pub(super) fn all(map: &'a BTreeMap<ResourceId, V>) -> Self {
        Self { rest: map.range::<ResourceId, _>(..).peekable() }
    }

    /// Over a map from the first id of a kind on.
    pub(super) fn of_kind(map: &'a BTreeMap<ResourceId, V>, kind: &str) -> Self {
        Self { rest: map.range(ResourceId::new(kind, "")..).peekable() }
    }

    /// What stands under an id, which must not come before one that was asked for already.
    pub(super) fn get(&mut self, id: &ResourceId) -> Option<&'a V> {
        while self.rest.next_if(|(before, _)| *before < id).is_some() {}
        self.rest.peek().filter(|(found, _)| *found == id).map(|(_, value)| *value)
    }

    /// Whether something stands under it.
    pub(super) fn has(&mut self, id: &ResourceId) -> bool {
        self.get(id).is_some()
    }
}

/// All of one kind, in the order of their names.
pub(super) fn of_kind<'a, V>(
    map: &'a BTreeMap<ResourceId, V>,
    kind: &'a str,
) -> impl Iterator<Item = (&'a ResourceId, &'a V)> {
    map.range(ResourceId::new(kind, "")..).take_while(move |(id, _)| id.kind == kind)
}
