//! The controller's face: its API and unix socket, webhooks, health and metrics, and the commands that use them.

mod acts;
mod commands;
mod health;
mod hooks;
mod office;
mod strange;
