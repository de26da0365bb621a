//! The pages that the loopback listener shows in the browser.

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;

/// A page, with its status, title and sentence.
#[derive(Clone, Copy)]
pub(super) struct Page(StatusCode, &'static str, &'static str);

pub(super) const GIVEN: Page = Page(
    StatusCode::OK,
    "Consent received",
    "You can close this page. The program that asked for your consent continues.",
);
pub(super) const REFUSED: Page = Page(
    StatusCode::OK,
    "No consent",
    "You can close this page. The program that asked for your consent explains what to do.",
);
pub(super) const FOREIGN: Page = Page(
    StatusCode::BAD_REQUEST,
    "This answer belongs to another request",
    "Close this page, and start again from the program that asked for your consent.",
);
pub(super) const NOTHING: Page = Page(
    StatusCode::NOT_FOUND,
    "Nothing here",
    "This address only receives the answer to a consent.",
);

impl Page {
    pub(super) fn response(self) -> Response<Full<Bytes>> {
        let Self(status, title, sentence) = self;
        let html = format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\
             <h1>{title}</h1><p>{sentence}</p></html>\n"
        );
        let mut response = Response::new(Full::new(html.into()));
        *response.status_mut() = status;
        for (name, value) in [
            (CONTENT_TYPE, "text/html; charset=utf-8"),
            // The page's URL has the code. The page loads nothing, and no other site learns its URL.
            (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
            (REFERRER_POLICY, "no-referrer"),
            (CACHE_CONTROL, "no-store"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (CONNECTION, "close"),
        ] {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}
