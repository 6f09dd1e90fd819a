//! The OpenAPI 3.1 description, gathered from the handlers, and its page. `docs/openapi.json` is the committed copy; a test holds
//! the two together.

use axum::Router;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, OpenApi};
use utoipa::{Modify, OpenApi as _};
use utoipa_swagger_ui::SwaggerUi;

pub const JSON: &str = "/api/openapi.json";
pub const PAGE: &str = "/api/docs";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Huifang 回访", description = "After-sales visit calls: from a completion SMS to a recorded, transcribed, scored and audited call. \
        Errors are RFC 9457 problem+json. Lists are paged by cursor, newest first. \
        POST and PUT take an `Idempotency-Key`. Times are RFC 3339 with the site's offset. \
        Telephone numbers are masked for reviewers and agents.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")),
    modifiers(&BearerToken),
    security(("token" = [])),
    tags(
        (name = "intake", description = "Completion SMS and those that no template reads"),
        (name = "orders", description = "The dispatcher's records"),
        (name = "visits", description = "What is due, why it waits, and what to do about it"),
        (name = "opt-outs", description = "Customers who do not want to be called"),
        (name = "promises", description = "What customers were promised, by when, and what became of it"),
        (name = "programmes", description = "What begins a visit, when it is made and how"),
        (name = "calls", description = "Call attempts and the visit report"),
        (name = "trunks", description = "The lines as they are now"),
        (name = "recordings", description = "Audio"),
        (name = "transcripts", description = "Who said what, when"),
        (name = "scores", description = "Five indicators with the words that prove them"),
        (name = "reviews", description = "What people listen to: the queue, the QA sheet, disputes, calibration"),
        (name = "audit", description = "Facts and findings"),
        (name = "reports", description = "A month as tables, and which reports are due"),
        (name = "events", description = "News of the engine"),
        (name = "health", description = "Probes and counters; no token")
    )
)]
struct Base;

struct BearerToken;

impl Modify for BearerToken {
    fn modify(&self, api: &mut OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("opaque").build();
        api.components.get_or_insert_with(Components::new).add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// What is the same for every path.
pub fn base() -> OpenApi {
    Base::openapi()
}

/// The description as text, ending in a line feed: what is served and what is committed.
pub fn text(api: &OpenApi) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(api).map(|text| text + "\n")
}

/// The page; its files are in the binary.
pub fn page<S: Clone + Send + Sync + 'static>() -> Router<S> {
    SwaggerUi::new(PAGE).config(utoipa_swagger_ui::Config::from(JSON)).into()
}
