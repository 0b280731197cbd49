//! What a diff may know besides its own document and object: outputs of others over the world as planned so far.

use super::{Catalog, Output, ResourceId};
use std::collections::{BTreeMap, HashMap};

/// A value that may not be known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved<T> {
    /// Known now.
    Known(T),
    /// Known once `from` exists.
    Pending {
        /// Whose output.
        from: ResourceId,
        /// Which.
        output: Output,
    },
    /// It could not be seen; nothing may be concluded, and what needs it stays as it is.
    Unknown {
        /// Why, with names.
        why: String,
    },
}

/// What one resource supplies to those that need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Supply {
    /// It exists, with these outputs.
    Live(BTreeMap<Output, String>),
    /// It is planned to be made.
    Pending,
    /// It could not be seen.
    Unknown(String),
}

/// The world as planned so far, as a diff sees it.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// The time of the look.
    pub as_of: jiff::Timestamp,
    /// The estate's uuid, for markers.
    pub estate: uuid::Uuid,
    /// Sizes and prices.
    pub catalog: &'a Catalog,
    /// What each resource supplies; a resource is in it before those that need it are diffed. It is asked for every record
    /// of every zone and never gone through, so that its order has no say.
    pub supplies: HashMap<ResourceId, Supply>,
}

impl View<'_> {
    /// Looks up one output of another resource.
    pub fn resolve(&self, id: &ResourceId, output: Output) -> Resolved<String> {
        match self.supplies.get(id) {
            Some(Supply::Live(outputs)) => match outputs.get(&output) {
                Some(value) => Resolved::Known(value.clone()),
                None => Resolved::Unknown { why: format!("{id} has no {} (yet)", output.words()) },
            },
            Some(Supply::Pending) => Resolved::Pending { from: id.clone(), output },
            Some(Supply::Unknown(why)) => Resolved::Unknown { why: format!("{id} could not be seen: {why}") },
            None => Resolved::Unknown { why: format!("{id} is in no document") },
        }
    }
}
