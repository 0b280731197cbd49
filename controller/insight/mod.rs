//! What can be said of the world without changing it: documents for what exists, and what exists at all. Pure; knows
//! no kind by name, only what every kind tells of its objects.

pub mod import;
pub mod inventory;

pub use import::{Drafted, Object, Without, draft};
pub use inventory::{Inventory, inventory};
