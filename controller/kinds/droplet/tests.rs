//! What droplets mean and how they differ, as tables. The tables stand in one file a topic.

mod adopting;
mod desire;
mod differing;
mod fixture;
mod replacing;
