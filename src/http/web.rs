//! The pages of the console: what `web/` was built into, embedded in the binary.
//!
//! Contract: `/` is the page, never cached without asking; `/assets/…` have the hash of their bytes in their name and may be kept for
//! ever; every file has an ETag, and 304 answers who has it. The page runs under a Content-Security-Policy that allows no script, style or
//! connection but our own. The addresses of the pages lie behind `#`, so that every other path keeps its honest 404. No token is asked
//! for: the page holds nothing, it signs in like any client.
//! Deliberately not here: compression (a layer of the router), and a file that is not part of the build.

use super::hex;
use super::problem::{Kind, Problem};
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

/// `build.rs` sees to it that there is at least a page that says how to build the others.
#[derive(RustEmbed)]
#[folder = "web/dist"]
struct Dist;

const PAGE: &str = "index.html";

/// The same words stand in `web/mock/server.ts`, so that the browser tests run under them.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
    media-src 'self' blob: mediastream:; connect-src 'self' ws: wss:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// `GET /`
pub async fn page(headers: HeaderMap) -> Response {
    serve(PAGE, &headers)
}

/// `GET /favicon.svg`
pub async fn icon(headers: HeaderMap) -> Response {
    serve("favicon.svg", &headers)
}

/// `GET /assets/{name}`
pub async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    // The folder is flat. A debug build looks on the disk, where `..` would mean something.
    if name.contains(['/', '\\']) {
        return missing();
    }
    serve(&format!("assets/{name}"), &headers)
}

fn serve(path: &str, headers: &HeaderMap) -> Response {
    let Some(file) = Dist::get(path) else {
        return missing();
    };
    let etag = format!("\"{}\"", hex(&file.metadata.sha256_hash()));
    let has_it = headers.get_all(header::IF_NONE_MATCH).iter().any(|known| names(known.as_bytes(), etag.as_bytes()));
    let common = [
        (header::ETAG, etag),
        (header::CACHE_CONTROL, keep(path).to_owned()),
        (header::CONTENT_SECURITY_POLICY, POLICY.to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
        (HeaderName::from_static("permissions-policy"), "microphone=(self), camera=(), geolocation=()".to_owned()),
    ];
    if has_it {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let EmbeddedFile { data, metadata } = file;
    (common, [(header::CONTENT_TYPE, with_charset(metadata.mimetype()))], data.into_owned()).into_response()
}

fn missing() -> Response {
    Problem::new(Kind::NotFound, "no such file of the console").into_response()
}

/// Whether one of the tags of an If-None-Match is this one; the compression layer may have made it weak (RFC 9110 §13.1.2).
fn names(known: &[u8], etag: &[u8]) -> bool {
    known
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .any(|tag| tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == etag)
}

fn keep(path: &str) -> &'static str {
    if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" }
}

fn with_charset(mime: &str) -> String {
    if mime.starts_with("text/") { format!("{mime}; charset=utf-8") } else { mime.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::Body;
    use axum::http::Request;
    use axum::routing::get;
    use tower::ServiceExt;

    async fn ask(path: &str, etag: Option<&str>) -> Response {
        let router =
            Router::new().route("/", get(page)).route("/favicon.svg", get(icon)).route("/assets/{name}", get(asset));
        let mut request = Request::get(path);
        if let Some(etag) = etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    fn head(response: &Response, name: HeaderName) -> &str {
        response.headers()[name].to_str().unwrap()
    }

    #[tokio::test]
    async fn the_page_is_asked_for_again_every_time_and_runs_under_a_strict_policy() {
        let page = ask("/", None).await;
        assert_eq!(page.status(), StatusCode::OK);
        assert_eq!(head(&page, header::CONTENT_TYPE), "text/html; charset=utf-8");
        assert_eq!(head(&page, header::CACHE_CONTROL), "no-cache");
        let policy = head(&page, header::CONTENT_SECURITY_POLICY);
        assert!(policy.contains("script-src 'self';") && !policy.contains("unsafe"), "{policy}");
    }

    #[tokio::test]
    async fn who_has_the_page_is_told_so() {
        let page = ask("/", None).await;
        let etag = head(&page, header::ETAG).to_owned();
        let check = async |known: &str, status: u16| {
            let answer = ask("/", Some(known)).await;
            assert_eq!((answer.status().as_u16(), head(&answer, header::ETAG)), (status, etag.as_str()), "{known}");
        };
        check(&etag, 304).await;
        check(&format!("W/{etag}"), 304).await;
        check(&format!("\"other\", {etag}"), 304).await;
        check("*", 304).await;
        check("\"other\"", 200).await;
    }

    #[tokio::test]
    async fn every_file_of_the_build_is_served_with_its_kind_and_no_other_path_is() {
        for name in Dist::iter().filter(|name| name.as_ref() != PAGE) {
            let file = ask(&format!("/{name}"), None).await;
            assert_eq!(file.status(), StatusCode::OK, "{name}");
            let kind = match name.rsplit('.').next() {
                Some("js") => "text/javascript; charset=utf-8",
                Some("css") => "text/css; charset=utf-8",
                Some("svg") => "image/svg+xml",
                _ => panic!("{name}: say here how it is served"),
            };
            assert_eq!(head(&file, header::CONTENT_TYPE), kind, "{name}");
        }
        for path in [
            "/assets/",
            "/assets/none.js",
            "/assets/../index.html",
            "/assets/..%2findex.html",
            "/assets/..%2f..%2f..%2fCargo.toml",
            "/assets/%00",
        ] {
            assert_eq!(ask(path, None).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[test]
    fn names_with_a_hash_are_kept_for_ever() {
        assert_eq!(keep("assets/index-Cb0mPzm8.js"), "public, max-age=31536000, immutable");
        assert_eq!(keep("favicon.svg"), "no-cache");
    }
}
