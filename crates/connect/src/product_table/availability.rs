//! Whether a product is on sale, as tables say it: a word or a stock enters, yes or no leaves.

use crate::text::shown;

/// What says that a product is not on sale, in lower case without spaces, hyphens and underscores.
const NO: [&str; 27] = [
    "",
    "false",
    "no",
    "n",
    "f",
    "off",
    "null",
    "none",
    "nan",
    "na",
    "n/a",
    "-",
    "\\n",
    "draft",
    "archived",
    "unlisted",
    "inactive",
    "disabled",
    "discontinued",
    "hidden",
    "unpublished",
    "deleted",
    "unavailable",
    "notavailable",
    "outofstock",
    "soldout",
    "notforsale",
];

/// What says that it is.
const YES: [&str; 20] = [
    "true",
    "yes",
    "y",
    "t",
    "on",
    "active",
    "published",
    "enabled",
    "visible",
    "available",
    "instock",
    "onsale",
    "forsale",
    "preorder",
    "presale",
    "backorder",
    "limitedavailability",
    "onlineonly",
    "instoreonly",
    "madetoorder",
];

/// Reads a value: a number is a stock, of which more than nothing is on sale.
///
/// # Errors
/// What was found and what was expected.
pub(super) fn available(text: &str) -> Result<bool, String> {
    let lower = text.trim().to_lowercase();
    // https://schema.org/InStock
    let word = lower.rsplit("schema.org/").next().unwrap_or_default();
    let word: String =
        word.chars().filter(|letter| !matches!(letter, ' ' | '_') && (*letter != '-' || word == "-")).collect();
    if NO.contains(&word.as_str()) {
        return Ok(false);
    }
    if YES.contains(&word.as_str()) {
        return Ok(true);
    }
    match lower.parse::<f64>() {
        Ok(stock) if stock.is_finite() => Ok(stock > 0.0),
        _ => Err(format!(
            "is `{}`: expected a stock, or a word such as true, active, in stock, false, draft, archived, out of stock",
            shown(text)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_shops_feeds_and_spreadsheets_are_known_and_others_are_named() {
        for yes in
            ["TRUE", "active", "in stock", "In-Stock", "in_stock", "y", "1", "12.0", "https://schema.org/InStock"]
        {
            assert_eq!(available(yes), Ok(true), "{yes}");
        }
        for no in
            ["", "False", "draft", "Archived", "-1", "0", "0.0", "Out of stock", "N/A", "http://schema.org/OutOfStock"]
        {
            assert_eq!(available(no), Ok(false), "{no}");
        }
        assert!(available("perhaps").unwrap_err().starts_with("is `perhaps`: expected a stock"));
        assert!(available("inf").is_err());
    }
}
