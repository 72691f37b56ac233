//! Names of products and categories as clients write them: handles, GIDs and bare numbers of Shopify's products enter,
//! what the engine uses leaves, and a warning for each that names nothing.

use serde::Serialize;
use slirec_core::catalog::{Catalog, Product};
use slirec_core::vocabulary::KnownUser;
use slirec_engine::{Engine, Texts, ViewHistory};
use slirec_merchandising::{Merchandising, Scenario};
use utoipa::ToSchema;

use super::closest;
use crate::attributes::TypedName;
use crate::http::error::ApiError;
use crate::http::quote::quoted;
use crate::http::user::User;
use crate::http::values::UserId;
use crate::serving::Served;

/// Views among which the viewed product is looked for.
const LAST_VIEWS: usize = 100;

/// Warnings of one answer.
const MOST_WARNINGS: usize = 10;

/// Names of one call for which the closest existing one is looked up: that takes time in proportion to the catalogue.
const MOST_SUGGESTIONS: usize = 3;

/// Something in a request that names nothing, and so had no effect.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Warning)]
pub(crate) struct Warning {
    /// The field of the request.
    #[schema(value_type = String, example = "categories")]
    field: &'static str,
    /// What was found, and what may have been meant.
    #[schema(example = "`books` is no category of the catalogue: the closest is `Books`")]
    message: String,
}

impl Warning {
    /// About a field.
    pub(super) fn new(field: &'static str, message: &str) -> Self {
        Self { field, message: message.to_owned() }
    }
}

/// The warnings of one answer: the first ones, and how many more there would be.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    kept: Vec<Warning>,
    left_out: usize,
}

impl Warnings {
    pub(super) fn add(&mut self, field: &'static str, message: impl FnOnce() -> String) {
        if self.kept.len() < MOST_WARNINGS {
            self.kept.push(Warning { field, message: message() });
        } else {
            self.left_out += 1;
        }
    }

    /// As they are answered.
    pub(super) fn into_list(self) -> Vec<Warning> {
        let Self { mut kept, left_out } = self;
        if left_out > 0
            && let Some(last) = kept.last_mut()
        {
            last.message = format!("{}; {left_out} more names have no effect", last.message);
        }
        kept
    }
}

