//! Names of kinds, as sources write them: a name enters, the kind that it means leaves, or that it means none.

use std::collections::HashMap;
use std::str::FromStr;

use super::event::Kind;

/// Common names, in lower case with underscores.
const COMMON: &[(&str, Kind)] = &[
    ("view", Kind::View),
    ("views", Kind::View),
    ("viewed", Kind::View),
    ("pv", Kind::View),
    ("page_view", Kind::View),
    ("pageview", Kind::View),
    ("product_view", Kind::View),
    ("product_viewed", Kind::View),
    ("view_product", Kind::View),
    ("item_view", Kind::View),
    ("view_item", Kind::View),
    ("viewcontent", Kind::View),
    ("detail", Kind::View),
    ("detail_view", Kind::View),
    ("click", Kind::ListClick),
    ("clicks", Kind::ListClick),
    ("list_click", Kind::ListClick),
    ("select_item", Kind::ListClick),
    ("product_clicked", Kind::ListClick),
    ("list_view", Kind::ListView),
    ("view_item_list", Kind::ListView),
    ("product_list_viewed", Kind::ListView),
    ("impression", Kind::ListView),
    ("cart", Kind::AddToCart),
    ("carts", Kind::AddToCart),
    ("add_to_cart", Kind::AddToCart),
    ("addtocart", Kind::AddToCart),
    ("cart_add", Kind::AddToCart),
    ("add_to_basket", Kind::AddToCart),
    ("basket", Kind::AddToCart),
    ("product_added", Kind::AddToCart),
    ("product_added_to_cart", Kind::AddToCart),
    ("remove_from_cart", Kind::RemoveFromCart),
    ("removefromcart", Kind::RemoveFromCart),
    ("cart_remove", Kind::RemoveFromCart),
    ("product_removed", Kind::RemoveFromCart),
    ("product_removed_from_cart", Kind::RemoveFromCart),
    ("promo_click", Kind::PromoClick),
    ("select_promotion", Kind::PromoClick),
    ("promo_view", Kind::PromoView),
    ("view_promotion", Kind::PromoView),
    ("checkout_step", Kind::CheckoutStep),
    ("begin_checkout", Kind::CheckoutStep),
    ("buy", Kind::Transaction),
    ("bought", Kind::Transaction),
    ("purchase", Kind::Transaction),
    ("purchases", Kind::Transaction),
    ("purchased", Kind::Transaction),
    ("order", Kind::Transaction),
    ("orders", Kind::Transaction),
    ("transaction", Kind::Transaction),
    ("order_completed", Kind::Transaction),
    ("checkout_completed", Kind::Transaction),
    ("sale", Kind::Transaction),
    ("refund", Kind::Refund),
    ("fav", Kind::Favourite),
    ("favorite", Kind::Favourite),
    ("favourite", Kind::Favourite),
    ("like", Kind::Favourite),
    ("collect", Kind::Favourite),
    ("wishlist", Kind::Favourite),
    ("add_to_wishlist", Kind::Favourite),
    ("bookmark", Kind::Favourite),
];

/// Longest of the common names.
const LONGEST: usize = 32;

impl Kind {
    /// The kind of a name that sources commonly use.
    pub fn of_name(name: &str) -> Option<Self> {
        common(name)
    }
}

/// The kind of a common name, in whatever case and with whatever between its words.
fn common(name: &str) -> Option<Kind> {
    if name.len() > LONGEST {
        return None;
    }
    let is = |known: &str| {
        let same = |(left, right): (u8, u8)| {
            left.to_ascii_lowercase() == right || right == b'_' && matches!(left, b'-' | b' ' | b'.')
        };
        known.len() == name.len() && name.bytes().zip(known.bytes()).all(same)
    };
    COMMON.iter().find(|(known, _)| is(known)).map(|(_, kind)| *kind)
}

/// What a name is said to mean, as flags give it: `pv=view`, `fav=ignore`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindName {
    name: String,
    /// None to leave such events out.
    kind: Option<Kind>,
}

impl FromStr for KindName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || {
            let kinds = Kind::ALL.map(Kind::name).join(", ");
            format!("expected NAME=KIND, such as pv=view or fav=ignore; the kinds are {kinds}, cart, purchase, ignore")
        };
        let (name, kind) = text.rsplit_once('=').ok_or_else(expected)?;
        let kind = match kind.trim() {
            "ignore" => None,
            "cart" => Some(Kind::AddToCart),
            "purchase" => Some(Kind::Transaction),
            kind => Some(Kind::ALL.into_iter().find(|known| known.name() == kind).ok_or_else(expected)?),
        };
        Ok(Self { name: name.trim().to_owned(), kind })
    }
}

/// What a name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    Kind(Kind),
    Ignored,
    Unknown,
}

/// The names that were said, and behind them the common ones.
#[derive(Debug, Clone, Default)]
pub struct KindNames(HashMap<String, Option<Kind>>);

impl KindNames {
    /// What these names mean; all others have their common meaning.
    pub fn new(names: impl IntoIterator<Item = KindName>) -> Self {
        Self(names.into_iter().map(|KindName { name, kind }| (name, kind)).collect())
    }

    /// Whether no name was said to mean anything.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn meaning(&self, name: &str) -> Named {
        match self.0.get(name) {
            Some(Some(kind)) => Named::Kind(*kind),
            Some(None) => Named::Ignored,
            None => common(name).map_or(Named::Unknown, Named::Kind),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_names_are_known_in_every_case_and_with_every_separator() {
        for name in ["add_to_cart", "Add To Cart", "add-to-cart", "ADD_TO_CART", "addToCart", "carts"] {
            assert_eq!(common(name), Some(Kind::AddToCart), "{name}");
        }
        assert_eq!((common("pv"), common("buy"), common("fav")), {
            (Some(Kind::View), Some(Kind::Transaction), Some(Kind::Favourite))
        });
        assert_eq!(common("dance"), None);
    }

    #[test]
    fn every_kind_has_its_own_name_among_the_common_ones() {
        for kind in Kind::ALL {
            assert_eq!(common(kind.name()), Some(kind));
        }
    }

    #[test]
    fn what_is_said_counts_before_the_common_meaning() {
        let names = KindNames::new(["fav=ignore", "5=purchase", "a=b=view"].map(|name| name.parse().unwrap()));
        assert_eq!(names.meaning("fav"), Named::Ignored);
        assert_eq!(names.meaning("5"), Named::Kind(Kind::Transaction));
        assert_eq!(names.meaning("a=b"), Named::Kind(Kind::View));
        assert_eq!((names.meaning("cart"), names.meaning("6")), (Named::Kind(Kind::AddToCart), Named::Unknown));
        assert!("pv=dance".parse::<KindName>().unwrap_err().contains("the kinds are view"));
        assert!("pv".parse::<KindName>().is_err());
    }
}
