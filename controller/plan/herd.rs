//! All live objects of one kind as seen in one look, found by id, marker and key. Decides nothing.

use crate::model::{AnyKind, Key, Live, Marker, ProviderId, World};
use std::collections::{BTreeMap, BTreeSet};

/// All live objects of one kind, found by id, marker and key.
pub(super) struct Herd<'w> {
    pub(super) live: Vec<&'w Live>,
    pub(super) markers: Vec<Option<Marker>>,
    pub(super) by_id: BTreeMap<&'w ProviderId, usize>,
    pub(super) by_owner: BTreeMap<String, Vec<usize>>,
    pub(super) by_key: BTreeMap<Key, Vec<usize>>,
    /// What is claimed already.
    pub(super) taken: BTreeSet<usize>,
}

impl<'w> Herd<'w> {
    pub(super) fn gather(kind: &dyn AnyKind, world: &'w World) -> Self {
        let mut herd = Self {
            live: Vec::new(),
            markers: Vec::new(),
            by_id: BTreeMap::new(),
            by_owner: BTreeMap::new(),
            by_key: BTreeMap::new(),
            taken: BTreeSet::new(),
        };
        let scopes = world.scopes.iter().filter(|(scope, _)| scope.kind == kind.name());
        // A part that was read by itself says more than the list of parts: it comes first and wins.
        let (parts, lists): (Vec<_>, Vec<_>) = scopes.partition(|(scope, _)| scope.within.is_some());
        for (_, sighting) in parts.into_iter().chain(lists) {
            for live in sighting.found.iter().flatten() {
                herd.add(kind, live);
            }
        }
        herd
    }

    fn add(&mut self, kind: &dyn AnyKind, live: &'w Live) {
        if self.by_id.contains_key(&live.provider_id) {
            return;
        }
        let at = self.live.len();
        let marker = kind.marker(&live.state);
        if let Some(marker) = &marker {
            self.by_owner.entry(format!("{}:{}", marker.estate, marker.hash)).or_default().push(at);
        }
        for key in kind.keys_of(&live.state) {
            self.by_key.entry(key).or_default().push(at);
        }
        self.by_id.insert(&live.provider_id, at);
        self.live.push(live);
        self.markers.push(marker);
    }

    pub(super) fn generation(&self, at: usize) -> Option<u32> {
        self.markers.get(at).and_then(Option::as_ref).map(|m| m.generation)
    }
}
