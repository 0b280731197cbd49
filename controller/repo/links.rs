//! References between documents: all of them lead somewhere, and none of them back.

use super::flaw::Sink;
use super::locate::Locator;
use super::nearest::{nearest, some_of};
use crate::model::{Complaint, Document, Need, Place, ResourceId};
use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, VecDeque};

/// Where every declared id has its name, sound or not, with the number of the document in its file.
pub(super) type Declared = BTreeMap<ResourceId, (Place, usize)>;

/// Tells of references to what no document declares. `excused` knows ids that a file may declare which does not parse.
pub(super) fn dangling(
    documents: &[(Document, usize)],
    declared: &Declared,
    excused: impl Fn(&ResourceId) -> bool,
    locator: &mut Locator<'_>,
    sink: &mut Sink,
) {
    for (document, index) in documents {
        for need in document.needs.iter().filter(|n| !declared.contains_key(&n.on) && !excused(&n.on)) {
            sink.push(locator.at(&document.place.file, *index, complaint(&document.id, need, declared)));
        }
    }
}

fn complaint(id: &ResourceId, need: &Need, declared: &Declared) -> Complaint {
    let same = || declared.iter().filter(|(other, _)| other.kind == need.on.kind && *other != id);
    let label = match nearest(&need.on.name, same().map(|(other, _)| other.name.as_str())) {
        Some(name) => {
            let place = same().find(|(other, _)| other.name == name).map(|(_, (place, _))| place);
            let place = place.map(|p| format!(" ({}:{})", p.file, p.line)).unwrap_or_default();
            format!("did you mean {name:?}?{place}")
        }
        None if same().next().is_none() => {
            let other = if need.on.kind == id.kind { "other " } else { "" };
            format!("no {other}{} is declared", need.on.kind)
        }
        None => format!("declared: {}", some_of(same().map(|(other, _)| other.name.as_str()), 7)),
    };
    let message = format!("{id} {} {}, which no document declares", need.verb, need.on);
    Complaint::at(need.path.clone(), message, label)
}

/// Tells of every ring of references.
pub(super) fn rings(documents: &[(Document, usize)], locator: &mut Locator<'_>, sink: &mut Sink) {
    let mut graph: DiGraph<usize, &Need> = DiGraph::with_capacity(documents.len(), documents.len() * 2);
    let nodes: HashMap<&ResourceId, NodeIndex> =
        documents.iter().enumerate().map(|(i, (document, _))| (&document.id, graph.add_node(i))).collect();
    for (document, _) in documents {
        for need in &document.needs {
            if let (Some(from), Some(to)) = (nodes.get(&document.id), nodes.get(&need.on)) {
                graph.add_edge(*from, *to, need);
            }
        }
    }
    for part in tarjan_scc(&graph) {
        let Some(start) = part.iter().copied().min() else { continue };
        if let Some(ring) = ring(&graph, start) {
            tell(documents, &graph, &ring, locator, sink);
        }
    }
}

/// The shortest way from a node back to itself, as edges.
fn ring<'n>(graph: &DiGraph<usize, &'n Need>, start: NodeIndex) -> Option<Vec<(NodeIndex, &'n Need)>> {
    let mut came: HashMap<NodeIndex, (NodeIndex, &Need)> = HashMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for edge in graph.edges(node) {
            use petgraph::visit::EdgeRef as _;
            let to = edge.target();
            if to == start {
                let mut way = vec![(node, *edge.weight())];
                let mut at = node;
                while at != start {
                    let (before, need) = came.get(&at)?;
                    way.push((*before, need));
                    at = *before;
                }
                way.reverse();
                return Some(way);
            }
            if let Entry::Vacant(first) = came.entry(to) {
                first.insert((node, edge.weight()));
                queue.push_back(to);
            }
        }
    }
    None
}

fn tell(
    documents: &[(Document, usize)],
    graph: &DiGraph<usize, &Need>,
    ring: &[(NodeIndex, &Need)],
    locator: &mut Locator<'_>,
    sink: &mut Sink,
) {
    let steps: Vec<(&Document, usize, &Need)> = ring
        .iter()
        .filter_map(|(node, need)| {
            let (document, index) = documents.get(*graph.node_weight(*node)?)?;
            Some((document, *index, *need))
        })
        .collect();
    let Some((first, index, need)) = steps.first() else { return };
    let names: Vec<String> =
        steps.iter().map(|(document, ..)| document.id.to_string()).chain([first.id.to_string()]).collect();
    let places: Vec<String> = steps
        .iter()
        .map(|(document, _, need)| {
            let place = document.place_of(&need.path);
            format!("{} {} {} ({}:{})", document.id, need.verb, need.on, place.file, place.line)
        })
        .collect();
    let message = format!("these need each other in a ring: {}", names.join(" → "));
    let label = if steps.len() == 1 { "a document cannot need itself" } else { "one of these references must go" };
    let complaint = Complaint::at(need.path.clone(), message, label).hint(places.join("; "));
    sink.push(locator.at(&first.place.file, *index, complaint));
}