/// Finds what the names of one call mean to the model that answers it.
#[derive(Debug)]
pub(super) struct Resolver<'a> {
    engine: &'a Engine,
    merchandising: &'a Merchandising,
    suggestions: usize,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(served: &'a Served) -> Self {
        Self { engine: &served.engine, merchandising: &served.merchandising, suggestions: 0 }
    }

    /// What the model knows of the shopper, by their name and by what the request says of them.
    ///
    /// # Errors
    /// 400 for an attribute that the model does not have, or whose value is of another type.
    pub(super) fn user(&self, name: Option<&UserId>, told: Option<&User>) -> Result<KnownUser, ApiError> {
        let name = name.map(|UserId(name)| name.as_str());
        let nothing = User::default();
        told.unwrap_or(&nothing).known(name, self.engine.users()).map_err(ApiError::bad_request)
    }

    /// The scenario of a request, if it is in effect; one that does not exist is told when its rules are looked for.
    pub(super) fn scenario(&self, name: Option<&str>, now: f64) -> Option<&'a Scenario> {
        let found = name.and_then(|name| self.merchandising.scenario(name).ok());
        found.filter(|scenario| scenario.is_in_effect(now))
    }

    /// The product of the catalogue that was viewed last, of the last views.
    pub(super) fn viewed_last(&self, history: &ViewHistory) -> Option<usize> {
        history.last(LAST_VIEWS).rev().find_map(|view| self.engine.catalog().position(view.handle))
    }

    /// The existing ones of the attributes that a list names, with their types.
    pub(super) fn attributes(&self, names: &Texts, warnings: &mut Warnings) -> Vec<TypedName> {
        let mut found: Vec<TypedName> = Vec::new();
        for name in names.iter() {
            match self.merchandising.columns().attributes().find(|(known, _)| *known == name) {
                Some(attribute) if found.iter().all(|known| known.name != name) => found.push(attribute.into()),
                Some(_) => {}
                None => warnings.add("attributes", || format!("{} is no attribute of the catalogue", quoted(name))),
            }
        }
        found
    }

    /// The handle that a name stands for: its own, if training or catalogue know it, or that of the product whose GID
    /// or number it is.
    pub(super) fn handle<'n>(&self, name: &'n str) -> Option<&'n str>
    where
        'a: 'n,
    {
        self.engine.handle_of(name)
    }

    /// The category of a product of the catalogue.
    pub(super) fn category(&self, handle: &str) -> Option<&'a str> {
        self.engine.catalog().product(handle).map(|product| product.category.as_str())
    }

    /// A history in which every known product is called by its handle.
    pub(super) fn history(&self, history: ViewHistory) -> ViewHistory {
        if !history.iter().any(|view| may_be_gid(view.handle)) {
            return history;
        }
        self.engine.with_handles(history)
    }

    /// Handles of the products of the catalogue that a list names.
    pub(super) fn products(&mut self, field: &'static str, names: &Texts, warnings: &mut Warnings) -> Texts {
        let mut found = Texts::default();
        for name in names.iter() {
            match self.product(name) {
                Some(product) => found.push(&product.handle),
                None => warnings.add(field, || self.no_product(name)),
            }
        }
        found
    }

    /// As [`Resolver::products`], of the only products that may be answered.
    pub(super) fn only_products(&mut self, field: &'static str, names: &Texts, warnings: &mut Warnings) -> Texts {
        let found = self.products(field, names, warnings);
        for handle in found.iter().filter(|handle| !self.is_answerable(handle)) {
            warnings.add(field, || format!("{} is not available: it is never answered", quoted(handle)));
        }
        warn_of_nothing(field, names, warnings);
        found
    }

    /// The existing ones of the categories that a list names.
    pub(super) fn categories(&mut self, field: &'static str, names: &Texts, warnings: &mut Warnings) -> Texts {
        let mut found = Texts::default();
        for name in names.iter() {
            match self.engine.catalog().has_category(name) {
                true => found.push(name),
                false => warnings.add(field, || self.no_category(name)),
            }
        }
        found
    }

    /// As [`Resolver::categories`], of the only ones that may be answered.
    pub(super) fn only_categories(&mut self, field: &'static str, names: &Texts, warnings: &mut Warnings) -> Texts {
        let found = self.categories(field, names, warnings);
        warn_of_nothing(field, names, warnings);
        found
    }

    /// The warning for a name that is no product's.
    pub(super) fn no_product(&mut self, name: &str) -> String {
        let problem = format!("{} is no product of the catalogue", quoted(name));
        match self.suggested(|catalog| closest::handle(name, catalog)) {
            Some(handle) => format!("{problem}: the closest handle is {}", quoted(handle)),
            None => problem,
        }
    }

    fn no_category(&mut self, name: &str) -> String {
        let problem = format!("{} is no category of the catalogue", quoted(name));
        if let Some(category) = self.suggested(|catalog| closest::category(name, catalog)) {
            return format!("{problem}: the closest is {}", quoted(category));
        }
        let categories = self.engine.catalog().categories();
        let examples: Vec<_> = categories.iter().take(5).map(|name| quoted(name)).collect();
        format!("{problem}: {} exist, such as {}", categories.len(), examples.join(", "))
    }

    fn suggested<'n>(&mut self, find: impl FnOnce(&'n Catalog) -> Option<&'n str>) -> Option<&'n str>
    where
        'a: 'n,
    {
        self.suggestions += 1;
        if self.suggestions > MOST_SUGGESTIONS { None } else { find(self.engine.catalog()) }
    }

    /// Whether a name stands for a product that may be answered.
    pub(super) fn is_answerable(&self, name: &str) -> bool {
        self.product(name).is_some_and(|product| product.available)
    }

    /// Index of the product of the catalogue that a name stands for.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.engine.catalog().position(&self.product(name)?.handle)
    }

    fn product(&self, name: &str) -> Option<&'a Product> {
        let catalog = self.engine.catalog();
        catalog.product(name).or_else(|| catalog.product_of_gid_or_number(name))
    }
}

/// An empty list of the only ones is no slip that an answer without products would explain.
fn warn_of_nothing(field: &'static str, names: &Texts, warnings: &mut Warnings) {
    if names.is_empty() {
        warnings.add(field, || "is an empty list, so that no product fits: leave it out to allow all".to_owned());
    }
}

fn may_be_gid(name: &str) -> bool {
    name.contains("://") || is_number(name)
}

fn is_number(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|digit| digit.is_ascii_digit())
}
