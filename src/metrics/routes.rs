//! The routes as labels of metrics: a closed set, whatever clients ask for.

/// Routes whose answers are recommendations.
pub(crate) const SCORING: [&str; 11] = [
    "/v1/recommendations",
    "/v1/recommendations:batch",
    "/v1/recommendations:page",
    "/v1/rank",
    "/v1/related",
    "/v1/complements",
    "/v1/trending",
    "/v1/buy-again",
    "/invocations",
    "/v2/models/{model}/infer",
    "/v2/models/{model}/versions/{version}/infer",
];
/// Routes that machines ask every few seconds, to see how the service is.
const PROBES: [&str; 9] = [
    "/live",
    "/ready",
    "/ping",
    "/health",
    "/metrics",
    "/v2/health/live",
    "/v2/health/ready",
    "/v2/models/{model}/ready",
    "/v2/models/{model}/versions/{version}/ready",
];
/// All others.
const OTHERS: [&str; 19] = [
    "/v1/catalog",
    "/v1/status",
    "/v2",
    "/v2/models",
    "/v2/models/{model}",
    "/v2/models/{model}/versions/{version}",
    "/v2/repository/index",
    "/version",
    "/openapi.json",
    "/docs",
    "/",
    "/status",
    "/assets/{name}",
    "/webhooks/shopify",
    "/admin/reload",
    "/admin/rollback",
    "/admin/log-level",
    "/admin/products",
    UNMATCHED,
];
/// What clients ask for and is no route.
const UNMATCHED: &str = "unmatched";

/// Statuses of routes that score.
const SCORING_STATUSES: [&str; 11] = ["200", "400", "401", "404", "405", "408", "413", "415", "500", "503", "504"];
/// Statuses of the others that alerts may count; further ones begin with their first request.
const OTHER_STATUSES: [&str; 5] = ["200", "401", "404", "500", "503"];

/// The label of the route that a request found.
pub(crate) fn label(matched: Option<&str>) -> &str {
    match matched {
        // The same as clients write them that escape what they need not.
        Some("/v1/recommendations%3Abatch") => "/v1/recommendations:batch",
        Some("/v1/recommendations%3Apage") => "/v1/recommendations:page",
        Some(route) => route,
        None => UNMATCHED,
    }
}

/// Whether requests to a route say nothing about clients.
pub(crate) fn is_probe(label: &str) -> bool {
    PROBES.contains(&label)
}

/// Routes and statuses whose counters are there before the first request. A counter that begins with its first event
/// hides that event: Prometheus computes increases from one scrape to the next.
pub(super) fn series() -> impl Iterator<Item = (&'static str, &'static str)> {
    let scoring = SCORING.into_iter().flat_map(|route| SCORING_STATUSES.map(|status| (route, status)));
    let others = PROBES.into_iter().chain(OTHERS);
    scoring.chain(others.flat_map(|route| OTHER_STATUSES.map(|status| (route, status))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_of_the_route_table_has_its_series() {
        let tables = [include_str!("../http.rs"), include_str!("../http/playground.rs")];
        let routes = tables.iter().flat_map(|table| table.split(".route(\"").skip(1));
        let routes: Vec<&str> = routes.filter_map(|rest| rest.split('"').next()).collect();
        assert!(routes.len() >= 30, "{routes:?}");
        for route in &routes {
            let label = label(Some(route));
            assert!(series().any(|(known, status)| known == label && status == "200"), "{label} has no series");
        }
        for (known, _) in series().filter(|(known, _)| *known != UNMATCHED) {
            assert!(routes.contains(&known), "{known} is no route");
        }
    }
}
