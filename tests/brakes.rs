//! The brakes over a whole house: hosts that are lost by a firewall, work that is interrupted at every stage, windows
//! that close while a run goes on.

mod promises;
mod reach;
mod staged;
mod windows;
