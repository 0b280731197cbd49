//! What exists, whose it is, and what is wanted and missing. From facts alone: knows no kind by name.

use crate::model::{AnyKind, Cents, Estate, Fact, Live, Observed, ProviderId, ResourceId, World};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The `schema` field of a serialised inventory. Later versions only add.
pub const SCHEMA: &str = "driftless.inventory/v1";

/// All that was seen, kind by kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inventory {
    /// `driftless.inventory/v1`.
    pub schema: &'static str,
    /// The estate's name.
    pub estate: String,
    /// The kinds of which there is anything, in the program's order.
    pub kinds: Vec<Shelf>,
    /// A month's price of what documents claim.
    pub monthly: Cents,
    /// A month's price of what nobody claims.
    pub monthly_unowned: Cents,
    /// What could not be read, and why: nothing is said of it.
    pub unread: BTreeMap<String, String>,
}

/// All things of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shelf {
    /// The kind.
    pub kind: String,
    /// The word for several of them.
    pub many: &'static str,
    /// By name; documents first.
    pub items: Vec<Item>,
}

/// One thing: a live object, a document, or both.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// Whose it is.
    pub whose: Whose,
    /// Its document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<ResourceId>,
    /// The file that declares it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The name that the provider shows; none for what is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The provider's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<ProviderId>,
    /// A month's price, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monthly: Option<Cents>,
    /// What is known of it.
    pub facts: Vec<Fact>,
}

/// Whose a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Whose {
    /// A document's, and remembered as ours.
    Owned,
    /// A document claims it; it is not taken over yet.
    Claimed,
    /// Wanted, and not there.
    Missing,
    /// It could not be seen whether it is there.
    Unknown,
    /// Nobody's.
    Unowned,
}

/// What one id was found to be: the live object, and whether it is remembered as ours.
pub type Found<'w> = BTreeMap<ResourceId, (Observed<&'w Live>, bool)>;

/// Lists all that was seen and all that is wanted.
pub fn inventory(kinds: &[&dyn AnyKind], estate: &Estate, world: &World, found: &Found<'_>) -> Inventory {
    let shelves = kinds.iter().map(|kind| Shelf {
        kind: kind.name().to_owned(),
        many: kind.many(),
        items: items(*kind, estate, world, found),
    });
    let kinds: Vec<Shelf> = shelves.filter(|shelf| !shelf.items.is_empty()).collect();
    let sum = |unowned: bool| {
        let items = kinds.iter().flat_map(|shelf| &shelf.items);
        items.filter(|item| (item.whose == Whose::Unowned) == unowned).filter_map(|item| item.monthly).sum()
    };
    let unread = world.scopes.iter().filter_map(|(scope, seen)| {
        let why = seen.found.as_ref().err()?;
        Some((scope.to_string(), why.clone()))
    });
    Inventory {
        schema: SCHEMA,
        estate: estate.settings.estate.clone(),
        monthly: sum(false),
        monthly_unowned: sum(true),
        unread: unread.collect(),
        kinds,
    }
}

fn items(kind: &dyn AnyKind, estate: &Estate, world: &World, found: &Found<'_>) -> Vec<Item> {
    let mut items = Vec::new();
    let mut seen: BTreeSet<&ProviderId> = BTreeSet::new();
    for (id, (observed, ours)) in found.iter().filter(|(id, _)| id.kind == kind.name()) {
        let live = observed.state().copied();
        let whose = match (observed, ours) {
            (Observed::Unknown { .. }, _) => Whose::Unknown,
            (Observed::Absent, _) => Whose::Missing,
            (_, true) => Whose::Owned,
            (_, false) => Whose::Claimed,
        };
        // What is remembered of a document that has gone, and is gone itself, is nothing that exists or is wanted.
        let document = estate.documents.get(id);
        if live.is_none() && document.is_none() {
            continue;
        }
        seen.extend(live.map(|live| &live.provider_id));
        items.push(Item {
            id: Some(id.clone()),
            file: document.map(|d| d.place.file.clone()),
            ..item(kind, world, whose, live)
        });
    }
    let scopes = world.scopes.iter().filter(|(scope, _)| scope.kind == kind.name());
    // A part that was read by itself says more than the list of parts.
    let (parts, lists): (Vec<_>, Vec<_>) = scopes.partition(|(scope, _)| scope.within.is_some());
    let mut unowned = Vec::new();
    for live in parts.into_iter().chain(lists).flat_map(|(_, sighting)| sighting.found.iter().flatten()) {
        if seen.insert(&live.provider_id) {
            unowned.push(item(kind, world, Whose::Unowned, Some(live)));
        }
    }
    unowned.sort_by(|a, b| (&a.name, &a.provider_id).cmp(&(&b.name, &b.provider_id)));
    items.extend(unowned);
    items
}

fn item(kind: &dyn AnyKind, world: &World, whose: Whose, live: Option<&Live>) -> Item {
    Item {
        whose,
        id: None,
        file: None,
        name: live.map(|live| kind.title(&live.state)),
        provider_id: live.map(|live| live.provider_id.clone()),
        monthly: live.and_then(|live| kind.price(&live.state, &world.catalog)),
        facts: live.map(|live| kind.facts(&live.state)).unwrap_or_default(),
    }
}
