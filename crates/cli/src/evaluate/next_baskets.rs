//! `slirec evaluate --baskets`: a dataset enters; how much of the last baskets its counts find leaves, as a table or JSON.

use std::path::Path;

use anyhow::{Result, ensure};
use slirec_core::event::Event;
use slirec_train::dataset::Dataset;
use slirec_train::next_basket::{self, NextBaskets};

use crate::output;

pub(super) fn run(directory: &Path, json: bool) -> Result<()> {
    let dataset = Dataset::read(directory)?;
    let measured = next_basket::measure(&dataset);
    ensure!(measured.users > 0, "no user has two baskets: there is no next basket to find");
    if measured.baskets_of != Event::Purchase {
        output::warn(
            "the dataset has no purchases: views of one session stand in; prepare --event purchase makes them",
        );
    }
    if json { output::print_json(&measured) } else { output::print(table(&measured)) }
}

fn table(measured: &NextBaskets) -> String {
    let NextBaskets { baskets_of, users, unseen, kinds } = measured;
    let mut lines = vec![format!(
        "last baskets of {users} users, by counts of the {}s before; {unseen} products that training has not seen are left out",
        baskets_of.name()
    )];
    lines.push(format!("{:<18} {:>6}  {:<16} {:>9}", "", "users", "listed by", "recall@10"));
    for kind in kinds {
        let mut name = (kind.name, kind.users.to_string());
        for recall in &kind.recall_10 {
            lines.push(format!("{:<18} {:>6}  {:<16} {:>9.4}", name.0, name.1, recall.by, recall.recall));
            name = ("", String::new());
        }
    }
    lines.join("\n")
}
