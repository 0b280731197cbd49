//! In which order things are planned and done: needs first, and removals the other way round.

use crate::model::{Document, ResourceId};
use petgraph::{algo::toposort, graph::DiGraph};
use std::collections::{BTreeMap, HashMap};

/// The ids so that everything comes after what it needs. The same documents give the same order, whatever their files.
///
/// The repo room refuses cycles; should one get here, the ids come in the order of their names.
pub fn order(documents: &BTreeMap<ResourceId, Document>) -> Vec<&ResourceId> {
    let mut graph = DiGraph::<&ResourceId, ()>::with_capacity(documents.len(), documents.len());
    // toposort yields later-added nodes first among equals, so the names go in backwards.
    let nodes: HashMap<&ResourceId, _> = documents.keys().rev().map(|id| (id, graph.add_node(id))).collect();
    for (id, document) in documents {
        let Some(to) = nodes.get(id) else { continue };
        for need in &document.needs {
            if let Some(from) = nodes.get(&need.on) {
                // Needs come once each. Looking for an edge first would go through all that need the same network.
                graph.add_edge(*from, *to, ());
            }
        }
    }
    match toposort(&graph, None) {
        Ok(sorted) => sorted.into_iter().filter_map(|node| graph.node_weight(node).copied()).collect(),
        Err(_) => documents.keys().collect(),
    }
}
