//! Rules for synthetic interactions: a TOML file enters, who they invent and what goes together leaves.

use std::path::Path;

use anyhow::Result;
use serde::Serialize;
use slirec_generate::Rules;

use super::page::{Page, number};
use super::times::utc;

/// What rules hold.
#[derive(Debug, Serialize)]
pub(crate) struct RulesContents {
    users: u32,
    start: u64,
    start_utc: String,
    days: u32,
    min_walks: u32,
    max_walks: u32,
    /// None: drawn from the categories of the catalogue.
    groups: Vec<Group>,
    follow_ups: Vec<FollowUp>,
}

#[derive(Debug, Serialize)]
struct Group {
    name: String,
    products: Vec<String>,
}

#[derive(Debug, Serialize)]
struct FollowUp {
    after: String,
    then: Vec<String>,
}

impl RulesContents {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let rules = Rules::read(path)?;
        let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
        let start = rules.population.start.seconds();
        Ok(Self {
            users: rules.population.users.get(),
            start,
            start_utc: utc(start as f64),
            days: rules.population.days.count(),
            min_walks: rules.walks.per_user.min(),
            max_walks: rules.walks.per_user.max(),
            groups: rules
                .groups()
                .map(|(name, products)| Group { name: name.to_owned(), products: owned(products) })
                .collect(),
            follow_ups: rules
                .follow_ups()
                .map(|(after, then)| FollowUp { after: after.to_owned(), then: owned(then) })
                .collect(),
        })
    }

    pub(crate) fn show(&self, page: &mut Page) {
        page.field("users", number(self.users.into()));
        page.field("start", format!("{}, for {} days", self.start_utc, self.days));
        page.field("walks of a user", format!("{} to {}", self.min_walks, self.max_walks));
        page.field("groups", self.groups.len());
        page.field("follow-ups", self.follow_ups.len());
        if self.groups.is_empty() && self.follow_ups.is_empty() {
            page.line("Without groups and follow-ups, both are drawn from the categories of the catalogue.");
        }
        let groups = self.groups.iter().map(|group| (group.name.as_str(), group.products.join(", ")));
        let follow_ups = self.follow_ups.iter().map(|one| (one.after.as_str(), one.then.join(", ")));
        for (heading, pairs) in [
            ("Groups: viewed together", groups.collect::<Vec<_>>()),
            ("Follow-ups: viewed right after", follow_ups.collect()),
        ] {
            if !pairs.is_empty() {
                page.heading(heading);
                page.pairs(&pairs);
            }
        }
    }
}
