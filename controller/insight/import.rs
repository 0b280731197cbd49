//! Documents for what exists: decides their names and who refers to whom, once, for all kinds. Writes no text and no
//! file.

use crate::model::{AnyKind, Draft, Live, Names, ProviderId, ResourceId, World};
use std::collections::{BTreeMap, BTreeSet};

/// A live object with the document that an import would write for it.
#[derive(Clone, Debug)]
pub struct Drafted {
    /// The document's id.
    pub id: ResourceId,
    /// The live object.
    pub provider_id: ProviderId,
    /// The name that the provider shows.
    pub title: String,
    /// Whether the document has to name the object: another one answers to the same key.
    pub adopt: bool,
    /// What it says.
    pub draft: Draft,
    /// Why it is left out; none where it is written.
    pub left_out: Option<String>,
}

impl Drafted {
    /// The live object, as it is known among others.
    pub fn object(&self) -> Object {
        (self.id.kind.clone(), self.provider_id.clone())
    }
}

/// A live object, by kind and provider id.
pub type Object = (String, ProviderId);

/// Why objects are left out, as far as it is known before anything is drafted.
pub type Without = BTreeMap<Object, String>;

/// Names and drafts a document for every live object, kind by kind; in each kind by name.
///
/// A document that is left out is referred to by none, so that what referred to it may be left out as well: it is
/// drafted anew until nothing more is. That ends, since each turn leaves out one more.
pub fn draft(kinds: &[&dyn AnyKind], world: &World, mut without: Without) -> Vec<Drafted> {
    let named: Vec<(&dyn AnyKind, Vec<Named<'_>>)> = kinds.iter().map(|kind| (*kind, named(*kind, world))).collect();
    loop {
        let names = names(&named, &without);
        let drafted: Vec<Drafted> =
            named.iter().flat_map(|(kind, all)| all.iter().map(|named| named.draft(*kind, &names, &without))).collect();
        let before = without.len();
        for one in &drafted {
            if let Some(why) = &one.left_out {
                without.entry(one.object()).or_insert_with(|| why.clone());
            }
        }
        if without.len() == before {
            return drafted;
        }
    }
}

/// A live object with its document's name.
struct Named<'w> {
    name: String,
    live: &'w Live,
    adopt: bool,
}

impl Named<'_> {
    fn draft(&self, kind: &dyn AnyKind, names: &Names, without: &Without) -> Drafted {
        let id = ResourceId::new(kind.name(), &self.name);
        let mut draft = kind.draft(&id, &self.live.state, names);
        let known = without.get(&(id.kind.clone(), self.live.provider_id.clone())).cloned();
        Drafted {
            left_out: known.or_else(|| draft.refused.take()),
            provider_id: self.live.provider_id.clone(),
            title: kind.title(&self.live.state),
            adopt: self.adopt,
            draft,
            id,
        }
    }
}

/// All live objects of one kind, by the name of their documents.
///
/// One whose own name is a document's name keeps it; the others follow in the order of their ids, `web`, `web-2`, `web-3`.
fn named<'w>(kind: &dyn AnyKind, world: &'w World) -> Vec<Named<'w>> {
    let scopes = world.scopes.iter().filter(|(scope, _)| scope.kind == kind.name());
    let mut all: BTreeMap<&ProviderId, &Live> = BTreeMap::new();
    for live in scopes.flat_map(|(_, sighting)| sighting.found.iter().flatten()) {
        all.entry(&live.provider_id).or_insert(live);
    }
    let mut all: Vec<&Live> = all.into_values().collect();
    all.sort_by_key(|live| {
        let title = kind.title(&live.state);
        (word(kind, &title, live) != title, live.provider_id.0.len(), live.provider_id.clone())
    });
    let mut keys = BTreeMap::<_, usize>::new();
    for key in all.iter().flat_map(|live| kind.keys_of(&live.state)) {
        *keys.entry(key).or_default() += 1;
    }
    let mut taken = BTreeSet::new();
    let mut named: Vec<Named<'w>> = all
        .into_iter()
        .map(|live| {
            let word = word(kind, &kind.title(&live.state), live);
            let name = free(&word, &taken);
            taken.insert(name.clone());
            let adopt = kind.keys_of(&live.state).iter().any(|key| keys.get(key).is_some_and(|count| *count > 1));
            Named { name, live, adopt }
        })
        .collect();
    named.sort_by(|a, b| a.name.cmp(&b.name));
    named
}

/// So long may the name of a document be.
const LONGEST: usize = 63;

/// The nearest name of a document: what is not allowed becomes a dash; what leaves nothing is called by kind and id.
fn word(kind: &dyn AnyKind, title: &str, live: &Live) -> String {
    let mut word = String::new();
    for c in title.chars().flat_map(char::to_lowercase) {
        match c {
            'a'..='z' | '0'..='9' | '.' => word.push(c),
            _ if word.ends_with('-') => {}
            _ => word.push('-'),
        }
    }
    let word: String = word.trim_matches(['-', '.']).chars().take(LONGEST).collect();
    let word = word.trim_end_matches(['-', '.']).to_owned();
    if word.is_empty() { format!("{}-{}", kind.name().to_lowercase(), live.provider_id.0.to_lowercase()) } else { word }
}

fn free(word: &str, taken: &BTreeSet<String>) -> String {
    if !taken.contains(word) {
        return word.to_owned();
    }
    let numbered = (2..).map(|n| {
        let tail = format!("-{n}");
        let head: String = word.chars().take(LONGEST.saturating_sub(tail.len())).collect();
        format!("{head}{tail}")
    });
    numbered.into_iter().find(|name| !taken.contains(name)).unwrap_or_default()
}

/// Who supplies what, of the documents that are written.
fn names(named: &[(&dyn AnyKind, Vec<Named<'_>>)], without: &Without) -> Names {
    let mut names = Names::default();
    for (kind, all) in named {
        for one in all {
            if !without.contains_key(&(kind.name().to_owned(), one.live.provider_id.clone())) {
                names.learn(kind.name(), &one.name, kind.outputs(&one.live.state));
            }
        }
    }
    names
}
