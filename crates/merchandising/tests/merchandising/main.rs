//! Filters and scenarios of a shop, through the crate's public surface.

#![cfg(test)]

mod filters;
mod made_up_filters;
mod made_up_texts;
mod scenarios;
mod shop;
