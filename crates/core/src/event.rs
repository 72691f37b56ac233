//! What a shopper did with a product, as far as it matters once events were imported: a name of a file or a request enters,
//! an [`Event`] leaves.

use serde::{Deserialize, Serialize};

/// What a shopper did with a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// Looked at it.
    #[default]
    View,
    /// Put it into the cart.
    Cart,
    /// Bought it.
    Purchase,
}

impl Event {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::View, Self::Cart, Self::Purchase];

    /// The name in files and requests.
    pub fn name(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Cart => "cart",
            Self::Purchase => "purchase",
        }
    }

    /// The event of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.name() == name)
    }

    /// The number in binary files.
    pub fn number(self) -> u8 {
        match self {
            Self::View => 0,
            Self::Cart => 1,
            Self::Purchase => 2,
        }
    }

    /// The event of a number.
    pub fn of_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// How much it counts for what is in demand: a purchase says more than a view.
    pub fn weight(self) -> u16 {
        match self {
            Self::View => 1,
            Self::Cart => 3,
            Self::Purchase => 5,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_lead_back_to_their_events() {
        for event in Event::ALL {
            assert_eq!(Event::of_name(event.name()), Some(event));
            assert_eq!(Event::of_number(event.number()), Some(event));
            assert_eq!(serde_json::to_value(event).unwrap(), event.name());
        }
        assert_eq!((Event::of_name("Purchase"), Event::of_number(3)), (None, None));
    }
}
