//! What is remembered follows documents that are called otherwise (`metadata.formerly`), before anything is looked for by
//! it: the document's own, and of everything else what refers to it or lives within it. So a host with another name is
//! the same place, and nothing on it has moved.

use crate::model::{AnyKind, Estate, Key, Memory, Patch, ProviderId, ResourceId, Scope};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Memory under the names that documents have now.
pub struct Followed<'m> {
    /// The same as before, where nothing is called otherwise.
    pub memory: Cow<'m, Memory>,
    /// What makes it of what is in the journal.
    pub patches: Vec<Patch>,
}

/// Follows every document of an estate that bore another name when it was last remembered. What is remembered by its
/// present name has been followed: whatever bears a former one since is something else.
pub fn followed<'m>(kinds: &[&dyn AnyKind], estate: &Estate, memory: &'m Memory) -> Followed<'m> {
    let mut followed = Followed { memory: Cow::Borrowed(memory), patches: Vec::new() };
    let documents = estate.documents.values().filter(|document| !document.formerly.is_empty());
    for document in documents.filter(|document| !memory.owned.contains_key(&document.id)) {
        let new = &document.id;
        let olds = document.formerly.iter().filter(|old| !estate.documents.contains_key(old));
        let olds: Vec<&ResourceId> = olds.collect();
        let known = |old: &&&ResourceId| followed.memory.owned.contains_key(**old);
        let pinned = |old: &&&ResourceId| followed.memory.pins.contains_key(**old);
        let pinned = || olds.iter().find(pinned).filter(|_| !memory.pins.contains_key(new));
        // One object has one new name, and what is believed of a machine's key goes with it.
        let old = olds.iter().find(known).or_else(pinned).copied();
        followed.take(old.map(|old| Patch::Rename(old.clone(), new.clone())));
        for old in olds.into_iter().filter(|old| !followed.memory.owned.contains_key(*old)).collect::<Vec<_>>() {
            let patches = Name { old, new }.users(kinds, &followed.memory);
            followed.take(patches);
        }
    }
    followed
}

impl Followed<'_> {
    fn take(&mut self, patches: impl IntoIterator<Item = Patch>) {
        for patch in patches {
            self.memory.to_mut().apply(&patch);
            self.patches.push(patch);
        }
    }
}

/// A document's former and present name.
struct Name<'a> {
    old: &'a ResourceId,
    new: &'a ResourceId,
}

impl Name<'_> {
    /// What is remembered of those that refer to it, or live within it.
    fn users(&self, kinds: &[&dyn AnyKind], memory: &Memory) -> Vec<Patch> {
        let mut patches = Vec::new();
        let within: BTreeSet<&str> =
            kinds.iter().filter(|kind| kind.within() == Some(&self.old.kind)).map(|kind| kind.name()).collect();
        for (id, owned) in &memory.owned {
            let mut now = owned.clone();
            if now.needs.remove(self.old) {
                now.needs.insert(self.new.clone());
            }
            if within.contains(id.kind.as_str()) {
                self.scope(&mut now.scope);
                self.object(&id.kind, &mut now.provider_id);
                for former in &mut now.retiring {
                    former.scope.iter_mut().for_each(|scope| self.scope(scope));
                    self.object(&id.kind, &mut former.provider_id);
                }
            }
            if now != *owned {
                patches.push(Patch::Own(id.clone(), now));
            }
        }
        for intent in memory.intents.values().filter(|intent| within.contains(intent.key.id.kind.as_str())) {
            let mut now = intent.clone();
            let kind = &intent.key.id.kind;
            self.scope(&mut now.scope);
            now.provider_id.iter_mut().for_each(|id| self.object(kind, id));
            now.keys.iter_mut().for_each(|Key(text)| self.begins(kind, ' ', text));
            if now != *intent {
                patches.push(Patch::Intend(now));
            }
        }
        patches
    }

    fn scope(&self, scope: &mut Scope) {
        if scope.within.as_ref() == Some(&self.old.name) {
            scope.within = Some(self.new.name.clone());
        }
    }

    fn object(&self, kind: &str, ProviderId(text): &mut ProviderId) {
        self.begins(kind, ':', text);
    }

    /// The place itself is known by what it is, and not by its name.
    fn begins(&self, kind: &str, end: char, text: &mut String) {
        let rest = text.strip_prefix(self.old.name.as_str()).and_then(|rest| rest.strip_prefix(end));
        if let (Some(rest), true) = (rest, kind != self.old.kind) {
            *text = format!("{}{end}{rest}", self.new.name);
        }
    }
}
