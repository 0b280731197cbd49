//! Tables of the pure half.

mod desiring;
mod differing;
mod drafting;
mod fixture;
mod meeting;
mod moving;
mod rendering;
