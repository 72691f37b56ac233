//! Filters and scenarios of a shop, through the crate's public surface.

#![cfg(test)]

mod filters;
mod scenarios;
mod shop;
