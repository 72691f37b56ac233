//! One thing that a shopper did with one product, as every source says it.

use std::str::FromStr;

use slirec_core::event::Event as Action;

/// What a shopper did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Looked at a product.
    View,
    /// Chose a product in a list.
    ListClick,
    /// Saw a product in a list.
    ListView,
    /// Put a product into the cart.
    AddToCart,
    /// Took a product out of the cart.
    RemoveFromCart,
    /// Chose a promotion.
    PromoClick,
    /// Saw a promotion.
    PromoView,
    /// Went on with the checkout.
    CheckoutStep,
    /// Bought.
    Transaction,
    /// Got the money back.
    Refund,
    /// Liked, or put on a list of favourites.
    Favourite,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 11] = [
        Self::View,
        Self::ListClick,
        Self::ListView,
        Self::AddToCart,
        Self::RemoveFromCart,
        Self::PromoClick,
        Self::PromoView,
        Self::CheckoutStep,
        Self::Transaction,
        Self::Refund,
        Self::Favourite,
    ];

    /// The name in flags and summaries.
    pub fn name(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::ListClick => "list_click",
            Self::ListView => "list_view",
            Self::AddToCart => "add_to_cart",
            Self::RemoveFromCart => "remove_from_cart",
            Self::PromoClick => "promo_click",
            Self::PromoView => "promo_view",
            Self::CheckoutStep => "checkout_step",
            Self::Transaction => "transaction",
            Self::Refund => "refund",
            Self::Favourite => "favourite",
        }
    }

    /// What it is once it was imported: whatever is neither cart nor purchase counts as a view.
    pub fn event(self) -> Action {
        match self {
            Self::AddToCart => Action::Cart,
            Self::Transaction => Action::Purchase,
            _ => Action::View,
        }
    }

    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

/// How much each kind counts for a product's popularity; 0 leaves the kind out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weights([u16; Kind::ALL.len()]);

impl Default for Weights {
    /// A view and a click count 1, the cart and a favourite 3, a purchase 5; nothing else says that a product was wanted.
    fn default() -> Self {
        let mut weights = Self([0; Kind::ALL.len()]);
        for kind in [Kind::View, Kind::ListClick, Kind::AddToCart, Kind::Transaction] {
            weights.set(kind, kind.event().weight());
        }
        weights.set(Kind::Favourite, Action::Cart.weight());
        weights
    }
}

impl Weights {
    /// The weight of a kind.
    pub fn of(&self, kind: Kind) -> u16 {
        self.0.get(kind.index()).copied().unwrap_or_default()
    }

    /// Replaces the weight of a kind.
    pub fn set(&mut self, kind: Kind, weight: u16) {
        if let Some(slot) = self.0.get_mut(kind.index()) {
            *slot = weight;
        }
    }
}

/// A kind and its weight, as flags give it: `add_to_cart=3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KindWeight(pub Kind, pub u16);

impl FromStr for KindWeight {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || {
            let kinds = Kind::ALL.map(Kind::name).join(", ");
            format!("expected KIND=WEIGHT, such as add_to_cart=3; the kinds are {kinds}; weights go from 0 to 1000")
        };
        let (kind, weight) = text.split_once('=').ok_or_else(expected)?;
        let kind = Kind::ALL.into_iter().find(|known| known.name() == kind.trim()).ok_or_else(expected)?;
        let weight = weight.trim().parse().ok().filter(|weight| *weight <= 1000).ok_or_else(expected)?;
        Ok(Self(kind, weight))
    }
}

/// How a source names a product.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ProductName<'a> {
    /// By its handle, as paths do.
    Handle(&'a str),
    /// By whatever the site or the table sends; what it is, the options say.
    Id(&'a str),
    /// By several names; the first that is known counts.
    AnyOf {
        /// Tail of the product's URL.
        handle: Option<&'a str>,
        /// Shopify's number or GID.
        id: Option<&'a str>,
        /// Stock keeping unit.
        sku: Option<&'a str>,
        /// Title; it counts only if one product has it.
        title: Option<&'a str>,
    },
}

/// One event of one product.
#[derive(Debug, Clone, PartialEq)]
pub struct Event<'a> {
    /// The shopper.
    pub user: &'a str,
    /// Who the shopper was known as when logged in, for stitching.
    pub known_as: Option<&'a str>,
    /// The product.
    pub product: ProductName<'a>,
    /// Category, where the source has one; the catalogue's counts first.
    pub category: Option<&'a str>,
    /// Unix seconds.
    pub time: f64,
    /// What was done.
    pub kind: Kind,
    /// Weight, where the source has one.
    pub weight: Option<u16>,
    /// Id of the event, for deduplication.
    pub id: Option<&'a str>,
    /// Distinguishes a repeated event from another one with the same id.
    pub fingerprint: Option<&'a str>,
    /// When the event was received, Unix seconds: of repeated events the earliest counts.
    pub received: Option<f64>,
    /// Whether it may be a page view that was reported twice: views of trackers are, rows of orders are not.
    pub collapsible: bool,
    /// The time if the month stands before the day, where the text says both.
    pub month_first: Option<f64>,
}

impl<'a> Event<'a> {
    /// An event with the least that it must have.
    pub fn new(user: &'a str, product: ProductName<'a>, time: f64, kind: Kind) -> Self {
        Self {
            user,
            known_as: None,
            product,
            category: None,
            time,
            kind,
            weight: None,
            id: None,
            fingerprint: None,
            received: None,
            collapsible: kind == Kind::View,
            month_first: None,
        }
    }
}
