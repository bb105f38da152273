//! The OpenAPI document, made from the handlers.

use utoipa::OpenApi as _;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, ResponseBuilder};

use crate::{problem, routes};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Clout", description = "How influential people are, live.", version = "1"),
    paths(
        routes::user,
        routes::history,
        routes::movement,
        routes::circle,
        routes::around,
        routes::lookup,
        routes::people,
        routes::person,
        routes::person_history,
        routes::export,
        routes::ranking,
        routes::movers,
        routes::people_movers,
        routes::networks,
        routes::facets,
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

/// Routes that want no token.
const OPEN: [&str; 3] = ["/health/live", "/health/ready", "/openapi.json"];

pub(crate) fn document() -> OpenApi {
    let mut document = Document::openapi();
    let components = document.components.get_or_insert_default();
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("Where the server asks for one."));
    components.add_security_scheme("token", SecurityScheme::Http(token.build()));
    for (path, item) in &mut document.paths.paths {
        for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
            complete(operation, OPEN.contains(&path.as_str()));
        }
    }
    document
}

/// Adds what all have in common: errors are problems, and a token may be needed.
fn complete(operation: &mut Operation, is_open: bool) {
    let responses = &mut operation.responses.responses;
    for (status, response) in responses.iter_mut() {
        if let RefOr::T(response) = response
            && !status.starts_with('2')
            && let Some(content) = response.content.shift_remove("application/json")
        {
            response.content.insert(problem::CONTENT_TYPE.to_owned(), content);
        }
    }
    let problem = Content::new(Some(Ref::from_schema_name("Problem")));
    let other = ResponseBuilder::new()
        .description("Whatever else is wrong: the request, its token, its size, or that the view is catching up.")
        .content(problem::CONTENT_TYPE, problem);
    responses.insert("default".to_owned(), other.build().into());
    if !is_open {
        let token = SecurityRequirement::new::<_, [&str; 0], &str>("token", []);
        operation.security = Some(vec![SecurityRequirement::default(), token]);
    }
}
