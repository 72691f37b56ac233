//! Which product is meant: a path, a handle, a number, a GID, an SKU or a title enters, the catalogue's handle leaves.

use std::borrow::Cow;
use std::collections::HashMap;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use slirec_core::catalog::Catalog;

use super::event::ProductName;

/// What a site sends as the id of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IdKind {
    /// Tried in order: handle, product id, GID, SKU.
    #[default]
    Auto,
    /// The name in URLs.
    Handle,
    /// Shopify's number.
    ProductId,
    /// `gid://shopify/Product/…`
    Gid,
    /// The catalogue's attribute `sku`.
    Sku,
}

impl FromStr for IdKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "auto" => Self::Auto,
            "handle" => Self::Handle,
            "product-id" => Self::ProductId,
            "gid" => Self::Gid,
            "sku" => Self::Sku,
            _ => return Err("expected auto, handle, product-id, gid or sku".to_owned()),
        })
    }
}

/// A product that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found<'a> {
    pub(super) handle: &'a str,
    /// None when only the source can tell.
    pub(super) category: Option<&'a str>,
}

/// The catalogue by every name that a source may use.
#[derive(Debug)]
pub struct Products {
    catalog: Option<Catalog>,
    id_kind: IdKind,
    by_number: HashMap<String, usize>,
    /// None for what several products have.
    by_sku: HashMap<String, Option<usize>>,
    /// In lower case, with single spaces; none for what several products have.
    by_title: HashMap<String, Option<usize>>,
}

impl Products {
    /// Without a catalogue, every handle and id is taken as it is.
    pub fn new(catalog: Option<Catalog>, id_kind: IdKind) -> Self {
        let (mut by_number, mut by_sku, mut by_title) = (HashMap::new(), HashMap::new(), HashMap::new());
        for (index, product) in catalog.iter().flat_map(|catalog| catalog.products()).enumerate() {
            if let Some(number) = number_of(&product.gid) {
                by_number.insert(number.to_owned(), index);
            }
            let skus = product.attributes.get("sku").into_iter().flat_map(|skus| skus.split(',')).map(str::trim);
            for sku in skus.filter(|sku| !sku.is_empty()) {
                name(&mut by_sku, sku.to_owned(), index);
            }
            name(&mut by_title, normal(&product.title), index);
        }
        Self { catalog, id_kind, by_number, by_sku, by_title }
    }

    /// The product that is meant; none when the catalogue does not hold it.
    pub(super) fn find<'a>(&'a self, name: &ProductName<'a>) -> Option<Found<'a>> {
        let Some(catalog) = &self.catalog else {
            let names = match *name {
                ProductName::Handle(name) | ProductName::Id(name) => [Some(name), None, None, None],
                ProductName::AnyOf { handle, id, sku, title } => [handle, id, sku, title],
            };
            let handle = names.into_iter().flatten().map(str::trim).find(|name| !name.is_empty());
            return handle.map(|handle| Found { handle, category: None });
        };
        let index = match *name {
            ProductName::Handle(handle) => catalog.position(handle),
            ProductName::Id(id) => self.by_id(catalog, id, self.id_kind),
            ProductName::AnyOf { handle, id, sku, title } => handle
                .and_then(|handle| catalog.position(handle))
                .or_else(|| self.by_id(catalog, id?, IdKind::ProductId))
                .or_else(|| self.by_id(catalog, sku?, IdKind::Sku))
                .or_else(|| self.by_title(title?)),
        };
        let product = catalog.products().get(index?)?;
        Some(Found { handle: &product.handle, category: Some(&product.category) })
    }

    /// Orders name a product by its title, and behind it its variant: `Basic Tee - Pro - M / Maroon`. The longest beginning
    /// that is a title counts.
    fn by_title(&self, name: &str) -> Option<usize> {
        let name = normal(name);
        let mut title = name.as_str();
        loop {
            if let Some(known) = self.by_title.get(title) {
                return *known;
            }
            (title, _) = title.rsplit_once(" - ")?;
        }
    }

