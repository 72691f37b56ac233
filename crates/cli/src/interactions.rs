//! `slirec interactions`: makes clickstreams, or brings them here.
//!
//! Enters: a catalogue and, if there are any, rules; or events of other systems. Leaves: the original's TSV and a
//! summary of it.

mod import;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use anyhow::Context;
use slirec_core::catalog::Catalog;
use slirec_generate::rules::{Days, Interval, Start};
use slirec_generate::{Generator, Rules, Summary};

use crate::{output, progress};
pub(crate) use import::separator;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Invent shoppers and write what they view, from a catalogue, rules and a seed
    Generate(Generate),
    /// Convert clickstreams and orders of other systems
    #[command(subcommand)]
    Import(Box<import::Verb>),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Generate {
    /// Catalogue of the products
    #[arg(long, value_name = "FILE")]
    catalog: PathBuf,
    /// Which products go together and how shoppers behave; without it, groups are drawn from the categories
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// The same seed gives the same file
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Where to write `label user item timestamp category`; compressed if the name ends with .gz, - is standard output
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Replace the output if it exists
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    overrides: Overrides,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Instead of the rules' values")]
struct Overrides {
    /// Number of shoppers
    #[arg(long, value_name = "NUMBER")]
    users: Option<NonZeroU32>,
    /// Fewest walks of a shopper
    #[arg(long, value_name = "NUMBER")]
    min_walks: Option<u32>,
    /// Most walks of a shopper
    #[arg(long, value_name = "NUMBER")]
    max_walks: Option<u32>,
    /// Length of the recorded period
    #[arg(long, value_name = "NUMBER")]
    days: Option<Days>,
    /// First moment of it, such as 2026-10-01T00:00:00Z, or Unix seconds
    #[arg(long, value_name = "TIME")]
    start: Option<Start>,
}

pub(crate) fn run(verb: Verb) -> anyhow::Result<()> {
    match verb {
        Verb::Generate(arguments) => generate(&arguments),
        Verb::Import(verb) => import::run(*verb),
    }
}

fn generate(arguments: &Generate) -> anyhow::Result<()> {
    let catalog = Catalog::read(&arguments.catalog).context("the catalogue cannot be used")?;
    let mut rules = match &arguments.rules {
        Some(path) => Rules::read(path).context("the rules cannot be used")?,
        None => Rules::default(),
    };
    arguments.overrides.apply(&mut rules)?;
    let generator = Generator::new(&catalog, &rules, arguments.seed).context("cannot generate interactions")?;
    let summary = write(&generator, &arguments.output, arguments.force).context("cannot generate interactions")?;
    output::summarise(&arguments.output, format!("{summary}\nwritten to    {}", arguments.output.display()))
}

fn write(generator: &Generator<'_>, output: &Path, force: bool) -> anyhow::Result<Summary> {
    let users = u64::from(generator.users());
    let bar = progress::bar(users, "users");
    let mut lines = progress::Lines::new();
    let written = slirec_generate::write(generator, output, force, |done| {
        bar.set_position(done);
        lines.print(|| format!("{done} of {users} users"));
    });
    bar.finish_and_clear();
    Ok(written?)
}

impl Overrides {
    fn apply(&self, rules: &mut Rules) -> anyhow::Result<()> {
        let (population, walks) = (&mut rules.population, &mut rules.walks);
        population.users = self.users.unwrap_or(population.users);
        population.days = self.days.unwrap_or(population.days);
        population.start = self.start.unwrap_or(population.start);
        let min = self.min_walks.unwrap_or(walks.per_user.min());
        let max = self.max_walks.unwrap_or(walks.per_user.max());
        walks.per_user = Interval::new(min, max).context("walks of a shopper (--min-walks, --max-walks)")?;
        Ok(())
    }
}
