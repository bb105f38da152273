//! The OpenAPI document, made from the handlers.

use utoipa::OpenApi;

use crate::routes;

#[derive(OpenApi)]
#[openapi(
    info(title = "Clout", description = "How influential people are, live.", version = "1"),
    paths(
        routes::user,
        routes::history,
        routes::around,
        routes::lookup,
        routes::ranking,
        routes::search,
        routes::distribution,
        routes::changes,
        routes::status,
        routes::metrics,
        routes::live,
        routes::ready,
        routes::document,
    )
)]
struct Document;

pub(crate) fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}