    fn by_id(&self, catalog: &Catalog, id: &str, kind: IdKind) -> Option<usize> {
        match kind {
            IdKind::Handle => catalog.position(id),
            IdKind::ProductId | IdKind::Gid => self.by_number.get(number_of(id).unwrap_or(id)).copied(),
            // An apostrophe marks digits as text in spreadsheets.
            IdKind::Sku => self.by_sku.get(id.strip_prefix('\'').unwrap_or(id)).copied().flatten(),
            IdKind::Auto => [IdKind::Handle, IdKind::ProductId, IdKind::Sku]
                .into_iter()
                .find_map(|kind| self.by_id(catalog, id, kind)),
        }
    }
}

/// Gives a product a name, which then means nothing if another product has it too.
fn name(names: &mut HashMap<String, Option<usize>>, name: String, index: usize) {
    let same = |known: &mut Option<usize>| *known = known.filter(|known| *known == index);
    names.entry(name).and_modify(same).or_insert(Some(index));
}

/// A title in lower case, with single spaces.
fn normal(title: &str) -> String {
    title.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The number at the end of a GID.
fn number_of(gid: &str) -> Option<&str> {
    gid.strip_prefix("gid://").and_then(|gid| gid.rsplit('/').next()).map(|tail| tail.split('?').next().unwrap_or(tail))
}

/// The handle in a product's path or URL, percent-decoded; none for other pages. Known are a locale before it
/// (`/de/products/x`, `/pt-BR/…`), a collection (`/collections/y/products/x`), a query and a fragment behind it, and
/// the endings of the storefront's JSON.
pub(super) fn handle_of_url(url: &str) -> Option<Cow<'_, str>> {
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.get(rest.find('/')?..)?,
        None => url,
    };
    let end = path.find(['?', '#']).unwrap_or(path.len());
    let path = path.get(..end)?;
    let mut rest = path.strip_prefix('/')?;
    if let Some((first, behind)) = rest.split_once('/')
        && is_locale(first)
    {
        rest = behind;
    }
    if let Some(behind) = rest.strip_prefix("collections/") {
        rest = behind.split_once('/').filter(|(collection, _)| !collection.is_empty())?.1;
    }
    let handle = rest.strip_prefix("products/")?;
    let handle = handle.strip_suffix('/').unwrap_or(handle);
    let handle = [".js", ".json", ".oembed"].iter().find_map(|ending| handle.strip_suffix(ending)).unwrap_or(handle);
    if handle.is_empty() || handle.contains('/') {
        return None;
    }
    percent_decode_str(handle).decode_utf8().ok()
}

