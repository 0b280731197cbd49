//! The nouns that every other room shares. Owns no behaviour that waits on the world,
//! no clock, no file, no network.

pub mod change;
pub mod diagnostic;
pub mod digest;
pub mod draft;
pub mod duration;
pub mod erased;
pub mod estate;
pub mod fact;
pub mod fault;
pub mod finding;
pub mod hex;
pub mod host_key;
pub mod id;
pub mod kind;
pub mod ledger;
pub mod memory;
pub mod money;
pub mod outcome;
pub mod plan;
pub mod policy;
pub mod settings;
pub mod view;
pub mod world;

pub use change::{Cause, Change, FieldChange, Hold, HoldReason, Planned, Risk, Shown, Standing, Step};
pub use diagnostic::{Complaint, Diagnostic, Place, Severity};
pub use digest::Digest;
pub use draft::{Draft, Names};
pub use duration::Span;
pub use erased::{AnyKind, Erased, Of};
pub use estate::{Document, Estate, EstateView};
pub use fact::{Fact, Way, Whom};
pub use fault::Fault;
pub use finding::Finding;
pub use host_key::{HostKey, Pin};
pub use id::{ChangeKey, Key, Marker, Output, ProviderId, ResourceId, Scope, Verb};
pub use kind::{Diff, Diffed, FileNeed, Kind, Need};
pub use memory::{Approval, Failure, Freeze, Intent, Memory, Owned, Patch, Pause, Reached};
pub use money::Cents;
pub use outcome::{Attempt, Done, Outcome};
pub use plan::Plan;
pub use policy::{Adopt, Mode, OnRemove, Policy};
pub use settings::{Prune, Settings, SettingsMode, Window};
pub use view::{Resolved, Supply, View};
pub use world::{Catalog, Live, Observed, Sighting, World};
