//! What may answer a request, in its order: names of a scenario enter, a chain leaves that says what is asked after what.

use std::borrow::Cow;

/// Something that may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// The model's scores of all products; nothing where it knows nothing of the history.
    Model,
    /// What was bought together with products of the history.
    BoughtTogether,
    /// What the shopper bought before.
    BuyAgain,
    /// What is in demand in the category of the product that was viewed last.
    TrendingInCategory,
    /// What is in demand.
    Trending,
    /// All products by their number of training interactions.
    Popular,
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Model, Self::BoughtTogether, Self::BuyAgain, Self::TrendingInCategory, Self::Trending, Self::Popular];

    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::BoughtTogether => "bought_together",
            Self::BuyAgain => "buy_again",
            Self::TrendingInCategory => "trending_in_category",
            Self::Trending => "trending",
            Self::Popular => "popular",
        }
    }

    /// Whether it puts all products in order, so that nothing is left for those behind it.
    pub fn ranks_all(self) -> bool {
        matches!(self, Self::Model | Self::Popular)
    }
}

/// A chain: each step fills the places that those before it left. Where the model answers, nothing behind it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources(Cow<'static, [Step]>);

impl Default for Sources {
    /// The model, and the popular products where it knows nothing of the history.
    fn default() -> Self {
        Self::of(&[Step::Model, Step::Popular])
    }
}

impl Sources {
    /// A chain that is known to be one.
    pub const fn of(steps: &'static [Step]) -> Self {
        Self(Cow::Borrowed(steps))
    }

    /// The chain of some names; none when one of them is no step's or stands twice, when something stands behind the popular
    /// products, or when there are none.
    pub fn of_names(names: &[&str]) -> Option<Self> {
        let mut steps: Vec<Step> = Vec::with_capacity(names.len());
        for name in names {
            let step = Step::ALL.into_iter().find(|step| step.name() == *name)?;
            if steps.contains(&step) || steps.contains(&Step::Popular) {
                return None;
            }
            steps.push(step);
        }
        (!steps.is_empty()).then_some(Self(Cow::Owned(steps)))
    }

    /// The steps, in their order.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Whether it has a step.
    pub fn has(&self, step: Step) -> bool {
        self.0.contains(&step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_has_each_step_once_and_ends_with_the_popular_products() {
        let of = |names: &[&str]| Sources::of_names(names).map(|sources| sources.steps().to_vec());
        let all = ["bought_together", "buy_again", "model", "trending_in_category", "trending", "popular"];
        assert_eq!(of(&all).unwrap().iter().map(|step| step.name()).collect::<Vec<_>>(), all);
        assert_eq!(Sources::of_names(&["model", "popular"]), Some(Sources::default()));
        for wrong in [&[][..], &["model", "model"], &["popular", "model"], &["Model"], &["viewed_together"]] {
            assert_eq!(of(wrong), None, "{wrong:?}");
        }
    }
}