/// `de` or `pt-BR`.
fn is_locale(segment: &str) -> bool {
    let letters = |text: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphabetic())
    };
    let language = |text: &str| letters(text, 2..=2) && text.bytes().all(|byte| byte.is_ascii_lowercase());
    match segment.split_once('-') {
        Some((first, region)) => language(first) && letters(region, 2..=4),
        None => language(segment),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn catalog() -> Catalog {
        let text = r#"{"format": "slirec-catalog/1", "products": [
            {"handle": "towel", "gid": "gid://shopify/Product/1", "title": "Towel", "category": "Home", "attributes": {"sku": "T-1, T-2"}},
            {"handle": "towel-1", "gid": "gid://shopify/Product/2", "title": "Towel", "category": "Sports"},
            {"handle": "mug", "gid": "gid://shopify/Product/9007199254740993", "title": "Mug", "category": "Home"}]}"#;
        Catalog::parse(text, Path::new("catalog.json")).unwrap()
    }

    #[test]
    fn the_handle_is_found_in_every_form_of_a_product_s_url() {
        for (url, handle) in [
            ("/products/mug", "mug"),
            ("/products/mug/", "mug"),
            ("https://shop.example/products/mug?variant=7#reviews", "mug"),
            ("/de/products/mug", "mug"),
            ("/pt-BR/collections/home/products/mug.json", "mug"),
            ("/collections/all/products/mug.js?x=/products/other", "mug"),
            ("/products/caf%C3%A9-t%C3%A9", "café-té"),
            ("/products/%E8%8C%B6", "茶"),
            ("/products/v1.2", "v1.2"),
        ] {
            assert_eq!(handle_of_url(url).as_deref(), Some(handle), "{url}");
        }
    }

    #[test]
    fn other_pages_have_no_handle() {
        for url in [
            "/",
            "",
            "/products",
            "/products/",
            "/collections/home",
            "/pages/products/mug",
            "/collections//products/mug",
            "/products/mug/reviews",
            "/DE/products/mug",
            "/deu/products/mug",
            "https://shop.example",
            "/products/%FF",
        ] {
            assert_eq!(handle_of_url(url), None, "{url}");
        }
    }

    #[test]
    fn ids_are_tried_as_handle_number_gid_and_sku() {
        let products = Products::new(Some(catalog()), IdKind::Auto);
        let handle = |id| products.find(&ProductName::Id(id)).map(|found| found.handle);
        assert_eq!(handle("towel-1"), Some("towel-1"));
        assert_eq!(handle("9007199254740993"), Some("mug"));
        assert_eq!(handle("gid://shopify/Product/2"), Some("towel-1"));
        assert_eq!(handle("T-2"), Some("towel"));
        assert_eq!(handle("nonsense"), None);
        let strict = Products::new(Some(catalog()), IdKind::Sku);
        assert_eq!(strict.find(&ProductName::Id("towel")), None);
    }

    #[test]
    fn a_title_counts_only_if_one_product_has_it() {
        let products = Products::new(Some(catalog()), IdKind::Auto);
        let by_title = |title| ProductName::AnyOf { handle: None, id: None, sku: Some(""), title: Some(title) };
        assert_eq!(products.find(&by_title("Mug")).map(|found| found.handle), Some("mug"));
        assert_eq!(products.find(&by_title("Towel")), None);
        assert_eq!(products.find(&by_title("Towel - Blue")), None);
    }

    #[test]
    fn a_variant_behind_the_title_is_passed_over_and_the_longest_title_counts() {
        let text = r#"{"format": "slirec-catalog/1", "products": [
            {"handle": "tee", "gid": "gid://1", "title": "Basic Tee", "category": "Shirts", "attributes": {"sku": "X,Y"}},
            {"handle": "tee-pro", "gid": "gid://2", "title": "Basic Tee - Pro", "category": "Shirts", "attributes": {"sku": "X"}}]}"#;
        let products = Products::new(Some(Catalog::parse(text, Path::new("catalog.json")).unwrap()), IdKind::Auto);
        let find = |sku, title| {
            let name = ProductName::AnyOf { handle: None, id: None, sku: Some(sku), title: Some(title) };
            products.find(&name).map(|found| found.handle)
        };
        assert_eq!(find("", "Basic Tee - M / Maroon"), Some("tee"));
        assert_eq!(find("", "basic  tee - Pro - L"), Some("tee-pro"));
        assert_eq!(find("", "Basic Trousers - L"), None);
        // Two products have the SKU: only the title decides.
        assert_eq!(find("X", "Basic Tee - Pro"), Some("tee-pro"));
        assert_eq!((find("X", ""), find("'Y", "")), (None, Some("tee")));
    }

    #[test]
    fn without_a_catalogue_names_are_taken_as_they_are() {
        let products = Products::new(None, IdKind::Auto);
        assert_eq!(products.find(&ProductName::Id("7")), Some(Found { handle: "7", category: None }));
        assert_eq!(products.find(&ProductName::Handle("")), None);
        let order = ProductName::AnyOf { handle: None, id: None, sku: Some(""), title: Some("Mug") };
        assert_eq!(products.find(&order), Some(Found { handle: "Mug", category: None }));
    }
}
