//! `/trades/{id}`: where mails and the systems of buyers link to. The page knows nobody, looks nothing up and tells nothing of the trade, not even
//! whether there is one: it shows how its buyer reads the lead.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use domain::id::TradeId;
use serde_json::json;
use url::form_urlencoded;

use super::door::{Door, nothing};
use super::endpoint::problem_response;
use super::html::{COLOR, Policy, page, style};

/// The route.
pub fn routes(door: Door) -> Router {
    Router::new().route("/trades/{id}", get(trade)).with_state(door)
}

async fn trade(State(door): State<Door>, Path(id): Path<String>) -> Response {
    let Ok(id) = id.parse::<TradeId>() else { return problem_response(nothing("trade")) };
    let endpoint = format!("{}/graphql", door.app.config.server.public_url);
    let operation = operation(id);
    let style = style(COLOR);
    let explorer = door.app.config.graphql.explorer.then(|| {
        let query: String = form_urlencoded::byte_serialize(operation.as_bytes()).collect();
        format!("{endpoint}?query={query}")
    });
    let context = json!({
        "style": style, "id": id, "endpoint": endpoint, "operation": operation, "explorer": explorer,
    });
    page(StatusCode::OK, "trade.html", &context, &Policy::alone(&style))
}

/// What its buyer asks.
fn operation(id: TradeId) -> String {
    format!(
        "mutation Open {{\n  contactReveal(input: {{ tradeId: \"{id}\" }}) {{\n    contact {{ name phones emails company answers {{ key value }} }}\n    \
         trade {{ leadId state price {{ amount currencyCode }} holdEndsAt }}\n    userErrors {{ code message }}\n  }}\n}}\n"
    )
}
