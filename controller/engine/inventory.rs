//! What exists and whose it is, from one look. Owns the way from claims to insight; concludes nothing.

use crate::insight::{self, Inventory};
use crate::kinds;
use crate::model::{Estate, Memory, World};
use crate::plan::claim::claim;
use crate::plan::renaming::followed;

/// Lists what a look has seen. What is owned by Memory, its marker or an open create counts as owned.
pub fn inventory(estate: &Estate, world: &World, memory: &Memory) -> Inventory {
    let kinds = kinds::pure();
    let followed = followed(&kinds, estate, memory);
    let claims = claim(&kinds, estate, world, &followed.memory);
    let found = claims.of.into_iter().map(|(id, claim)| (id, (claim.observed, !claim.adopting))).collect();
    insight::inventory(&kinds, estate, world, &found)
}
