//! The pure planner: claim, settle, order, guard, refine. Same inputs, same bytes.
//! Must not know any kind by name, any port, or the time of day.

mod adopt;
mod aside;
mod assemble;
pub mod claim;
mod clerk;
mod closing;
mod foundation;
pub mod ground;
pub mod guard;
mod handover;
mod herd;
pub mod limits;
pub mod order;
pub mod record;
pub mod refine;
mod removal;
pub mod renaming;
mod sequence;
pub mod settle;
mod standing;
#[cfg(test)]
mod tests;
pub mod window;

pub use assemble::plan;
pub use refine::{proceeds, refines};
pub use standing::LATELY;

use crate::model::{Prune, ResourceId};

/// What the controller's own machine says, and no commit can lift.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Brakes {
    /// Upper bounds on the repo's delete limits.
    pub caps: Option<Prune>,
    /// What the controller itself runs on.
    pub runs_on: Option<ResourceId>,
    /// Why no deletion may go without an approval now, such as a rewritten branch.
    pub no_deletions: Option<String>,
    /// Whether sync windows are passed over: somebody said `--now`.
    pub windows_pass: bool,
}
