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

/// Follows every document of an estate that bore another name.
pub fn followed<'m>(kinds: &[&dyn AnyKind], estate: &Estate, memory: &'m Memory) -> Followed<'m> {
    let mut followed = Followed { memory: Cow::Borrowed(memory), patches: Vec::new() };
    let documents = estate.documents.values().filter(|document| !document.formerly.is_empty());
    let former = |id: &ResourceId| !estate.documents.contains_key(id);
    let mut names = Vec::new();
    for document in documents {
        let new = &document.id;
        let olds: Vec<&ResourceId> = document.formerly.iter().filter(|old| former(old)).collect();
        let known = |old: &&&ResourceId| {
            let memory = &followed.memory;
            memory.owned.contains_key(**old)
                || !memory.owned.contains_key(new) && memory.pins.contains_key(**old) && !memory.pins.contains_key(new)
        };
        // What is remembered under both names is two things, and one object has one new name.
        let old = if followed.memory.owned.contains_key(new) { None } else { olds.iter().find(known).copied() };
        followed.take(old.map(|old| Patch::Rename(old.clone(), new.clone())));
        let gone = olds.into_iter().filter(|old| !followed.memory.owned.contains_key(*old));
        names.extend(gone.map(|old| Name { old: old.clone(), new: new.clone() }));
    }
    for name in &names {
        let patches = name.users(kinds, &followed.memory);
        followed.take(patches);
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
struct Name {
    old: ResourceId,
    new: ResourceId,
}

impl Name {
    /// What is remembered of those that refer to it, or live within it.
    fn users(&self, kinds: &[&dyn AnyKind], memory: &Memory) -> Vec<Patch> {
        let mut patches = Vec::new();
        let within: BTreeSet<&str> =
            kinds.iter().filter(|kind| kind.within() == Some(&self.old.kind)).map(|kind| kind.name()).collect();
        for (id, owned) in &memory.owned {
            let mut now = owned.clone();
            if now.needs.remove(&self.old) {
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
