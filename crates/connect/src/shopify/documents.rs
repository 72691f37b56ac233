//! The documents that are sent, as they stand in `documents/`.

/// A GraphQL document with one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Name of the operation; empty for the query of a bulk operation, which has none.
    pub name: String,
    /// Its text.
    pub text: String,
}

macro_rules! documents {
    ($($constant:ident = $name:literal, $file:literal;)*) => {
        $(pub(super) const $constant: Fixed = Fixed { name: $name, text: include_str!(concat!("documents/", $file)) };)*
        const ALL: &[Fixed] = &[$($constant),*];
    };
}

/// A document that is part of the program.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fixed {
    pub(super) name: &'static str,
    pub(super) text: &'static str,
}

documents! {
    WHO_AM_I = "WhoAmI", "who_am_i.graphql";
    INVENTORY_COUNTS = "InventoryCounts", "inventory_counts.graphql";
    PRODUCTS_PAGE = "ProductsPage", "products_page.graphql";
    PRODUCT_COLLECTIONS_PAGE = "ProductCollectionsPage", "product_collections_page.graphql";
    COLLECTIONS_PAGE = "CollectionsPage", "collections_page.graphql";
    COLLECTION_BY_HANDLE = "CollectionByHandle", "collection_by_handle.graphql";
    PUBLICATIONS_PAGE = "PublicationsPage", "publications_page.graphql";
    UPSERT_PRODUCT = "UpsertProduct", "upsert_product.graphql";
    CREATE_COLLECTION = "CreateCollection", "create_collection.graphql";
    DELETE_PRODUCT = "DeleteProduct", "delete_product.graphql";
    DELETE_COLLECTION = "DeleteCollection", "delete_collection.graphql";
    PUBLISH_MANY = "PublishMany", "publish_many.graphql";
    BULK_RUN_QUERY = "BulkRunQuery", "bulk_run_query.graphql";
    BULK_STATUS = "BulkStatus", "bulk_status.graphql";
    BULK_PRODUCTS = "", "bulk_products.graphql";
    DEFINE_METAOBJECT = "DefineRecommendationMetaobject", "define_recommendation_metaobject.graphql";
    SUBSCRIBE_WEBHOOK = "SubscribeWebhook", "subscribe_webhook.graphql";
}

impl Fixed {
    pub(super) fn document(self) -> Document {
        Document { name: self.name.to_owned(), text: self.text.to_owned() }
    }
}

/// Upserts several metaobjects with one request: each under an alias `m0`, `m1`, …, with variables `h0`, `o0`, ….
pub fn upsert_many(count: usize) -> Document {
    let variables: Vec<String> =
        (0..count).map(|i| format!("$h{i}: MetaobjectHandleInput!, $o{i}: MetaobjectUpsertInput!")).collect();
    let fields: Vec<String> = (0..count)
        .map(|i| {
            format!(
                "  m{i}: metaobjectUpsert(handle: $h{i}, metaobject: $o{i}) {{\n    metaobject {{ id handle }}\n    \
                 userErrors {{ field message code elementKey }}\n  }}\n"
            )
        })
        .collect();
    let name = "UpsertRecommendations".to_owned();
    Document { text: format!("mutation {name}({}) {{\n{}}}\n", variables.join(", "), fields.concat()), name }
}

/// Every document that may be sent, for the test that validates them.
pub fn all_documents() -> Vec<Document> {
    ALL.iter().map(|document| document.document()).chain([upsert_many(1), upsert_many(10)]).collect()
}
