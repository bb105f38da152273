//! The page for people: its files, served at `/`.

use axum::Router;

/// The page's routes. They are open to everybody.
pub(crate) fn routes() -> Router {
    Router::new()
}
