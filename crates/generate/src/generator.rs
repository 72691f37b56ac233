//! The generator: a catalogue, rules and a seed enter; one shopper after another leaves, with rising interactions.
//!
//! Each shopper has a random stream of its own, made of the seed and the shopper's number, and only one shopper is held
//! at a time: neither the number of shoppers nor the order in which they are asked for changes anything.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use slirec_core::catalog::Catalog;
use slirec_core::interactions::Interaction;

use crate::groups::{Groups, Item};
use crate::rules::{Rules, RulesError};
use crate::schedule::Schedule;
use crate::walk::Walker;

/// Makes the interactions of any shopper.
#[derive(Debug)]
pub struct Generator<'a> {
    catalog: &'a Catalog,
    rules: &'a Rules,
    groups: Groups,
    seed: u64,
}

impl<'a> Generator<'a> {
    /// Looks up the products that the rules name, or draws groups if they name none.
    ///
    /// # Errors
    /// [`RulesError::Unknown`] with all products that the catalogue lacks, [`RulesError::TooFewProducts`].
    pub fn new(catalog: &'a Catalog, rules: &'a Rules, seed: u64) -> Result<Self, RulesError> {
        let groups = Groups::new(catalog, rules, &mut stream(seed, 0))?;
        Ok(Self { catalog, rules, groups, seed })
    }

    /// The catalogue whose products are viewed.
    pub fn catalog(&self) -> &'a Catalog {
        self.catalog
    }

    /// Number of shoppers.
    pub fn users(&self) -> u32 {
        self.rules.population.users.get()
    }

    /// All shoppers in order, one at a time.
    pub fn shoppers(&self) -> impl Iterator<Item = Shopper<'a>> + '_ {
        (1..=self.users()).map(|number| self.shopper(number))
    }

    /// The shopper with this number, from 1.
    pub fn shopper(&self, number: u32) -> Shopper<'a> {
        let mut random = stream(self.seed, u64::from(number));
        let sessions = self.sessions(&mut random);
        let lengths: Vec<u64> = sessions.iter().map(|views| views.last().map_or(0, |view| view.offset)).collect();
        let schedule = Schedule::new(&lengths, self.rules, &mut random);
        let views =
            sessions.iter().enumerate().flat_map(|(session, views)| views.iter().map(move |view| (session, view)));
        let views = views.map(|(session, view)| (view.item, schedule.time(session, view.offset)));
        Shopper { catalog: self.catalog, name: format!("user_{number}"), views: views.collect() }
    }

    /// What a shopper views in each session, and how long after its start.
    fn sessions(&self, random: &mut ChaCha8Rng) -> Vec<Vec<View>> {
        let gaps = &self.rules.sessions;
        let mut walker = Walker::new(&self.groups, self.rules, random);
        let mut walks_left = self.rules.walks.per_user.draw(random);
        let mut sessions = Vec::new();
        while walks_left > 0 {
            walker.drift(random);
            let walks = gaps.walks.draw(random).min(walks_left);
            walks_left -= walks;
            let mut session: Vec<View> = Vec::new();
            for _ in 0..walks {
                for (position, item) in walker.walk(random).into_iter().enumerate() {
                    let gap = if position == 0 { gaps.seconds_between_walks } else { gaps.seconds_between_views };
                    let offset = session.last().map_or(0, |view| view.offset + u64::from(gap.draw_small(random)));
                    session.push(View { item, offset });
                }
            }
            sessions.push(session);
        }
        sessions
    }
}

/// An item viewed, seconds after the start of the session.
struct View {
    item: Item,
    offset: u64,
}

/// One shopper and everything that this shopper viewed.
#[derive(Debug)]
pub struct Shopper<'a> {
    catalog: &'a Catalog,
    name: String,
    /// Items and Unix times, rising.
    views: Vec<(Item, u64)>,
}

impl Shopper<'_> {
    /// `user_1`, `user_2`, …
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The interactions, in whole seconds that never fall.
    pub fn interactions(&self) -> impl Iterator<Item = Interaction<'_>> {
        self.views.iter().filter_map(|(item, time)| {
            let product = self.catalog.products().get(*item)?;
            let (item, category) = (product.handle.as_str(), product.category.as_str());
            Some(Interaction { user: &self.name, item, timestamp: *time as f64, category, event: None })
        })
    }
}

/// The random numbers of a shopper, from 1; 0 is what all of them share.
fn stream(seed: u64, number: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(number);
    random
}
