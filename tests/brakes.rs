//! The brakes over a whole house: hosts that are lost by a firewall, work that is interrupted at every stage.

mod promises;
mod reach;
mod staged;
