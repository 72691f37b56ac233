//! Where the products of an answer come from, and what was counted of them: plain data.

/// Where the scores come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// The model scored the candidates for this history.
    Model,
    /// The history is empty or holds no known item, or the model was not asked: products by their number of training
    /// interactions.
    Popular,
    /// Counts of what was bought together.
    BoughtTogether,
    /// Counts of what was viewed in one session, where no purchases were counted.
    ViewedTogether,
    /// Counts of what the shopper bought before.
    BuyAgain,
    /// Demand in the category of the product that was viewed last.
    TrendingInCategory,
    /// Demand.
    Trending,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Model,
        Self::Popular,
        Self::BoughtTogether,
        Self::ViewedTogether,
        Self::BuyAgain,
        Self::TrendingInCategory,
        Self::Trending,
    ];

    /// Whether counts give its products, neither the model nor popularity.
    pub fn is_counted(self) -> bool {
        !matches!(self, Self::Model | Self::Popular)
    }

    /// The name in answers and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Popular => "popular",
            Self::BoughtTogether => "bought_together",
            Self::ViewedTogether => "viewed_together",
            Self::BuyAgain => "buy_again",
            Self::TrendingInCategory => "trending_in_category",
            Self::Trending => "trending",
        }
    }
}

/// What was counted of a product of an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Counted {
    /// Which counts gave it.
    pub source: Source,
    /// What they say.
    pub evidence: Evidence,
}

/// What counts say of a product.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Evidence {
    /// It stands in the same baskets as a product of the history.
    Together {
        /// The one that it stands beside most; none when the catalogue does not have it.
        with: Option<usize>,
        /// Baskets with both.
        support: u32,
        /// Their share of that one's baskets.
        confidence: f32,
    },
    /// It is in demand.
    Demand,
    /// The shopper bought it.
    Again {
        /// How often.
        count: u32,
        /// Unix seconds of the last time.
        last: Option<f64>,
        /// Seconds from one purchase to the next.
        interval: f64,
        /// Whether enough of it has passed.
        is_due: bool,
    },
}
