//! Laws that hold for any zone: what was made from a document equals it, and doing a plan's work leaves nothing to do
//! and nothing of others touched.

use super::tests::{id, live, want};
use super::*;
use crate::model::{Catalog, Change, Diffed, Observed, Policy, ProviderId, Step as Work, View};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const NAMES: [&str; 4] = ["@", "erp", "www", "a.b"];

/// One set of a document or of a zone: a name, a type, and which of a few values.
fn sets() -> impl Strategy<Value = BTreeMap<(usize, bool), BTreeSet<u8>>> {
    let key = (0..NAMES.len(), any::<bool>());
    proptest::collection::btree_map(key, proptest::collection::btree_set(1u8..6, 1..4), 0..6)
}

fn kind(mail: bool) -> &'static str {
    if mail { "MX" } else { "A" }
}

fn value(mail: bool, n: u8) -> String {
    if mail { format!("mx{n}.example.net") } else { format!("203.0.113.{n}") }
}

fn document(sets: &BTreeMap<(usize, bool), BTreeSet<u8>>, unlisted: &str) -> Value {
    let entry = |((name, mail), values): (&(usize, bool), &BTreeSet<u8>)| {
        let values: Vec<String> = values.iter().map(|n| value(*mail, *n)).collect();
        let mut entry = json!({"name": NAMES[*name], "type": kind(*mail), "values": values});
        if *mail {
            entry["priority"] = json!(10);
        }
        entry
    };
    json!({"defaultTtl": 300, "unlisted": unlisted, "records": sets.iter().map(entry).collect::<Vec<_>>()})
}

/// A zone with each value twice where `twice`, so that duplicates are met too.
fn zone(sets: &BTreeMap<(usize, bool), BTreeSet<u8>>, ttl: u32, twice: bool) -> State {
    let mut rows = Vec::new();
    let mut next = 100;
    for ((name, mail), values) in sets {
        for n in values.iter().rev().chain(values.iter().filter(|_| twice)) {
            let text = if *mail { format!("10 {}", value(true, *n)) } else { value(false, *n) };
            rows.push((NAMES[*name], kind(*mail), next, ttl, text));
            next += 1;
        }
    }
    let rows: Vec<_> =
        rows.iter().map(|(name, kind, id, ttl, text)| (*name, *kind, *id, *ttl, text.as_str())).collect();
    live(&rows)
}

fn diff(want: &Want, have: &State) -> Diffed<Step> {
    let catalog = Catalog::default();
    let as_of = jiff::Timestamp::UNIX_EPOCH;
    let view = View { as_of, estate: uuid::Uuid::nil(), catalog: &catalog, supplies: Default::default() };
    Domain::diff(&Diff {
        id: &id(),
        want: Some(want),
        have: Observed::Present(have),
        provider_id: Some(&ProviderId("example.com".to_owned())),
        owned: None,
        policy: &Policy::default_for(Domain::ON_REMOVE),
        adopting: true,
        generation: 1,
        intent: None,
        retiring: Vec::new(),
        scopes: None,
        view: &view,
    })
}

/// Does a change's work on a model of the zone, with one ttl per name as DigitalOcean has it.
fn apply(state: &mut State, change: &Change<Step>) {
    let Work::Ready(Step::Records { ops, .. }) = &change.step else { panic!("not ready: {change:?}") };
    let sets = state.sets.as_mut().expect("a zone that was read");
    for op in ops {
        let (id, record) = match op {
            Op::Delete { id } => (*id, None),
            Op::Update { id, record } => (*id, Some(record)),
            Op::Create { record } => {
                let next = sets.values().flatten().map(|r| r.id).max().unwrap_or(100) + 1;
                let key = SetKey::new(&record.name, &record.kind);
                sets.entry(key).or_default().push(Record { id: next, ttl: record.ttl, data: Data::default() });
                (next, Some(record))
            }
        };
        match record {
            None => sets.values_mut().for_each(|set| set.retain(|r| r.id != id)),
            Some(record) => {
                let own = sets.values_mut().flatten().find(|r| r.id == id).expect("the record exists");
                own.data = record.data.clone();
                let same_name = sets.iter_mut().filter(|(key, _)| key.name == record.name);
                same_name.flat_map(|(_, set)| set).for_each(|r| r.ttl = record.ttl);
            }
        }
    }
    sets.retain(|_, set| !set.is_empty());
}

proptest! {
    #[test]
    fn a_zone_that_was_made_from_a_document_equals_it(sets in sets(), twice: bool) {
        let diffed = diff(&want(document(&sets, "report")), &zone(&sets, 300, twice));
        prop_assert_eq!(diffed, Diffed::default());
    }

    #[test]
    fn doing_the_work_of_a_plan_leaves_nothing_to_do(wanted in sets(), before in sets(), ttl in 299u32..301, twice: bool) {
        let want = want(document(&wanted, "delete"));
        let mut state = zone(&before, ttl, twice);
        for change in &diff(&want, &state).changes {
            apply(&mut state, change);
        }
        prop_assert_eq!(diff(&want, &state), Diffed::default());
    }

    #[test]
    fn each_set_is_worked_on_alone_and_others_keep_their_values(wanted in sets(), before in sets(), twice: bool) {
        let want = want(document(&wanted, "report"));
        let start = zone(&before, 300, twice);
        for change in &diff(&want, &start).changes {
            let mut state = start.clone();
            apply(&mut state, change);
            let own = change.key.part.as_deref().and_then(SetKey::parse).expect("a set");
            let others = |state: &State| {
                let sets = state.sets.clone().expect("a zone that was read");
                sets.into_iter().filter(|(key, _)| *key != own).collect::<Vec<_>>()
            };
            prop_assert_eq!(others(&state), others(&start));
            let again = diff(&want, &state);
            prop_assert!(again.changes.iter().all(|c| c.key.part != change.key.part));
        }
    }
}
